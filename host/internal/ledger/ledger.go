// Package ledger says what a payment is: a list of operations, the provider's truth
// about them, and what follows.
//
// Everything here is a pure function of a [Ledger]: amounts, state, the actions
// still open and what merchants are told. Nothing is stored twice, so nothing can
// disagree. Observations of the provider (answers to calls, lookups, webhooks) are
// folded into one [Truth] that is indifferent to their order and repetition. A
// failed capture, void or refund changes no amount.
//
// The package does no I/O, reads no clock and knows neither HTTP nor SQL.
package ledger

import (
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Payment holds the facts that were fixed when it was created.
type Payment struct {
	ID        sdk.PaymentID
	Reference sdk.Reference
	Amount    sdk.Money
	Intent    sdk.CaptureMode
	// ApprovalExpiresAt is when the host stops waiting for the buyer.
	ApprovalExpiresAt time.Time
	CreatedAt         time.Time
}

// An Operation is one intent to move money, and what became of it. It is written
// down before its first call leaves the host.
type Operation struct {
	ID      sdk.OperationID    `json:"id"`
	Kind    sdk.Operation      `json:"kind"`
	Key     sdk.IdempotencyKey `json:"key"`
	Amount  sdk.Money          `json:"amount"` // as asked; for a void, what was open
	Final   bool               `json:"final,omitempty"`
	Capture sdk.CaptureRef     `json:"capture,omitempty"` // what a refund returns
	Attempt int                `json:"attempt"`

	// Outcome is empty from the moment the intent is written until an answer is. An
	// operation that is found so after a crash is in doubt.
	Outcome   sdk.Outcome  `json:"outcome,omitempty"`
	Processed *sdk.Money   `json:"processed,omitempty"` // as the provider said; nil if it did not
	Ref       string       `json:"ref,omitempty"`       // the provider's name for the capture or refund
	Code      sdk.Code     `json:"code,omitempty"`
	Provider  sdk.Provider `json:"provider,omitzero"`

	// PartOf is the first leg of a refund that had to be split over several captures;
	// empty for that first leg and for whatever is whole.
	PartOf sdk.OperationID `json:"part_of,omitempty"`

	ExternalID string    `json:"external_id,omitempty"` // the merchant's name for it
	Reason     string    `json:"reason,omitempty"`
	Release    string    `json:"release,omitempty"` // digest of the connector that the call went to
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// A Closing is the host's own decision to stop waiting for the buyer.
type Closing struct {
	Reason ClosingReason `json:"reason"`
	At     time.Time     `json:"at"`
}

// A ClosingReason is why a payment was closed without approval.
type ClosingReason string

// The reasons.
const (
	ClosedExpired    ClosingReason = "approval_expired"
	ClosedByMerchant ClosingReason = "canceled_by_merchant"
	ClosedByBuyer    ClosingReason = "canceled_by_buyer"
)

// A Ledger is everything that is known about one payment.
type Ledger struct {
	Payment    Payment
	Operations []Operation // in the order in which their intents were written
	Truth      Truth
	Closing    *Closing
}

// Operation returns the operation with the given id, or nil. The pointer is into the
// ledger.
func (l *Ledger) Operation(id sdk.OperationID) *Operation {
	for i := range l.Operations {
		if l.Operations[i].ID == id {
			return &l.Operations[i]
		}
	}
	return nil
}

// authorization returns the operation that opened the payment, or nil.
func (l *Ledger) authorization() *Operation {
	for i := range l.Operations {
		if l.Operations[i].Kind == sdk.OpAuthorize {
			return &l.Operations[i]
		}
	}
	return nil
}
