package sandbox

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/page"
)

// answer posts the form of a hosted page, as a browser without cookies does.
func (b *bench) answer(address, action, card string) result {
	b.t.Helper()
	form := url.Values{"action": {action}}
	if card != "" {
		form.Set("card", card)
	}
	return b.send("POST", address, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
}

func (b *bench) status(s object) string {
	b.t.Helper()
	return b.must(200, "GET", "/v1/orders/"+s.object("order").text("id"), nil).text("status")
}

func TestAnsweringThePage(t *testing.T) {
	b := newBench(t, Config{})
	tests := map[string]struct {
		action, card string
		back, status string
		repeatStatus int // of the same answer given again, 303 unless said
	}{
		"approve":                {"approve", "", "successUrl", "requires_capture", 303},
		"approve with the card":  {"approve", page.CardApproved, "successUrl", "requires_capture", 303},
		"approve, card declined": {"approve", page.CardDeclined, "cancelUrl", "rejected", 409},
		"decline":                {"decline", page.CardApproved, "cancelUrl", "rejected", 303},
		"decline softly":         {"decline", page.CardSoftDeclined, "cancelUrl", "requires_authorization", 303},
		"cancel":                 {"cancel", "", "cancelUrl", "requires_authorization", 303},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := b.session(nil)
			first := b.answer(s.text("url"), tt.action, tt.card)
			if first.status != 303 || first.header.Get("Location") != s.text(tt.back) {
				t.Errorf("%d to %q, want 303 to %q", first.status, first.header.Get("Location"), s.text(tt.back))
			}
			again := b.answer(s.text("url"), tt.action, tt.card)
			if again.status != tt.repeatStatus || again.status == 303 && again.header.Get("Location") != s.text(tt.back) {
				t.Errorf("again: %d to %q", again.status, again.header.Get("Location"))
			}
			if got := b.status(s); got != tt.status {
				t.Errorf("order is %s, want %s", got, tt.status)
			}
		})
	}
}

func TestTheWayBackIsUnchanged(t *testing.T) {
	b := newBench(t, Config{})
	for _, address := range []string{
		"https://shop.example/ok?a=%E3%81%82&b=%2F..%2f#frag-%20", "https://shop.example/a/../b//c?x=1&x=2&",
		"shopapp://paid?order=1", "https://shop.example",
	} {
		s := b.session(object{"successUrl": address})
		if got := b.answer(s.text("url"), "approve", "").header["Location"]; len(got) != 1 || got[0] != address {
			t.Errorf("Location %q, want %q", got, address)
		}
	}
}

func TestAnAddressThatAnswersForItself(t *testing.T) {
	b := newBench(t, Config{})
	for auto, want := range map[string]struct{ back, status string }{
		"approve": {"successUrl", "requires_capture"}, "decline": {"cancelUrl", "rejected"},
		"decline&card=soft": {"cancelUrl", "requires_authorization"}, "cancel": {"cancelUrl", "requires_authorization"},
	} {
		s := b.session(nil)
		for range 2 {
			r := b.send("GET", s.text("url")+"?auto="+auto, "")
			if r.status != 303 || r.header.Get("Location") != s.text(want.back) || b.status(s) != want.status {
				t.Errorf("%s: %d to %q, order %s", auto, r.status, r.header.Get("Location"), b.status(s))
			}
		}
	}
	s := b.session(nil)
	if r := b.send("HEAD", s.text("url")+"?auto=approve", ""); r.status != 200 || b.status(s) != "requires_authorization" {
		t.Errorf("a HEAD request: %d, order %s", r.status, b.status(s))
	}
}

func TestASoftDeclineOffersAnotherTry(t *testing.T) {
	b := newBench(t, Config{})
	s := b.session(object{"locale": "en"})
	r := b.answer(s.text("url"), "approve", page.CardSoftDeclined)
	if r.status != 303 || !strings.HasPrefix(r.header.Get("Location"), "/checkout/") {
		t.Fatalf("%d to %s", r.status, r.header.Get("Location"))
	}
	again := b.send("GET", r.header.Get("Location"), "")
	if again.status != 200 || !strings.Contains(again.body, `role="alert"`) || !strings.Contains(again.body, "You can try another one") {
		t.Errorf("%d %s", again.status, again.body)
	}
	if r = b.answer(s.text("url"), "approve", page.CardApproved); r.header.Get("Location") != s.text("successUrl") {
		t.Errorf("another card: %d", r.status)
	}
	if got := b.ledger("?reference=R-1").ByReference["R-1"].Authorized; got != 1250 {
		t.Errorf("authorized %d", got)
	}
}

