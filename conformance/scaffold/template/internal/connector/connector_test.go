package connector_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/connector"
	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/simulator"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

const key = "sk_test_0123456789abcdef"

// bench serves the connector in memory, as a host sees it, and the provider beside it.
func bench(t *testing.T, provider http.Handler) (sdk.Remote, string) {
	t.Helper()
	server := httptest.NewServer(provider)
	t.Cleanup(server.Close)
	c := connector.New(connector.Options{})
	t.Cleanup(c.Close)
	return sdktest.Connect(t, c), server.URL
}

func call(base, reference string) sdk.Call {
	return sdk.Call{
		OperationID: sdk.OperationID("op-" + reference), Key: sdk.IdempotencyKey("key-" + reference), Attempt: 1,
		PaymentID: sdk.PaymentID("p-" + reference), Reference: sdk.Reference(reference),
		Account: sdk.Account{
			ID: "shop", Revision: 1, Mode: sdk.ModeTest, Config: map[string]string{"base_url": base},
			Secrets: map[string]sdk.Secret{"api_key": sdk.NewSecret(key)},
		},
	}
}

func order(base, reference string) sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call: call(base, reference), Amount: sdk.Money{Minor: 2500, Currency: "EUR"}, Country: "DE", Method: "account",
		CaptureMode: sdk.CaptureAutomatic, Buyer: &sdk.Buyer{ExternalID: "customer-1"},
	}
}

// One payment through every operation that there is.
func TestStory(t *testing.T) {
	remote, base := bench(t, simulator.New(key))
	ctx := t.Context()

	if check, err := remote.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: call(base, "")}); err != nil || !check.Valid {
		t.Fatalf("checking the credentials: %+v %v", check, err)
	}
	paid, err := remote.Authorize(ctx, order(base, "R1"))
	if err != nil || paid.Outcome != sdk.OutcomeSucceeded || *paid.Amount != (sdk.Money{Minor: 2500, Currency: "EUR"}) {
		t.Fatalf("paying: %+v %v", paid, err)
	}
	back, err := remote.Refund(ctx, sdk.RefundRequest{
		Call: call(base, "R2"), Order: paid.Order, Amount: sdk.Money{Minor: 1000, Currency: "EUR"}, Reason: sdk.RefundRequested,
	})
	// The bench's reference of the refund is another than the payment's; only its
	// operation and its key count.
	if err != nil || back.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("refunding: %+v %v", back, err)
	}
	found, err := remote.FindPayment(ctx, sdk.FindPaymentRequest{Call: call(base, "R1")})
	if err != nil || !found.Found || found.Payment.State != sdk.StateCaptured || found.Payment.Refunded.Minor != 1000 {
		t.Fatalf("looking the payment up by our reference: %+v %v", found, err)
	}
	refund, err := remote.FindRefund(ctx, sdk.FindRefundRequest{Call: call(base, "R2")})
	if err != nil || !refund.Found || refund.Refund.Ref != back.Refund {
		t.Fatalf("looking the refund up by our operation: %+v %v", refund, err)
	}
}

// What may be said when there is no success is decided by whether anything was sent.
func TestDoubt(t *testing.T) {
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	gone := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := map[string]struct {
		provider http.HandlerFunc
		code     sdk.Code
		outcome  sdk.Outcome
	}{
		"the connection breaks":   {gone, sdk.CodeConnectionReset, sdk.OutcomeUnknown},
		"a server error":          {answers(502, "<html>"), sdk.CodeHTTP5xx, sdk.OutcomeUnknown},
		"an unreadable success":   {answers(201, "<html>"), sdk.CodeUnparseableSuccess, sdk.OutcomeUnknown},
		"a success about nothing": {answers(201, "{}"), sdk.CodeUnparseableSuccess, sdk.OutcomeUnknown},
		"another amount": {
			answers(201, `{"id": "ch_1", "status": "paid", "amount": 2501, "currency": "EUR"}`),
			sdk.CodeAmountMismatch, sdk.OutcomeUnknown,
		},
		"a word of tomorrow": {
			answers(201, `{"id": "ch_1", "status": "half_paid", "amount": 2500, "currency": "EUR"}`),
			sdk.CodeUnmappedError, sdk.OutcomeUnknown,
		},
		"an unlisted refusal": {answers(400, `{"error": {"code": "moonrise"}}`), sdk.CodeUnmappedError, sdk.OutcomeUnknown},
		"a listed refusal":    {answers(401, `{"error": {"code": "bad_api_key"}}`), sdk.CodeCredentialsInvalid, sdk.OutcomeNotAttempted},
		"a decline":           {answers(402, `{"error": {"code": "insufficient_funds"}}`), sdk.CodeInsufficientFunds, sdk.OutcomeDeclined},
		"a decline unheard of": {
			answers(402, `{"error": {"code": "bad_mood"}}`), sdk.CodeUnmappedDecline, sdk.OutcomeDeclined,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			remote, base := bench(t, tt.provider)
			_, err := remote.Authorize(t.Context(), order(base, "R1"))
			e := sdk.AsError(err)
			if e == nil || e.Code != tt.code || e.Outcome() != tt.outcome {
				t.Errorf("%v, want %s, which is %s", err, tt.code, tt.outcome)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	remote, _ := bench(t, simulator.New())
	_, err := remote.Authorize(t.Context(), order(server.URL, "R1"))
	if e := sdk.AsError(err); e == nil || e.Outcome() != sdk.OutcomeNotAttempted {
		t.Errorf("%v, want NOT_ATTEMPTED: not a byte was sent", err)
	}
}

func TestSilence(t *testing.T) {
	remote, base := bench(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // before that, nobody notices that the caller hangs up
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := remote.Authorize(ctx, order(base, "R1"))
	if e := sdk.AsError(err); e == nil || e.Outcome() != sdk.OutcomeUnknown {
		t.Errorf("%v, want UNKNOWN: it was sent, and nobody knows", err)
	}
}
