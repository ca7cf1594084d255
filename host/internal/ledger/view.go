package ledger

import (
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A View is what follows from a ledger. Amounts are in the minor unit of the
// payment's currency.
type View struct {
	State sdk.State

	Authorized int64 // ever held
	Captured   int64 // taken
	Released   int64 // let go without being taken
	Refunded   int64 // returned

	PendingCapture int64 // asked for, not yet known to have happened or not
	PendingRefund  int64

	Captures []Move
	Refunds  []Move

	// Unsettled names the operations whose end nobody knows yet.
	Unsettled []sdk.OperationID
	// InDoubt names those of them of which nobody knows what they are going to have moved.
	// While there is one, no other money operation may start. A refund that the provider
	// has accepted and named is unsettled, but not in doubt: it counts as money that is
	// going back, whatever else is asked for meanwhile.
	InDoubt []sdk.OperationID
	// LateApproval: the buyer approved after the host had closed the payment.
	LateApproval bool

	Reason       Reason
	AuthorizedAt time.Time
	CapturedAt   time.Time
	VoidedAt     time.Time
	CanceledAt   time.Time
	TimedOutAt   time.Time
}

// A Reason is why a payment is not going to succeed, or did not do what was asked.
type Reason struct {
	Code     sdk.Code
	Closing  ClosingReason
	Provider sdk.Provider
}

// View derives everything from l.
func (l *Ledger) View() View {
	v := View{}
	v.Captures = l.captures()
	v.Refunds = l.refunds()
	for _, m := range v.Captures {
		switch m.Status {
		case sdk.MoveSucceeded:
			v.Captured += m.Amount
			v.CapturedAt = later(v.CapturedAt, m.At)
		case sdk.MovePending, sdk.MoveUnknown:
			v.PendingCapture += m.Amount
		case sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed:
		}
	}
	for _, m := range v.Refunds {
		switch m.Status {
		case sdk.MoveSucceeded:
			v.Refunded += m.Amount
		case sdk.MovePending, sdk.MoveUnknown:
			v.PendingRefund += m.Amount
		case sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed:
		}
	}
	v.Authorized = l.authorized(v.Captured)
	v.Released = l.released(v)
	v.State = l.state(v)
	v.Unsettled = l.unsettled(v)
	v.InDoubt = l.doubtful(v)
	l.explain(&v)
	return v
}

// Open is what is held and neither taken nor let go.
func (v View) Open() int64 { return v.Authorized - v.Captured - v.Released }

// capturable is what of it is not being taken already, such as by somebody else.
func (v View) capturable() int64 { return v.Open() - v.PendingCapture }

// Refundable is what was taken, not returned, and not being returned.
func (v View) Refundable() int64 { return v.Captured - v.Refunded - v.PendingRefund }

// explain fills in when things happened and why they did not.
func (l *Ledger) explain(v *View) {
	if v.Authorized > 0 {
		v.AuthorizedAt = l.Truth.AuthorizedAt
	}
	for i := range l.Operations {
		if op := &l.Operations[i]; op.Kind == sdk.OpVoid && v.State == sdk.StateVoided {
			v.VoidedAt = later(v.VoidedAt, op.UpdatedAt)
		}
	}
	v.LateApproval = l.Closing != nil && v.Authorized > 0
	switch {
	case l.Closing != nil && v.Captured == 0:
		// A hold that came too late changes nothing for the merchant.
		v.Reason = Reason{Closing: l.Closing.Reason}
		if l.Closing.Reason == ClosedExpired {
			v.TimedOutAt = l.Closing.At
		} else {
			v.CanceledAt = l.Closing.At
		}
	case v.Authorized == 0:
		v.Reason = l.refusal(v.State)
	}
}

// refusal is why a payment without a hold is not going to have one, or why nobody
// knows.
func (l *Ledger) refusal(s sdk.State) Reason {
	op := l.authorization()
	refused := op != nil && (op.Outcome == sdk.OutcomeDeclined || op.Outcome == sdk.OutcomeNotAttempted)
	switch s {
	case sdk.StateDeclined, sdk.StateFailed, sdk.StateCanceled, sdk.StateExpired:
		if refused && op.Code != "" {
			return Reason{Code: op.Code, Provider: op.Provider}
		}
		return Reason{Code: endCodes[s], Provider: l.Truth.Provider}
	case sdk.StateUnknown:
		if op != nil {
			return Reason{Code: op.Code, Provider: op.Provider}
		}
	case "", sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized, sdk.StatePartiallyCaptured,
		sdk.StateCaptured, sdk.StateVoided:
	}
	return Reason{}
}

// endCodes is why a payment ended in a state for which nobody gave a reason.
var endCodes = map[sdk.State]sdk.Code{
	sdk.StateDeclined: sdk.CodeUnmappedDecline,
	sdk.StateFailed:   sdk.CodeUnmappedError,
	sdk.StateCanceled: sdk.CodeCanceledByCustomer,
	sdk.StateExpired:  sdk.CodeActionExpired,
}
