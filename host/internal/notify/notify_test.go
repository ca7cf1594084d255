package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// speaker is a connector whose webhooks are JSON readings, signed by naming the secret.
type speaker struct {
	registered []sdk.RegisterWebhookRequest
	secret     string
	seen       sdk.WebhookRequest
}

func (s *speaker) Describe() sdk.Manifest {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative}
	return sdk.Manifest{
		Name: "speaker", Version: "1.0.0", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Speaker",
		Methods: []sdk.PaymentMethod{{Name: "speaker", Flow: sdk.FlowRedirect}}, Countries: []string{"JP"},
		Currencies: []sdk.CurrencyFact{{Code: "JPY"}}, CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic},
		ConfigSchema: json.RawMessage(`{"type":"object","properties":{}}`),
		Idempotency:  map[sdk.Operation]sdk.Idempotency{sdk.OpRegisterWebhook: native},
		Webhook:      &sdk.WebhookFact{Scheme: "test", Events: []string{"changed"}, Tolerance: sdk.Duration(time.Minute)},
		Egress:       []string{"provider.example:443"},
	}
}

func (s *speaker) ReadWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	s.seen = req
	for _, secret := range req.Secrets {
		if got := req.Headers["X-Signed-With"]; len(got) == 1 && got[0] == secret.Secret.Reveal() {
			var r sdk.WebhookReading
			err := json.Unmarshal(req.Body, &r)
			r.Respond = sdk.Respond{Status: 200, Body: []byte("heard")}
			return r, err
		}
	}
	return sdk.WebhookReading{
		Refused: sdk.Errorf("speaker", sdk.CodeSignatureInvalid, "who are you"), Respond: sdk.Respond{Status: 401},
	}, nil
}

func (s *speaker) RegisterWebhook(_ context.Context, req sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	s.registered = append(s.registered, req)
	return sdk.WebhookRegistration{ID: "reg-1", Secret: sdk.NewSecret(s.secret)}, nil
}

// payments records what the notifier asks for.
type payments struct {
	looked   []sdk.PaymentID
	observed []sdk.Snapshot
	err      error
}

func (p *payments) Observe(_ context.Context, _ sdk.PaymentID, s sdk.Snapshot, _ string) (store.Record, error) {
	p.observed = append(p.observed, s)
	return store.Record{}, p.err
}

func (p *payments) Look(_ context.Context, id sdk.PaymentID, _ string) (store.Record, error) {
	p.looked = append(p.looked, id)
	return store.Record{}, p.err
}

// liar is a connector whose refusals carry observations, which the contract forbids.
type liar struct{ sdk.Remote }

func (l liar) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	r, err := l.Remote.ReadWebhook(ctx, req)
	if r.Refused != nil {
		r.Observations = []sdk.Snapshot{{Order: "order-1"}}
	}
	return r, err
}

type live struct {
	remote sdk.Remote
	about  sdk.Description
	gate   *gatekeep.Gate
}

func (l live) Acquire(context.Context, string) (*settle.Lease, error) {
	return &settle.Lease{Remote: l.remote, Gate: l.gate, Description: l.about, Release: func() {}}, nil
}

type bench struct {
	*notify.Notifier
	speaker  *speaker
	payments *payments
	store    *store.Store
}

