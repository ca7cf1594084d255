package api

import (
	"context"
	"net/url"
)

// Order statuses that official clients or the documentation name. Others may come.
const (
	OrderRequiresAuthorization = "requires_authorization" // the shopper has not approved, or was softly declined
	OrderRequiresCapture       = "requires_capture"       // authorised, and something is left to capture
	OrderSucceeded             = "succeeded"              // nothing is left to capture
	OrderCanceled              = "canceled"               // cancelled or lapsed with nothing captured
	OrderRejected              = "rejected"               // declined for good
	OrderFailed                = "failed"                 // a constant in three official clients; no behaviour seen
	OrderPending               = "pending"                // a constant in the Go client; no behaviour seen
)

// An Order is what a shopper is asked to pay, and what became of it. Nil amounts and
// zero times mean that Smartpay did not say.
type Order struct {
	ID        OrderID        `json:"id"`
	Object    string         `json:"object"`
	Test      *bool          `json:"test"`
	CreatedAt Millis         `json:"createdAt"`
	UpdatedAt Millis         `json:"updatedAt"`
	Amount    *int64         `json:"amount"` // yen; the intended total
	Currency  string         `json:"currency"`
	Status    string         `json:"status"`
	Reference string         `json:"reference"`
	ExpiresAt Millis         `json:"expiresAt"` // set by the authorisation; no capture after it
	Payments  []Ref[Payment] `json:"payments"`  // nil if not said; empty if there are none
}

func (o *Order) check(want subject) error {
	if err := KindOrder.identify(o.Object, string(o.ID), o.Test, want); err != nil {
		return err
	}
	if err := checkAmount("order.amount", o.Amount); err != nil {
		return err
	}
	for _, p := range o.Payments {
		if p.Value == nil {
			if err := KindPayment.name(p.ID, want.other("")); err != nil {
				return err
			}
			continue
		}
		if err := p.Value.checkWithin(o.ID, want.mode); err != nil {
			return err
		}
	}
	return nil
}

// expanded asks for objects in place of ids.
func expanded() url.Values { return url.Values{"expand": {"all"}} }

// Order reads one order with its payments in full.
func (m Merchant) Order(ctx context.Context, id OrderID) (*Order, error) {
	return call[Order](ctx, m, request{endpoint: GetOrder, id: string(id), query: expanded()})
}

// Orders lists orders, newest first [INF], with ids in place of their payments.
func (m Merchant) Orders(ctx context.Context, page PageRequest) (*Page[*Order], error) {
	return call[Page[*Order]](ctx, m, request{endpoint: ListOrders, query: page.query()})
}

// CancelOrder lets go of what is authorised and not captured. Smartpay refuses with
// order.cannot-cancel unless the order requires capture or is cancelled already. The
// answer is the order with the ids of its payments.
func (m Merchant) CancelOrder(ctx context.Context, key string, id OrderID) (*Order, error) {
	// Smartpay needs no body here; onceBody does.
	return call[Order](ctx, m, request{endpoint: CancelOrder, id: string(id), key: key, body: struct{}{}})
}
