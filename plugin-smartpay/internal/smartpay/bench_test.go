package smartpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk_test_9KmPq3Zt7WxYb2Nc5VhRdS"

// connect returns the connector as a host sees it.
func connect(t testing.TB, o Options) sdk.Remote {
	t.Helper()
	connector := New(o)
	t.Cleanup(connector.Close)
	return sdktest.Connect(t, connector)
}

// account is a test account whose API is at base.
func account(base string) sdk.Account {
	return sdk.Account{
		ID: "ps-1", Revision: 1, Mode: sdk.ModeTest,
		Config:  map[string]string{fieldAPIURL: base},
		Secrets: map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(testKey)},
	}
}

// A bench is a connector in front of the stand-in provider, which judges it.
type bench struct {
	sdk.Remote
	t       testing.TB
	url     string // of the stand-in
	account sdk.Account
	keyed   sdk.IdempotencyKey // for every call, instead of one each
	n       int
}

func newBench(t testing.TB) *bench {
	t.Helper()
	provider := sandbox.New(sandbox.Config{Seed: 7})
	server := httptest.NewServer(provider)
	b := &bench{t: t, url: server.URL, account: account(server.URL + "/v1")}
	t.Cleanup(func() {
		server.Close()
		if err := provider.Close(context.Background()); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	b.Remote = connect(t, Options{})
	return b
}

// call is the context of the next operation on a payment.
func (b *bench) call(reference sdk.Reference) sdk.Call {
	b.n++
	n := strconv.Itoa(b.n)
	key := b.keyed
	if key == "" {
		key = sdk.IdempotencyKey("key-" + n)
	}
	return sdk.Call{
		OperationID: sdk.OperationID("op-" + n), Key: key, Attempt: 1,
		PaymentID: "p-" + sdk.PaymentID(reference), Reference: reference, Account: b.account,
	}
}

// read is the context of a lookup: no key, no operation.
func (b *bench) read(reference sdk.Reference) sdk.Call {
	return sdk.Call{Reference: reference, Account: b.account}
}

func home() *sdk.Contact {
	return &sdk.Contact{
		FirstName: "花子", LastName: "山田", Email: "hanako@shop.example", Phone: "+81312345678",
		Address: &sdk.Address{
			Country: "JP", PostalCode: "150-0001", State: "東京都", City: "渋谷区", Line1: "神宮前１−２−３",
			Line2: "メゾン原宿", House: "４０１号室", Organization: "ﾃｽﾄ株式会社",
		},
	}
}

// order is a good request to authorize.
func (b *bench) order(reference sdk.Reference, amount int64, mode sdk.CaptureMode) sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call: b.call(reference), Amount: sdk.JPY(amount), Country: "JP", CaptureMode: mode, Method: "smartpay",
		Billing: home(), Shipping: home(),
		ReturnURL: "https://host.example/return/p-1?to=%2Fa%3Fb&x=1#end", CancelURL: "https://host.example/cancel/p-1",
	}
}

// authorize starts a payment that the buyer has not approved.
func (b *bench) authorize(reference sdk.Reference, amount int64, mode sdk.CaptureMode) sdk.AuthorizeResult {
	b.t.Helper()
	result, err := b.Authorize(b.t.Context(), b.order(reference, amount, mode))
	if err != nil {
		b.t.Fatalf("Authorize: %v", err)
	}
	return result
}

// approved starts a payment and has the buyer approve it.
func (b *bench) approved(reference sdk.Reference, amount int64, mode sdk.CaptureMode) sdk.OrderRef {
	b.t.Helper()
	order := b.authorize(reference, amount, mode).Order
	b.decide(reference, "approve", "")
	return order
}

// decide has the buyer decide. body may be empty.
func (b *bench) decide(reference sdk.Reference, verb, body string) {
	b.t.Helper()
	b.post("/_sandbox/references/"+string(reference)+"/"+verb, body)
}

