package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/jobs/jobstest"
	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// A world is the API with everything behind it but processes: a store on disk, the
// engine, the notifier, and a connector that is served in memory.
type world struct {
	t        *testing.T
	handler  http.Handler
	provider *provider
	store    *store.Store
	clock    *clock
	log      *journal
	config   api.Config
	key      []byte // the merchant's private key
	kid      string
	token    string
	service  string // the default account's payment service
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

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// connectors has one connector, whose process may be gone.
type connectors struct {
	api.Connector
	remote sdk.Remote
	mu     sync.Mutex
	gone   bool
	never  bool // it has not been started yet
}

func (c *connectors) List() []api.Connector {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.never {
		return nil
	}
	return []api.Connector{c.Connector}
}

func (c *connectors) Acquire(_ context.Context, name string) (*settle.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || name != "testpay" {
		return nil, sdk.Errorf("testpay", sdk.CodePluginUnavailable, "no process is serving: secret detail")
	}
	return &settle.Lease{
		Remote: c.remote, Gate: c.Gate, Description: c.Description, Digest: "d1", Release: func() {},
	}, nil
}

// notYet is a host whose connector is still to be started.
func (c *connectors) notYet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone, c.never = true, true
}

func (c *connectors) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
}

// newWorld starts a world. Each change may replace a part of the configuration.
func newWorld(t *testing.T, changes ...func(*api.Config)) *world {
	t.Helper()
	w := &world{t: t, provider: newProvider(), clock: &clock{now: noon}, log: &journal{}}
	dir := t.TempDir()
	master, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "master.key"))
	w.must(err)
	w.store, err = store.OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), master, w.clock.Now)
	w.must(err)
	t.Cleanup(func() { w.must(w.store.Close(context.Background())) })

	queue := jobstest.New(w.store, w.clock.Now)
	remote := sdktest.Connect(t, w.provider)
	description, err := remote.Describe(t.Context())
	w.must(err)
	gate, err := gatekeep.New(description)
	w.must(err)
	leases := &connectors{Connector: api.Connector{Description: description, Gate: gate}, remote: remote}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	w.store.Announce(api.NewAnnouncer("https://host.example:8443", sdk.ModeTest, logger))
	engine := settle.New(settle.Config{
		Store: w.store, Connectors: leases, Logger: logger, Now: w.clock.Now,
		PublicURL: "https://host.example", ReturnKey: []byte("return key"), CallTimeout: 5 * time.Second,
		Jobs: queue,
	})
	w.config = api.Config{
		Engine: engine, Store: w.store, Connectors: leases,
		Notifier: notify.New(notify.Config{
			Store: w.store, Connectors: leases, Payments: engine, Logger: logger, Now: w.clock.Now,
			PublicURL: "https://host.example",
		}),
		Logger: logger, Now: w.clock.Now, PublicURL: "https://host.example/", Host: "run-1",
	}
	for _, change := range changes {
		change(&w.config)
	}
	w.handler, err = api.New(w.config)
	w.must(err)
	w.key, w.kid = w.newKey([]string{"*.read", "*.write", "embed"}, nil)
	w.token = w.sign(w.key, "*.read", "*.write")
	return w
}

// newShop starts a world in which the default account has a payment service.
func newShop(t *testing.T, changes ...func(*api.Config)) *world {
	t.Helper()
	w := newWorld(t, changes...)
	w.service = w.post("/payment-services", servicing(nil)).want(http.StatusCreated).text("id")
	return w
}

