package sdk

// An Outcome says what became of one write. It answers a single question, whether
// money may have moved, and says nothing about the state of the payment.
type Outcome string

// The outcomes are closed: a host treats any other value as [OutcomeUnknown].
const (
	// OutcomeUnknown: none of the others can be proven. Money may have moved; the
	// host freezes the payment's money operations until it has looked.
	OutcomeUnknown Outcome = "UNKNOWN"
	// OutcomeSucceeded: the provider confirmed the effect.
	OutcomeSucceeded Outcome = "SUCCEEDED"
	// OutcomePending: the provider accepted; the effect comes later.
	OutcomePending Outcome = "PENDING"
	// OutcomeRequiresAction: the buyer must continue; see [AuthorizeResult.Next].
	OutcomeRequiresAction Outcome = "REQUIRES_ACTION"
	// OutcomeDeclined: the provider or issuer refused. Final for this attempt.
	OutcomeDeclined Outcome = "DECLINED"
	// OutcomeNotAttempted: there is evidence that nothing took effect.
	OutcomeNotAttempted Outcome = "NOT_ATTEMPTED"
)

// Settled reports whether o is final knowledge: the host need not look again.
func (o Outcome) Settled() bool {
	switch o {
	case OutcomeSucceeded, OutcomeDeclined, OutcomeNotAttempted:
		return true
	case OutcomeUnknown, OutcomePending, OutcomeRequiresAction:
		return false
	}
	return false
}

// OutcomeOf is the one reading of what a write returned: the outcome of the error
// if there is one, else the answer's, else OutcomeUnknown. A result that claims
// success without saying so is in doubt, and so is an error that is not an [*Error].
func OutcomeOf(a Answer, err error) Outcome {
	if err != nil {
		return AsError(err).Outcome()
	}
	switch a.Outcome {
	case OutcomeSucceeded, OutcomePending, OutcomeRequiresAction:
		return a.Outcome
	case OutcomeUnknown, OutcomeDeclined, OutcomeNotAttempted:
		// A refusal without its reason is no evidence of a refusal.
		return OutcomeUnknown
	}
	return OutcomeUnknown
}

// A State is the condition of a payment as the provider holds it.
type State string

// The states are closed. The empty State means that an observation did not say.
const (
	StateUnknown           State = "UNKNOWN"            // a status this connector has no mapping for
	StateRequiresAction    State = "REQUIRES_ACTION"    // the buyer has not approved yet
	StateProcessing        State = "PROCESSING"         // accepted, not yet decided
	StateAuthorized        State = "AUTHORIZED"         // held; nothing captured
	StatePartiallyCaptured State = "PARTIALLY_CAPTURED" // some captured; the rest still capturable
	StateCaptured          State = "CAPTURED"           // nothing left to capture
	StateVoided            State = "VOIDED"             // the hold was released, nothing captured
	StateCanceled          State = "CANCELED"           // called off before there was a hold
	StateDeclined          State = "DECLINED"           // refused; final
	StateFailed            State = "FAILED"             // given up for a technical reason; final
	StateExpired           State = "EXPIRED"            // the provider let it lapse
)

// A MoveStatus is the condition of one capture or one refund at the provider.
type MoveStatus string

// The statuses are closed.
const (
	MoveUnknown   MoveStatus = "UNKNOWN"   // a status this connector has no mapping for
	MovePending   MoveStatus = "PENDING"   // accepted; the effect comes later
	MoveSucceeded MoveStatus = "SUCCEEDED" // the money moved
	MoveFailed    MoveStatus = "FAILED"    // it did not and will not
	MoveCanceled  MoveStatus = "CANCELED"  // withdrawn before it took effect
	MoveReversed  MoveStatus = "REVERSED"  // it moved and came back
)
