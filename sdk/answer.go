package sdk

import "time"

// An Answer is what every write reports beside its own fields.
type Answer struct {
	Outcome Outcome `json:"outcome"`
	// Amount is what the provider processed, which may be less than was asked. Nil
	// means that the provider did not say; it never means zero.
	Amount   *Money   `json:"amount,omitempty"`
	Provider Provider `json:"provider,omitzero"`
	// Payment is what the answer revealed about the payment; nil if nothing.
	Payment *Snapshot `json:"payment,omitempty"`
	// Exchange is a masked record of what was sent and received; nil unless asked for.
	Exchange *Exchange `json:"exchange,omitempty"`
}

// An Exchange is a masked record of one request to the provider and its answer.
type Exchange struct {
	Method   string `json:"method"`
	URL      string `json:"url"` // without query values
	Status   int    `json:"status,omitempty"`
	Request  string `json:"request,omitempty"`
	Response string `json:"response,omitempty"`
}

// A Snapshot is the one shape of provider truth: lookups, webhooks and answers to
// writes all reduce to it, so that the host folds one thing. It may be partial:
// nil and empty mean "did not say", never zero.
type Snapshot struct {
	Order     OrderRef  `json:"order,omitempty"`
	Reference Reference `json:"reference,omitempty"` // ours, where the provider keeps it
	State     State     `json:"state,omitempty"`

	Authorized *Money `json:"authorized,omitempty"` // total ever held
	Captured   *Money `json:"captured,omitempty"`   // total taken
	Released   *Money `json:"released,omitempty"`   // total let go without being taken
	Refunded   *Money `json:"refunded,omitempty"`   // total returned

	Captures []CaptureSnapshot `json:"captures,omitempty"`
	Refunds  []RefundSnapshot  `json:"refunds,omitempty"`

	ExpiresAt time.Time `json:"expires_at,omitzero"` // when the hold lapses
	// Revision orders snapshots of one payment: a greater one was seen later by the
	// provider. 0 means that the provider gives no order.
	Revision int64    `json:"revision,omitempty"`
	Provider Provider `json:"provider,omitzero"`
}

// A CaptureSnapshot is one capture as the provider holds it.
type CaptureSnapshot struct {
	Ref       CaptureRef  `json:"ref"`
	Operation OperationID `json:"operation,omitempty"` // ours, where the provider keeps it
	Amount    *Money      `json:"amount,omitempty"`
	Status    MoveStatus  `json:"status"`
	At        time.Time   `json:"at,omitzero"`
	Provider  Provider    `json:"provider,omitzero"`
}

// A RefundSnapshot is one refund as the provider holds it.
type RefundSnapshot struct {
	Ref       RefundRef   `json:"ref"`
	Capture   CaptureRef  `json:"capture,omitempty"`   // what it returns, where refunds hang on captures
	Operation OperationID `json:"operation,omitempty"` // ours, where the provider keeps it
	Amount    *Money      `json:"amount,omitempty"`
	Status    MoveStatus  `json:"status"`
	At        time.Time   `json:"at,omitzero"`
	Provider  Provider    `json:"provider,omitzero"`
}

// Next is what the buyer must do.
type Next struct {
	RedirectURL string    `json:"redirect_url"` // to be used as it is
	ExpiresAt   time.Time `json:"expires_at"`
}