// servicing is the body of a request for a payment service, with some fields changed.
func servicing(changes fields) fields {
	return with(fields{
		"display_name": "Our Testpay", "payment_service_definition_id": "testpay-testpay",
		"fields":              []any{fields{"key": "secret_key", "value": "good key"}, fields{"key": "shop_name", "value": "Cups"}},
		"accepted_currencies": []any{"JPY"}, "accepted_countries": []any{"JP"},
	}, changes)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newKey(scopes, accounts []string) (pem []byte, kid string) {
	w.t.Helper()
	pem, kid, der, err := api.NewKeyPair()
	w.must(err)
	w.must(w.store.SaveKey(w.t.Context(), &store.APIKey{
		ID: kid, PublicKey: der, Scopes: scopes, MerchantAccounts: accounts, Active: true,
	}))
	return pem, kid
}

func (w *world) sign(pem []byte, scopes ...string) string {
	w.t.Helper()
	token, err := api.Sign(pem, scopes, time.Hour, w.clock.Now())
	w.must(err)
	return token
}

// fields is a JSON object.
type fields = map[string]any

// with changes some fields of an object; a nil value takes one away.
func with(object, changes fields) fields {
	object = maps.Clone(object)
	for name, value := range changes {
		if object[name] = value; value == nil {
			delete(object, name)
		}
	}
	return object
}

// payment is the body of a request for a transaction that testpay takes.
func payment(changes fields) fields {
	return with(fields{
		"amount": 1000, "currency": "JPY", "country": "JP", "external_identifier": "order-7",
		"payment_method": fields{
			"method": "testpay", "country": "JP", "currency": "JPY", "redirect_url": "https://shop.example/return?cart=7",
		},
		"buyer": fields{
			"display_name": "Hanako", "external_identifier": "buyer-1",
			"billing_details": fields{
				"first_name": "花子", "email_address": "hanako@shop.example", "address": fields{"city": "渋谷区", "country": "JP"},
			},
			"shipping_details": fields{"first_name": "太郎", "address": fields{"city": "札幌市"}},
		},
		"cart_items": []any{fields{"name": "ティーカップ", "quantity": 2, "unit_amount": 500, "seller_country": "JP"}},
		"metadata":   fields{"Cart": "7", "cart": "8"},
	}, changes)
}

// A sent request is one that was answered.
type sent struct {
	w      *world
	path   string
	status int
	header http.Header
	raw    string
	body   fields
}

type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func (w *world) get(path string, options ...option) *sent {
	return w.send("GET", path, nil, options...)
}
func (w *world) post(path string, body any, options ...option) *sent {
	return w.send("POST", path, body, options...)
}

// send makes a request with the merchant's token and checks what holds of every
// answer. A body that is a text is sent as it is.
func (w *world) send(method, path string, body any, options ...option) *sent {
	w.t.Helper()
	var reader io.Reader = http.NoBody
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		w.must(err)
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, reader)
	r.Header.Set("Authorization", "Bearer "+w.token)
	for _, option := range options {
		option(r)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	s := &sent{w: w, path: method + " " + path, status: rec.Code, header: rec.Header(), raw: rec.Body.String()}
	s.check()
	return s
}

// check holds every answer to the contract.
func (s *sent) check() {
	s.w.t.Helper()
	if s.header.Get("X-Request-Id") == "" {
		s.w.t.Errorf("%s: the answer has no request id", s.path)
	}
	if s.status == http.StatusUnprocessableEntity {
		s.w.t.Errorf("%s: answered 422, which clients cannot read", s.path)
	}
	if s.status == http.StatusNoContent {
		if s.raw != "" {
			s.w.t.Errorf("%s: 204 with a body %q", s.path, s.raw)
		}
		return
	}
	if got := s.header.Get("Content-Type"); got != "application/json" {
		s.w.t.Errorf("%s: content type %q", s.path, got)
	}
	if got := s.header.Get("Content-Length"); got != strconv.Itoa(len(s.raw)) {
		s.w.t.Errorf("%s: content length %s, body has %d bytes", s.path, got, len(s.raw))
	}
	d := json.NewDecoder(strings.NewReader(s.raw))
	d.UseNumber()
	if err := d.Decode(&s.body); err != nil {
		s.w.t.Fatalf("%s: answer %q: %v", s.path, s.raw, err)
	}
	judge(s.w.t, s.path, s.body)
}

// judge holds a resource, and what is in it, to its schema.
func judge(t *testing.T, path string, body fields) {
	t.Helper()
	name := map[any]string{"transaction": "http.transaction", "refund": "http.refund", "error": "http.error"}[body["type"]]
	if listed, ok := body["items"].([]any); ok {
		name = "http.page"
		for _, item := range listed {
			judge(t, path, item.(fields))
		}
	}
	if inner, ok := body["transaction"].(fields); ok {
		judge(t, path, inner)
		for _, must := range []string{"code", "raw_response_code", "raw_response_description"} {
			if _, ok := body[must]; !ok {
				t.Errorf("%s: the envelope has no %s", path, must)
			}
		}
	}
	if name == "" {
		return
	}
	schema, err := schemas.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range schema.Validate(body) {
		t.Errorf("%s: answer breaks %s: %s %s", path, name, v.Pointer, v.Message)
	}
}

// want fails the test unless the answer has a status.
func (s *sent) want(status int) *sent {
	s.w.t.Helper()
	if s.status != status {
		s.w.t.Fatalf("%s = %d %s, want %d", s.path, s.status, s.raw, status)
	}
	return s
}

// refused fails the test unless the answer is an error with a code, and every pointer
// given is among its details.
func (s *sent) refused(status int, code string, pointers ...string) *sent {
	s.w.t.Helper()
	s.want(status)
	if s.body["code"] != code {
		s.w.t.Errorf("%s: code %v, want %s: %s", s.path, s.body["code"], code, s.raw)
	}
	blamed := map[string]bool{}
	for _, d := range s.body["details"].([]any) {
		blamed[d.(fields)["pointer"].(string)] = true
	}
	for _, p := range pointers {
		if !blamed[p] {
			s.w.t.Errorf("%s: blames %v, want %s: %s", s.path, blamed, p, s.raw)
		}
	}
	return s
}

// at finds a value by names and indices, as in "items.0.id".
func (s *sent) at(path string) any {
	s.w.t.Helper()
	var v any = s.body
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case fields:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	if n, ok := v.(json.Number); ok {
		i, err := n.Int64()
		s.w.must(err)
		return int(i)
	}
	return v
}

func (s *sent) text(path string) string {
	s.w.t.Helper()
	text, ok := s.at(path).(string)
	if !ok {
		s.w.t.Fatalf("%s: no text at %s: %s", s.path, path, s.raw)
	}
	return text
}

// has fails the test unless the answer has the values.
func (s *sent) has(values fields) *sent {
	s.w.t.Helper()
	for path, want := range values {
		if got := s.at(path); got != want {
			s.w.t.Errorf("%s: %s = %v, want %v in %s", s.path, path, got, want, s.raw)
		}
	}
	return s
}

// opened makes a payment that waits for its buyer and returns its path.
func (w *world) opened(changes fields) string {
	w.t.Helper()
	s := w.post("/transactions", payment(changes)).want(http.StatusCreated)
	s.has(fields{"status": "buyer_approval_pending"})
	return "/transactions/" + s.text("id")
}

// authorized makes a payment that its buyer has approved.
func (w *world) authorized(changes fields) string {
	w.t.Helper()
	path := w.opened(changes)
	w.provider.decide(sdk.StateAuthorized)
	w.post(path+"/sync", nil).want(http.StatusOK)
	return path
}

// captured makes a payment whose money was taken.
func (w *world) captured(changes fields) string {
	w.t.Helper()
	path := w.authorized(changes)
	w.post(path+"/capture", fields{}).want(http.StatusOK).has(fields{"status": "capture_succeeded"})
	return path
}

// text is the JSON form of a body.
func text(body fields) string {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // a test's own literal
	}
	return string(encoded)
}