func (b *bench) post(path, body string) {
	b.t.Helper()
	res, err := http.Post(b.url+path, "application/json", bytes.NewBufferString(body))
	if err != nil {
		b.t.Fatalf("POST %s: %v", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	if text, _ := io.ReadAll(res.Body); res.StatusCode > 299 {
		b.t.Fatalf("POST %s: %d %s", path, res.StatusCode, text)
	}
}

// advance moves the stand-in's clock.
func (b *bench) advance(d time.Duration) {
	b.t.Helper()
	b.post("/_sandbox/clock", `{"advance_ms":`+strconv.FormatInt(d.Milliseconds(), 10)+`}`)
}

// find looks a payment up by its order.
func (b *bench) find(order sdk.OrderRef) *sdk.Snapshot {
	b.t.Helper()
	finding, err := b.FindPayment(b.t.Context(), sdk.FindPaymentRequest{Call: b.read(""), Order: order})
	if err != nil || !finding.Found {
		b.t.Fatalf("FindPayment(%s) = %+v, %v", order, finding, err)
	}
	return finding.Payment
}

func (b *bench) capture(order sdk.OrderRef, amount int64, final bool) (sdk.CaptureResult, error) {
	return b.Capture(b.t.Context(), sdk.CaptureRequest{
		Call: b.call(""), Order: order, Amount: sdk.JPY(amount), Final: final,
	})
}

func (b *bench) captured(order sdk.OrderRef, amount int64, final bool) sdk.CaptureRef {
	b.t.Helper()
	result, err := b.capture(order, amount, final)
	if err != nil {
		b.t.Fatalf("Capture: %v", err)
	}
	return result.Capture
}

func (b *bench) refund(order sdk.OrderRef, capture sdk.CaptureRef, amount int64) (sdk.RefundResult, error) {
	return b.Refund(b.t.Context(), sdk.RefundRequest{
		Call: b.call(""), Order: order, Capture: capture, Amount: sdk.JPY(amount), Reason: sdk.RefundRequested,
	})
}

// A tally is what the stand-in says has happened under a reference or a key.
type tally struct {
	Requests   int
	Movements  int
	Authorized int64
	Captured   int64
	Released   int64
	Refunded   int64
	Orders     []string
}

type ledger struct {
	Counts      struct{ Requests int64 }
	ByReference map[string]tally `json:"by_reference"`
	ByKey       map[string]tally `json:"by_key"`
	Requests    []struct {
		Method, Path string
		Key          string `json:"idempotency_key"`
	}
}

func (b *bench) ledger() ledger { return b.ledgerOf("") }

func (b *bench) ledgerOf(query string) ledger {
	b.t.Helper()
	res, err := http.Get(b.url + "/_sandbox/ledger" + query)
	if err != nil {
		b.t.Fatalf("ledger: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	var l ledger
	if err := json.NewDecoder(res.Body).Decode(&l); err != nil {
		b.t.Fatalf("ledger: %v", err)
	}
	return l
}

// refused returns err as the contract's error, or ends the test.
func refused(t testing.TB, err error) *sdk.Error {
	t.Helper()
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Fatalf("error is %v, want an *sdk.Error", err)
	}
	return e
}

// direct is the connector as it is, without the guard and the wire in front of it:
// for tests that wait for a deadline, which those would race with.
type direct struct {
	sdk.Remote
	c *Connector
}

func (d direct) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return d.c.Authorize(ctx, req)
}

func (d direct) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return d.c.Capture(ctx, req)
}

func (d direct) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return d.c.Void(ctx, req)
}

func (d direct) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	return d.c.Cancel(ctx, req)
}

func (d direct) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return d.c.Refund(ctx, req)
}

func (d direct) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return d.c.FindPayment(ctx, req)
}

func (d direct) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return d.c.FindRefund(ctx, req)
}

func (d direct) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return d.c.CheckCredentials(ctx, req)
}

// unguarded puts the connector itself in place of the one behind the wire.
func (b *bench) unguarded() {
	connector := New(Options{})
	b.t.Cleanup(connector.Close)
	b.Remote = direct{b.Remote, connector}
}

// broken returns the connector in front of a server that misbehaves.
func broken(t testing.TB, deeds ...badnet.Deed) (*bench, *badnet.Server) {
	t.Helper()
	server := badnet.Start(t, deeds...)
	return &bench{Remote: connect(t, Options{}), t: t, url: server.URL(), account: account(server.URL())}, server
}
