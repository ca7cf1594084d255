package sandbox

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

func (b *bench) ledger(query string) ledgerView {
	b.t.Helper()
	var v ledgerView
	if err := json.Unmarshal([]byte(b.send("GET", "/_sandbox/ledger"+query, "").body), &v); err != nil {
		b.t.Fatal(err)
	}
	return v
}

func TestLedger(t *testing.T) {
	b := newBench(t, Config{})
	s := b.must(200, "POST", "/v1/checkout-sessions", order(nil), "Idempotency-Key", "create")
	id := s.object("order").text("id")
	b.must(200, "POST", "/_sandbox/orders/"+id+"/approve", nil)
	p := b.must(200, "POST", "/v1/payments", object{"order": id, "amount": 400, "currency": "JPY"}, "Idempotency-Key", "take")
	r := b.must(200, "POST", "/v1/refunds", object{
		"payment": p.text("id"), "amount": 50, "currency": "JPY", "reason": "fraudulent"}, "Idempotency-Key", "back")
	b.approved(object{"reference": "R-2"})

	all := b.ledger("")
	if all.Counts.Requests != 4 || all.Counts.ByEndpoint["POST /checkout-sessions"] != 2 || all.Counts.ByStatus[200] != 4 {
		t.Errorf("counts %+v", all.Counts)
	}
	mine := b.ledger("?reference=R-1")
	want := []movementView{
		{Motion: "authorized", Amount: 1250, Cause: "control", Order: id},
		{Motion: "captured", Amount: 400, Cause: "api", Key: "take", Order: id, Payment: p.text("id")},
		{Motion: "released", Amount: 850, Cause: "api", Key: "take", Order: id},
		{Motion: "refunded", Amount: 50, Cause: "api", Key: "back", Order: id, Payment: p.text("id"), Refund: r.text("id")},
	}
	if len(mine.Movements) != len(want) {
		t.Fatalf("movements %+v", mine.Movements)
	}
	for i, m := range mine.Movements {
		want[i].Seq, want[i].At, want[i].Currency, want[i].Reference, want[i].Merchant = m.Seq, m.At, "JPY", "R-1", m.Merchant
		if m != want[i] {
			t.Errorf("movement %d is %+v\nwant %+v", i, m, want[i])
		}
	}
	if len(mine.Requests) != 3 || mine.Requests[1].Reference != "R-1" || mine.Requests[1].Endpoint != "POST /payments" {
		t.Errorf("requests %+v", mine.Requests)
	}
	if sum := mine.ByReference["R-1"]; sum.Authorized != 1250 || sum.Captured != 400 || sum.Released != 850 || sum.Refunded != 50 ||
		len(sum.Orders) != 1 || sum.Requests != 3 {
		t.Errorf("sums %+v", sum)
	}
	if one := b.ledger("?limit=1"); len(one.Movements) != 1 || one.Counts.MatchedMovements != 5 || one.Movements[0].Reference != "R-2" {
		t.Errorf("last line %+v of %d", one.Movements, one.Counts.MatchedMovements)
	}
	b.must(204, "DELETE", "/_sandbox/ledger", nil)
	if after := b.ledger(""); after.Counts.Requests != 0 || len(after.Requests) != 0 || len(after.Movements) != 5 {
		t.Errorf("after the reset: %d requests, %d movements", after.Counts.Requests, len(after.Movements))
	}
}

func TestLedgerShowsWhatWasRefused(t *testing.T) {
	b := newBench(t, Config{})
	b.send("POST", "/v1/payments", `{`, "Idempotency-Key", "k")
	b.send("GET", "/v1/nothing", "")
	b.send("GET", "/v1/orders", "", "Authorization", "Basic sk_test_invalid1")
	seen := b.ledger("").Requests
	if len(seen) != 3 || seen[0].Status != 400 || seen[0].ErrorCode != "request.malformed" || seen[0].Body != "{" ||
		seen[1].Status != 404 || seen[2].Status != 401 || seen[2].ErrorCode != "" {
		t.Errorf("%+v", seen)
	}
}

