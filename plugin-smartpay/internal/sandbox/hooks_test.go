package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
)

// shop is the far end of webhooks: it keeps what arrives.
type shop struct {
	mu      sync.Mutex
	arrived chan struct{}
	events  []object
	headers []http.Header
	bodies  []string
	status  int
}

func newShop() *shop { return &shop{arrived: make(chan struct{}, 100), status: 200} }

// RoundTrip implements [http.RoundTripper].
func (s *shop) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var event object
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.events, s.headers = append(s.events, event), append(s.headers, req.Header)
	s.bodies = append(s.bodies, string(body))
	status := s.status
	s.mu.Unlock()
	s.arrived <- struct{}{}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}

// wait waits for n deliveries in all.
func (s *shop) wait(t *testing.T, n int) []object {
	t.Helper()
	for range n {
		select {
		case <-s.arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("no webhook arrived")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// signature computes what a webhook's signature should be.
func signature(t *testing.T, secret, timestamp, body string) string {
	t.Helper()
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := webhook.Sign(secret, time.UnixMilli(ms), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func types(events []object) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.object("eventData").text("type"))
	}
	return out
}

func TestWebhooksTellOfEveryStep(t *testing.T) {
	far := newShop()
	b := newBench(t, Config{Webhooks: far})
	hook := b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/hooks"})
	o := b.approved(nil)
	p := b.capture(o.text("id"), 400, "automatic")
	b.must(200, "POST", "/v1/refunds", object{"payment": p.text("id"), "currency": "JPY", "reason": "fraudulent"})
	events := far.wait(t, 3)
	if got := types(events); !slices.Equal(got, []string{"order.authorized", "payment.created", "refund.created"}) {
		t.Fatalf("events %v", got)
	}
	wantKeys(t, "event", events[0], "id", "object", "createdAt", "test", "eventData")
	wantKeys(t, "event data", events[0].object("eventData"), "type", "version", "data")
	data := events[0].object("eventData").object("data")
	if data.text("id") != o.text("id") || data.text("status") != "requires_capture" || len(data.list("lineItems")) != 3 {
		t.Errorf("order in the event %v", data)
	}
	if item, plain := data.list("lineItems")[0].(string); !plain {
		t.Errorf("the order in an event is not in plain form: %v", item)
	}
	for i, h := range far.headers {
		if h.Get(webhook.HeaderEvent) != events[i].text("id") || h.Get(webhook.HeaderSubscription) != hook.text("id") ||
			h.Get(webhook.HeaderTimestamp) == "" || len(h.Get(webhook.HeaderSignature)) != 64 {
			t.Errorf("headers %v", h)
		}
	}
}

func TestAnAutomaticallyCapturedOrderIsToldAsSucceeded(t *testing.T) {
	far := newShop()
	b := newBench(t, Config{Webhooks: far})
	b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/hooks"})
	b.approved(object{"captureMethod": "automatic"})
	events := far.wait(t, 2)
	if got := events[0].object("eventData").object("data").text("status"); got != "succeeded" {
		t.Errorf("order.authorized shows %s", got)
	}
}

func TestSubscriptionsAreHonoured(t *testing.T) {
	far := newShop()
	b := newBench(t, Config{Webhooks: far})
	only := b.must(200, "POST", "/v1/webhook-endpoints", object{
		"url": "http://shop.example/rejected", "eventSubscriptions": []string{"order.rejected"},
	})
	off := b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/off"})
	b.must(200, "PATCH", "/v1/webhook-endpoints/"+off.text("id"), object{"active": false})
	other := *b
	other.key = "sk_test_other"
	other.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://other.example/"})

	b.approved(nil)
	b.must(200, "POST", "/_sandbox/orders/"+b.session(nil).object("order").text("id")+"/decline", nil)
	events := far.wait(t, 1)
	if got := types(events); !slices.Equal(got, []string{"order.rejected"}) || far.headers[0].Get(webhook.HeaderSubscription) != only.text("id") {
		t.Errorf("events %v", got)
	}
	if data := events[0].object("eventData").object("data"); data.text("status") != "rejected" {
		t.Errorf("order %v", data)
	}
}

func TestARefusedWebhookIsTriedAgainWhenTheClockSaysSo(t *testing.T) {
	far := newShop()
	far.status = 204
	b := newBench(t, Config{Webhooks: far})
	b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/hooks", "eventSubscriptions": []string{"order.authorized"}})
	b.approved(nil)
	far.wait(t, 1)
	far.mu.Lock()
	far.status = 200
	far.mu.Unlock()
	b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 60_000})
	events := far.wait(t, 1)
	if events[0].text("id") != events[1].text("id") {
		t.Errorf("events %s and %s", events[0].text("id"), events[1].text("id"))
	}
	if far.headers[0].Get(webhook.HeaderTimestamp) == far.headers[1].Get(webhook.HeaderTimestamp) ||
		far.headers[0].Get(webhook.HeaderSignature) == far.headers[1].Get(webhook.HeaderSignature) {
		t.Error("the second try was not signed anew")
	}
}

func TestWebhookEndpoints(t *testing.T) {
	b := newBench(t, Config{})
	e := b.must(200, "POST", "/v1/webhook-endpoints", object{
		"url": "https://shop.example/hooks", "description": "orders", "metadata": object{"a": "b"},
		"eventSubscriptions": []string{"order.authorized", "payout.paid"},
	})
	wantKeys(t, "endpoint", e, "id", "object", "test", "createdAt", "updatedAt", "active", "url", "description",
		"eventSubscriptions", "signingSecret", "metadata")
	path := "/v1/webhook-endpoints/" + e.text("id")
	if secret := e.text("signingSecret"); len(secret) != 40 || b.must(200, "GET", path, nil).text("signingSecret") != secret {
		t.Errorf("signing secret %q", secret)
	}
	changed := b.must(200, "PATCH", path, object{"active": false, "url": "http://127.0.0.1:9/h", "eventSubscriptions": []string{}})
	if changed["active"] != false || changed.text("url") != "http://127.0.0.1:9/h" || len(changed.list("eventSubscriptions")) != 0 ||
		changed.text("description") != "orders" || changed.text("signingSecret") != e.text("signingSecret") {
		t.Errorf("changed %v", changed)
	}
	for name, body := range map[string]string{
		"no address": `{}`, "no scheme": `{"url":"shop.example"}`, "another scheme": `{"url":"ftp://shop.example"}`,
		"an unknown event": `{"url":"https://shop.example","eventSubscriptions":["order.succeeded"]}`,
	} {
		if r := b.send("POST", "/v1/webhook-endpoints", body); r.status != 400 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := b.send("DELETE", path, "{}"); r.status != 204 || r.body != "" || r.header.Get("Content-Type") != "" {
		t.Errorf("delete: %d %q %s", r.status, r.body, r.header.Get("Content-Type"))
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		if r := b.send(method, path, ""); r.status != 404 || r.object.text("errorCode") != "webhook-endpoint.not-found" {
			t.Errorf("%s after delete: %d %s", method, r.status, r.body)
		}
	}
	if n := len(b.must(200, "GET", "/v1/webhook-endpoints", nil).list("data")); n != 0 {
		t.Errorf("%d endpoints listed after delete", n)
	}
	if n := len(book.EventTypes()); n != 20 {
		t.Errorf("%d event types, want 20", n)
	}
}
