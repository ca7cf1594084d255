package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "the operators' token of this test"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A world is the API on a store on disk and a host that does what a test tells it to.
type world struct {
	t        *testing.T
	handler  http.Handler
	config   admin.Config
	store    *store.Store
	host     *host
	payments *payments
	jobs     *queue
	log      *journal
	clock    *clock
}

// A queue is jobs as they are told.
type queue struct{ waiting map[string][]jobs.Waiting }

func (q *queue) Waiting(_ context.Context, subject string) ([]jobs.Waiting, error) {
	return q.waiting[subject], nil
}

func (q *queue) Counts(context.Context) ([]jobs.Count, error) {
	return []jobs.Count{{Kind: "settle", State: "due", Count: 3}, {Kind: "approval-expiry", State: "waiting", Count: 4}}, nil
}

// A clock stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// A host has releases and connectors, and notes what it is told to do.
type host struct {
	mu         sync.Mutex
	releases   []fleet.Release
	connectors []supervise.Status
	installed  []byte // the last binary
	certified  []byte // the last certificate
	judgement  certificate.Judgement
	behind     map[string]string
	fail       error // of whatever it is told next
	done       []string
}

func (h *host) do(format string, args ...any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, fmt.Sprintf(format, args...))
	return h.fail
}

func (h *host) ID() string { return "this host" }

func (h *host) Behind() map[string]string { return h.behind }

func (h *host) did() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.done, "; ")
}

func (h *host) Install(_ context.Context, file string, certificate []byte) (fleet.Release, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fleet.Release{}, err
	}
	h.mu.Lock()
	h.installed, h.certified = raw, certificate
	h.mu.Unlock()
	return acme, h.do("install")
}

func (h *host) Certification(string) certificate.Judgement { return h.judgement }

func (h *host) Certify(_ context.Context, digest string, raw []byte) (certificate.Judgement, error) {
	h.mu.Lock()
	h.certified = raw
	h.mu.Unlock()
	return h.judgement, h.do("certify %s", digest)
}

func (h *host) Releases() []fleet.Release      { return h.releases }
func (h *host) Connectors() []supervise.Status { return h.connectors }

func (h *host) Swap(_ context.Context, connector string, order admin.SwapOrder) (supervise.SwapReport, error) {
	return report, h.do("swap %s to %s, allow loss %v", connector, order.Release, order.AllowLoss)
}

func (h *host) Activate(_ context.Context, connector, release string) error {
	return h.do("activate %s of %s", release, connector)
}

func (h *host) Remove(_ context.Context, digest string) error { return h.do("remove %s", digest) }

func (h *host) Unpark(_ context.Context, connector, subject string) error {
	return h.do("unpark %s of %s", subject, connector)
}

func (h *host) Rollback(_ context.Context, connector string) (supervise.SwapReport, error) {
	return report, h.do("roll %s back", connector)
}

func (h *host) Restart(_ context.Context, connector string) (supervise.SwapReport, error) {
	return report, h.do("restart %s", connector)
}

func (h *host) EndQuarantine(_ context.Context, connector string) error {
	return h.do("end the quarantine of %s", connector)
}

// payments settle as a test says.
type payments struct {
	settled bool
	fail    error
	asked   []sdk.PaymentID
}

func (p *payments) Settle(_ context.Context, id sdk.PaymentID) (bool, error) {
	p.asked = append(p.asked, id)
	return p.settled, p.fail
}

var acme = fleet.Release{
	Name: "acme", Version: "1.2.0", Digest: strings.Repeat("ab", 32), InstalledAt: noon.Add(-time.Hour),
	Description: sdk.Description{
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpCapture, sdk.OpRefund},
		Manifest: sdk.Manifest{
			Name: "acme", Version: "1.2.0", DisplayName: "Acme Pay", Contract: sdk.ContractRange{Min: 1, Max: 1},
			Methods: []sdk.PaymentMethod{{Name: "acme", Flow: sdk.FlowRedirect}}, Countries: []string{"JP"},
			Currencies: []sdk.CurrencyFact{{Code: "JPY"}, {Code: "EUR", Exponent: 2}},
			Limits:     sdk.Limits{CartItems: 249, ApprovalTime: sdk.Duration(30 * time.Minute)},
			Egress:     []string{"api.acme.example:443"},
		},
	},
}

