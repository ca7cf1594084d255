package sdk_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
	"pgregory.net/rapid"
)

func TestCartTotal(t *testing.T) {
	tests := map[string]struct {
		items []sdk.CartItem
		want  int64
	}{
		"an empty cart":     {nil, 0},
		"two cups":          {[]sdk.CartItem{{Quantity: 2, UnitAmount: 500}}, 1000},
		"discount and tax":  {[]sdk.CartItem{{Quantity: 3, UnitAmount: 100, DiscountAmount: 50, TaxAmount: 25}}, 275},
		"shipping is added": {[]sdk.CartItem{{Quantity: 1, UnitAmount: 100}, {Quantity: 1, UnitAmount: 30, Kind: sdk.CartShippingFee}}, 130},
		"a discount line is taken off": {[]sdk.CartItem{
			{Quantity: 1, UnitAmount: 1000}, {Quantity: 2, UnitAmount: 100, Kind: sdk.CartDiscount},
		}, 800},
		"a taxed discount line is taken off as a whole": {[]sdk.CartItem{
			{Quantity: 1, UnitAmount: 100, TaxAmount: 10, Kind: sdk.CartDiscount},
		}, -110},
		"the largest amount": {[]sdk.CartItem{{Quantity: 1, UnitAmount: math.MaxInt64}}, math.MaxInt64},
		"too large on the way, and back in range": {[]sdk.CartItem{
			{Quantity: 2, UnitAmount: math.MaxInt64}, {Quantity: 1, UnitAmount: math.MaxInt64, Kind: sdk.CartDiscount},
		}, math.MaxInt64},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := sdk.CartTotal(tt.items); err != nil || got != tt.want {
				t.Errorf("CartTotal = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestCartTotalThatDoesNotFit(t *testing.T) {
	tests := map[string][]sdk.CartItem{
		"one line":           {{Quantity: 2, UnitAmount: math.MaxInt64}},
		"a tax too much":     {{Quantity: 1, UnitAmount: math.MaxInt64, TaxAmount: 1}},
		"two lines":          {{Quantity: 1, UnitAmount: math.MaxInt64}, {Quantity: 1, UnitAmount: 1}},
		"wraps to a small 0": {{Quantity: 1 << 32, UnitAmount: 1 << 32}},
		"discounts":          {{Quantity: 3, UnitAmount: math.MaxInt64, Kind: sdk.CartDiscount}},
	}
	for name, items := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := sdk.CartTotal(items); err == nil {
				t.Errorf("CartTotal = %d, want an error", got)
			}
		})
	}
}

func TestCartTotalDoesNotDependOnTheOrderOfLines(t *testing.T) {
	amount := rapid.Int64Range(0, 1<<30)
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(rapid.Custom(func(t *rapid.T) sdk.CartItem {
			return sdk.CartItem{
				Quantity: rapid.Int64Range(1, 1<<20).Draw(t, "quantity"), UnitAmount: amount.Draw(t, "unit"),
				DiscountAmount: amount.Draw(t, "discount"), TaxAmount: amount.Draw(t, "tax"),
				Kind: rapid.SampledFrom([]sdk.CartKind{"", sdk.CartDiscount, sdk.CartSurcharge}).Draw(t, "kind"),
			}
		})).Draw(t, "items")
		want, err := sdk.CartTotal(items)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sdk.CartTotal(rapid.Permutation(items).Draw(t, "shuffled"))
		if err != nil || got != want {
			t.Fatalf("shuffled: %d, %v, want %d", got, err, want)
		}
	})
}

func ExampleCartTotal() {
	total, err := sdk.CartTotal([]sdk.CartItem{
		{Name: "Cup", Quantity: 2, UnitAmount: 500},
		{Name: "Spring sale", Quantity: 1, UnitAmount: 100, Kind: sdk.CartDiscount},
	})
	fmt.Println(total, err)
	// Output: 900 <nil>
}
