package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// buyer is a person with a browser who has come from a shop.
type buyer struct {
	*browser
	*bench
	shop string
}

func newBuyer(t *testing.T) buyer {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>shop</title><body data-state=shop><p>"+r.URL.Path)
	}))
	t.Cleanup(shop.Close)
	return buyer{browser: newBrowser(t), bench: newBench(t, Config{ShopName: "喫茶さくら"}), shop: shop.URL}
}

// run is one part of what the buyer does: what goes wrong is told of it.
func (b buyer) run(t *testing.T, name string, do func(t *testing.T)) {
	t.Run(name, func(part *testing.T) {
		b.browser.t, b.bench.t = part, part
		defer func() { b.browser.t, b.bench.t = t, t }()
		do(part)
	})
}

// visit opens a session and looks at its page.
func (b buyer) visit(changes object) object {
	b.bench.t.Helper()
	all := object{"successUrl": b.shop + "/ok", "cancelUrl": b.shop + "/no"}
	for name, value := range changes {
		all[name] = value
	}
	s := b.bench.session(all)
	b.open(s.text("url"))
	return s
}

func (b buyer) wantAt(path string) {
	b.bench.t.Helper()
	if got := b.address(); got != b.shop+path {
		b.bench.t.Errorf("the browser is at %s, want %s", got, b.shop+path)
	}
}

func (b buyer) wantState(page, order string, s object) {
	b.bench.t.Helper()
	if got := b.state(); got != page {
		b.bench.t.Errorf("the page is %s, want %s", got, page)
	}
	if got := b.status(s); got != order {
		b.bench.t.Errorf("the order is %s, want %s", got, order)
	}
}

const (
	pay     = `button[value=approve]`
	decline = `button[value=decline]`
	leave   = `button[value=cancel]`
)

// TestInABrowser goes through the hosted page as people do. Pages work without
// scripts, so they are switched off throughout.
func TestInABrowser(t *testing.T) {
	b := newBuyer(t)
	b.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.window(1100, 900, false)

	b.run(t, "approve, go back, reload", func(t *testing.T) {
		s := b.visit(object{"locale": "ja"})
		b.keep("open-ja")
		b.load(func() { b.click(pay, 1) })
		b.wantAt("/ok")
		b.back()
		b.wantState("approved", "requires_capture", s)
		b.keep("approved-ja")
		b.load(func() { b.do("Page.reload", nil, nil) })
		b.wantState("approved", "requires_capture", s)
		b.load(func() { b.click("a.primary", 1) })
		b.wantAt("/ok")
	})
	b.run(t, "decline, go back", func(t *testing.T) {
		s := b.visit(object{"locale": "en"})
		b.keep("open-en")
		b.load(func() { b.click(decline, 1) })
		b.wantAt("/no")
		b.back()
		b.wantState("rejected", "rejected", s)
		b.keep("rejected-en")
	})
	b.run(t, "leave, go back, pay after all", func(t *testing.T) {
		s := b.visit(nil)
		b.load(func() { b.click(leave, 1) })
		b.wantAt("/no")
		b.back()
		b.wantState("open", "requires_authorization", s)
		b.load(func() { b.click(pay, 1) })
		b.wantAt("/ok")
	})
	b.run(t, "click twice", func(t *testing.T) {
		s := b.visit(object{"captureMethod": "automatic", "reference": "TWICE"})
		b.load(func() { b.click(pay, 2) })
		b.wantAt("/ok")
		if sum := b.ledger("?reference=TWICE").ByReference["TWICE"]; sum.Captured != 1250 || b.status(s) != "succeeded" {
			t.Errorf("ledger %+v", sum)
		}
	})
	b.run(t, "a card that is declined, then another", func(t *testing.T) {
		s := b.visit(object{"locale": "en"})
		b.click(`input[value="4100000000000035"]`, 1)
		b.load(func() { b.click(pay, 1) })
		b.wantState("open", "requires_authorization", s)
		if b.eval("document.querySelectorAll('[role=alert]').length") != 1.0 {
			t.Error("nothing says that the card was declined")
		}
		b.keep("declined-softly-en")
		b.load(func() { b.click(pay, 1) })
		b.wantAt("/ok")
	})
	b.run(t, "with the keyboard alone", func(t *testing.T) {
		s := b.visit(nil)
		for range 20 { // along the page to the cards, down to the second, and on to the button
			b.press("Tab", 9, "")
			if b.eval("document.activeElement.name") == "card" {
				break
			}
		}
		b.press("ArrowDown", 40, "")
		if got := b.eval("document.querySelector(':checked').value"); got != "4100000000000019" {
			t.Errorf("the chosen card is %v", got)
		}
		b.press("Tab", 9, "")
		b.keep("keyboard")
		b.load(func() { b.press("Enter", 13, "\r") })
		b.wantAt("/no")
		if got := b.status(s); got != "rejected" {
			t.Errorf("the order is %s", got)
		}
	})
	b.run(t, "in the other language", func(t *testing.T) {
		b.visit(object{"locale": "ja"})
		b.load(func() { b.click("nav a", 1) })
		if got := b.eval("document.documentElement.lang"); got != "en" {
			t.Errorf("the page is in %v", got)
		}
		b.load(func() { b.click(leave, 1) })
		b.wantAt("/no")
	})
	b.run(t, "on a phone, in the dark", func(t *testing.T) {
		b.window(360, 740, true)
		b.do("Emulation.setEmulatedMedia", map[string]any{"features": []object{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
		long := strings.Repeat("とても長い商品名", 12)
		b.visit(object{"locale": "ja", "items": []object{
			{"name": long, "amount": 1000, "currency": "JPY"}, {"kind": "tax", "name": strings.Repeat("x", 90), "amount": 150, "currency": "JPY"},
		}})
		b.keep("phone-dark-ja")
		if wide := b.eval("document.documentElement.scrollWidth"); wide != 360.0 {
			t.Errorf("the page is %v wide on a screen of 360", wide)
		}
		if small := b.eval(`[...document.querySelectorAll("button, label.card")].filter(e => e.offsetHeight < 44).length`); small != 0.0 {
			t.Errorf("%v things to touch are too small for a finger", small)
		}
		b.do("Emulation.setEmulatedMedia", map[string]any{"features": []object{}}, nil)
	})
	b.run(t, "too late", func(t *testing.T) {
		s := b.visit(object{"locale": "ja"})
		b.must(200, "POST", "/_sandbox/clock", object{"advance_ms": 24 * 3600 * 1000})
		b.load(func() { b.click(pay, 1) })
		b.wantState("expired", "requires_authorization", s)
		b.keep("expired-ja")
		b.load(func() { b.click("a.primary", 1) })
		b.wantAt("/no")
	})
	b.browser.errors = withoutStatus(b.browser.errors)
	b.calm()
}

// withoutStatus leaves out complaints that a page answered 410: it should.
func withoutStatus(complaints []string) []string {
	var rest []string
	for _, c := range complaints {
		if !strings.Contains(c, "410 (Gone)") {
			rest = append(rest, c)
		}
	}
	return rest
}
