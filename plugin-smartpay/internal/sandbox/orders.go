package sandbox

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// order reads what a session or a token order asks the buyer to pay.
func (in input) order(allowMismatch bool) book.OrderSpec {
	in.require("amount", "currency", "items", "shippingInfo")
	spec := book.OrderSpec{
		Amount: in.integer("amount", 0, maxAmount), Currency: in.currency("currency"),
		Manual: in.manual("captureMethod"), Reference: in.text("reference", 1, maxReference),
		Description: in.text("description", 1, maxDescription), Metadata: in.metadata("metadata"),
	}
	fee, shipping := in.shipping("shippingInfo", spec.Currency)
	items := in.items("items", spec.Currency)
	spec.Items, spec.ItemCount, spec.Shipping = wire.Encode(items), len(items), shipping
	if len(*in.faults) > 0 || allowMismatch {
		return spec
	}
	if sum, ok := total(items, fee); !ok || sum != spec.Amount {
		// [UNK] whether the provider looks; [INF] that it does and says so like this.
		in.fault("amount", "must be %d, the sum of the items and the shipping fee", sum)
	}
	return spec
}

// manual reads how, or what is left after, a capture. Three of the provider's
// clients spell "automatic" with one letter too many.
func (in input) manual(name string) bool {
	return in.choice(name, "automatic", "manual", "autommatic") == "manual"
}

// shipping reads where the goods go, and the fee that counts towards the amount.
func (in input) shipping(name, currency string) (fee int64, raw json.RawMessage) {
	if !in.has(name) {
		return 0, nil
	}
	info := in.object(name)
	info.require("address")
	if info.has("address") {
		info.postal("address")
	}
	info.choice("addressType", "home", "gift", "locker", "office", "store")
	info.text("carrierName", 0, maxText)
	info.text("reference", 0, maxText)
	fee = info.integer("feeAmount", 0, maxAmount)
	if feeCurrency := info.currency("feeCurrency"); feeCurrency != "" {
		info.fields["feeCurrency"] = feeCurrency
		if feeCurrency != currency {
			fee = 0
		}
	}
	return fee, info.raw()
}

// items reads the cart.
func (in input) items(name, currency string) []wire.Item {
	if !in.has(name) {
		return nil
	}
	values, isList := in.fields[name].([]any)
	if !isList || len(values) < 1 || len(values) > maxItems {
		in.fault(name, "must be a list of 1 to %d items", maxItems)
		return nil
	}
	items := make([]wire.Item, len(values))
	products := 0
	for i, value := range values {
		entry := input{path: fmt.Sprintf("%s[%d]", in.name(name), i), faults: in.faults, form: in.form}
		fields, isObject := value.(map[string]any)
		if !isObject {
			in.fault(name, "must hold objects, and entry %d is not one", i)
			continue
		}
		entry.fields = fields
		items[i] = entry.item(currency)
		if items[i].Kind == wire.Product {
			products++
		}
	}
	if products == 0 {
		in.fault(name, "must hold at least one product")
	}
	return items
}

func (in input) item(currency string) wire.Item {
	in.require("amount", "currency")
	item := wire.Item{
		Kind: in.choice("kind", wire.Product, wire.Tax, wire.Deduction), Name: in.text("name", 0, maxText),
		Amount: in.integer("amount", 0, maxAmount), Currency: in.currency("currency"), Quantity: 1,
		Brand: in.text("brand", 0, maxText), GTIN: in.text("gtin", 0, maxText), Label: in.text("label", 0, maxText),
		Reference: in.text("reference", 0, maxText), URL: in.text("url", 0, maxURL),
		Categories: in.texts("categories", maxItems), Images: in.texts("images", maxImages),
		Description:        in.text("description", 0, maxText),
		ProductDescription: in.text("productDescription", 0, maxText),
		PriceDescription:   in.text("priceDescription", 0, maxText),
		Metadata:           in.metadata("metadata"), ProductMetadata: in.metadata("productMetadata"),
		PriceMetadata: in.metadata("priceMetadata"),
	}
	if item.Kind == "" {
		item.Kind = wire.Product
	}
	if item.Kind == wire.Product {
		in.require("name")
	}
	if in.has("quantity") {
		item.Quantity = in.integer("quantity", 0, maxAmount)
	}
	if item.Currency != "" && item.Currency != currency {
		in.fault("currency", "must be that of the order")
	}
	return item
}

// total adds up an order: products and taxes, less discounts, plus the fee
// (smartpay-api.md §5.1). It reports false where that is more than can be counted.
func total(items []wire.Item, fee int64) (int64, bool) {
	sum := fee
	for _, item := range items {
		if item.Quantity != 0 && item.Amount > maxAmount/item.Quantity {
			return 0, false
		}
		line := item.Amount * item.Quantity
		if item.Kind == wire.Deduction {
			line = -line
		}
		sum += line
		if sum > maxAmount || sum < -maxAmount {
			return 0, false
		}
	}
	return sum, true
}

func (s *Server) createOrder(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	in.require("token", "customerInfo")
	token := in.text("token", 1, maxText)
	in.customer("customerInfo")
	declined := magicDecline(in.object("customerInfo").text("emailAddress", 0, maxText))
	spec := in.order(s.cfg.AllowAmountMismatch)
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		order, err := tx.OrderWithToken(token, spec, declined)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewOrder(c.merchant.Mode, order, true)), nil
	}, nil
}

// magicDecline reports whether a buyer's e-mail address asks for a decline of
// an order made with a token, where there is no page on which to say so. This
// is the sandbox's own; the provider once had declined@smartpay.co for it.
func magicDecline(email string) bool {
	local, _, _ := strings.Cut(strings.ToLower(email), "@")
	return local == "declined" || local == "rejected" ||
		strings.HasSuffix(local, "+declined") || strings.HasSuffix(local, "+rejected")
}

func (s *Server) getOrder(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		order, err := tx.Order(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewOrder(c.merchant.Mode, order, c.expand())), nil
	}, nil
}

func (s *Server) listOrders(c *call) (action, error) {
	return list(c, (*book.Tx).Orders, func(o *book.Order, expand bool) wire.Order {
		return wire.NewOrder(c.merchant.Mode, o, expand)
	})
}

func (s *Server) cancelOrder(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		order, err := tx.CancelOrder(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewOrder(c.merchant.Mode, order, false)), nil
	}, nil
}