const (
	serviceID = "7d1e0f60-7d0a-4a53-9b7c-0d5f7d8f0001"
	paymentID = sdk.PaymentID("4e0f6f86-52c0-4c2e-8a5a-6e6f2f9f4a10")
)

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{speaker: &speaker{secret: "s1"}, payments: &payments{}}
	key, err := store.LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if b.store, err = store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "host.db"), key, time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close(context.Background()) })
	remote := sdktest.Connect(t, b.speaker)
	about, err := remote.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gate, err := gatekeep.New(about)
	if err != nil {
		t.Fatal(err)
	}
	b.Notifier = notify.New(notify.Config{
		Store: b.store, Connectors: live{liar{remote}, about, gate}, Payments: b.payments,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now, PublicURL: "https://pay.example",
	})
	svc := store.PaymentService{
		ID: serviceID, MerchantAccount: "default", Connector: "speaker", Method: "speaker", DisplayName: "S", Active: true,
		Mode: sdk.ModeTest, Revision: 1, Currencies: []string{"JPY"}, Countries: []string{"JP"},
	}
	if err := b.Register(t.Context(), &svc); err != nil {
		t.Fatal(err)
	}
	if err := b.store.SaveService(t.Context(), &svc); err != nil {
		t.Fatal(err)
	}
	rec := store.Record{
		Ledger: ledger.Ledger{
			Payment: ledger.Payment{ID: paymentID, Reference: "ourref", Amount: sdk.JPY(100), Intent: sdk.CaptureManual},
			Truth:   ledger.Truth{Order: "order-1", Captures: []sdk.CaptureSnapshot{{Ref: "cap-1", Status: sdk.MoveSucceeded}}},
		},
		MerchantAccount: "default", Service: serviceID, Connector: "speaker", Method: "speaker", Request: json.RawMessage(`{}`),
	}
	if err := b.store.Create(t.Context(), &rec, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) deliver(t *testing.T, signedWith, body string) (sdk.Respond, error) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/webhooks/"+serviceID, strings.NewReader(body))
	req.Header.Set("X-Signed-With", signedWith)
	return b.Receive(t.Context(), serviceID, req)
}

