package smartpay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// A textField is a place in a request where merchants put words.
type textField struct {
	set   func(*sdk.AuthorizeRequest, string)
	read  []any // where it is in the checkout session
	most  int   // in code points
	lines bool  // line breaks and tabs are welcome
}

var textFields = map[string]textField{
	"/billing/first_name": {set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.FirstName = s }, read: []any{"customerInfo", "firstName"}, most: 255},
	"/billing/last_name":  {set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.LastName = s }, read: []any{"customerInfo", "lastName"}, most: 255},
	"/billing/address/line1": {
		set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.Line1 = s }, read: []any{"customerInfo", "address", "line1"}, most: 255,
	},
	"/billing/address/line2": {
		set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.Line2 = s }, read: []any{"customerInfo", "address", "line2"}, most: 255,
	},
	"/billing/address/house_number_or_name": {
		set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.House = s }, read: []any{"customerInfo", "address", "line3"}, most: 255,
	},
	"/billing/address/organization": {
		set:  func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.Organization = s },
		read: []any{"customerInfo", "address", "line4"}, most: 255,
	},
	"/billing/address/state": {
		set:  func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.State = s },
		read: []any{"customerInfo", "address", "administrativeArea"}, most: 255,
	},
	"/billing/address/city": {
		set: func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.City = s }, read: []any{"customerInfo", "address", "locality"}, most: 80,
	},
	"/billing/address/postal_code": {
		set:  func(r *sdk.AuthorizeRequest, s string) { r.Billing.Address.PostalCode = s },
		read: []any{"customerInfo", "address", "postalCode"}, most: 50,
	},
	"/shipping/address/line1": {
		set:  func(r *sdk.AuthorizeRequest, s string) { r.Shipping.Address.Line1 = s },
		read: []any{"order", "shippingInfo", "address", "line1"}, most: 255,
	},
	"/buyer/external_identifier": {
		set: func(r *sdk.AuthorizeRequest, s string) { r.Buyer = &sdk.Buyer{ExternalID: s} }, read: []any{"customerInfo", "reference"}, most: 255,
	},
	"/cart_items/0/name": {
		set: func(r *sdk.AuthorizeRequest, s string) {
			r.Cart = []sdk.CartItem{{Name: s, Quantity: 1, UnitAmount: 1000}}
		},
		read: []any{"order", "lineItems", 0, "price", "product", "name"}, most: 255,
	},
	"/cart_items/0/description": {
		set: func(r *sdk.AuthorizeRequest, s string) {
			r.Cart = []sdk.CartItem{{Name: "x", Description: s, Quantity: 1, UnitAmount: 1000}}
		},
		read: []any{"order", "lineItems", 0, "description"}, most: 255, lines: true,
	},
	"/description": {set: func(r *sdk.AuthorizeRequest, s string) { r.Description = s }, read: []any{"order", "description"}, most: 80, lines: true},
	"/metadata/note": {
		set:  func(r *sdk.AuthorizeRequest, s string) { r.Metadata = map[string]string{"note": s} },
		read: []any{"order", "metadata", "note"}, most: 200, lines: true,
	},
}

// alive are texts that must arrive code point by code point: nothing is normalised, cut,
// escaped or made narrower on the way.
var alive = map[string]string{
	"kanji":                "山田髙﨑𠮷野",
	"hiragana, katakana":   "やまだ ヤマダ",
	"half-width kana":      "ﾔﾏﾀﾞ ﾀﾛｳ",
	"combining marks":      "か\u3099き\u309a e\u0301",
	"composed marks":       "がぎ é",
	"full width":           "１２３－４５６７　ＡＢＣ",
	"hyphens of all sorts": "1-2‐3‑4–5—6−7ー8－9",
	"emoji":                "👩‍👩‍👧‍👦🗾👍🏽",
	"variation selector":   "葛\U000e0100城 ☎\ufe0e",
	"right to left":        "شركة\u200f עברית",
	"joiners":              "a\u200db\u200cc\u2060d",
	"leading zeros":        "0012",
	"JSON":                 `"}],"a":{`,
	"script":               `</script><b>&amp;`,
	"template":             `{{.}} ${x} %s%n %d {0}`,
	"SQL":                  `'; DROP TABLE orders;--`,
	"backslashes":          `\n\u0000\\`,
	"separators":           "a\u2028b\u2029c",
	"blanks around":        "  a\u3000",
}

