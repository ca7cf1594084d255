package sandbox

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeForm(t *testing.T) {
	for form, want := range map[string]map[string]any{
		"a=1&b=%E5%80%A4":                {"a": "1", "b": "値"},
		"a=1&a=2":                        {"a": "2"},
		"a[b][c]=1&a[b][d]=2":            {"a": map[string]any{"b": map[string]any{"c": "1", "d": "2"}}},
		"i[0][n]=x&i[1][n]=y&i[10][n]=z": {"i": []any{map[string]any{"n": "x"}, map[string]any{"n": "y"}, map[string]any{"n": "z"}}},
		"c[]=x&c[]=y":                    {"c": []any{"x", "y"}},
		"i[999999999]=x":                 {"i": map[string]any{"999999999": "x"}},
		"m[1]=a&m[b]=c":                  {"m": map[string]any{"1": "a", "b": "c"}},
	} {
		got, err := decodeForm([]byte(form))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", form, cmp.Diff(want, got), err)
		}
	}
	for _, form := range []string{"a[b=1", "[a]=1", "a]b[=1&%zz", "a[b]c=1"} {
		if got, err := decodeForm([]byte(form)); err == nil {
			t.Errorf("%s: %v, want a refusal", form, got)
		}
	}
}

func TestFormBodies(t *testing.T) {
	b := newBench(t, Config{})
	form := url.Values{
		"amount": {"1100"}, "currency": {"JPY"}, "successUrl": {"https://shop.example/ok"}, "cancelUrl": {"https://shop.example/no"},
		"customerInfo[firstName]": {"太郎"}, "items[0][name]": {"皿"}, "items[0][amount]": {"500"}, "items[0][currency]": {"JPY"},
		"items[0][quantity]": {"2"}, "shippingInfo[address][line1]": {"1"}, "shippingInfo[address][locality]": {"港区"},
		"shippingInfo[address][postalCode]": {"1"}, "shippingInfo[address][country]": {"JP"}, "shippingInfo[feeAmount]": {"100"},
	}
	send := func() result {
		return b.send("POST", "/v1/checkout-sessions", form.Encode(), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	if r := send(); r.status != 200 || r.object.object("order").number("amount") != 1100 || r.object.object("customerInfo").text("firstName") != "太郎" {
		t.Errorf("%d %s", r.status, r.body)
	}
	form.Set("amount", "many")
	if r := send(); r.status != 400 || !strings.Contains(r.body, "amount must be an integer") {
		t.Errorf("%d %s", r.status, r.body)
	}
	c := b.must(200, "POST", "/v1/coupons", object{"name": "c", "discountType": "percentage", "discountPercentage": 1})
	for text, want := range map[string]int{"active=false": 200, "active=maybe": 400, "a[=1": 400} {
		if r := b.send("PATCH", "/v1/coupons/"+c.text("id"), text, "Content-Type", "application/x-www-form-urlencoded"); r.status != want {
			t.Errorf("%s: %d %s", text, r.status, r.body)
		}
	}
	if r := b.send("PATCH", "/v1/coupons/"+c.text("id"), `{"name":"as curl sends it"}`, "Content-Type", "application/x-www-form-urlencoded"); r.object.text("name") != "as curl sends it" {
		t.Errorf("%d %s", r.status, r.body)
	}
}
