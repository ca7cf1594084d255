package gatekeep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/sdk"
)

// willing is a connector that offers everything and says yes, and counts how often
// it was asked.
type willing struct{ asked int }

const narrowing = `{
	"required": ["billing", "shipping"],
	"properties": {
		"billing": {"$ref": "#/$defs/person", "required": ["email_address"]}, "shipping": {"$ref": "#/$defs/person"}
	},
	"$defs": {"person": {"required": ["first_name", "address"], "properties": {
		"address": {"required": ["country", "city"], "properties": {"country": {"const": "JP"}}}}}}
}`

const config = `{
	"type": "object", "required": ["secret_key"], "additionalProperties": false,
	"properties": {
		"secret_key": {"type": "string", "title": "Secret key", "writeOnly": true, "minLength": 4},
		"region": {"type": "string", "enum": ["east", "west"]}
	}
}`

func (w *willing) Describe() sdk.Manifest {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative}
	return sdk.Manifest{
		Name: "willing", Version: "1.0.0", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Willing",
		Methods: []sdk.PaymentMethod{{Name: "konbini", Flow: sdk.FlowRedirect}}, Countries: []string{"JP"},
		Currencies: []sdk.CurrencyFact{{Code: "JPY"}}, CaptureModes: []sdk.CaptureMode{sdk.CaptureManual},
		Features:       sdk.Features{CartMatchesAmount: true},
		Limits:         sdk.Limits{CartItems: 3, MinAmount: 10, MaxAmount: 5000, DescriptionLength: 5},
		ConfigSchema:   json.RawMessage(config),
		RequestSchemas: map[sdk.Operation]json.RawMessage{sdk.OpAuthorize: json.RawMessage(narrowing)},
		Idempotency: map[sdk.Operation]sdk.Idempotency{
			sdk.OpAuthorize: native, sdk.OpCapture: native, sdk.OpVoid: native, sdk.OpCancel: native, sdk.OpRefund: native,
			sdk.OpIncrement: native, sdk.OpTokenize: native, sdk.OpDeleteToken: native, sdk.OpZeroAuthorize: native,
		},
		RefundScope: sdk.RefundPayment, Webhook: &sdk.WebhookFact{Scheme: "hmac", Events: []string{"paid"}},
		Egress: []string{"provider.example:443"},
	}
}

func (w *willing) yes() sdk.Answer { w.asked++; return sdk.Answer{Outcome: sdk.OutcomeSucceeded} }

func (w *willing) CheckCredentials(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	w.asked++
	return sdk.CredentialCheck{Valid: true}, nil
}

func (w *willing) Authorize(context.Context, sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return sdk.AuthorizeResult{Answer: w.yes()}, nil
}

func (w *willing) FindPayment(context.Context, sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	w.asked++
	return sdk.PaymentFinding{}, nil
}

func (w *willing) Capture(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return sdk.CaptureResult{Answer: w.yes()}, nil
}

func (w *willing) Void(context.Context, sdk.VoidRequest) (sdk.VoidResult, error) {
	return sdk.VoidResult{Answer: w.yes()}, nil
}

func (w *willing) Cancel(context.Context, sdk.CancelRequest) (sdk.CancelResult, error) {
	return sdk.CancelResult{Answer: w.yes()}, nil
}

func (w *willing) Refund(context.Context, sdk.RefundRequest) (sdk.RefundResult, error) {
	return sdk.RefundResult{Answer: w.yes()}, nil
}

func (w *willing) FindRefund(context.Context, sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	w.asked++
	return sdk.RefundFinding{}, nil
}

func (w *willing) ReadWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookReading, error) {
	w.asked++
	return sdk.WebhookReading{Respond: sdk.Respond{Status: 200}}, nil
}

func (w *willing) RegisterWebhook(context.Context, sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	w.asked++
	return sdk.WebhookRegistration{ID: "hook"}, nil
}

func (w *willing) Tokenize(context.Context, sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	return sdk.TokenizeResult{Answer: w.yes()}, nil
}

func (w *willing) DeleteToken(context.Context, sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	return sdk.DeleteTokenResult{Answer: w.yes()}, nil
}