func TestWordsArriveAsTheyAre(t *testing.T) {
	b := newBench(t)
	for name, text := range alive {
		req := b.order(sdk.Reference(fmt.Sprint("Rtext", b.n)), 1000, sdk.CaptureManual)
		for _, field := range textFields {
			field.set(&req, text)
		}
		req.Cart = []sdk.CartItem{{Name: text, Description: text, Quantity: 1, UnitAmount: 1000}}
		req.Metadata = map[string]string{"note": text, text: text}
		made, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		session := b.get("/checkout-sessions/" + made.Session)
		for pointer, field := range textFields {
			if got := pick(session, field.read...); got != text {
				t.Errorf("%s: %s arrived as %q, want %q", name, pointer, got, text)
			}
		}
		if got := pick(session, "order", "metadata", text); got != text {
			t.Errorf("%s: metadata arrived as %v", name, pick(session, "order", "metadata"))
		}
	}
}

// Lengths are counted in code points, whatever those take in bytes or in UTF-16.
func TestLengthsAreCountedInCodePoints(t *testing.T) {
	b := newBench(t)
	for pointer, field := range textFields {
		for _, letter := range []string{"a", "é", "山", "𠮷", "👍"} {
			req := b.order(sdk.Reference(fmt.Sprint("Rlong", b.n)), 1000, sdk.CaptureManual)
			field.set(&req, strings.Repeat(letter, field.most))
			made, err := b.Authorize(t.Context(), req)
			if err != nil {
				t.Errorf("%s of %d times %s: %v", pointer, field.most, letter, err)
				continue
			}
			if got := pick(b.get("/checkout-sessions/"+made.Session), field.read...); got != strings.Repeat(letter, field.most) {
				t.Errorf("%s of %d times %s arrived as %q", pointer, field.most, letter, got)
			}
			req = b.order("Rlonger", 1000, sdk.CaptureManual)
			field.set(&req, strings.Repeat(letter, field.most+1))
			_, err = b.Authorize(t.Context(), req)
			e := refused(t, err)
			if e.Code != sdk.CodeFieldTooLong || e.Outcome() != sdk.OutcomeNotAttempted || len(e.Fields) == 0 || e.Fields[0].Pointer != pointer {
				t.Errorf("%s of %d times %s: %v", pointer, field.most+1, letter, e)
			}
		}
	}
	if n := b.ordersOf("Rlonger"); n > 0 {
		t.Errorf("%d orders with words too long", n)
	}
}

// What is no text, or would start a line of its own in a header or a log, is refused and
// named before anything is sent.
func TestControlCharactersAreRefused(t *testing.T) {
	b := newBench(t)
	spoilers := map[string]string{
		"NUL": "\x00", "bell": "\a", "escape": "\x1b[31m", "delete": "\x7f", "C1": "\u0085", "CR and LF": "\r\n", "tab": "\t",
		"half a surrogate": "\xed\xa0\x80", "over-long slash": "\xc0\xaf", "stray byte": "\xff", "cut short": "\xe5\xb1",
		"replacement character": "\ufffd",
	}
	for pointer, field := range textFields {
		for name, spoiler := range spoilers {
			if field.lines && (name == "CR and LF" || name == "tab") {
				continue
			}
			req := b.order("Rcontrol", 1000, sdk.CaptureManual)
			field.set(&req, "a"+spoiler+"b")
			_, err := b.Authorize(t.Context(), req)
			e := refused(t, err)
			if e.Outcome() != sdk.OutcomeNotAttempted || e.Category() != sdk.CategoryValidation {
				t.Errorf("%s with %s: %v (%s)", pointer, name, e, e.Outcome())
			}
			if len(e.Fields) == 0 || e.Fields[0].Pointer != pointer {
				t.Errorf("%s with %s names %v", pointer, name, e.Fields)
			}
			if strings.ContainsAny(e.Error(), "\x00\a\x1b\r\n") {
				t.Errorf("%s with %s: the refusal repeats it: %q", pointer, name, e.Error())
			}
		}
	}
	if n := b.ledger().Counts.Requests; n > 0 {
		t.Errorf("Smartpay has seen %d requests", n)
	}
}

