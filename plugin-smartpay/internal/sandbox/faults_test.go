package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
)

// arm adds rules, written as they are sent.
func (b *bench) arm(rules ...string) {
	b.t.Helper()
	if r := b.send("POST", "/_sandbox/faults", `{"seed":1,"faults":[`+strings.Join(rules, ",")+`]}`); r.status != 200 {
		b.t.Fatalf("arming %s: %s", rules, r.body)
	}
}

// try sends a request that may get no answer, and gives what there was of one.
func (b *bench) try(ctx context.Context, method, path, body, key string) (status int, read string, err error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic "+b.key)
	req.Header.Set("Idempotency-Key", key)
	req.GetBody = nil // or the client would repeat a request that was reset
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var text bytes.Buffer
	_, err = io.Copy(&text, res.Body)
	return res.StatusCode, text.String(), err
}

func (b *bench) captured() int64 {
	b.t.Helper()
	sum := b.ledger("").ByReference["R-1"]
	if sum == nil {
		return 0
	}
	return sum.Captured
}

func TestConnectionsThatAreLost(t *testing.T) {
	tests := map[string]struct {
		rule     string
		captured int64
		broken   func(status int, read string, err error) bool
	}{
		"reset before headers": {`"do":"reset_before_headers"`, 0, isReset},
		"reset after acting":   {`"do":"reset_before_headers","act":true`, 100, isReset},
		"act then drop":        {`"do":"act_then_drop_response"`, 100, isReset},
		"reset mid body": {`"do":"reset_mid_body","after_bytes":12`, 100, func(status int, read string, err error) bool {
			return status == 200 && err != nil && len(read) <= 12
		}},
		"hang, then drop": {`"do":"hang","ms":20`, 0, isReset},
		"act, then hang":  {`"do":"hang","ms":20,"act":true`, 100, isReset},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 100, "currency": "JPY"})
			b.arm(`{"on":"POST /payments","nth":1,"name":"bad luck",` + tt.rule + `}`)
			status, read, err := b.try(t.Context(), "POST", "/v1/payments", body, "k")
			if !tt.broken(status, read, err) {
				t.Errorf("got %d %q, %v", status, read, err)
			}
			if got := b.captured(); got != tt.captured {
				t.Errorf("captured %d, want %d", got, tt.captured)
			}
			if seen := b.ledger("?key=k").Requests; len(seen) != 1 || !slices.Equal(seen[0].Faults, []string{"bad luck"}) {
				t.Errorf("ledger %+v", seen)
			}
			again := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k")
			if again.status != 200 || (again.header.Get(headerReplayed) != "") != (tt.captured > 0) || b.captured() != 100 {
				t.Errorf("again: %d, replayed %q, captured %d", again.status, again.header.Get(headerReplayed), b.captured())
			}
		})
	}
}

func isReset(status int, _ string, err error) bool {
	return status == 0 && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF))
}

func TestAnswersOfAnyKind(t *testing.T) {
	tests := map[string]struct {
		rule   string
		status int
		body   string
		header string
	}{
		"the provider's shape": {`"do":"status","status":503`, 503,
			`{"statusCode":503,"errorCode":"unexpected","message":"made by a fault","details":[]}`, "application/json; charset=utf-8"},
		"HTML": {`"do":"status","status":502,"headers":{"Content-Type":"text/html"},"body":"<html>Bad Gateway</html>"`, 502,
			"<html>Bad Gateway</html>", "text/html"},
		"nothing":     {`"do":"status","status":200,"body":""`, 200, "", ""},
		"null":        {`"do":"status","status":200,"body":null`, 200, "null", "application/json; charset=utf-8"},
		"wrong types": {`"do":"status","status":200,"body":{"id":5}`, 200, `{"id":5}`, "application/json; charset=utf-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 100, "currency": "JPY"})
			b.arm(`{"on":"POST /payments","nth":1,` + tt.rule + `}`)
			status, read, err := b.try(t.Context(), "POST", "/v1/payments", body, "k")
			if err != nil || status != tt.status || read != tt.body || b.captured() != 0 {
				t.Errorf("%d %q, %v; captured %d", status, read, err, b.captured())
			}
		})
	}
	b := newBench(t, Config{})
	b.arm(`{"on":"GET /orders","do":"status","status":429,"headers":{"Retry-After":"7"}}`)
	if r := b.send("GET", "/v1/orders", ""); r.status != 429 || r.header.Get("Retry-After") != "7" {
		t.Errorf("%d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	b.must(204, "DELETE", "/_sandbox/faults", nil)
	b.must(200, "GET", "/v1/orders", nil)
}

func TestAnErrorAfterTheEffect(t *testing.T) {
	b := newBench(t, Config{})
	body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 100, "currency": "JPY"})
	b.arm(`{"on":"POST /payments","nth":1,"do":"status","status":502,"act":true}`)
	if status, _, err := b.try(t.Context(), "POST", "/v1/payments", body, "k"); status != 502 || err != nil || b.captured() != 100 {
		t.Errorf("%d, %v; captured %d", status, err, b.captured())
	}
}

