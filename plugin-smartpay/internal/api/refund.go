package api

import "context"

// Refund statuses that the official Go client names. Others may come.
const (
	RefundSucceeded = "succeeded"
	RefundFailed    = "failed"
)

// Refund reasons. Smartpay wants one of these.
const (
	RequestedByCustomer = "requested_by_customer"
	Fraudulent          = "fraudulent"
)

// A Refund is money of one payment that went back to the shopper. It is final.
type Refund struct {
	ID        RefundID  `json:"id"`
	Object    string    `json:"object"`
	Test      *bool     `json:"test"`
	CreatedAt Millis    `json:"createdAt"`
	UpdatedAt Millis    `json:"updatedAt"`
	Amount    *int64    `json:"amount"` // yen
	Currency  string    `json:"currency"`
	Payment   PaymentID `json:"payment"`
	Reason    string    `json:"reason"`
	Status    string    `json:"status"`
	Reference string    `json:"reference"`
}

func (r *Refund) check(want subject) error {
	if err := KindRefund.identify(r.Object, string(r.ID), r.Test, want); err != nil {
		return err
	}
	if err := checkAmount("refund.amount", r.Amount); err != nil {
		return err
	}
	if r.Payment == "" {
		return nil
	}
	return KindPayment.name(string(r.Payment), want.other(""))
}

// checkWithin checks a refund that came inside its payment.
func (r *Refund) checkWithin(payment PaymentID, mode Mode) error {
	if r.Payment != "" && r.Payment != payment {
		return &Foreign{Field: "refund.payment", Want: string(payment), Got: string(r.Payment)}
	}
	return r.check(subject{mode: mode})
}

// RefundParams ask for a refund.
type RefundParams struct {
	Payment     PaymentID `json:"payment"`
	Amount      int64     `json:"amount"` // yen, at least 1
	Currency    string    `json:"currency"`
	Reason      string    `json:"reason"`
	Reference   string    `json:"reference,omitempty"`
	Description string    `json:"description,omitempty"`
}

// CreateRefund refunds. Smartpay refuses what exceeds the payment with 403
// amount.insufficient.
func (m Merchant) CreateRefund(ctx context.Context, key string, params RefundParams) (*Refund, error) {
	return call[Refund](ctx, m, request{endpoint: CreateRefund, key: key, body: params})
}

// Refund reads one refund.
func (m Merchant) Refund(ctx context.Context, id RefundID) (*Refund, error) {
	return call[Refund](ctx, m, request{endpoint: GetRefund, id: string(id)})
}

// Refunds lists refunds, newest first [INF].
func (m Merchant) Refunds(ctx context.Context, page PageRequest) (*Page[*Refund], error) {
	return call[Page[*Refund]](ctx, m, request{endpoint: ListRefunds, query: page.query()})
}
