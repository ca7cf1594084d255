package sandbox

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk_test_0123456789abcdefghijkl"

// bench is a sandbox behind a real listener, and a merchant who talks to it.
type bench struct {
	t      *testing.T
	server *Server
	url    string
	key    string
	http   *http.Client
}

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	s := New(cfg)
	listener := httptest.NewServer(s)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		listener.Close()
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &bench{t: t, server: s, url: listener.URL, key: testKey, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// object is a JSON object as a test reads it.
type object map[string]any

func (o object) text(name string) string { text, _ := o[name].(string); return text }

func (o object) number(name string) int64 { n, _ := o[name].(float64); return int64(n) }

func (o object) object(name string) object { inner, _ := o[name].(map[string]any); return inner }

func (o object) list(name string) []any { inner, _ := o[name].([]any); return inner }

// result is an answer as a test reads it.
type result struct {
	status int
	header http.Header
	body   string
	object object
}

// send sends one request as it is, with the bench's key unless the headers say otherwise.
func (b *bench) send(method, path, body string, headers ...string) result {
	b.t.Helper()
	target := path
	if !strings.HasPrefix(path, "http") {
		target = b.url + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic "+b.key)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	out := result{status: res.StatusCode, header: res.Header, body: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &out.object); err != nil {
			b.t.Fatalf("%s %s answered %q: %v", method, path, text, err)
		}
	}
	return out
}

// must is send where anything but the wanted status ends the test.
func (b *bench) must(status int, method, path string, body any, headers ...string) object {
	b.t.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(raw)
	}
	r := b.send(method, path, text, headers...)
	if r.status != status {
		b.t.Fatalf("%s %s answered %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r.object
}

// order is a request for a session over 1250 yen; changes replace its fields,
// and a nil change removes one.
func order(changes object) object {
	body := object{
		"amount": 1250, "currency": "JPY", "captureMethod": "manual", "reference": "R-1",
		"successUrl": "https://shop.example/ok?n=1&m=%E3%81%82#top", "cancelUrl": "https://shop.example/no",
		"customerInfo": object{"firstName": "太郎", "lastName": "山田", "emailAddress": "taro@example.com"},
		"shippingInfo": object{
			"address":   object{"line1": "1-1", "locality": "港区", "postalCode": "1050001", "country": "JP"},
			"feeAmount": 100, "feeCurrency": "JPY",
		},
		"items": []object{
			{"name": "マグカップ", "amount": 500, "currency": "JPY", "quantity": 2},
			{"kind": "discount", "name": "会員割引", "amount": 100, "currency": "JPY"},
			{"kind": "tax", "name": "消費税", "amount": 250, "currency": "JPY"},
		},
	}
	for name, value := range changes {
		if value == nil {
			delete(body, name)
		} else {
			body[name] = value
		}
	}
	return body
}

// session opens a session and gives it in its expanded form.
func (b *bench) session(changes object) object {
	b.t.Helper()
	return b.must(200, "POST", "/v1/checkout-sessions", order(changes))
}

// approved opens a session, approves it, and gives the order.
func (b *bench) approved(changes object) object {
	b.t.Helper()
	id := b.session(changes).object("order").text("id")
	return b.must(200, "POST", "/_sandbox/orders/"+id+"/approve", nil).object("order")
}

func (b *bench) capture(orderID string, amount int64, remainder string) object {
	b.t.Helper()
	return b.must(200, "POST", "/v1/payments", object{
		"order": orderID, "amount": amount, "currency": "JPY", "cancelRemainder": remainder,
	})
}

// wantKeys compares the fields of an object with those that must be there.
func wantKeys(t *testing.T, what string, got object, want ...string) {
	t.Helper()
	slices.Sort(want)
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) {
		t.Errorf("%s has fields %v\nwant %v", what, keys, want)
	}
}
