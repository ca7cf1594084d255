package gatekeep_test

import (
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/google/go-cmp/cmp"
)

func TestCheckFields(t *testing.T) {
	tests := map[string]struct {
		fields map[string]string
		want   string
	}{
		"all right": {map[string]string{"secret_key": "hush-hush", "region": "west"}, ""},
		"nothing":   {nil, "missing_field\n/secret_key is required"},
		"cleared": {map[string]string{"secret_key": ""},
			"invalid_field\n/secret_key must have at least 4 characters, has 0"},
		"a wrong setting": {map[string]string{"secret_key": "hush", "region": "north"},
			"invalid_field\n/region must be one of east, west"},
		"a misspelt field": {map[string]string{"sercet_key": "hush"},
			"missing_field\n/secret_key is required\n/sercet_key is not a field that is known here"},
	}
	g := newGate(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := g.CheckFields(tt.fields)
			if d := cmp.Diff(tt.want, say(e)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			for _, value := range tt.fields {
				if e != nil && value != "" && strings.Contains(e.Error(), value) {
					t.Errorf("the error gives a value away: %v", e)
				}
			}
		})
	}
}

func TestFieldsForTheCatalogue(t *testing.T) {
	g := newGate(t)
	want := []gatekeep.Field{
		{Name: "secret_key", Title: "Secret key", Required: true, Secret: true},
		{Name: "region", Title: "region"},
	}
	if d := cmp.Diff(want, g.FieldNames()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, want := range map[string]bool{"secret_key": true, "region": false, "unheard_of": true} {
		if got := g.Secret(name); got != want {
			t.Errorf("Secret(%q) = %v", name, got)
		}
	}
}

func TestAConnectorWithoutFields(t *testing.T) {
	g := newGate(t, func(d *sdk.Description) { d.Manifest.ConfigSchema = nil })
	if e := g.CheckFields(nil); e != nil {
		t.Error(e)
	}
	want := "schema_violation\n/key is not a field that is known here"
	if got := say(g.CheckFields(map[string]string{"key": "x"})); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if f := g.FieldNames(); len(f) != 0 {
		t.Errorf("fields %v", f)
	}
	req := sdk.CheckCredentialsRequest{Call: call()}
	if e := g.Check(sdk.OpCheckCredentials, req); e != nil {
		t.Errorf("leftovers of a previous release: %v", e)
	}
}