func TestWhatThePageShows(t *testing.T) {
	b := newBench(t, Config{ShopName: "Cafe & <Co>"})
	s := b.session(object{"locale": "ja", "reference": `R-"1"`})
	for query, want := range map[string][]string{
		"": {`<html lang="ja">`, "これはサンドボックスです", "Cafe &amp; &lt;Co&gt;", "マグカップ", "¥1,000", "−¥100", "¥250", "送料",
			"¥1,250", "4242 4242 4242 4242", "4100 0000 0000 0019", "R-&#34;1&#34;", "日本時間", `name="viewport"`},
		"?lang=en": {`<html lang="en">`, "This is a sandbox.", "No money moves", "Your order", "Shipping", "Pay ¥1,250", "(Japan time)"},
	} {
		r := b.send("GET", s.text("url")+query, "")
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		for _, text := range want {
			if !strings.Contains(r.body, text) {
				t.Errorf("%q: the page lacks %q", query, text)
			}
		}
		for _, text := range []string{"<script", "http-equiv", "ZgotmplZ", `src="`} {
			if strings.Contains(r.body, text) {
				t.Errorf("%q: the page has %q", query, text)
			}
		}
		for name, value := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got := r.header.Get(name); got != value {
				t.Errorf("%s: %q", name, got)
			}
		}
		if policy := r.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("policy %s", policy)
		}
	}
}

func TestTheBrowsersLanguageDecidesWhereTheShopDoesNot(t *testing.T) {
	b := newBench(t, Config{})
	s := b.session(nil)
	for accept, want := range map[string]string{"": "ja", "en-GB,en;q=0.9": "en", "ja,en;q=0.5": "ja", "fr": "ja"} {
		if r := b.send("GET", s.text("url"), "", "Accept-Language", accept); !strings.Contains(r.body, `<html lang="`+want+`">`) {
			t.Errorf("Accept-Language %q gives another page than %s", accept, want)
		}
	}
}

// TestPagesThatAreOver looks at, and answers, pages that no longer wait.
func TestPagesThatAreOver(t *testing.T) {
	b := newBench(t, Config{})
	tests := map[string]struct {
		before        func(s object)
		state         string
		look, approve int
		way           string
	}{
		"approved": {func(s object) { b.answer(s.text("url"), "approve", "") }, "approved", 200, 303, "successUrl"},
		"rejected": {func(s object) { b.answer(s.text("url"), "decline", "") }, "rejected", 200, 409, "cancelUrl"},
		"cancelled by the shop": {func(s object) {
			b.answer(s.text("url"), "approve", "")
			b.must(200, "PUT", "/v1/orders/"+s.object("order").text("id")+"/cancellation", nil)
		}, "canceled", 200, 409, "cancelUrl"},
		"expired": {func(object) { b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 24 * 3600 * 1000}) }, "expired", 410, 410, "cancelUrl"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := b.session(object{"locale": "en"})
			tt.before(s)
			was := b.status(s)
			r := b.send("GET", s.text("url"), "")
			way := strings.ReplaceAll(s.text(tt.way), "&", "&amp;")
			if r.status != tt.look || !strings.Contains(r.body, `data-state="`+tt.state+`"`) || !strings.Contains(r.body, `href="`+way+`"`) ||
				strings.Contains(r.body, `name="action"`) {
				t.Errorf("looking: %d %s", r.status, r.body)
			}
			if r := b.answer(s.text("url"), "approve", ""); r.status != tt.approve {
				t.Errorf("approving: %d to %s", r.status, r.header.Get("Location"))
			}
			if tt.state == "approved" || tt.state == "canceled" {
				for _, action := range []string{"decline", "cancel"} {
					if r := b.answer(s.text("url"), action, ""); r.status != 409 {
						t.Errorf("%s: %d", action, r.status)
					}
				}
			}
			if got := b.status(s); got != was {
				t.Errorf("order went from %s to %s", was, got)
			}
		})
	}
}

