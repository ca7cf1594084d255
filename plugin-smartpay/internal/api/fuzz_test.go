package api

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// Whatever a server answers, an order that was believed is the one asked for, and
// nothing panics.
func FuzzOrderAnswer(f *testing.F) {
	f.Add([]byte(orderBody))
	f.Add([]byte(`{"id":"` + orderID + `","payments":[` + paymentBody + `,null,"` + paymentID + `"]}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"id":"order_live_1","payments":[[]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		order := new(Order)
		if json.Unmarshal(body, order) != nil || order.check(subject{mode: Test, id: orderID}) != nil {
			return
		}
		if order.ID != orderID {
			t.Errorf("believed order %q", order.ID)
		}
		for _, p := range order.Payments {
			if KindPayment.ModeOf(p.ID) != Test {
				t.Errorf("believed payment %q", p.ID)
			}
			if p.Value != nil && (string(p.Value.ID) != p.ID || p.Value.Order != "" && p.Value.Order != orderID) {
				t.Errorf("believed payment %q as %q of order %q", p.Value.ID, p.ID, p.Value.Order)
			}
		}
	})
}

// Whatever a server refuses with, the refusal is short, valid text.
func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`{"errorCode":"order.cannot-capture","message":"no"}`))
	f.Add([]byte("<html>"))
	f.Add([]byte(`{"errorCode":"\ud800","message":"\u0000"}`))
	key, err := ParseSecretKey(testKey)
	if err != nil {
		f.Fatal(err)
	}
	m := Merchant{key: key}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := readRefusal(body)
		for text, limit := range map[string]int{m.said(r.code, maxCode): maxCode, m.said(r.message, maxMessage): maxMessage} {
			if !utf8.ValidString(text) || utf8.RuneCountInString(text) > limit+1 {
				t.Errorf("kept %q", text)
			}
		}
	})
}