// Several lines are welcome where there is room for them, and arrive as several lines.
func TestLinesArriveAsLines(t *testing.T) {
	b := newBench(t)
	const text = "一行目\n二行目\t終\r\n三行目"
	for pointer, field := range textFields {
		if !field.lines {
			continue
		}
		req := b.order(sdk.Reference(fmt.Sprint("Rlines", b.n)), 1000, sdk.CaptureManual)
		field.set(&req, text)
		made, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", pointer, err)
			continue
		}
		if got := pick(b.get("/checkout-sessions/"+made.Session), field.read...); got != text {
			t.Errorf("%s arrived as %q", pointer, got)
		}
	}
}

func TestWaysBackArriveByteForByte(t *testing.T) {
	b := newBench(t)
	for _, address := range []string{
		"https://host.example/return?to=%2Fa%2fb%3F&x=1&&y=&z#end?not=query",
		"https://host.example/%E5%B1%B1/山/a%20b+c;d=e,f:g@h/../i//j?",
		"https://host.example?%zz=%00&a[]=1&a[]=2&utf8=✓",
		"https://user:p%40ss@host.example:8443/#",
		"https://[2001:db8::1]:8443/a?b='c'&d=\"e\"&f=<g>&h={i}|\\^`",
		"https://例え.テスト/パス?キー=値",
		"http://127.0.0.1:9000/return/1/t?s=AbC-_~.!*'()",
	} {
		req := b.order(sdk.Reference(fmt.Sprint("Rback", b.n)), 1000, sdk.CaptureManual)
		req.ReturnURL, req.CancelURL = address, address+"&cancel"
		made, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		session := b.get("/checkout-sessions/" + made.Session)
		if session["successUrl"] != address || session["cancelUrl"] != address+"&cancel" {
			t.Errorf("%s arrived as %v and %v", address, session["successUrl"], session["cancelUrl"])
		}
	}
}

func TestReferencesOfEveryKind(t *testing.T) {
	b := newBench(t)
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, text := range []string{letters[:22], letters[22:44], letters[40:62], "a", "0", "ABCDEFGHIJKLMNOPQRSTUV", "abcdefghijklmnopqrstuv"} {
		reference := sdk.Reference(text)
		made := b.authorize(reference, 1000, sdk.CaptureManual)
		got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read(reference)})
		if err != nil || !got.Found || got.Payment.Order != made.Order || got.Payment.Reference != reference {
			t.Errorf("%s: %+v, %v", reference, got, err)
		}
	}
	before := b.ledger().Counts.Requests
	for _, reference := range []string{letters[:23], "a b", "a-b", "a_b", "a/b", "山", "a\n", ""} {
		_, err := b.Authorize(t.Context(), b.order(sdk.Reference(reference), 1000, sdk.CaptureManual))
		if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted || !names(e, "/call/reference") {
			t.Errorf("%q: %v", reference, e)
		}
	}
	if n := b.ledger().Counts.Requests - before; n > 0 {
		t.Errorf("Smartpay has seen %d requests with references that are none", n)
	}
}