func TestADoubleClickApprovesOnce(t *testing.T) {
	b := newBench(t, Config{})
	s := b.session(object{"captureMethod": "automatic"})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if r := b.answer(s.text("url"), "approve", ""); r.status != 303 || r.header.Get("Location") != s.text("successUrl") {
				t.Errorf("%d to %s", r.status, r.header.Get("Location"))
			}
		})
	}
	all.Wait()
	if sum := b.ledger("?reference=R-1").ByReference["R-1"]; sum.Authorized != 1250 || sum.Captured != 1250 || sum.Movements != 2 {
		t.Errorf("ledger %+v", sum)
	}
}

func TestAddressesThatAreNoPage(t *testing.T) {
	b := newBench(t, Config{})
	s := b.session(nil)
	address := s.text("url")
	for name, wrong := range map[string]string{
		"unsigned":               b.url + "/checkout/" + s.text("id"),
		"signature cut":          address[:len(address)-1],
		"signature of another":   strings.Replace(address, s.text("id"), b.session(nil).text("id"), 1),
		"another time":           strings.Replace(address, s.text("id")+".", s.text("id")+".1", 1),
		"nothing after checkout": b.url + "/checkout/x",
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []result{b.send("GET", wrong, ""), b.answer(wrong, "approve", "")} {
				if r.status != 404 || !strings.Contains(r.body, `data-state="unknown"`) {
					t.Errorf("%d %s", r.status, r.body)
				}
			}
		})
	}
	if got := b.status(s); got != "requires_authorization" {
		t.Errorf("order is %s", got)
	}
	if r := b.send("DELETE", address, ""); r.status != 405 {
		t.Errorf("DELETE: %d", r.status)
	}
	if r := b.answer(address, "explode", ""); r.status != 400 || !strings.Contains(r.body, `data-state="open"`) {
		t.Errorf("an unknown answer: %d", r.status)
	}
}

func TestPromotionCodesOnThePage(t *testing.T) {
	b := newBench(t, Config{})
	c := b.must(200, "POST", "/v1/coupons", object{"name": "Spring", "discountType": "amount", "discountAmount": 100, "currency": "JPY"})
	b.must(200, "POST", "/v1/promotion-codes", object{"code": "SPRING 10", "coupon": c.text("id")})
	s := b.session(object{"locale": "en"})
	if r := b.send("GET", s.text("url")+"?promotion-code=nope", ""); !strings.Contains(r.body, `role="alert"`) {
		t.Errorf("a code that is none: %s", r.body)
	}
	if r := b.send("GET", s.text("url")+"?promotion-code=spring+10", ""); !strings.Contains(r.body, "Pay ¥1,150") || strings.Contains(r.body, `role="alert"`) {
		t.Errorf("a code: %s", r.body)
	}
	o := b.must(200, "GET", "/v1/orders/"+s.object("order").text("id")+"?expand=all", nil)
	discount, _ := o.list("discounts")[0].(map[string]any)
	plain := b.must(200, "GET", "/v1/orders/"+s.object("order").text("id"), nil)
	if id, ok := plain.list("discounts")[0].(string); !ok || id != discount["id"] {
		t.Errorf("in plain form the discount is %v", plain.list("discounts"))
	}
	wantKeys(t, "discount", discount, "id", "object", "test", "createdAt", "amount", "currency", "coupon", "promotionCode")
	if o.number("discountAmount") != 100 || o.number("amount") != 1250 {
		t.Errorf("order %v", o)
	}
	if got := b.must(200, "GET", "/v1/coupons/"+c.text("id"), nil).number("redemptionCount"); got != 1 {
		t.Errorf("redeemed %d times", got)
	}
}

func TestATokenIsApprovedOnThePage(t *testing.T) {
	b := newBench(t, Config{})
	for action, want := range map[string]struct{ back, status string }{
		"approve": {"successUrl", "active"}, "decline": {"cancelUrl", "rejected"}, "cancel": {"cancelUrl", "requires_authorization"},
	} {
		s := b.must(200, "POST", "/v1/checkout-sessions", object{
			"mode": "token", "customerInfo": object{}, "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
		})
		if r := b.send("GET", s.text("url"), ""); r.status != 200 || strings.Contains(r.body, "¥") {
			t.Errorf("a page that asks for no money: %d %s", r.status, r.body)
		}
		if r := b.answer(s.text("url"), action, ""); r.header.Get("Location") != s.text(want.back) {
			t.Errorf("%s: %d to %s", action, r.status, r.header.Get("Location"))
		}
		if got := b.must(200, "GET", "/v1/tokens/"+s.object("token").text("id"), nil).text("status"); got != want.status {
			t.Errorf("%s: token is %s", action, got)
		}
	}
}
