package gatekeep_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

// BenchmarkCheck is what one authorization costs at the gate, by cart lines: encoding
// and decoding the request included.
func BenchmarkCheck(b *testing.B) {
	g := newGate(b, func(d *sdk.Description) { d.Manifest.Limits = sdk.Limits{} })
	for _, lines := range []int{1, 25, 249} {
		b.Run(fmt.Sprintf("%d-items", lines), func(b *testing.B) {
			req := authorize()
			req.Cart = slices.Repeat([]sdk.CartItem{{Name: "ティーカップ", Quantity: 2, UnitAmount: 500, SKU: "cup"}}, lines)
			req.Amount = sdk.JPY(int64(lines) * 1000)
			b.ReportAllocs()
			for b.Loop() {
				if e := g.Check(sdk.OpAuthorize, req); e != nil {
					b.Fatal(e)
				}
			}
		})
	}
}
