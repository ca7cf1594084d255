package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOrderThroughItsLife(t *testing.T) {
	b := newBench(t, Config{})
	o := b.approved(nil)
	id := o.text("id")
	if o.text("status") != "requires_capture" || o.number("expiresAt")-o.number("updatedAt") != 604_800_000 {
		t.Fatalf("approved order %v", o)
	}
	p := b.capture(id, 400, "manual")
	wantKeys(t, "payment", p, "id", "object", "test", "createdAt", "updatedAt", "amount", "currency", "order", "reference",
		"status", "metadata")
	if p.text("order") != id || p.text("status") != "processed" || p.text("reference") != "R-1" || p.number("amount") != 400 {
		t.Errorf("payment %v", p)
	}
	b.capture(id, 100, "manual")
	o = b.must(200, "GET", "/v1/orders/"+id, nil)
	if o.text("status") != "requires_capture" || len(o.list("payments")) != 2 || o.list("payments")[0] != p.text("id") {
		t.Errorf("partly captured order %v", o)
	}
	r := b.must(200, "POST", "/v1/refunds", object{
		"payment": p.text("id"), "amount": 150, "currency": "jpy", "reason": "fraudulent", "reference": "RF-1",
		"description": "返品", "metadata": object{"a": "b"},
	})
	wantKeys(t, "refund", r, "id", "object", "test", "createdAt", "updatedAt", "amount", "currency", "payment", "reason",
		"reference", "description", "status", "metadata")
	if r.text("status") != "succeeded" || r.text("currency") != "JPY" || r.text("payment") != p.text("id") {
		t.Errorf("refund %v", r)
	}
	if o = b.must(200, "PUT", "/v1/orders/"+id+"/cancellation", nil); o.text("status") != "succeeded" {
		t.Errorf("cancelled after a part was captured: %v", o)
	}
	o = b.must(200, "GET", "/v1/orders/"+id+"?expand=all", nil)
	first, _ := o.list("payments")[0].(map[string]any)
	if object(first).number("amount") != 400 || object(first).text("order") != id || object(first).list("refunds")[0] != r.text("id") {
		t.Errorf("expanded payment %v", first)
	}
	if p = b.must(200, "GET", "/v1/payments/"+p.text("id"), nil); p.text("status") != "processed" {
		t.Errorf("partly refunded payment %v", p)
	}
	b.must(200, "POST", "/v1/refunds", object{"payment": p.text("id"), "currency": "JPY", "reason": "requested_by_customer"})
	if p = b.must(200, "GET", "/v1/payments/"+p.text("id"), nil); p.text("status") != "refunded" || len(p.list("refunds")) != 2 {
		t.Errorf("refunded payment %v", p)
	}
}

func TestAutomaticCaptureCreatesThePayment(t *testing.T) {
	b := newBench(t, Config{})
	o := b.approved(object{"captureMethod": nil})
	if o.text("status") != "succeeded" || len(o.list("payments")) != 1 {
		t.Fatalf("order %v", o)
	}
	if p, _ := o.list("payments")[0].(map[string]any); object(p).number("amount") != 1250 || object(p).text("reference") != "R-1" {
		t.Errorf("payment %v", p)
	}
}

