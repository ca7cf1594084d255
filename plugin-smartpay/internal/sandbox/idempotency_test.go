package sandbox

import (
	"sync"
	"testing"
)

func TestAKeyIsAnsweredOnce(t *testing.T) {
	b := newBench(t, Config{})
	id := b.approved(nil).text("id")
	body := mustJSON(t, object{"order": id, "amount": 100, "currency": "JPY", "cancelRemainder": "manual"})
	first := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k")
	if first.status != 200 || first.header.Get(headerReplayed) != "" {
		t.Fatalf("%d %v", first.status, first.header)
	}
	again := b.send("POST", "/other/prefix/v1/payments", body, "Idempotency-Key", "k")
	if again.body != first.body || again.header.Get(headerReplayed) != "true" {
		t.Errorf("again: %s, replayed %q", again.body, again.header.Get(headerReplayed))
	}
	conflict := b.send("POST", "/v1/payments", body+" ", "Idempotency-Key", "k")
	if conflict.status != 409 || conflict.object.text("errorCode") != "idempotency.conflict" {
		t.Errorf("another body: %d %s", conflict.status, conflict.body)
	}
	if other := b.send("POST", "/v1/payments", body, "Idempotency-Key", "K"); other.body == first.body {
		t.Error("another key gives the same payment")
	}
	b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 6 * 60 * 60 * 1000})
	if later := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k"); later.body == first.body || later.status != 200 {
		t.Errorf("six hours later: %d %s", later.status, later.body)
	}
	if sum := b.ledger("").ByKey["k"]; sum.Captured != 200 || sum.Requests != 4 || sum.Replays != 1 {
		t.Errorf("ledger of the key: %+v", sum)
	}
}

func TestASessionIsReplayedAsItWasOpened(t *testing.T) {
	b := newBench(t, Config{})
	c := b.must(200, "POST", "/v1/coupons", object{"name": "Spring", "discountType": "amount", "discountAmount": 100, "currency": "JPY"})
	b.must(200, "POST", "/v1/promotion-codes", object{"code": "X", "coupon": c.text("id")})
	token := object{"mode": "token", "customerInfo": object{}, "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no"}
	for name, body := range map[string]object{"order": order(object{"metadata": object{"k": "v"}, "description": "d"}), "token": token} {
		first := b.send("POST", "/v1/checkout-sessions", mustJSON(t, body), "Idempotency-Key", name)
		b.send("GET", first.object.text("url")+"?promotion-code=X", "")
		b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 1000})
		b.must(200, "POST", "/_sandbox/sessions/"+first.object.text("id")+"/approve", nil)
		if name == "order" {
			b.capture(first.object.object("order").text("id"), 100, "automatic")
		}
		again := b.send("POST", "/v1/checkout-sessions", mustJSON(t, body), "Idempotency-Key", name, "Host", "elsewhere.example")
		if again.body != first.body || again.status != 200 || again.header.Get(headerReplayed) != "true" {
			t.Errorf("%s\n%s, was\n%s", name, again.body, first.body)
		}
	}
}

func TestRefusalsAreKeptToo(t *testing.T) {
	b := newBench(t, Config{})
	id := b.session(nil).object("order").text("id")
	body := mustJSON(t, object{"order": id, "amount": 100, "currency": "JPY"})
	first := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k")
	b.must(200, "POST", "/_sandbox/orders/"+id+"/approve", nil)
	again := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k")
	if first.status != 409 || again.status != 409 || again.header.Get(headerReplayed) != "true" {
		t.Errorf("%d, then %d replayed %q", first.status, again.status, again.header.Get(headerReplayed))
	}
	if fresh := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k2"); fresh.status != 200 {
		t.Errorf("with a new key: %d %s", fresh.status, fresh.body)
	}
}

func TestReadsAndDeletesIgnoreKeys(t *testing.T) {
	b := newBench(t, Config{})
	before := b.send("GET", "/v1/orders", "", "Idempotency-Key", "k")
	b.session(nil)
	if after := b.send("GET", "/v1/orders", "", "Idempotency-Key", "k"); after.body == before.body {
		t.Error("a list was replayed")
	}
	hook := b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://127.0.0.1:1/"}).text("id")
	for _, want := range []int{204, 404} {
		if r := b.send("DELETE", "/v1/webhook-endpoints/"+hook, "", "Idempotency-Key", "k"); r.status != want {
			t.Errorf("delete: %d, want %d", r.status, want)
		}
	}
}

func TestOneKeyAtOnceHasOneEffect(t *testing.T) {
	b := newBench(t, Config{})
	body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 10, "currency": "JPY", "cancelRemainder": "manual"})
	answers := make([]string, 32)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.send("POST", "/v1/payments", body, "Idempotency-Key", "k").body })
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] {
			t.Fatalf("%s and %s", answer, answers[0])
		}
	}
	if sum := b.ledger("?key=k").ByKey["k"]; sum.Captured != 10 || sum.Requests != 32 || sum.Replays != 31 {
		t.Errorf("ledger %+v", sum)
	}
}