func TestKeysUnderFaults(t *testing.T) {
	b := newBench(t, Config{})
	body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 100, "currency": "JPY", "cancelRemainder": "manual"})
	b.arm(`{"on":"POST /payments","key":"stored","nth":1,"do":"store_error_on_key"}`,
		`{"on":"POST /payments","key":"expired","nth":2,"do":"expire_keys"}`)
	for i, want := range []string{"", "true"} {
		if r := b.send("POST", "/v1/payments", body, "Idempotency-Key", "stored"); r.status != 500 || r.header.Get(headerReplayed) != want {
			t.Errorf("stored error, time %d: %d replayed %q", i+1, r.status, r.header.Get(headerReplayed))
		}
	}
	if got := b.captured(); got != 0 {
		t.Errorf("captured %d", got)
	}
	for range 2 {
		if r := b.send("POST", "/v1/payments", body, "Idempotency-Key", "expired"); r.status != 200 || r.header.Get(headerReplayed) != "" {
			t.Errorf("expired key: %d replayed %q", r.status, r.header.Get(headerReplayed))
		}
	}
	if got := b.captured(); got != 200 {
		t.Errorf("captured %d", got)
	}
}

func TestAKeyInProgress(t *testing.T) {
	b := newBench(t, Config{})
	body := mustJSON(t, object{"order": b.approved(nil).text("id"), "amount": 100, "currency": "JPY"})
	b.arm(`{"on":"POST /payments","nth":1,"do":"key_in_progress","ms":600000}`)
	ctx, release := context.WithCancel(t.Context())
	held := make(chan error, 1)
	go func() {
		_, _, err := b.try(ctx, "POST", "/v1/payments", body, "k")
		held <- err
	}()
	for b.captured() == 0 { // it acts before it is held back
		b.must(200, "GET", "/_sandbox/healthz", nil)
	}
	if r := b.send("POST", "/v1/payments", body, "Idempotency-Key", "k"); r.status != 409 || r.object.text("errorCode") != "idempotency.in-progress" {
		t.Errorf("meanwhile: %d %s", r.status, r.body)
	}
	release()
	if err := <-held; !errors.Is(err, context.Canceled) {
		t.Errorf("the one held back: %v", err)
	}
}

func TestSlowAnswersArriveWhole(t *testing.T) {
	b := newBench(t, Config{})
	want := b.send("GET", "/v1/orders", "").body
	b.arm(`{"on":"GET /orders","nth":1,"do":"slow_drip","bytes_per_second":1000}`, `{"on":"GET /orders","nth":2,"do":"delay","ms":1}`)
	for range 2 {
		if r := b.send("GET", "/v1/orders", ""); r.status != 200 || r.body != want {
			t.Errorf("%d %s, want %s", r.status, r.body, want)
		}
	}
}

