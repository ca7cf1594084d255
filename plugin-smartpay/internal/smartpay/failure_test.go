package smartpay

import (
	"testing"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Every refusal of a request's form says what is wrong with what, as the contract asks.
func TestARefusalOfTheFormNamesTheRequest(t *testing.T) {
	tests := map[string]struct {
		message, want string
	}{
		"with a message":    {"eventSubscriptions must hold event types", "is refused by Smartpay: eventSubscriptions must hold event types"},
		"without a message": {"", "is refused by Smartpay, which does not say why"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := sdk.AsError(failure("smartpay.RegisterWebhook", &api.Failure{HTTP: 400, Code: "request.invalid", Message: tt.message}))
			if e.Category() != sdk.CategoryValidation {
				t.Fatalf("it is a matter of %s", e.Category())
			}
			if len(e.Fields) != 1 || e.Fields[0].Pointer != "" || e.Fields[0].Message != tt.want {
				t.Errorf("got %+v", e.Fields)
			}
		})
	}
}

func TestOtherRefusalsNameNoField(t *testing.T) {
	if e := sdk.AsError(failure("smartpay.Capture", &api.Failure{HTTP: 404, Code: "order.not-found"})); len(e.Fields) != 0 {
		t.Errorf("got %+v", e.Fields)
	}
}
