package wire

import (
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// Order is an order. LineItems, Payments and Discounts hold identifiers, or the
// objects themselves in the expanded form.
type Order struct {
	head
	Amount         int64           `json:"amount"`
	Currency       string          `json:"currency"`
	Status         book.Status     `json:"status"`
	Reference      string          `json:"reference,omitempty"`
	Description    string          `json:"description,omitempty"`
	ExpiresAt      int64           `json:"expiresAt,omitempty"`
	DiscountAmount int64           `json:"discountAmount,omitempty"`
	TokenID        string          `json:"tokenId,omitempty"`
	Metadata       json.RawMessage `json:"metadata"`
	Discounts      any             `json:"discounts"`
	Payments       any             `json:"payments"`
	ShippingInfo   json.RawMessage `json:"shippingInfo"`
	LineItems      any             `json:"lineItems"`
}

// Discount is what a promotion code took off.
type Discount struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Test          bool   `json:"test"`
	CreatedAt     int64  `json:"createdAt"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	Coupon        string `json:"coupon"`
	PromotionCode string `json:"promotionCode"`
}

// NewOrder spells an order.
func NewOrder(mode book.Mode, o *book.Order, expand bool) Order {
	w := Order{
		head:   newHead(o.ID.Text(book.KindOrder, mode), "order", mode, o.Created, o.Updated),
		Amount: o.Amount, Currency: o.Currency, Status: o.Status, Reference: o.Reference, Description: o.Description,
		ExpiresAt: o.Expires, Metadata: orEmpty(o.Metadata, emptyObject), ShippingInfo: orEmpty(o.Shipping, emptyObject),
	}
	if o.Token != nil {
		w.TokenID = o.Token.ID.Text(book.KindToken, mode)
	}
	if o.Discount != nil {
		w.DiscountAmount = o.Discount.Amount
	}
	if expand {
		w.Discounts, w.Payments, w.LineItems = discounts(mode, o), payments(mode, o), LineItems(mode, o)
		return w
	}
	w.Discounts, w.Payments, w.LineItems = discountIDs(mode, o), paymentIDs(mode, o), lineItemIDs(mode, o)
	return w
}

func discounts(mode book.Mode, o *book.Order) []Discount {
	if o.Discount == nil {
		return []Discount{}
	}
	d := o.Discount
	return []Discount{{
		ID: d.ID.Text(book.KindDiscount, mode), Object: "discount", Test: mode == book.Test, CreatedAt: d.Created,
		Amount: d.Amount, Currency: o.Currency, Coupon: d.PromotionCode.Coupon.ID.Text(book.KindCoupon, mode),
		PromotionCode: d.PromotionCode.ID.Text(book.KindPromotionCode, mode),
	}}
}

func discountIDs(mode book.Mode, o *book.Order) []string {
	if o.Discount == nil {
		return []string{}
	}
	return []string{o.Discount.ID.Text(book.KindDiscount, mode)}
}

func payments(mode book.Mode, o *book.Order) []Payment {
	all := make([]Payment, len(o.Payments))
	for i, p := range o.Payments {
		all[i] = NewPayment(mode, p, true)
	}
	return all
}

func paymentIDs(mode book.Mode, o *book.Order) []string {
	ids := make([]string, len(o.Payments))
	for i, p := range o.Payments {
		ids[i] = p.ID.Text(book.KindPayment, mode)
	}
	return ids
}

func lineItemIDs(mode book.Mode, o *book.Order) []string {
	ids := make([]string, o.ItemCount)
	for i := range ids {
		ids[i] = o.ID.Derive(book.KindLineItem, i).Text(book.KindLineItem, mode)
	}
	return ids
}