var report = supervise.SwapReport{
	From: supervise.Ref{Generation: 3, Version: "1.1.0", Digest: "aa"}, To: supervise.Ref{Generation: 4, Version: "1.2.0", Digest: "bb"},
	Start: 80 * time.Millisecond,
}

func serving() supervise.Status {
	return supervise.Status{
		Connector: "acme", Restarts: 2,
		Instance: supervise.Instance{
			Ref: supervise.Ref{Generation: 3, Version: "1.2.0", Digest: acme.Digest}, State: supervise.Serving,
			Since: noon.Add(-time.Minute), Cause: "it was brought up", PID: 4711, InFlight: 1,
			Layers: []launch.Layer{{Name: "files", Held: true, Note: "its own alone"}, {Name: "sockets", Note: "an old kernel"}},
		},
	}
}

// newWorld starts a world in which one connector serves.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, clock: &clock{now: noon}, log: &journal{}, payments: &payments{settled: true},
		host: &host{releases: []fleet.Release{acme}, connectors: []supervise.Status{serving()}},
	}
	dir := t.TempDir()
	master, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "master.key"))
	w.must(err)
	w.store, err = store.OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), master, w.clock.Now)
	w.must(err)
	t.Cleanup(func() { w.must(w.store.Close(context.Background())) })
	metrics, err := admin.NewMetrics(w.host, w.store, struct {
		*store.Store
		*notify.Courier
	}{w.store, notify.NewCourier(notify.CourierConfig{Store: w.store})})
	w.must(err)
	w.jobs = &queue{}
	w.must(metrics.Watch(w.jobs, w.store, w.clock.Now))
	w.config = admin.Config{
		Host: w.host, Store: w.store, Payments: w.payments, Jobs: w.jobs, Metrics: metrics, Token: token, Mode: sdk.ModeTest,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.clock.Now,
	}
	w.handler, err = admin.New(w.config)
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// An answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

// send makes a request as an operator. The body is a string, or a reader.
func (w *world) send(method, path string, body any, header ...string) answer {
	w.t.Helper()
	return w.sendAs("Bearer "+token, method, path, body, header...)
}

// sendAs makes a request with the given authorization; none if it is empty.
func (w *world) sendAs(authorization, method, path string, body any, header ...string) answer {
	w.t.Helper()
	var payload io.Reader = http.NoBody
	switch body := body.(type) {
	case string:
		payload = strings.NewReader(body)
	case io.Reader:
		payload = body
	}
	req := httptest.NewRequestWithContext(w.t.Context(), method, "http://127.0.0.1:8081"+path, payload)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, req)
	return answer{w.t, out.Code, out.Result().Header, out.Body.String()}
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.text)
	}
	return a
}

// says fails the test unless the answer has each of the texts.
func (a answer) says(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.text, text) {
			a.t.Errorf("the answer does not say %q:\n%s", text, a.text)
		}
	}
	return a
}

// silent fails the test if the answer has one of the texts.
func (a answer) silent(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text, text) {
			a.t.Errorf("the answer says %q:\n%s", text, a.text)
		}
	}
	return a
}

// object decodes the answer.
func (a answer) object() map[string]any {
	a.t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.text), &o); err != nil {
		a.t.Fatalf("the answer is no object: %v: %s", err, a.text)
	}
	return o
}

// dig follows keys, and indexes of lists, into an object.
func dig(tree any, steps ...any) any {
	for _, step := range steps {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[step.(string)]
		case []any:
			if i := step.(int); i < len(node) {
				tree = node[i]
				continue
			}
			return nil
		default:
			return nil
		}
	}
	return tree
}

