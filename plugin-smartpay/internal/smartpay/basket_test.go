package smartpay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestCartInSmartpaysTerms(t *testing.T) {
	line := func(kind api.ItemKind, name string, amount int64) api.Item {
		return api.Item{Kind: kind, Name: name, Amount: amount, Currency: "JPY"}
	}
	tests := map[string]struct {
		amount int64
		cart   []sdk.CartItem
		items  []api.Item
		fee    int64
	}{
		"no cart": {amount: 500, items: []api.Item{line(api.ItemProduct, "R1", 500)}},
		"everything at once": {
			amount: 2*500 + 100 - 50 + 300 + 30 + 70 - 200,
			cart: []sdk.CartItem{
				{
					Name: "湯のみ", Quantity: 2, UnitAmount: 500, TaxAmount: 100, DiscountAmount: 50, ExternalID: "p-1", SKU: "sku-1",
					Description: "青い", ProductURL: "https://shop.example/1", ImageURL: "https://shop.example/1.png", Categories: []string{"器"},
				},
				{Name: "送料", Quantity: 1, UnitAmount: 300, TaxAmount: 30, Kind: sdk.CartShippingFee},
				{Name: "消費税", Quantity: 7, UnitAmount: 10, Kind: sdk.CartSalesTax},
				{Name: "クーポン", Quantity: 2, UnitAmount: 100, Kind: sdk.CartDiscount},
			},
			items: []api.Item{
				{
					Kind: api.ItemProduct, Name: "湯のみ", Amount: 500, Currency: "JPY", Quantity: 2, Reference: "p-1", Label: "sku-1",
					Description: "青い", URL: "https://shop.example/1", Images: []string{"https://shop.example/1.png"}, Categories: []string{"器"},
				},
				line(api.ItemDiscount, "湯のみ", 50), line(api.ItemDiscount, "クーポン", 200),
				line(api.ItemTax, "湯のみ", 100), line(api.ItemTax, "消費税", 70),
			},
			fee: 330,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := sdk.AuthorizeRequest{Call: sdk.Call{Reference: "R1"}, Amount: sdk.JPY(tt.amount), Cart: tt.cart}
			b, err := basketOf("test", req)
			if err != nil {
				t.Fatalf("basketOf: %v", err)
			}
			if diff := cmp.Diff(tt.items, b.lines()); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if b.fee != tt.fee {
				t.Errorf("fee is %d, want %d", b.fee, tt.fee)
			}
		})
	}
}

func TestCartsThatAreRefused(t *testing.T) {
	full := func(n int, tax int64) []sdk.CartItem {
		cart := make([]sdk.CartItem, n)
		for i := range cart {
			cart[i] = sdk.CartItem{Name: fmt.Sprint("item ", i), Quantity: 1, UnitAmount: 10, TaxAmount: tax}
		}
		return cart
	}
	tests := map[string]struct {
		amount  int64
		cart    []sdk.CartItem
		pointer string
		says    string // "" if it must pass
	}{
		"a yen short":          {999, []sdk.CartItem{{Name: "a", Quantity: 1, UnitAmount: 1000}}, "/cart_items", "come to 1000 JPY, and must come to the amount, 999 JPY"},
		"discount left out":    {1000, []sdk.CartItem{{Name: "a", Quantity: 1, UnitAmount: 1000, DiscountAmount: 1}}, "/cart_items", "come to 999 JPY"},
		"beyond counting":      {1, []sdk.CartItem{{Name: "a", Quantity: 1 << 62, UnitAmount: 1 << 62}}, "/cart_items", "more than can be counted"},
		"nothing bought":       {100, []sdk.CartItem{{Name: "a", Quantity: 1, UnitAmount: 100, Kind: sdk.CartShippingFee}}, "/cart_items", "at least one item"},
		"a line below nothing": {100, []sdk.CartItem{{Name: "a", Quantity: 1, UnitAmount: 200}, {Name: "b", Quantity: 1, UnitAmount: 0, DiscountAmount: 100}}, "/cart_items/1", "less than nothing"},
		"249 items":            {2490, full(249, 0), "", ""},
		"249 items with taxes": {249 * 11, full(249, 1), "/cart_items", "make 250 lines"},
		"248 items with taxes": {248 * 11, full(248, 1), "", ""},
		"124 items with taxes": {124 * 11, full(124, 1), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := basketOf("test", sdk.AuthorizeRequest{Amount: sdk.JPY(tt.amount), Cart: tt.cart})
			if tt.says == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			e := refused(t, err)
			if e.Outcome() != sdk.OutcomeNotAttempted || e.Fields[0].Pointer != tt.pointer || !strings.Contains(e.Fields[0].Message, tt.says) {
				t.Errorf("refused with %v, want %s … %s", e, tt.pointer, tt.says)
			}
		})
	}
}

// Whatever the cart, Smartpay's own formula over what is sent comes to the amount, in
// at most 249 lines, or the cart is refused.
func TestBasketComesToTheAmount(t *testing.T) {
	kinds := []sdk.CartKind{
		"", sdk.CartPhysical, sdk.CartDigital, sdk.CartDiscount, sdk.CartShippingFee, sdk.CartSalesTax, sdk.CartGiftCard,
		sdk.CartStoreCredit, sdk.CartSurcharge,
	}
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) int64 { return rapid.Int64Range(0, 4294967295).Draw(t, name) }
		cart := make([]sdk.CartItem, rapid.IntRange(1, 260).Draw(t, "lines"))
		for i := range cart {
			cart[i] = sdk.CartItem{
				Name: "x", Quantity: rapid.Int64Range(1, 65535).Draw(t, "quantity"), UnitAmount: amount("unit"),
				TaxAmount: amount("tax"), DiscountAmount: rapid.SampledFrom([]int64{0, 1, amount("discount")}).Draw(t, "off"),
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			}
		}
		total, err := sdk.CartTotal(cart)
		if err != nil {
			t.Skip("beyond counting")
		}
		b, err := basketOf("test", sdk.AuthorizeRequest{Amount: sdk.JPY(total), Cart: cart})
		if err != nil {
			return
		}
		sent := b.fee
		for _, item := range b.lines() {
			switch quantity := max(item.Quantity, 1); item.Kind {
			case api.ItemProduct, api.ItemTax:
				sent += item.Amount * quantity
			case api.ItemDiscount:
				sent -= item.Amount * quantity
			}
			if item.Amount < 0 {
				t.Errorf("an item of %d", item.Amount)
			}
		}
		if sent != total {
			t.Errorf("Smartpay adds up %d, want %d", sent, total)
		}
		if n := len(b.lines()); n > maxItems {
			t.Errorf("sent %d lines", n)
		}
	})
}
