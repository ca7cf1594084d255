package smartpay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Whatever passes the gate is accepted by the stand-in, and whatever the gate refuses
// names a field: no request comes back from the provider as invalid.
func TestGateKnowsWhatSmartpayAccepts(t *testing.T) {
	b := newBench(t)
	runes := rapid.RuneFrom([]rune("aZ9 \u3000山ｶが\u3099𠮷👩\u200d\u0000\n\u202e<&\"'\\"))
	text := func(t *rapid.T, name string, around int) string {
		n := rapid.SampledFrom([]int{0, 1, 2, around - 1, around, around + 1}).Draw(t, name+" length")
		return rapid.StringOfN(runes, n, n, -1).Draw(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		req := b.order(sdk.Reference(fmt.Sprint("Rlaw", b.n)), rapid.Int64Range(-1, 1<<40).Draw(t, "amount"), sdk.CaptureManual)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			change(t, &req, text)
		}
		_, err := b.Authorize(b.t.Context(), req)
		if err == nil {
			return
		}
		e := sdk.AsError(err)
		if e.Provider.HTTPStatus != 0 || len(e.Fields) == 0 || e.Outcome() != sdk.OutcomeNotAttempted {
			t.Errorf("%v, from a provider that says %+v", e, e.Provider)
		}
	})
}

func change(t *rapid.T, req *sdk.AuthorizeRequest, text func(*rapid.T, string, int) string) {
	switch rapid.IntRange(0, 11).Draw(t, "change") {
	case 0:
		req.Billing.FirstName = text(t, "first name", 255)
	case 1:
		req.Billing.Address.City = text(t, "city", 80)
	case 2:
		req.Shipping.Address.Line1 = text(t, "line 1", 255)
	case 3:
		req.Shipping.Address.PostalCode = text(t, "postal code", 50)
	case 4:
		req.Description = text(t, "description", 80)
	case 5:
		req.Metadata = map[string]string{text(t, "name", 40): text(t, "note", 200)}
	case 6:
		req.Metadata = notes(rapid.IntRange(19, 21).Draw(t, "notes"), 10, 3)
	case 7:
		req.Buyer = &sdk.Buyer{ExternalID: text(t, "buyer", 255)}
	case 8:
		req.Billing.Email = text(t, "mailbox", 244) + "@shop.example"
	case 9:
		req.Shipping.Address.House, req.Shipping.Address.Line2 = text(t, "house", 255), text(t, "line 2", 255)
	case 10:
		req.ReturnURL = "https://host.example/" + text(t, "path", 255)
	case 11:
		n := rapid.SampledFrom([]int{1, 83, 125, 248, 249, 250}).Draw(t, "lines")
		line := sdk.CartItem{
			Name: text(t, "item", 255), Description: text(t, "about", 255), Quantity: rapid.Int64Range(0, 3).Draw(t, "quantity"),
			UnitAmount: 10, TaxAmount: rapid.Int64Range(0, 1).Draw(t, "tax"), DiscountAmount: rapid.Int64Range(0, 1).Draw(t, "off"),
		}
		req.Cart = nil
		for range n {
			req.Cart = append(req.Cart, line)
		}
		req.Amount.Minor = int64(n) * (line.Quantity*10 - line.DiscountAmount + line.TaxAmount)
	}
}

// Whatever order is believed, what is told of it adds up, and says nothing that the
// order does not.
func FuzzSnapshot(f *testing.F) {
	payment := with(paymentBody, `{"refunds":[`+refundBody+`]}`)
	f.Add([]byte(orderBody), true)
	f.Add([]byte(with(orderBody, `{"status":"succeeded","expiresAt":1700000000001,"payments":[`+payment+`]}`)), true)
	f.Add([]byte(with(orderBody, `{"status":"canceled","payments":["payment_test_1"]}`)), false)
	f.Add([]byte(with(orderBody, `{"amount":9223372036854775807,"payments":[`+payment+`,`+payment+`]}`)), true)
	f.Fuzz(func(t *testing.T, body []byte, known bool) {
		order, err := api.ReadOrder(body, api.Test)
		if err != nil {
			return
		}
		h := holding{order: order, refundsKnown: known}
		for _, p := range order.Payments {
			if p.Value == nil {
				continue
			}
			for _, r := range p.Value.Refunds {
				if r.Value != nil {
					h.refunds = append(h.refunds, r.Value)
				}
			}
		}
		s, err := h.snapshot("test")
		if err != nil {
			if e := sdk.AsError(err); e.Category() != sdk.CategoryIntegrity {
				t.Errorf("refused with %v", e)
			}
			return
		}
		for name, m := range map[string]*sdk.Money{
			"authorized": s.Authorized, "captured": s.Captured, "released": s.Released, "refunded": s.Refunded,
		} {
			if m != nil && (m.Minor < 0 || m.Currency != "JPY") {
				t.Errorf("%s is %v", name, m)
			}
		}
		if s.Authorized != nil && s.Captured != nil && s.Captured.Minor > s.Authorized.Minor {
			t.Errorf("%v captured of %v", s.Captured, s.Authorized)
		}
		if s.Released != nil && s.Released.Minor+s.Captured.Minor != s.Authorized.Minor {
			t.Errorf("%v = %v + %v?", s.Authorized, s.Captured, s.Released)
		}
		if s.Captured != nil && s.Refunded != nil && s.Refunded.Minor > s.Captured.Minor {
			t.Errorf("%v refunded of %v", s.Refunded, s.Captured)
		}
		if _, err := json.Marshal(s); err != nil || strings.ContainsRune(string(s.Reference), '\n') {
			t.Errorf("snapshot %+v: %v", s, err)
		}
	})
}