func TestASlowAnswerCanBeLeft(t *testing.T) {
	b := newBench(t, Config{})
	b.arm(`{"on":"GET /orders","do":"slow_drip","bytes_per_second":1}`, `{"on":"GET /payments","do":"hang"}`)
	for _, path := range []string{"/v1/orders", "/v1/payments"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, _, err := b.try(ctx, "GET", path, "", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
		cancel()
	}
}

func TestCloseLetsGoOfWhatHangs(t *testing.T) {
	b := newBench(t, Config{})
	b.arm(`{"on":"GET /orders","do":"hang"}`)
	done := make(chan error, 1)
	go func() {
		_, _, err := b.try(t.Context(), "GET", "/v1/orders", "", "")
		done <- err
	}()
	for b.ledger("").Counts.Requests == 0 {
		b.must(200, "GET", "/_sandbox/healthz", nil)
	}
	if err := b.server.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; !isReset(0, "", err) {
		t.Errorf("the one that hung: %v", err)
	}
}

func TestWhatIsToldIsNotWhatIsTrue(t *testing.T) {
	b := newBench(t, Config{})
	o := b.approved(nil)
	b.arm(`{"on":"GET /orders/{id}","nth":1,"do":"override_status","value":"on_hold"}`,
		`{"on":"POST /payments","nth":1,"do":"override_amount","value":40000}`,
		`{"on":"POST /payments","nth":1,"do":"override_currency","value":"USD"}`,
		`{"on":"POST /checkout-sessions","do":"override_status","value":null}`,
		`{"on":"POST /checkout-sessions","do":"override_field","field":"order.shippingInfo.feeAmount","value":"12"}`)
	if got := b.must(200, "GET", "/v1/orders/"+o.text("id"), nil).text("status"); got != "on_hold" {
		t.Errorf("status %s", got)
	}
	if got := b.must(200, "GET", "/v1/orders/"+o.text("id"), nil).text("status"); got != "requires_capture" {
		t.Errorf("status the second time %s", got)
	}
	if p := b.capture(o.text("id"), 400, "manual"); p.number("amount") != 40000 || p.text("currency") != "USD" || b.captured() != 400 {
		t.Errorf("told %v, captured %d", p, b.captured())
	}
	s := b.session(nil)
	if status, said := s.object("order")["status"]; status != nil || !said || s.object("order").object("shippingInfo").text("feeAmount") != "12" {
		t.Errorf("session %v", s)
	}
}

func TestVisibilityDelay(t *testing.T) {
	b := newBench(t, Config{})
	b.arm(`{"on":"POST /checkout-sessions","nth":1,"do":"visibility_delay","ms":5000}`,
		`{"on":"POST /checkout-sessions","nth":2,"do":"visibility_delay","ms":5000,"only":"lists"}`)
	hidden, unlisted := b.session(nil), b.session(nil)
	look := func(s object) (status int, listed int64) {
		return b.send("GET", "/v1/orders/"+s.object("order").text("id"), "").status, b.must(200, "GET", "/v1/orders", nil).number("results")
	}
	if status, n := look(hidden); status != 404 || n != 0 {
		t.Errorf("hidden: %d, %d listed", status, n)
	}
	if status, n := look(unlisted); status != 200 || n != 0 {
		t.Errorf("out of lists: %d, %d listed", status, n)
	}
	b.must(200, "POST", "/_sandbox/orders/"+hidden.object("order").text("id")+"/approve", nil) // it is there all the same
	b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 5000})
	if status, n := look(hidden); status != 200 || n != 2 {
		t.Errorf("later: %d, %d listed", status, n)
	}
}

