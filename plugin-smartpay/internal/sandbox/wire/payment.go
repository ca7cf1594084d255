package wire

import (
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// Payment is a capture. LineItems holds identifiers, or objects in the expanded
// form; Order and Refunds are always identifiers. Only one of the provider's
// clients knows Refunds, and the published sample of a payment without any has
// no such field, so it is left out when empty.
type Payment struct {
	head
	Amount      int64           `json:"amount"`
	Currency    string          `json:"currency"`
	Order       string          `json:"order"`
	Reference   string          `json:"reference,omitempty"`
	Description string          `json:"description,omitempty"`
	Status      string          `json:"status"`
	LineItems   any             `json:"lineItems,omitempty"`
	Refunds     []string        `json:"refunds,omitempty"`
	Metadata    json.RawMessage `json:"metadata"`
}

// NewPayment spells a payment. It is "refunded" once all of it has been given
// back, "processed" before [INF].
func NewPayment(mode book.Mode, p *book.Payment, expand bool) Payment {
	w := Payment{
		head:   newHead(p.ID.Text(book.KindPayment, mode), "payment", mode, p.Created, p.Updated),
		Amount: p.Amount, Currency: p.Order.Currency, Order: p.Order.ID.Text(book.KindOrder, mode),
		Reference: p.Reference, Description: p.Description, Status: "processed",
		LineItems: covered(mode, p.Order, p.LineItems, expand), Metadata: orEmpty(p.Metadata, emptyObject),
	}
	if p.Refunded == p.Amount {
		w.Status = "refunded"
	}
	for _, r := range p.Refunds {
		w.Refunds = append(w.Refunds, r.ID.Text(book.KindRefund, mode))
	}
	return w
}

// Refund is captured money given back; Payment is always an identifier.
type Refund struct {
	head
	Amount      int64           `json:"amount"`
	Currency    string          `json:"currency"`
	Payment     string          `json:"payment"`
	Reason      string          `json:"reason"`
	Reference   string          `json:"reference,omitempty"`
	Description string          `json:"description,omitempty"`
	Status      string          `json:"status"`
	LineItems   any             `json:"lineItems,omitempty"`
	Metadata    json.RawMessage `json:"metadata"`
}

// NewRefund spells a refund; it has succeeded by the time it exists [INF].
func NewRefund(mode book.Mode, r *book.Refund, expand bool) Refund {
	return Refund{
		head:   newHead(r.ID.Text(book.KindRefund, mode), "refund", mode, r.Created, r.Updated),
		Amount: r.Amount, Currency: r.Payment.Order.Currency, Payment: r.Payment.ID.Text(book.KindPayment, mode),
		Reason: r.Reason, Reference: r.Reference, Description: r.Description, Status: "succeeded",
		LineItems: covered(mode, r.Payment.Order, r.LineItems, expand), Metadata: orEmpty(r.Metadata, emptyObject),
	}
}

// covered spells the line items that a payment or refund was said to cover. An
// identifier that is none of the order's stays as the merchant wrote it.
func covered(mode book.Mode, o *book.Order, ids []string, expand bool) any {
	if len(ids) == 0 {
		return nil
	}
	if !expand {
		return ids
	}
	known := make(map[string]LineItem)
	for _, item := range LineItems(mode, o) {
		known[item.ID] = item
	}
	all := make([]any, len(ids))
	for i, id := range ids {
		if item, ok := known[id]; ok {
			all[i] = item
		} else {
			all[i] = id
		}
	}
	return all
}
