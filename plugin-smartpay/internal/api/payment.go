package api

import "context"

// Payment statuses that the official Go client names. Others may come.
const (
	PaymentProcessed = "processed"
	PaymentRefunded  = "refunded" // all of it has been returned [INF]
)

// A Payment is one capture of an order.
type Payment struct {
	ID        PaymentID     `json:"id"`
	Object    string        `json:"object"`
	Test      *bool         `json:"test"`
	CreatedAt Millis        `json:"createdAt"`
	UpdatedAt Millis        `json:"updatedAt"`
	Amount    *int64        `json:"amount"` // yen
	Currency  string        `json:"currency"`
	Order     OrderID       `json:"order"`
	Status    string        `json:"status"`
	Reference string        `json:"reference"` // of an automatic capture: the order's [INF]
	Refunds   []Ref[Refund] `json:"refunds"`   // nil if not said, as some versions never do; empty if there are none
}

func (p *Payment) check(want subject) error {
	if err := KindPayment.identify(p.Object, string(p.ID), p.Test, want); err != nil {
		return err
	}
	if err := checkAmount("payment.amount", p.Amount); err != nil {
		return err
	}
	if p.Order != "" {
		if err := KindOrder.name(string(p.Order), want.other("")); err != nil {
			return err
		}
	}
	for _, r := range p.Refunds {
		if r.Value == nil {
			if err := KindRefund.name(r.ID, want.other("")); err != nil {
				return err
			}
			continue
		}
		if err := r.Value.checkWithin(p.ID, want.mode); err != nil {
			return err
		}
	}
	return nil
}

// checkWithin checks a payment that came inside its order.
func (p *Payment) checkWithin(order OrderID, mode Mode) error {
	if p.Order != "" && p.Order != order {
		return &Foreign{Field: "payment.order", Want: string(order), Got: string(p.Order)}
	}
	return p.check(subject{mode: mode})
}

// A Remainder says what becomes of what a capture leaves uncaptured.
type Remainder string

// The remainder rules. Official clients export the first one misspelt; this is what
// the documentation says and the API wants.
const (
	ReleaseRemainder Remainder = "automatic" // let go; there can be no further capture
	KeepRemainder    Remainder = "manual"    // stays capturable
)

// PaymentParams ask for a capture.
type PaymentParams struct {
	Order           OrderID   `json:"order"`
	Amount          int64     `json:"amount"` // yen, at least 1
	Currency        string    `json:"currency"`
	CancelRemainder Remainder `json:"cancelRemainder"`
	Reference       string    `json:"reference,omitempty"`
}

// CreatePayment captures. The answer is the payment with ids in place of objects.
func (m Merchant) CreatePayment(ctx context.Context, key string, params PaymentParams) (*Payment, error) {
	return call[Payment](ctx, m, request{endpoint: CreatePayment, key: key, body: params})
}

// Payment reads one payment, with its refunds in full where Smartpay has them there.
func (m Merchant) Payment(ctx context.Context, id PaymentID) (*Payment, error) {
	return call[Payment](ctx, m, request{endpoint: GetPayment, id: string(id), query: expanded()})
}