func TestEchoRepeatsTheCredentials(t *testing.T) {
	b := newBench(t, Config{})
	b.arm(`{"on":"*","do":"echo_request_in_error"}`)
	r := b.send("POST", "/v1/payments", `{"a":"山田"}`)
	if r.status != 400 || !strings.Contains(r.object.text("message"), testKey) || !strings.Contains(r.object.text("message"), `{"a":"山田"}`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if text := b.send("GET", "/_sandbox/ledger", "").body; strings.Contains(text, testKey) {
		t.Error("the ledger tells the key")
	}
}

func TestFaultControls(t *testing.T) {
	b := newBench(t, Config{})
	b.arm(`{"on":"GET /orders","do":"status","status":500,"name":"a"}`, `{"on":"*","reference":"R-9","do":"hang"}`)
	b.send("GET", "/v1/orders", "")
	b.send("GET", "/v1/payments", "")
	rules := b.must(200, "GET", "/_sandbox/faults", nil).list("faults")
	first, _ := rules[0].(map[string]any)
	if len(rules) != 2 || object(first).number("fired") != 1 || object(first).number("matched") != 1 {
		t.Errorf("rules %v", rules)
	}
	if r := b.send("POST", "/_sandbox/faults", `{"faults":[{"on":"*","do":"explode"}]}`); r.status != 400 || !strings.Contains(r.body, "faults[0].do") {
		t.Errorf("%d %s", r.status, r.body)
	}
	b.must(204, "DELETE", "/_sandbox/faults/1", nil)
	b.must(404, "DELETE", "/_sandbox/faults/1", nil)
	b.must(404, "DELETE", "/_sandbox/faults/x", nil)
	b.must(200, "GET", "/v1/orders", nil)
	for _, name := range endpointNames() {
		if _, err := fault.Parse([]byte(`{"faults":[{"on":"`+name+`","do":"hang"}]}`), endpointNames()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFaultsMatchTheReferenceOfTheOrder(t *testing.T) {
	b := newBench(t, Config{})
	bad, good := b.approved(object{"reference": "BAD"}), b.approved(object{"reference": "GOOD"})
	p := b.capture(bad.text("id"), 100, "manual")
	b.arm(`{"on":"*","reference":"BAD","do":"status","status":503}`)
	for _, request := range []string{
		"GET /v1/orders/" + bad.text("id"), "PUT /v1/orders/" + bad.text("id") + "/cancellation", "GET /v1/payments/" + p.text("id"),
		"POST /v1/payments {\"order\":\"" + bad.text("id") + "\"}", "POST /v1/refunds {\"payment\":\"" + p.text("id") + "\"}",
		"POST /v1/checkout-sessions {\"reference\":\"BAD\"}",
	} {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		if r := b.send(method, path, body); r.status != 503 {
			t.Errorf("%s: %d", request, r.status)
		}
	}
	b.must(200, "GET", "/v1/orders/"+good.text("id"), nil)
	b.must(200, "GET", "/v1/orders", nil)
}

// hooked is a bench with an endpoint that hears of approved orders only.
func hooked(t *testing.T) (*bench, *shop, object) {
	far := newShop()
	b := newBench(t, Config{Webhooks: far})
	return b, far, b.must(200, "POST", "/v1/webhook-endpoints", object{
		"url": "http://shop.example/hooks", "eventSubscriptions": []string{"order.authorized", "order.canceled", "payment.created"},
	})
}

func TestWebhooksUnderFaults(t *testing.T) {
	t.Run("dropped", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","event":"order.authorized","nth":1,"do":"drop"}`)
		b.approved(object{"reference": "LOST"})
		b.approved(object{"reference": "SENT"})
		if events := far.wait(t, 1); events[0].object("eventData").object("data").text("reference") != "SENT" {
			t.Errorf("event %v", events[0])
		}
		if lost := b.ledger("?reference=LOST").Webhooks; len(lost) != 1 || !lost[0].Dropped || !slices.Equal(lost[0].Faults, []string{"drop"}) {
			t.Errorf("ledger %+v", lost)
		}
	})
	t.Run("duplicated", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","do":"duplicate","copies":2,"nth":1}`)
		b.approved(nil)
		events := far.wait(t, 3)
		if events[0].text("id") != events[1].text("id") || events[1].text("id") != events[2].text("id") {
			t.Errorf("events %v", events)
		}
	})
	t.Run("reordered", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","event":"order.authorized","do":"reorder"}`)
		b.approved(object{"captureMethod": "automatic"})
		if got := types(far.wait(t, 2)); !slices.Equal(got, []string{"payment.created", "order.authorized"}) {
			t.Errorf("order %v", got)
		}
	})
	t.Run("late", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","event":"order.authorized","do":"late","ms":60000}`)
		id := b.approved(nil).text("id")
		b.must(200, "PUT", "/v1/orders/"+id+"/cancellation", nil)
		if got := types(far.wait(t, 1)); !slices.Equal(got, []string{"order.canceled"}) {
			t.Errorf("before its time: %v", got)
		}
		b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 60000})
		if got := types(far.wait(t, 1)); got[1] != "order.authorized" {
			t.Errorf("in its time: %v", got)
		}
	})
	t.Run("early", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","event":"payment.created","do":"early"}`)
		id := b.approved(nil).text("id")
		far.wait(t, 1)
		b.capture(id, 100, "automatic")
		far.mu.Lock() // without waiting: it was there before the answer
		defer far.mu.Unlock()
		if got := types(far.events); !slices.Equal(got, []string{"order.authorized", "payment.created"}) {
			t.Errorf("events %v", got)
		}
	})
	t.Run("replayed", func(t *testing.T) {
		b, far, _ := hooked(t)
		b.arm(`{"on":"webhook","event":"order.authorized","do":"replay","ms":3600000}`)
		b.approved(nil)
		far.wait(t, 1)
		b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 3_600_000})
		far.wait(t, 1)
		for _, name := range []string{webhook.HeaderSignature, webhook.HeaderTimestamp, webhook.HeaderEvent} {
			if far.headers[0].Get(name) != far.headers[1].Get(name) {
				t.Errorf("%s differs: %q and %q", name, far.headers[0].Get(name), far.headers[1].Get(name))
			}
		}
	})
}

