package guard

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A stub is a connector with every operation. What a call does is do's to say; what
// was asked is in calls.
type stub struct {
	manifest sdk.Manifest
	do       func(ctx context.Context, op sdk.Operation, req any) error
	answer   sdk.Answer
	calls    []sdk.Operation
}

func (s *stub) Describe() sdk.Manifest { return s.manifest }

func (s *stub) handle(ctx context.Context, op sdk.Operation, req any) error {
	s.calls = append(s.calls, op)
	if s.do == nil {
		return nil
	}
	return s.do(ctx, op, req)
}

func (s *stub) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return sdk.CredentialCheck{Valid: true}, s.handle(ctx, sdk.OpCheckCredentials, req)
}

func (s *stub) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return sdk.AuthorizeResult{Answer: s.answer}, s.handle(ctx, sdk.OpAuthorize, req)
}

func (s *stub) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return sdk.PaymentFinding{Authoritative: true}, s.handle(ctx, sdk.OpFindPayment, req)
}

func (s *stub) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return sdk.CaptureResult{Answer: s.answer}, s.handle(ctx, sdk.OpCapture, req)
}

func (s *stub) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return sdk.VoidResult{Answer: s.answer}, s.handle(ctx, sdk.OpVoid, req)
}

func (s *stub) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	return sdk.CancelResult{Answer: s.answer}, s.handle(ctx, sdk.OpCancel, req)
}

func (s *stub) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return sdk.RefundResult{Answer: s.answer, Refund: "r1"}, s.handle(ctx, sdk.OpRefund, req)
}

func (s *stub) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return sdk.RefundFinding{Authoritative: true}, s.handle(ctx, sdk.OpFindRefund, req)
}

func (s *stub) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return sdk.WebhookReading{Respond: sdk.Respond{Status: 200}}, s.handle(ctx, sdk.OpReadWebhook, req)
}

func (s *stub) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	return sdk.WebhookRegistration{ID: "w1"}, s.handle(ctx, sdk.OpRegisterWebhook, req)
}

func (s *stub) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	return sdk.TokenizeResult{Answer: s.answer}, s.handle(ctx, sdk.OpTokenize, req)
}

func (s *stub) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	return sdk.DeleteTokenResult{Answer: s.answer}, s.handle(ctx, sdk.OpDeleteToken, req)
}

func (s *stub) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	return sdk.ZeroAuthorizeResult{Answer: s.answer}, s.handle(ctx, sdk.OpZeroAuthorize, req)
}

func (s *stub) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	return sdk.IncrementResult{Answer: s.answer}, s.handle(ctx, sdk.OpIncrement, req)
}

// complete returns a stub that can do everything and succeeds at it.
func complete() *stub {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative}
	return &stub{
		answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded},
		manifest: sdk.Manifest{
			Name:         "stub",
			Version:      "1.0.0",
			Contract:     sdk.ContractRange{Min: 1, Max: 1},
			DisplayName:  "Stub",
			Methods:      []sdk.PaymentMethod{{Name: "stubpay", Flow: sdk.FlowDirect}},
			Countries:    []string{"JP"},
			Currencies:   []sdk.CurrencyFact{{Code: "JPY"}},
			CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
			Features:     sdk.Features{PartialCapture: true, CartMatchesAmount: true},
			ConfigSchema: json.RawMessage(`{
				"type": "object",
				"required": ["shop", "key"],
				"properties": {
					"shop": {"type": "string", "pattern": "^[0-9]+$"},
					"key": {"type": "string", "minLength": 8, "pattern": "^sk_", "writeOnly": true}
				},
				"additionalProperties": false
			}`),
			RequestSchemas: map[sdk.Operation]json.RawMessage{
				sdk.OpAuthorize: json.RawMessage(`{"properties": {"country": {"const": "JP"}}, "required": ["buyer"]}`),
			},
			Idempotency: map[sdk.Operation]sdk.Idempotency{
				sdk.OpAuthorize: native, sdk.OpCapture: native, sdk.OpVoid: native, sdk.OpCancel: native,
				sdk.OpRefund: native, sdk.OpIncrement: native, sdk.OpTokenize: native,
				sdk.OpDeleteToken: native, sdk.OpZeroAuthorize: native,
			},
			RefundScope: sdk.RefundPayment,
			Webhook:     &sdk.WebhookFact{Scheme: "hmac", Events: []string{"paid"}, Tolerance: sdk.Duration(time.Minute)},
			Egress:      []string{"api.stub.example:443"},
		},
	}
}

func guarded(t *testing.T, c sdk.Connector) *Guard {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const key = "sk_a-secret-that-nobody-sees"

func call() sdk.Call {
	return sdk.Call{
		OperationID: "op-1", Key: "k-1", Attempt: 1, PaymentID: "p-1", Reference: "7jZXl4gBUNl0CnaLEnfXbt",
		Account: sdk.Account{
			ID: "ps-1", Revision: 1, Mode: sdk.ModeTest,
			Config:  map[string]string{"shop": "42"},
			Secrets: map[string]sdk.Secret{"key": sdk.NewSecret(key)},
		},
	}
}

func authorization() sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call: call(), Amount: sdk.JPY(1000), Country: "JP", CaptureMode: sdk.CaptureManual,
		Method: "stubpay", Buyer: &sdk.Buyer{ExternalID: "b-1"},
	}
}

// everyCall makes one valid call of each operation.
func everyCall() map[sdk.Operation]func(context.Context, sdk.Remote) (any, error) {
	return map[sdk.Operation]func(context.Context, sdk.Remote) (any, error){
		sdk.OpCheckCredentials: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: call()})
		},
		sdk.OpAuthorize: func(ctx context.Context, r sdk.Remote) (any, error) { return r.Authorize(ctx, authorization()) },
		sdk.OpFindPayment: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.FindPayment(ctx, sdk.FindPaymentRequest{Call: call(), Order: "o1"})
		},
		sdk.OpCapture: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Capture(ctx, sdk.CaptureRequest{Call: call(), Order: "o1", Amount: sdk.JPY(1)})
		},
		sdk.OpVoid: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Void(ctx, sdk.VoidRequest{Call: call(), Order: "o1"})
		},
		sdk.OpCancel: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Cancel(ctx, sdk.CancelRequest{Call: call(), Order: "o1"})
		},
		sdk.OpRefund: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Refund(ctx, sdk.RefundRequest{Call: call(), Order: "o1", Amount: sdk.JPY(1), Reason: sdk.RefundRequested})
		},
		sdk.OpFindRefund: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.FindRefund(ctx, sdk.FindRefundRequest{Call: call(), Refund: "r1"})
		},
		sdk.OpReadWebhook: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.ReadWebhook(ctx, sdk.WebhookRequest{Call: call(), Method: "POST", URL: "/webhooks/ps-1", Now: time.Now()})
		},
		sdk.OpRegisterWebhook: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{Call: call(), URL: "https://host.example/webhooks/ps-1"})
		},
		sdk.OpTokenize: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Tokenize(ctx, sdk.TokenizeRequest{Call: call(), Method: "stubpay"})
		},
		sdk.OpDeleteToken: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: call(), Token: "t1"})
		},
		sdk.OpZeroAuthorize: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{
				Call: call(), Currency: "JPY", Country: "JP", Method: "stubpay", Token: "t1",
			})
		},
		sdk.OpIncrement: func(ctx context.Context, r sdk.Remote) (any, error) {
			return r.Increment(ctx, sdk.IncrementRequest{Call: call(), Order: "o1", Amount: sdk.JPY(1)})
		},
	}
}