func TestLedgerMasksSecrets(t *testing.T) {
	b := newBench(t, Config{})
	b.send("POST", "/v1/checkout-sessions?key=sk_live_queryCanary", mustJSON(t, order(object{"metadata": object{"k": "sk_test_bodyCanary"}})),
		"Authorization", "Basic sk_test_headerCanary", "X-Other", "sk_test_otherCanary", "Cookie", "cookieCanary")
	b.send("POST", "/consumers/auth/login", `{"emailAddress":"a@example.com","password":"word\"Canary"}`)
	b.send("GET", "/v1/orders/sk_test_pathCanary", "")
	text := b.send("GET", "/_sandbox/ledger", "").body
	for _, canary := range []string{"Canary", testKey} {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("the ledger tells a secret: …%s…", text[max(0, i-60):min(len(text), i+20)])
		}
	}
	if !strings.Contains(text, `"Authorization":"Basic ***"`) || !strings.Contains(text, `"merchant":"merchant-`) {
		t.Error("nothing tells who asked")
	}
}

func TestTheRequestLogIsBounded(t *testing.T) {
	b := newBench(t, Config{RequestLog: 3})
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		b.send("GET", "/v1/orders/"+id, "")
	}
	v := b.ledger("")
	var paths []string
	for _, r := range v.Requests {
		paths = append(paths, r.Path)
	}
	if got := strings.Join(paths, " "); got != "/v1/orders/3 /v1/orders/4 /v1/orders/5" || v.Counts.Requests != 5 || v.Counts.Remembered != 3 {
		t.Errorf("remembers %s of %d, says %d", got, v.Counts.Requests, v.Counts.Remembered)
	}
}

func TestControlsAnswerThisMachineOnly(t *testing.T) {
	s := New(Config{})
	for peer, want := range map[string]int{"127.0.0.1:9": 200, "[::1]:9": 200, "192.0.2.1:9": 403, "[2001:db8::1]:9": 403, "nonsense": 403} {
		req := httptest.NewRequest("GET", "/_sandbox/ledger", nil)
		req.RemoteAddr = peer
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", peer, w.Code, want)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClockControl(t *testing.T) {
	b := newBench(t, Config{})
	id := b.approved(nil).text("id")
	before := b.must(200, "GET", "/_sandbox/clock", nil).number("now")
	after := b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 7 * 24 * 3600 * 1000})
	if after.number("now")-before < 604_800_000 || after.number("ahead_ms") != 604_800_000 {
		t.Errorf("clock %v", after)
	}
	if o := b.must(200, "GET", "/v1/orders/"+id, nil); o.text("status") != "canceled" {
		t.Errorf("order after seven days: %v", o)
	}
	if line := b.ledger("?reference=R-1").Movements[1]; line.Motion != "released" || line.Amount != 1250 || line.Cause != "clock" {
		t.Errorf("ledger %+v", line)
	}
	for _, bad := range []string{`{}`, `{"advance_ms":-1}`, `{"advance_ms":"1"}`, `x`} {
		if r := b.send("POST", "/_sandbox/clock", bad); r.status != 400 {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
}

func TestDecidingWithoutABrowser(t *testing.T) {
	b := newBench(t, Config{})
	for name, tt := range map[string]struct {
		path   func(s object) string
		body   object
		status string
		back   string
	}{
		"an order":      {func(s object) string { return "orders/" + s.object("order").text("id") + "/approve" }, nil, "requires_capture", "successUrl"},
		"a session":     {func(s object) string { return "sessions/" + s.text("id") + "/decline" }, nil, "rejected", "cancelUrl"},
		"a reference":   {func(object) string { return "references/R%2F7%20x/approve" }, nil, "requires_capture", "successUrl"},
		"softly":        {func(s object) string { return "sessions/" + s.text("id") + "/decline" }, object{"soft": true}, "requires_authorization", "cancelUrl"},
		"by leaving it": {func(s object) string { return "sessions/" + s.text("id") + "/cancel" }, nil, "requires_authorization", "cancelUrl"},
	} {
		t.Run(name, func(t *testing.T) {
			s := b.session(object{"reference": "R/7 x"})
			for range 2 { // the second time changes nothing and says the same
				got := b.must(200, "POST", "/_sandbox/"+tt.path(s), tt.body)
				if got.object("order").text("status") != tt.status || got.text("redirect_url") != s.text(tt.back) {
					t.Errorf("%v", got)
				}
			}
		})
	}
	for path, status := range map[string]int{
		"orders/order_test_1/approve": 404, "references/none/approve": 404, "sessions/checkout_test_1/cancel": 404,
		"orders/order_test_1/explode":                       404,
		"orders/" + b.approved(nil).text("id") + "/decline": 409,
	} {
		if r := b.send("POST", "/_sandbox/"+path, ""); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