func TestWrongSignatures(t *testing.T) {
	b, far, hook := hooked(t)
	b.arm(`{"on":"webhook","nth":1,"do":"wrong_signature"}`, `{"on":"webhook","nth":2,"do":"wrong_signature","how":"missing"}`,
		`{"on":"webhook","nth":3,"do":"wrong_signature","how":"body"}`)
	for range 4 {
		b.approved(nil)
	}
	far.wait(t, 4)
	var right []bool
	for i, h := range far.headers {
		want := signature(t, hook.text("signingSecret"), h.Get(webhook.HeaderTimestamp), far.bodies[i])
		right = append(right, h.Get(webhook.HeaderSignature) == want)
	}
	if !slices.Equal(right, []bool{false, false, false, true}) || far.headers[1].Get(webhook.HeaderSignature) != "" {
		t.Errorf("right signatures %v", right)
	}
	rotated := b.must(200, "POST", "/_sandbox/webhook-endpoints/"+hook.text("id")+"/rotate-secret", nil).text("signingSecret")
	b.approved(nil)
	far.wait(t, 1)
	h, body := far.headers[4], far.bodies[4]
	if rotated == hook.text("signingSecret") || h.Get(webhook.HeaderSignature) != signature(t, rotated, h.Get(webhook.HeaderTimestamp), body) {
		t.Error("not signed with the new secret")
	}
}

func TestWhatHappensOutsideTheAPI(t *testing.T) {
	b, far, _ := hooked(t)
	id := b.approved(nil).text("id")
	p := b.must(200, "POST", "/_sandbox/orders/"+id+"/dashboard/capture", object{"amount": 400, "cancelRemainder": "manual"})
	r := b.must(200, "POST", "/_sandbox/payments/"+p.text("id")+"/dashboard/refund", object{"amount": 100})
	if o := b.must(200, "POST", "/_sandbox/orders/"+id+"/dashboard/cancel", nil); o.text("status") != "succeeded" || r.number("amount") != 100 {
		t.Errorf("order %v, refund %v", o, r)
	}
	expired := b.approved(nil).text("id")
	if o := b.must(200, "POST", "/_sandbox/orders/"+expired+"/expire", nil); o.text("status") != "canceled" {
		t.Errorf("expired order %v", o)
	}
	if got := types(far.wait(t, 4)); !slices.Equal(got, []string{"order.authorized", "payment.created", "order.authorized", "order.canceled"}) {
		t.Errorf("events %v", got)
	}
	for path, status := range map[string]int{
		"orders/" + expired + "/expire": 409, "orders/order_test_1/expire": 404, "orders/" + id + "/dashboard/capture": 409,
		"payments/payment_test_1/dashboard/refund": 404, "webhook-endpoints/x/rotate-secret": 404,
		"orders/" + expired + "/dashboard/capture": 409,
	} {
		b.must(status, "POST", "/_sandbox/"+path, nil)
	}
	sent := b.must(200, "POST", "/_sandbox/events", object{"merchant": testKey, "type": "order.teleported", "data": object{"id": "order_test_1"}})
	if sent.number("deliveries") != 0 {
		t.Errorf("sent to %d endpoints that did not subscribe to it", sent.number("deliveries"))
	}
	b.must(200, "POST", "/v1/webhook-endpoints", object{"url": "http://shop.example/all"})
	b.must(200, "POST", "/_sandbox/events", object{"merchant": testKey, "type": "order.teleported", "data": object{"id": "order_test_1"}})
	if events := far.wait(t, 1); events[4].object("eventData").text("type") != "order.teleported" {
		t.Errorf("event %v", events[4])
	}
	b.must(400, "POST", "/_sandbox/events", object{"merchant": "nobody", "type": "x", "data": object{}})
}
