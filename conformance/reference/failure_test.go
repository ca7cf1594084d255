package reference

import (
	"testing"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Every refusal of a request's form names a field: the whole request, if the provider
// does not say which.
func TestRefusalOfFormNamesField(t *testing.T) {
	tests := map[string]struct {
		refused api.Failure
		want    sdk.FieldError
	}{
		"one field":  {api.Failure{HTTP: 422, Code: "invalid_field", Field: "/amount", Message: "too much"}, sdk.FieldError{Pointer: "/amount", Message: "too much"}},
		"no field":   {api.Failure{HTTP: 400, Code: "malformed", Message: "no JSON"}, sdk.FieldError{Message: "no JSON"}},
		"no message": {api.Failure{HTTP: 400, Code: "malformed"}, sdk.FieldError{Message: "is not what the provider takes"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := sdk.AsError(failure("reference.Authorize", &tt.refused))
			if len(e.Fields) != 1 || e.Fields[0] != tt.want {
				t.Errorf("%s names %+v, want %+v", e.Code, e.Fields, tt.want)
			}
		})
	}
}