func TestADeliveryFindsItsPayment(t *testing.T) {
	tests := map[string]string{
		"by the provider's name of it":                      `{"event_id":"e1","observations":[{"order":"order-1"}]}`,
		"by our name of it, before the provider's is known": `{"event_id":"e1","observations":[{"order":"order-9","reference":"ourref"}]}`,
		"by a capture":           `{"event_id":"e1","observations":[{"captures":[{"ref":"cap-1","status":"SUCCEEDED"}]}]}`,
		"by a refund's capture":  `{"event_id":"e1","observations":[{"refunds":[{"ref":"r","capture":"cap-1","status":"SUCCEEDED"}]}]}`,
		"and is to be looked up": `{"event_id":"e1","read_again":true,"observations":[{"order":"order-1"}]}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			respond, err := b.deliver(t, "s1", body)
			if err != nil || respond.Status != 200 || string(respond.Body) != "heard" {
				t.Fatalf("answered %d %q, %v", respond.Status, respond.Body, err)
			}
			again := strings.Contains(body, "read_again")
			if again && (len(b.payments.looked) != 1 || b.payments.looked[0] != paymentID || len(b.payments.observed) != 0) {
				t.Errorf("looked at %v, believed %v; want one look", b.payments.looked, b.payments.observed)
			}
			if !again && (len(b.payments.observed) != 1 || len(b.payments.looked) != 0) {
				t.Errorf("looked at %v, believed %v; want one observation", b.payments.looked, b.payments.observed)
			}
		})
	}
}

func TestWhatIsNotForUsIsAcknowledgedAndLeftAlone(t *testing.T) {
	b := newBench(t)
	for _, body := range []string{
		`{"event_id":"e1","observations":[{"order":"order-of-somebody-else"}]}`,
		`{"event_id":"e2","event_type":"new.kind"}`,
	} {
		respond, err := b.deliver(t, "s1", body)
		if err != nil || respond.Status != 200 {
			t.Errorf("%s: answered %d, %v", body, respond.Status, err)
		}
	}
	if len(b.payments.observed)+len(b.payments.looked) != 0 {
		t.Error("somebody else's event changed a payment")
	}
}

func TestAnotherServicesEventDoesNotTouchThisPayment(t *testing.T) {
	b := newBench(t)
	other, err := b.store.Service(t.Context(), serviceID)
	if err != nil {
		t.Fatal(err)
	}
	other.ID = "7d1e0f60-7d0a-4a53-9b7c-0d5f7d8f0002"
	if err := b.store.SaveService(t.Context(), &other); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(`{"observations":[{"order":"order-1"}]}`))
	req.Header.Set("X-Signed-With", "s1")
	if respond, err := b.Receive(t.Context(), other.ID, req); err != nil || respond.Status != 200 {
		t.Errorf("answered %d, %v", respond.Status, err)
	}
	if len(b.payments.observed)+len(b.payments.looked) != 0 {
		t.Error("another service's event changed the payment")
	}
}

func TestWhatCannotBeVerifiedChangesNothing(t *testing.T) {
	b := newBench(t)
	respond, err := b.deliver(t, "not the secret", `{"event_id":"e1","observations":[{"order":"order-1"}]}`)
	if err != nil || respond.Status != 401 {
		t.Errorf("answered %d, %v; want the connector's 401", respond.Status, err)
	}
	if len(b.payments.observed)+len(b.payments.looked) != 0 {
		t.Error("an unverified event changed a payment")
	}
}

func TestAnEventThatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	b := newBench(t)
	b.payments.err = errors.New("disk full")
	if respond, err := b.deliver(t, "s1", `{"event_id":"e1","observations":[{"order":"order-1"}]}`); err == nil {
		t.Errorf("acknowledged with %d", respond.Status)
	}
	b.payments.err = sdk.Errorf("settle", sdk.CodeAmountMismatch, "contradiction")
	if respond, err := b.deliver(t, "s1", `{"event_id":"e1","observations":[{"order":"order-1"}]}`); err != nil || respond.Status != 200 {
		t.Errorf("a contradiction that is told in the story is answered %d, %v; want 200", respond.Status, err)
	}
}

func TestTheBodyArrivesAsItWasSent(t *testing.T) {
	b := newBench(t)
	body := "{ \"event_id\" :\t\"e1\" }\r\n"
	if _, err := b.deliver(t, "s1", body); err != nil {
		t.Fatal(err)
	}
	if string(b.speaker.seen.Body) != body {
		t.Errorf("connector saw %q, want %q", b.speaker.seen.Body, body)
	}
	if got, want := b.speaker.seen.URL, "https://pay.example/webhooks/"+serviceID; got != want {
		t.Errorf("connector saw %s, want %s", got, want)
	}
}

func TestHowFarADeliveryMayBeFromOurClock(t *testing.T) {
	b := newBench(t)
	for configured, want := range map[time.Duration]time.Duration{0: time.Minute, 10 * time.Second: 10 * time.Second} {
		b.Tolerance = configured
		if _, err := b.deliver(t, "s1", `{}`); err != nil {
			t.Fatal(err)
		}
		if b.speaker.seen.Tolerance != want {
			t.Errorf("configured %s: connector is told %s, want %s", configured, b.speaker.seen.Tolerance, want)
		}
	}
}

func TestTooLargeAndUnknown(t *testing.T) {
	b := newBench(t)
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/webhooks/x", io.LimitReader(zeros{}, notify.MaxBody+1))
	if _, err := b.Receive(t.Context(), serviceID, req); !errors.Is(err, notify.ErrTooLarge) {
		t.Errorf("got %v, want too large", err)
	}
	if _, err := b.Receive(t.Context(), "no-such-service", httptest.NewRequest("POST", "/", nil)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestASecretThatWasRotatedOutStillVerifies(t *testing.T) {
	b := newBench(t)
	svc, err := b.store.Service(t.Context(), serviceID)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"s2", "s2", "s3"} {
		b.speaker.secret = secret
		if err := b.Register(t.Context(), &svc); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.SaveService(t.Context(), &svc); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]int{"s3": 200, "s2": 200, "s1": 401} {
		if respond, err := b.deliver(t, secret, `{}`); err != nil || respond.Status != want {
			t.Errorf("signed with %s: %d, %v; want %d", secret, respond.Status, err, want)
		}
	}
	last := b.speaker.registered[len(b.speaker.registered)-1]
	if last.Current != "reg-1" || last.URL != "https://pay.example/webhooks/"+serviceID {
		t.Errorf("registered again with %+v, want the current registration named", last)
	}
}