// TestRefusals has every documented error of orders, payments and refunds.
func TestRefusals(t *testing.T) {
	b := newBench(t, Config{})
	waiting := b.session(nil).object("order").text("id")
	open := b.approved(nil).text("id")
	done := b.approved(object{"captureMethod": "automatic"})
	paid, _ := done.list("payments")[0].(map[string]any)
	payment := object(paid).text("id")
	capture := func(changes object) object {
		body := object{"order": open, "amount": 100, "currency": "JPY"}
		for k, v := range changes {
			body[k] = v
		}
		return body
	}
	refund := func(changes object) object {
		body := object{"payment": payment, "amount": 100, "currency": "JPY", "reason": "fraudulent"}
		for k, v := range changes {
			body[k] = v
		}
		return body
	}
	tests := map[string]struct {
		method, path string
		body         object
		status       int
		code         string
	}{
		"no such session":        {"GET", "/v1/checkout-sessions/checkout_test_1", nil, 404, "checkout-session.not-found"},
		"no such order":          {"GET", "/v1/orders/order_test_1", nil, 404, "order.not-found"},
		"a badly formed order":   {"GET", "/v1/orders/..", nil, 404, "order.not-found"},
		"no such payment":        {"GET", "/v1/payments/payment_test_1", nil, 404, "payment.not-found"},
		"no such refund":         {"GET", "/v1/refunds/refund_test_1", nil, 404, "refund.not-found"},
		"nothing to update":      {"PATCH", "/v1/payments/payment_test_1", object{}, 404, "payment.not-found"},
		"no refund to update":    {"PATCH", "/v1/refunds/refund_test_1", object{}, 404, "refund.not-found"},
		"cancel no order":        {"PUT", "/v1/orders/order_test_1/cancellation", nil, 404, "order.not-found"},
		"cancel unapproved":      {"PUT", "/v1/orders/" + waiting + "/cancellation", nil, 409, "order.cannot-cancel"},
		"cancel captured":        {"PUT", "/v1/orders/" + done.text("id") + "/cancellation", nil, 409, "order.cannot-cancel"},
		"capture no order":       {"POST", "/v1/payments", capture(object{"order": "order_test_1"}), 404, "order.not-found"},
		"capture unapproved":     {"POST", "/v1/payments", capture(object{"order": waiting}), 409, "order.cannot-capture"},
		"capture captured":       {"POST", "/v1/payments", capture(object{"order": done.text("id")}), 409, "order.cannot-capture"},
		"capture too much":       {"POST", "/v1/payments", capture(object{"amount": 1251}), 409, "payment.excessive-amount"},
		"capture nothing":        {"POST", "/v1/payments", capture(object{"amount": 0}), 400, "request.invalid"},
		"capture less than that": {"POST", "/v1/payments", capture(object{"amount": -5}), 400, "request.invalid"},
		"capture dollars":        {"POST", "/v1/payments", capture(object{"currency": "USD"}), 400, "request.invalid"},
		"capture how":            {"POST", "/v1/payments", capture(object{"cancelRemainder": "maybe"}), 400, "request.invalid"},
		"refund no payment":      {"POST", "/v1/refunds", refund(object{"payment": "payment_test_1"}), 404, "payment.not-found"},
		"refund too much":        {"POST", "/v1/refunds", refund(object{"amount": 1251}), 403, "amount.insufficient"},
		"refund nothing":         {"POST", "/v1/refunds", refund(object{"amount": 0}), 400, "request.invalid"},
		"refund for no reason":   {"POST", "/v1/refunds", refund(object{"reason": nil}), 400, "request.invalid"},
		"refund for another one": {"POST", "/v1/refunds", refund(object{"reason": "duplicate"}), 400, "request.invalid"},
		"no such address":        {"GET", "/v1/customers", nil, 404, "request.not-found"},
		"no such method":         {"DELETE", "/v1/orders/" + open, nil, 405, "request.method-not-allowed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := ""
			if tt.body != nil {
				body = mustJSON(t, tt.body)
			}
			r := b.send(tt.method, strings.ReplaceAll(tt.path, "..", "%2e%2e"), body)
			if r.status != tt.status || r.object.text("errorCode") != tt.code || r.object.number("statusCode") != int64(tt.status) {
				t.Errorf("%d %s, want %d %s", r.status, r.body, tt.status, tt.code)
			}
			wantKeys(t, "error", r.object, "statusCode", "errorCode", "message", "details")
		})
	}
	if sum := b.ledger("").ByReference["R-1"]; sum.Captured != 1250 || sum.Refunded != 0 || sum.Released != 0 {
		t.Errorf("refusals moved money: %+v", sum)
	}
}

func TestBodiesOfCancellationDoNotMatter(t *testing.T) {
	b := newBench(t, Config{})
	for name, body := range map[string]string{"none": "", "{}": "{}", "[]": "[]"} {
		t.Run(name, func(t *testing.T) {
			id := b.approved(nil).text("id")
			for range 2 { // a second cancellation is no error
				r := b.send("PUT", "/v1/orders/"+id+"/cancellation", body, "Content-Type", "application/json")
				if r.status != 200 || r.object.text("status") != "canceled" {
					t.Errorf("%d %s", r.status, r.body)
				}
			}
		})
	}
}

func TestNotesOnPaymentsAndRefunds(t *testing.T) {
	b := newBench(t, Config{})
	p := b.capture(b.approved(nil).text("id"), 1250, "automatic")
	r := b.must(200, "POST", "/v1/refunds", object{"payment": p.text("id"), "amount": 1, "currency": "JPY", "reason": "fraudulent"})
	for _, path := range []string{"/v1/payments/" + p.text("id"), "/v1/refunds/" + r.text("id")} {
		changed := b.must(200, "PATCH", path, object{"reference": "N-1", "description": "d", "metadata": object{"a": "b"}})
		if changed.text("reference") != "N-1" || changed.text("description") != "d" || changed.object("metadata").text("a") != "b" {
			t.Errorf("%s: %v", path, changed)
		}
		for _, nothing := range []string{"{}", "[]", "", `{"reference":null}`} {
			if same := b.send("PATCH", path, nothing); same.status != 200 || same.object.text("reference") != "N-1" {
				t.Errorf("%s with %q: %d %s", path, nothing, same.status, same.body)
			}
		}
	}
}

func TestConcurrentCapturesAndCancellation(t *testing.T) {
	b := newBench(t, Config{})
	id := b.approved(nil).text("id")
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			r := b.send("POST", "/v1/payments", fmt.Sprintf(
				`{"order":%q,"amount":40,"currency":"JPY","cancelRemainder":"manual"}`, id), "Idempotency-Key", fmt.Sprint(i))
			if r.status == http.StatusOK {
				won.Add(1)
			}
			if i == 40 {
				b.send("PUT", "/v1/orders/"+id+"/cancellation", "")
			}
		})
	}
	all.Wait()
	sum := b.ledger("?reference=R-1").ByReference["R-1"]
	if sum.Captured != won.Load()*40 || sum.Captured > 1250 || sum.Captured+sum.Released != sum.Authorized {
		t.Errorf("%d captures won; ledger %+v", won.Load(), sum)
	}
}
