package provider

import "time"

// A step is one thing that can happen to a payment, under the name that events have.
type step string

const (
	stepApproved       step = "payment.authorized"
	stepDeclined       step = "payment.declined"
	stepCanceled       step = "payment.canceled"
	stepLapsed         step = "payment.lapsed" // nobody approved in time
	stepExpired        step = "payment.expired"
	stepIncremented    step = "payment.incremented"
	stepVoided         step = "payment.voided"
	stepCaptured       step = "capture.accepted"
	stepCaptureSettled step = "capture.succeeded"
	stepCaptureFailed  step = "capture.failed"
	stepRefunded       step = "refund.accepted"
	stepRefundSettled  step = "refund.succeeded"
	stepRefundFailed   step = "refund.failed"
	stepRefundReversed step = "refund.reversed"
)

// steps are what a webhook can be about.
var steps = []step{
	stepApproved, stepDeclined, stepCanceled, stepLapsed, stepExpired, stepIncremented, stepVoided, stepCaptured,
	stepCaptureSettled, stepCaptureFailed, stepRefunded, stepRefundSettled, stepRefundFailed, stepRefundReversed,
}

// An entry is a line in a payment's history. Entries may be dated ahead: what they say
// happens when their time comes, if it is still possible then.
type entry struct {
	at        time.Time
	step      step
	amount    int64
	move      string // the capture or refund that it is about
	operation string // the caller's name for what caused it
	key       string // the idempotency key that caused it; "" for the provider's or the buyer's doing
	final     bool
	reason    string // of a decline, in the provider's words
}

// A Motion is what a movement does with money.
type Motion string

// The motions.
const (
	Hold    Motion = "hold"    // set aside at the buyer's bank
	Take    Motion = "take"    // from the buyer to the merchant
	Release Motion = "release" // set aside no longer
	Return  Motion = "return"  // from the merchant to the buyer
	Bounce  Motion = "bounce"  // returned money that came back to the merchant
)

// A Movement is money that moved.
type Movement struct {
	At        time.Time `json:"at"`
	Motion    Motion    `json:"motion"`
	Minor     int64     `json:"minor"`
	Currency  string    `json:"currency"`
	Payment   string    `json:"payment"`
	Reference string    `json:"reference"`
	Move      string    `json:"move,omitempty"` // the capture or refund
	// Key caused it; empty for the buyer's approval, and for what time brought about.
	Key string `json:"key,omitempty"`
}

// A move is one capture or one refund.
type move struct {
	id        string
	amount    int64
	status    string // accepted, succeeded, failed or reversed
	operation string
	key       string
	at        time.Time
}

// Statuses of a move.
const (
	moveAccepted  = "accepted"
	moveSucceeded = "succeeded"
	moveFailed    = "failed"
	moveReversed  = "reversed"
)