// paid keeps a payment of ¥2,500 of which ¥2,000 were captured, after changes.
func (w *world) paid(n int, changes ...func(*store.Record)) sdk.PaymentID {
	w.t.Helper()
	id := sdk.PaymentID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
	request, err := json.Marshal(settle.Request{Authorize: sdk.AuthorizeRequest{
		Amount:  sdk.JPY(2500),
		Billing: &sdk.Contact{FirstName: "花子", LastName: "山田", Email: "hanako@example.com"},
		Cart:    []sdk.CartItem{{Name: "湯呑み", Quantity: 2, UnitAmount: 1250}},
	}})
	w.must(err)
	held := sdk.JPY(2500)
	taken := sdk.JPY(2000)
	rec := store.Record{
		Ledger: ledger.Ledger{
			Payment: ledger.Payment{
				ID: id, Reference: sdk.Reference(fmt.Sprintf("ref%d", n)), Amount: held, Intent: sdk.CaptureManual,
				ApprovalExpiresAt: w.clock.Now().Add(30 * time.Minute), CreatedAt: w.clock.Now(),
			},
			Operations: []ledger.Operation{
				operation(sdk.OpAuthorize, held, sdk.OutcomeSucceeded), operation(sdk.OpCapture, taken, sdk.OutcomeSucceeded),
			},
			Truth: ledger.Truth{
				Order: sdk.OrderRef(fmt.Sprintf("order_%d", n)), State: sdk.StateCaptured, Authorized: &held,
				Captures: []sdk.CaptureSnapshot{{Ref: "cap_1", Operation: "capture-1", Amount: &taken, Status: sdk.MoveSucceeded}},
			},
		},
		MerchantAccount: "default", Service: "service-1", Connector: "acme", Method: "acme", Country: "JP",
		ExternalID: fmt.Sprintf("shop-%d", n), Request: request,
		Added: []store.Event{
			happened(n, 1, "payment-connector-external-transaction-request", `{"kind":"authorize","amount":2500,"currency":"JPY","connector":"acme"}`),
			happened(n, 2, "payment-connector-response-transaction-authorization-succeeded",
				`{"kind":"authorize","amount":2500,"currency":"JPY","outcome":"SUCCEEDED","provider":{"status":"ok"}}`),
			happened(n, 3, "transaction-updated-status", `{"from":"processing","to":"authorization_succeeded","error_code":""}`),
		},
	}
	rec.Operations[0].ID, rec.Operations[1].ID = sdk.OperationID(fmt.Sprintf("authorize-%d", n)), sdk.OperationID(fmt.Sprintf("capture-%d", n))
	rec.Operations[1].Ref = "cap_1"
	for _, change := range changes {
		change(&rec)
	}
	w.must(w.store.Create(w.t.Context(), &rec, nil))
	return id
}

func operation(kind sdk.Operation, amount sdk.Money, outcome sdk.Outcome) ledger.Operation {
	return ledger.Operation{
		Kind: kind, Key: sdk.IdempotencyKey(kind), Amount: amount, Attempt: 1, Outcome: outcome, Processed: &amount,
		Release: acme.Digest, CreatedAt: noon, UpdatedAt: noon,
	}
}

func happened(payment, n int, name, context string) store.Event {
	return store.Event{
		ID: fmt.Sprintf("%08d-0000-4000-8000-%012d", n, payment), Name: name,
		At: noon.Add(time.Duration(n) * time.Millisecond), Context: json.RawMessage(context),
	}
}

// inDoubt makes the last operation one whose end nobody knows.
func inDoubt(rec *store.Record) {
	op := &rec.Operations[len(rec.Operations)-1]
	op.Outcome, op.Processed, op.Ref = sdk.OutcomeUnknown, nil, ""
	rec.Truth.State, rec.Truth.Captures = sdk.StateAuthorized, nil
}