func TestMetadataOnTheLimitAndBeyond(t *testing.T) {
	b := newBench(t)
	full := notes(20, 40, 200)
	req := b.order("Rnotes", 1000, sdk.CaptureManual)
	req.Metadata = full
	made, err := b.Authorize(t.Context(), req)
	if err != nil {
		t.Fatalf("%v", err)
	}
	want := map[string]any{}
	for k, v := range full {
		want[k] = v
	}
	if diff := cmp.Diff(any(want), pick(b.get("/checkout-sessions/"+made.Session), "order", "metadata")); diff != "" {
		t.Errorf("metadata (-sent +arrived):\n%s", diff)
	}
	before := b.ledger().Counts.Requests
	for name, notes := range map[string]map[string]string{
		"one entry too many": notes(21, 40, 200), "a name too long": notes(1, 41, 1), "a note too long": notes(1, 2, 201),
		"no name": {"": "x"}, "a name of two lines": {"a\nb": "x"},
	} {
		req := b.order("Rnotes", 1000, sdk.CaptureManual)
		req.Metadata = notes
		_, err := b.Authorize(t.Context(), req)
		if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted || !strings.HasPrefix(e.Fields[0].Pointer, "/metadata") {
			t.Errorf("%s: %v", name, e)
		}
	}
	if n := b.ledger().Counts.Requests - before; n > 0 {
		t.Errorf("Smartpay has seen %d requests", n)
	}
}

func TestPhoneNumbersAndPostalCodes(t *testing.T) {
	b := newBench(t)
	for _, code := range []string{"0010001", "001-0001", "〒150-0001", "１５０－０００１", "150‐0001", "150ー0001", "150−0001", "123"} {
		req := b.order(sdk.Reference(fmt.Sprint("Rpost", b.n)), 1000, sdk.CaptureManual)
		req.Billing.Address.PostalCode, req.Billing.Phone = code, "+810312345678"
		made, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		session := b.get("/checkout-sessions/" + made.Session)
		if got := pick(session, "customerInfo", "address", "postalCode"); got != code {
			t.Errorf("postal code %s arrived as %v", code, got)
		}
		if got := pick(session, "customerInfo", "phoneNumber"); got != "+810312345678" {
			t.Errorf("phone number arrived as %v", got)
		}
	}
	before := b.ledger().Counts.Requests
	for _, phone := range []string{"０３−１２３４−５６７８", "03-1234-5678", "+８１３１２３４５６７８", "+81 3 1234 5678", "0312345678"} {
		req := b.order("Rphone", 1000, sdk.CaptureManual)
		req.Billing.Phone = phone
		_, err := b.Authorize(t.Context(), req)
		if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted || e.Fields[0].Pointer != "/billing/phone_number" {
			t.Errorf("%s: %v", phone, e)
		}
	}
	if n := b.ledger().Counts.Requests - before; n > 0 {
		t.Errorf("Smartpay has seen %d requests", n)
	}
}

// Smartpay's times are instants: no zone, no calendar, no clock of ours moves them.
func TestTimesAreInstants(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	for name, at := range map[string]time.Time{
		"last millisecond of a day in Tokyo":  time.Date(2026, 5, 31, 23, 59, 59, 999e6, tokyo),
		"first millisecond of a year there":   time.Date(2027, 1, 1, 0, 0, 0, 0, tokyo),
		"last millisecond of a year in UTC":   time.Date(2026, 12, 31, 23, 59, 59, 999e6, time.UTC),
		"leap day":                            time.Date(2028, 2, 29, 12, 0, 0, 1e6, tokyo),
		"an hour that does not exist in Rome": time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC),
		"an hour that Rome has twice":         time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
		"beyond 32 bits":                      time.Date(2039, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		ms := fmt.Sprint(at.UnixMilli())
		order := with(orderBody, `{"status":"requires_capture","updatedAt":1,"expiresAt":`+ms+`,"payments":[`+with(paymentBody, `{"createdAt":`+ms+`,"refunds":[]}`)+`]}`)
		b, _ := broken(t, badnet.Reply(200, order))
		got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
		if err != nil || !got.Payment.ExpiresAt.Equal(at) || !got.Payment.Captures[0].At.Equal(at) {
			t.Errorf("%s: %v is read as %+v, %v", name, at, got.Payment, err)
		}
	}
}

// names reports whether an error is about a field, among others.
func names(e *sdk.Error, pointer string) bool {
	for _, field := range e.Fields {
		if field.Pointer == pointer {
			return true
		}
	}
	return false
}
