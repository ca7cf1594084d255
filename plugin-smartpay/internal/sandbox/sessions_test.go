package sandbox

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestCreateSessionAnswersInExpandedForm(t *testing.T) {
	b := newBench(t, Config{})
	r := b.send("POST", "/v1/checkout-sessions", mustJSON(t, order(object{"metadata": object{"k": "<値>"}})))
	if r.status != 200 || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("%d %s", r.status, r.header.Get("Content-Type"))
	}
	if strings.Contains(r.body, `": `) || !strings.Contains(r.body, `{"k":"<値>"}`) {
		t.Errorf("not compact, or text escaped: %s", r.body)
	}
	s := r.object
	wantKeys(t, "session", s, "id", "object", "test", "createdAt", "updatedAt", "url", "successUrl", "cancelUrl",
		"reference", "expiresAt", "metadata", "customerInfo", "order")
	o := s.object("order")
	wantKeys(t, "order", o, "id", "object", "test", "createdAt", "updatedAt", "amount", "currency", "status", "reference",
		"metadata", "discounts", "payments", "shippingInfo", "lineItems")
	if s.text("object") != "checkoutSession" || o.text("object") != "order" || o.number("amount") != 1250 ||
		o.text("status") != "requires_authorization" || s["test"] != true ||
		s.text("successUrl") != "https://shop.example/ok?n=1&m=%E3%81%82#top" || s.number("createdAt") < 1e12 {
		t.Errorf("session %v", s)
	}
	for name, pattern := range map[string]string{
		s.text("id"): `^checkout_test_[0-9a-zA-Z]{20,22}$`, o.text("id"): `^order_test_[0-9a-zA-Z]{20,22}$`,
		s.text("url"): `/checkout/checkout_test_[0-9a-zA-Z]+\.[0-9a-zA-Z]{6}\.[0-9a-zA-Z]{86}$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(name) {
			t.Errorf("%q does not match %s", name, pattern)
		}
	}
	checkLineItems(t, o.list("lineItems"))
}

func checkLineItems(t *testing.T, items []any) {
	t.Helper()
	var found [3]object
	for i, item := range items {
		found[i], _ = item.(map[string]any)
	}
	product := found[0]
	wantKeys(t, "product line", product, "id", "object", "test", "createdAt", "updatedAt", "kind", "quantity", "metadata", "price")
	wantKeys(t, "price", product.object("price"), "id", "object", "test", "createdAt", "updatedAt", "active", "amount",
		"currency", "metadata", "product")
	wantKeys(t, "product", product.object("price").object("product"), "id", "object", "test", "createdAt", "updatedAt",
		"active", "name", "categories", "images", "metadata")
	if product.number("quantity") != 2 || product.object("price").number("amount") != 500 ||
		product.object("price").object("product").text("name") != "マグカップ" {
		t.Errorf("product line %v", product)
	}
	for i, kind := range map[int]string{1: "discount", 2: "tax"} {
		wantKeys(t, kind+" line", found[i], "id", "object", "test", "createdAt", "updatedAt", "kind", "name", "amount",
			"currency", "metadata")
		if found[i].text("kind") != kind {
			t.Errorf("line %d is a %s", i, found[i].text("kind"))
		}
	}
}

func TestGetSessionIsPlainUnlessExpanded(t *testing.T) {
	b := newBench(t, Config{})
	created := b.session(nil)
	path := "/v1/checkout-sessions/" + created.text("id")
	plain := b.must(200, "GET", path+"?dev-lang=nodejs&sdk-version=0.9.1&expand=", nil)
	if plain.text("order") != created.object("order").text("id") {
		t.Errorf("plain order is %v", plain["order"])
	}
	if again := b.send("GET", path+"?expand=all", ""); again.body != mustJSON(t, created) && again.object.object("order") == nil {
		t.Errorf("expanded %s", again.body)
	}
	if created.text("url") != plain.text("url") {
		t.Errorf("address %s, then %s", created.text("url"), plain.text("url"))
	}
}

func TestTokenSessionCarriesAToken(t *testing.T) {
	b := newBench(t, Config{})
	s := b.must(200, "POST", "/v1/checkout-sessions", object{
		"mode": "token", "customerInfo": object{}, "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
		"reference": "T-1",
	})
	wantKeys(t, "session", s, "id", "object", "test", "createdAt", "updatedAt", "url", "successUrl", "cancelUrl",
		"reference", "expiresAt", "metadata", "customerInfo", "token")
	wantKeys(t, "token", s.object("token"), "id", "object", "test", "createdAt", "updatedAt", "status", "reference", "metadata")
	if !strings.HasPrefix(s.object("token").text("id"), "paytok_test_") || s.object("token").text("status") != "requires_authorization" {
		t.Errorf("token %v", s.object("token"))
	}
}

func TestLimitsHoldAtTheBoundary(t *testing.T) {
	b := newBench(t, Config{})
	cart := func(n int) []object {
		items := make([]object, n)
		for i := range items {
			items[i] = object{"name": "x", "amount": 1, "currency": "JPY"}
		}
		return items
	}
	pairs := func(n, key, value int) object {
		out := object{}
		for i := range n {
			out[strings.Repeat("鍵", key-1)+string(rune('a'+i))] = strings.Repeat("値", value)
		}
		return out
	}
	shipping := func(locality int) object {
		return object{"address": object{"line1": "", "locality": strings.Repeat("市", locality), "postalCode": "123", "country": "jp"}}
	}
	for name, tt := range map[string]struct{ fits, over object }{
		"items":           {object{"items": cart(maxItems), "amount": maxItems + 100}, object{"items": cart(maxItems + 1), "amount": maxItems + 101}},
		"reference":       {object{"reference": strings.Repeat("参", 40)}, object{"reference": strings.Repeat("参", 41)}},
		"description":     {object{"description": strings.Repeat("説", 80)}, object{"description": strings.Repeat("説", 81)}},
		"metadata pairs":  {object{"metadata": pairs(20, 5, 5)}, object{"metadata": pairs(21, 5, 5)}},
		"metadata keys":   {object{"metadata": pairs(1, 40, 5)}, object{"metadata": pairs(1, 41, 5)}},
		"metadata values": {object{"metadata": pairs(1, 5, 200)}, object{"metadata": pairs(1, 5, 201)}},
		"names": {object{"customerInfo": object{"firstName": strings.Repeat("𠮷", 255)}},
			object{"customerInfo": object{"firstName": strings.Repeat("𠮷", 256)}}},
		"locality": {object{"shippingInfo": shipping(80), "amount": 1150}, object{"shippingInfo": shipping(81), "amount": 1150}},
		"amount":   {object{"amount": 1250}, object{"amount": 1251}},
	} {
		t.Run(name, func(t *testing.T) {
			if r := b.send("POST", "/v1/checkout-sessions", mustJSON(t, order(tt.fits))); r.status != 200 {
				t.Errorf("at the limit: %d %s", r.status, r.body)
			}
			r := b.send("POST", "/v1/checkout-sessions", mustJSON(t, order(tt.over)))
			if r.status != 400 || r.object.text("errorCode") != "request.invalid" {
				t.Errorf("beyond it: %d %s", r.status, r.body)
			}
		})
	}
}

func TestCreateSessionRefuses(t *testing.T) {
	b := newBench(t, Config{})
	for name, tt := range map[string]struct {
		change object
		field  string
	}{
		"no amount":               {object{"amount": nil}, "amount"},
		"an amount in words":      {object{"amount": "1250"}, "amount"},
		"a broken amount":         {object{"amount": 1250.5}, "amount"},
		"a negative amount":       {object{"amount": -1}, "amount"},
		"dollars":                 {object{"currency": "USD"}, "currency"},
		"no currency":             {object{"currency": nil}, "currency"},
		"no items":                {object{"items": nil}, "items"},
		"an empty cart":           {object{"items": []object{}}, "items"},
		"no product":              {object{"items": []object{{"kind": "tax", "name": "t", "amount": 1150, "currency": "JPY"}}}, "items"},
		"an item without a name":  {object{"items": []object{{"amount": 1150, "currency": "JPY"}}}, "items[0].name"},
		"an item in other money":  {object{"items": []object{{"name": "x", "amount": 1150, "currency": "USD"}}}, "items[0].currency"},
		"an item that is a text":  {object{"items": []any{"mug"}}, "items"},
		"no customer":             {object{"customerInfo": nil}, "customerInfo"},
		"a customer who is text":  {object{"customerInfo": "Taro"}, "customerInfo"},
		"no shipping":             {object{"shippingInfo": nil}, "shippingInfo"},
		"no address":              {object{"shippingInfo": object{}}, "shippingInfo.address"},
		"half an address":         {object{"shippingInfo": object{"address": object{"line1": "1"}}}, "shippingInfo.address.locality"},
		"no way back":             {object{"successUrl": nil}, "successUrl"},
		"a relative way back":     {object{"cancelUrl": "/no"}, "cancelUrl"},
		"a script as way back":    {object{"cancelUrl": "javascript://x/%0aalert(1)"}, "cancelUrl"},
		"an unknown language":     {object{"locale": "fr"}, "locale"},
		"an unknown capture mode": {object{"captureMethod": "later"}, "captureMethod"},
		"an empty reference":      {object{"reference": ""}, "reference"},
		"another country": {object{"shippingInfo": object{"address": object{
			"line1": "1", "locality": "x", "postalCode": "1", "country": "US"}}}, "shippingInfo.address.country"},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send("POST", "/v1/checkout-sessions", mustJSON(t, order(tt.change)))
			if r.status != 400 || r.object.text("errorCode") != "request.invalid" {
				t.Fatalf("%d %s", r.status, r.body)
			}
			wantKeys(t, "error", r.object, "statusCode", "errorCode", "message", "details")
			if details := mustJSON(t, r.object["details"]); !strings.Contains(details, tt.field+" ") {
				t.Errorf("details %s do not name %s", details, tt.field)
			}
		})
	}
	if n := len(b.must(200, "GET", "/v1/orders", nil).list("data")); n != 0 {
		t.Errorf("%d orders came of it", n)
	}
}

func TestAnAmountThatDoesNotAddUpCanBeAllowed(t *testing.T) {
	b := newBench(t, Config{AllowAmountMismatch: true})
	if got := b.session(object{"amount": 1}).object("order").number("amount"); got != 1 {
		t.Errorf("amount %d", got)
	}
}

// TestTolerance sends everything that the provider's own clients are known to
// send and that a server therefore must take (smartpay-api.md §1.4).
func TestTolerance(t *testing.T) {
	b := newBench(t, Config{})
	for name, change := range map[string]object{
		"unknown fields":        {"promotionCode": "X", "test": true, "customerInfo": object{"email": "a@example.com", "gender": "male"}},
		"an empty customer":     {"customerInfo": object{}},
		"customer as []":        {"customerInfo": []any{}},
		"empty address parts":   {"customerInfo": object{"address": object{"line1": "", "locality": "", "postalCode": "", "country": "JP"}}},
		"lower-case money":      {"currency": "jpy"},
		"a misspelled mode":     {"captureMethod": "autommatic"},
		"a short postal code":   {"shippingInfo": object{"address": object{"line1": "", "subLocality": "", "locality": "", "postalCode": "123", "country": "jp"}}, "amount": 1150},
		"a long postal code":    {"shippingInfo": object{"address": object{"line1": "", "locality": "", "postalCode": "12345678", "country": "JP"}}, "amount": 1150},
		"an app as way back":    {"successUrl": "shopapp://paid/1"},
		"metadata that are not": {"metadata": object{"n": 1, "b": true, "null": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send("POST", "/anything/api.smartpay/v1/checkout-sessions?dev-lang=php&sdk-version=0.8.0", mustJSON(t, order(change)))
			if r.status != 200 {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestNullMeansAbsent(t *testing.T) {
	b := newBench(t, Config{})
	body := `{"amount":1100,"currency":"JPY","captureMethod":null,"description":null,"reference":null,"locale":null,"metadata":null,
		"promotionCode":null,"mode":null,"successUrl":"https://s.example/ok","cancelUrl":"https://s.example/no",
		"customerInfo":{"emailAddress":"","dateOfBirth":null,"firstName":null,"address":null,"accountAge":null,"legalGender":null},
		"shippingInfo":{"address":{"line1":"1","line2":null,"locality":"x","postalCode":"1","country":"JP"},"addressType":null,"feeAmount":100,"feeCurrency":null},
		"items":[{"name":"x","amount":1000,"currency":"JPY","quantity":null,"kind":null,"images":null,"categories":null,"metadata":null,"brand":null}]}`
	s := b.send("POST", "/v1/checkout-sessions", body)
	if s.status != 200 || strings.Contains(s.body, "null") || strings.Contains(s.body, "emailAddress") {
		t.Errorf("%d %s", s.status, s.body)
	}
}

func TestMalformedBodies(t *testing.T) {
	b := newBench(t, Config{})
	for name, body := range map[string]string{
		"cut off": `{"amount":1`, "a list": `[1]`, "a number": `7`, "two objects": `{}{}`, "not UTF-8": "{\"a\":\"\xff\"}",
		"a megabyte and more": `{"a":"` + strings.Repeat("a", maxBody) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send("POST", "/v1/checkout-sessions", body)
			if r.status != 400 || r.object.text("errorCode") != "request.malformed" {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestJapaneseArrivesIntact(t *testing.T) {
	b := newBench(t, Config{})
	texts := []string{
		"髙橋 﨑", "ﾊﾝｶｸ ｶﾅ", "１２３", "👩‍👩‍👧 🇯🇵", "が" /* combining */, "שלום", `"}</script>{{}} %s '; DROP`, "\u200d\u200b", "a\u0001b",
	}
	for _, text := range texts {
		s := b.session(object{"customerInfo": object{"lastName": text}, "description": text, "metadata": object{"t": text}})
		read := b.must(200, "GET", "/v1/checkout-sessions/"+s.text("id")+"?expand=all", nil)
		for what, got := range map[string]string{
			"name": read.object("customerInfo").text("lastName"), "description": read.object("order").text("description"),
		} {
			if got != text {
				t.Errorf("%s %q came back as %q", what, text, got)
			}
		}
	}
}

func TestThePageIsWhereTheAPIWasReached(t *testing.T) {
	b := newBench(t, Config{})
	if got := b.session(nil).text("url"); !strings.HasPrefix(got, b.url+"/checkout/") {
		t.Errorf("address %s, want it on %s", got, b.url)
	}
	elsewhere := newBench(t, Config{PublicURL: "https://pay.example/smartpay/"})
	u, err := url.Parse(elsewhere.session(nil).text("url"))
	if err != nil || u.Host != "pay.example" || !strings.HasPrefix(u.Path, "/smartpay/checkout/") {
		t.Errorf("address %v, %v", u, err)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
