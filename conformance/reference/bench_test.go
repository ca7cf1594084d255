package reference_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

const apiKey = "key_test_CANARYcanary0123456789"

// A bench is the connector as a host sees it, and its provider as nobody else does.
type bench struct {
	sdk.Remote
	t        testing.TB
	provider *provider.Provider
	calls    atomic.Int64 // requests that reached the provider
	n        atomic.Int64
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func newBench(t testing.TB, o provider.Options) *bench {
	t.Helper()
	b := &bench{t: t, provider: provider.New(o)}
	b.Remote = sdktest.Connect(t, reference.New(reference.Options{
		Inside: roundTrip(func(req *http.Request) (*http.Response, error) {
			b.calls.Add(1)
			return b.provider.Inside().RoundTrip(req) // a test may put another one in its place
		}),
	}))
	return b
}

// next is a name that this bench has not used.
func (b *bench) next() string { return fmt.Sprintf("x%d", b.n.Add(1)) }

// read is a call that writes nothing.
func (b *bench) read(reference sdk.Reference) sdk.Call {
	return sdk.Call{Reference: reference, Account: sdk.Account{
		ID: "ps-1", Revision: 1, Mode: sdk.ModeTest, Secrets: map[string]sdk.Secret{"api_key": sdk.NewSecret(apiKey)},
	}}
}

// call is a write with a key of its own.
func (b *bench) call(reference sdk.Reference) sdk.Call {
	call := b.read(reference)
	name := b.next()
	call.OperationID, call.Key, call.Attempt = sdk.OperationID("op-"+name), sdk.IdempotencyKey("k-"+name), 1
	return call
}

func (b *bench) terms(amount sdk.Money, mode sdk.CaptureMode) sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call: b.call(sdk.Reference("R" + b.next())), Amount: amount, Country: "DE", CaptureMode: mode, Method: "card",
		ReturnURL: "https://shop.example/back?a=1%2F2&b=%E6%97%A5#top", CancelURL: "https://shop.example/cancel",
	}
}

// held is a payment whose money is authorized.
func (b *bench) held(amount sdk.Money) held {
	b.t.Helper()
	req := b.terms(amount, sdk.CaptureManual)
	res, err := b.Authorize(b.t.Context(), req)
	if err != nil || res.Outcome != sdk.OutcomeSucceeded {
		b.t.Fatalf("authorizing %s: %s, %v", amount, res.Outcome, err)
	}
	return held{b, req.Call.Reference, res.Order, amount.Currency}
}

// A held is a payment, and what can be done to it.
type held struct {
	b         *bench
	reference sdk.Reference
	order     sdk.OrderRef
	currency  sdk.Currency
}

func (h held) money(minor int64) sdk.Money { return sdk.Money{Minor: minor, Currency: h.currency} }

func (h held) capture(minor int64, final bool) (sdk.CaptureResult, error) {
	return h.b.Capture(h.b.t.Context(), sdk.CaptureRequest{
		Call: h.b.call(h.reference), Order: h.order, Amount: h.money(minor), Final: final,
	})
}

func (h held) refund(minor int64) (sdk.RefundResult, error) {
	return h.b.Refund(h.b.t.Context(), sdk.RefundRequest{
		Call: h.b.call(h.reference), Order: h.order, Amount: h.money(minor), Reason: sdk.RefundRequested,
	})
}

func (h held) void() (sdk.VoidResult, error) {
	return h.b.Void(h.b.t.Context(), sdk.VoidRequest{Call: h.b.call(h.reference), Order: h.order})
}

func (h held) cancel() (sdk.CancelResult, error) {
	return h.b.Cancel(h.b.t.Context(), sdk.CancelRequest{Call: h.b.call(h.reference), Order: h.order})
}

func (h held) increment(minor int64) (sdk.IncrementResult, error) {
	return h.b.Increment(h.b.t.Context(), sdk.IncrementRequest{
		Call: h.b.call(h.reference), Order: h.order, Amount: h.money(minor),
	})
}

// now looks the payment up by our reference alone.
func (h held) now() *sdk.Snapshot {
	h.b.t.Helper()
	found, err := h.b.FindPayment(h.b.t.Context(), sdk.FindPaymentRequest{Call: h.b.read(h.reference)})
	if err != nil || !found.Found {
		h.b.t.Fatalf("finding %s: %+v, %v", h.reference, found, err)
	}
	return found.Payment
}

// amounts are the four totals of a snapshot in minor units, -1 where it does not say.
func amounts(s *sdk.Snapshot) [4]int64 {
	var all [4]int64
	for i, m := range []*sdk.Money{s.Authorized, s.Captured, s.Released, s.Refunded} {
		all[i] = -1
		if m != nil {
			all[i] = m.Minor
		}
	}
	return all
}

// wantRefusal checks that err refuses with a code and says that nothing happened.
func wantRefusal(t testing.TB, err error, code sdk.Code) {
	t.Helper()
	if err == nil {
		t.Errorf("accepted, want %s", code)
		return
	}
	if e := sdk.AsError(err); e.Code != code || e.Outcome() != sdk.OutcomeNotAttempted {
		t.Errorf("%v with outcome %s, want %s with NOT_ATTEMPTED", err, e.Outcome(), code)
	}
}

func eur(minor int64) sdk.Money { return sdk.Money{Minor: minor, Currency: "EUR"} }

// serveProvider is the provider as a server of its own.
func serveProvider(t testing.TB, p http.Handler) string {
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.URL
}
