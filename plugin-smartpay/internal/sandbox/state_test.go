package sandbox

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
)

// TestAServerGoesOnWhereItWas stops a sandbox and starts another on its file.
func TestAServerGoesOnWhereItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	far := newShop()
	far.status = 503
	life := func(fn func(b *bench)) {
		b := newBench(t, Config{Webhooks: far, PublicURL: "http://pay.example"})
		if err := b.server.Keep(path); err != nil {
			t.Fatal(err)
		}
		fn(b)
		if err := b.server.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var session, before object
	var paid result
	body := ""
	life(func(b *bench) {
		b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/", "eventSubscriptions": []string{"order.authorized"}})
		session = b.session(nil)
		id := session.object("order").text("id")
		b.must(200, "POST", "/_sandbox/orders/"+id+"/approve", nil)
		far.wait(t, 1)
		body = mustJSON(t, object{"order": id, "amount": 400, "currency": "JPY", "cancelRemainder": "manual"})
		paid = b.send("POST", "/v1/payments", body, "Idempotency-Key", "k")
		b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 500})
		before = b.must(200, "GET", "/v1/checkout-sessions/"+session.text("id")+"?expand=all", nil)
	})
	far.mu.Lock()
	far.status = 200
	far.mu.Unlock()
	life(func(b *bench) {
		if got := types(far.wait(t, 1)); !slices.Equal(got, []string{"order.authorized", "order.authorized"}) {
			t.Errorf("webhooks %v: what was owed is still owed", got)
		}
		after := b.must(200, "GET", "/v1/checkout-sessions/"+session.text("id")+"?expand=all", nil)
		if mustJSON(t, after) != mustJSON(t, before) {
			t.Errorf("session\n%s, was\n%s", mustJSON(t, after), mustJSON(t, before))
		}
		if again := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k"); again.body != paid.body || again.header.Get(headerReplayed) == "" {
			t.Errorf("the same key: %s, was %s", again.body, paid.body)
		}
		if sum := b.ledger("").ByReference["R-1"]; sum.Authorized != 1250 || sum.Captured != 400 {
			t.Errorf("ledger %+v", sum)
		}
		if ahead := b.must(200, "GET", "/_sandbox/clock", nil).number("ahead_ms"); ahead != 500 {
			t.Errorf("the clock is %d ms ahead", ahead)
		}
		path := session.text("url")[len("http://pay.example"):]
		if r := b.send("GET", path, ""); r.status != 200 {
			t.Errorf("the page from before: %d", r.status)
		}
	})
}

// TestNothingIsReportedThatIsNotKept takes the file away from under a sandbox.
func TestNothingIsReportedThatIsNotKept(t *testing.T) {
	s := New(Config{})
	if err := s.Keep(filepath.Join(t.TempDir(), "state")); err != nil {
		t.Fatal(err)
	}
	if err := s.book.Close(); err != nil { // the disk is full, say
		t.Fatal(err)
	}
	req := httptest.NewRequest("POST", "/v1/coupons", nil)
	req.Header.Set("Authorization", "Basic "+testKey)
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, req); w.Code != 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
