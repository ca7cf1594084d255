package smartpay

import (
	"fmt"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// maxItems is how many lines an order may have. Smartpay's documentation says 50,
// Gr4vy, which runs a connector to it, says 249.
const maxItems = 249

// A basket is a cart in Smartpay's terms: what it comes to by Smartpay's formula is
// Σ products + Σ taxes − Σ discounts + fee.
type basket struct {
	products, taxes, discounts []api.Item
	fee                        int64
}

// basketOf turns the request's cart into Smartpay's. A cart that does not come to the
// amount is refused, never adjusted. A request without a cart is one product.
func basketOf(op sdk.Op, req sdk.AuthorizeRequest) (basket, error) {
	var b basket
	if len(req.Cart) == 0 {
		b.products = []api.Item{item(api.ItemProduct, title(req), req.Amount.Minor)}
		return b, nil
	}
	total, err := sdk.CartTotal(req.Cart)
	if err != nil || total != req.Amount.Minor {
		return b, invalid(op, sdk.CodeInvalidField, "/cart_items",
			fmt.Sprintf("come to %s, and must come to the amount, %s", sum(total, err), req.Amount))
	}
	for i, line := range req.Cart {
		if err := b.add(line); err != nil {
			return b, invalid(op, sdk.CodeInvalidField, fmt.Sprintf("/cart_items/%d", i), err.Error())
		}
	}
	b.fold()
	switch n := len(b.lines()); {
	case len(b.products) == 0:
		return b, invalid(op, sdk.CodeInvalidField, "/cart_items", "must have at least one item that is bought")
	case n > maxItems:
		return b, invalid(op, sdk.CodeInvalidField, "/cart_items", fmt.Sprintf(
			"make %d lines together with their taxes and discounts, and must make at most %d", n, maxItems))
	}
	return b, nil
}

func sum(total int64, err error) string {
	if err != nil {
		return "more than can be counted"
	}
	return (sdk.Money{Minor: total, Currency: currency}).String()
}

// title is what the one line of an order without a cart is called.
func title(req sdk.AuthorizeRequest) string {
	if req.Description != "" {
		return req.Description
	}
	return string(req.Call.Reference)
}

// add adds one line of the cart. Tax and discount of a line become lines of their own,
// because Smartpay's items have neither; so does all of a line that is itself a tax or
// a discount.
func (b *basket) add(line sdk.CartItem) error {
	gross := line.Quantity * line.UnitAmount
	net := gross - line.DiscountAmount + line.TaxAmount
	if net < 0 {
		return fmt.Errorf("comes to less than nothing: its discount is more than its price")
	}
	switch line.Kind {
	case sdk.CartDiscount:
		b.discounts = append(b.discounts, item(api.ItemDiscount, line.Name, net))
		return nil
	case sdk.CartSalesTax:
		b.taxes = append(b.taxes, item(api.ItemTax, line.Name, net))
		return nil
	case sdk.CartShippingFee:
		b.fee += net
		return nil
	case sdk.CartPhysical, sdk.CartDigital, sdk.CartGiftCard, sdk.CartStoreCredit, sdk.CartSurcharge, "":
	}
	b.products = append(b.products, product(line))
	if line.TaxAmount > 0 {
		b.taxes = append(b.taxes, item(api.ItemTax, line.Name, line.TaxAmount))
	}
	if line.DiscountAmount > 0 {
		b.discounts = append(b.discounts, item(api.ItemDiscount, line.Name, line.DiscountAmount))
	}
	return nil
}

// fold adds all taxes up in one line, and all discounts in another, if the order would
// have too many lines otherwise.
func (b *basket) fold() {
	if len(b.lines()) <= maxItems {
		return
	}
	b.taxes = folded(api.ItemTax, "Tax", b.taxes)
	b.discounts = folded(api.ItemDiscount, "Discount", b.discounts)
}

func folded(kind api.ItemKind, name string, lines []api.Item) []api.Item {
	if len(lines) < 2 {
		return lines
	}
	total := item(kind, name, 0)
	for _, line := range lines {
		total.Amount += line.Amount
	}
	return []api.Item{total}
}

func (b *basket) lines() []api.Item {
	all := make([]api.Item, 0, len(b.products)+len(b.taxes)+len(b.discounts))
	return append(append(append(all, b.products...), b.discounts...), b.taxes...)
}

func item(kind api.ItemKind, name string, amount int64) api.Item {
	return api.Item{Kind: kind, Name: name, Amount: amount, Currency: string(currency)}
}

func product(line sdk.CartItem) api.Item {
	p := item(api.ItemProduct, line.Name, line.UnitAmount)
	p.Quantity = line.Quantity
	p.Reference = line.ExternalID
	p.Label = line.SKU
	p.URL = line.ProductURL
	p.Description = line.Description
	p.Categories = line.Categories
	if line.ImageURL != "" {
		p.Images = []string{line.ImageURL}
	}
	return p
}
