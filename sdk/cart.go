package sdk

import (
	"fmt"
	"math/big"
)

// CartTotal returns what items come to, in the minor unit of the payment's currency:
// the sum of Quantity × UnitAmount − DiscountAmount + TaxAmount, where lines of kind
// [CartDiscount] are taken off. It calculates exactly, and fails only if the result
// does not fit an int64. No items come to 0.
func CartTotal(items []CartItem) (int64, error) {
	total := new(big.Int)
	for _, item := range items {
		line := new(big.Int).Mul(big.NewInt(item.Quantity), big.NewInt(item.UnitAmount))
		line.Sub(line, big.NewInt(item.DiscountAmount))
		line.Add(line, big.NewInt(item.TaxAmount))
		if item.Kind == CartDiscount {
			line.Neg(line)
		}
		total.Add(total, line)
	}
	if !total.IsInt64() {
		return 0, fmt.Errorf("adding up %d cart items: the sum does not fit", len(items))
	}
	return total.Int64(), nil
}