func (w *willing) ZeroAuthorize(context.Context, sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	return sdk.ZeroAuthorizeResult{Answer: w.yes()}, nil
}

func (w *willing) Increment(context.Context, sdk.IncrementRequest) (sdk.IncrementResult, error) {
	return sdk.IncrementResult{Answer: w.yes()}, nil
}

func describe() sdk.Description {
	w := &willing{}
	return sdk.Description{Manifest: w.Describe(), Operations: sdk.OperationsOf(w)}
}

func newGate(t testing.TB, change ...func(*sdk.Description)) *gatekeep.Gate {
	t.Helper()
	d := describe()
	for _, c := range change {
		c(&d)
	}
	g, err := gatekeep.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func call() sdk.Call {
	return sdk.Call{
		OperationID: "op-1", Key: "key-1", Attempt: 1, PaymentID: "p-1", Reference: "7jZXl4gBUNl0CnaLEnfXbt",
		Account: sdk.Account{
			ID: "ps-1", Revision: 1, Mode: sdk.ModeTest, Config: map[string]string{"region": "east"},
			Secrets: map[string]sdk.Secret{"secret_key": sdk.NewSecret("hush-hush")},
		},
	}
}

func authorize() sdk.AuthorizeRequest {
	person := func() *sdk.Contact {
		return &sdk.Contact{
			FirstName: "花子", LastName: "山田", Email: "hanako@shop.example",
			Address: &sdk.Address{Country: "JP", City: "渋谷区"},
		}
	}
	return sdk.AuthorizeRequest{
		Call: call(), Amount: sdk.JPY(900), Country: "JP", CaptureMode: sdk.CaptureManual, Method: "konbini",
		Billing: person(), Shipping: person(),
		Cart: []sdk.CartItem{
			{Name: "Cup", Quantity: 2, UnitAmount: 500}, {Name: "Sale", Quantity: 1, UnitAmount: 100, Kind: sdk.CartDiscount},
		},
		ReturnURL: "https://host.example/return", CancelURL: "https://host.example/cancel", Description: "お茶碗",
	}
}

// good is one request of each operation that is as it should be.
func good() map[sdk.Operation]any {
	return map[sdk.Operation]any{
		sdk.OpCheckCredentials: sdk.CheckCredentialsRequest{Call: call()},
		sdk.OpAuthorize:        authorize(),
		sdk.OpFindPayment:      sdk.FindPaymentRequest{Call: call()},
		sdk.OpCapture:          sdk.CaptureRequest{Call: call(), Order: "order-1", Amount: sdk.JPY(400), Final: true},
		sdk.OpVoid:             sdk.VoidRequest{Call: call(), Order: "order-1"},
		sdk.OpCancel:           sdk.CancelRequest{Call: call(), Session: "session-1"},
		sdk.OpRefund:           sdk.RefundRequest{Call: call(), Order: "order-1", Amount: sdk.JPY(1), Reason: sdk.RefundRequested},
		sdk.OpFindRefund:       sdk.FindRefundRequest{Call: call(), Order: "order-1"},
		sdk.OpReadWebhook: sdk.WebhookRequest{Call: call(), Method: "POST", URL: "/webhooks/ps-1", Body: []byte("{}"),
			Now: time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC), Tolerance: 5 * time.Minute},
		sdk.OpRegisterWebhook: sdk.RegisterWebhookRequest{Call: call(), URL: "https://host.example/webhooks/ps-1"},
		sdk.OpTokenize:        sdk.TokenizeRequest{Call: call(), Method: "konbini"},
		sdk.OpDeleteToken:     sdk.DeleteTokenRequest{Call: call(), Token: "token-1"},
		sdk.OpZeroAuthorize:   sdk.ZeroAuthorizeRequest{Call: call(), Currency: "JPY", Country: "JP", Method: "konbini"},
		sdk.OpIncrement:       sdk.IncrementRequest{Call: call(), Order: "order-1", Amount: sdk.JPY(100)},
	}
}

// say writes a refusal as its code and its fields, one a line.
func say(e *sdk.Error) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(string(e.Code))
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "\n%s %s", f.Pointer, f.Message)
	}
	return b.String()
}
