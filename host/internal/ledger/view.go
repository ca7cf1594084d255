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

	// Unsettled names the operations whose end nobody knows yet. While there is one,
	// no other money operation may start.
	Unsettled []sdk.OperationID
	// LateApproval: the buyer approved after the host had closed the payment.
	LateApproval bool

	Reason       Reason
	AuthorizedAt time.Time
	CapturedAt   time.Time
	VoidedAt     time.Time
	CanceledAt   time.Time
	TimedOutAt   time.Time
}

// A Move is one capture or refund, asked for by an operation, seen at the provider,
// or both.
type Move struct {
	Operation sdk.OperationID // empty if nobody here asked for it
	Ref       string          // empty while the provider's name is not known
	Capture   sdk.CaptureRef  // for a refund, the capture it returns
	Amount    int64
	Status    sdk.MoveStatus
	Final     bool
	Code      sdk.Code
	Provider  sdk.Provider
	At        time.Time
	Asked     *Operation // nil if nobody here asked for it
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
	l.explain(&v)
	return v
}

// Open is what is held and neither taken nor let go.
func (v View) Open() int64 { return v.Authorized - v.Captured - v.Released }

// Refundable is what was taken, not returned, and not being returned.
func (v View) Refundable() int64 { return v.Captured - v.Refunded - v.PendingRefund }

// captures joins capture operations with the captures seen at the provider.
func (l *Ledger) captures() []Move {
	var moves []Move
	seen := make(map[sdk.CaptureRef]bool)
	for i := range l.Operations {
		op := &l.Operations[i]
		if op.Kind != sdk.OpCapture {
			continue
		}
		m := op.move()
		for _, c := range l.Truth.Captures {
			if op.is(c.Operation, string(c.Ref)) {
				seen[c.Ref] = true
				m.observe(string(c.Ref), c.Amount, c.Status, c.At, c.Provider)
			}
		}
		moves = append(moves, m)
	}
	for _, c := range l.Truth.Captures {
		if !seen[c.Ref] {
			m := Move{Operation: "", Final: true, Provider: c.Provider}
			m.observe(string(c.Ref), c.Amount, c.Status, c.At, c.Provider)
			moves = append(moves, m)
		}
	}
	return moves
}

// refunds joins refund operations with the refunds seen at the provider.
func (l *Ledger) refunds() []Move {
	var moves []Move
	seen := make(map[sdk.RefundRef]bool)
	for i := range l.Operations {
		op := &l.Operations[i]
		if op.Kind != sdk.OpRefund {
			continue
		}
		m := op.move()
		m.Capture = op.Capture
		for _, r := range l.Truth.Refunds {
			if op.is(r.Operation, string(r.Ref)) {
				seen[r.Ref] = true
				m.observe(string(r.Ref), r.Amount, r.Status, r.At, r.Provider)
			}
		}
		moves = append(moves, m)
	}
	for _, r := range l.Truth.Refunds {
		if !seen[r.Ref] {
			m := Move{Capture: r.Capture, Provider: r.Provider}
			m.observe(string(r.Ref), r.Amount, r.Status, r.At, r.Provider)
			moves = append(moves, m)
		}
	}
	return moves
}

// is reports whether a move seen at the provider is this operation's.
func (op *Operation) is(ours sdk.OperationID, ref string) bool {
	return (ours != "" && ours == op.ID) || (op.Ref != "" && op.Ref == ref)
}

// move is the operation on its own word, before the provider is asked.
func (op *Operation) move() Move {
	m := Move{
		Operation: op.ID, Ref: op.Ref, Amount: op.Amount.Minor, Final: op.Final,
		Code: op.Code, Provider: op.Provider, At: op.UpdatedAt, Asked: op,
	}
	if op.Processed != nil {
		m.Amount = op.Processed.Minor
	}
	switch op.Outcome {
	case sdk.OutcomeSucceeded:
		m.Status = sdk.MoveSucceeded
	case sdk.OutcomePending, sdk.OutcomeRequiresAction:
		m.Status = sdk.MovePending
	case sdk.OutcomeDeclined, sdk.OutcomeNotAttempted:
		m.Status = sdk.MoveFailed
	case sdk.OutcomeUnknown, "":
		m.Status = sdk.MoveUnknown
	}
	return m
}

// observe lets the provider's word override the operation's where it goes further.
func (m *Move) observe(ref string, amount *sdk.Money, s sdk.MoveStatus, at time.Time, p sdk.Provider) {
	m.Ref = ref
	if amount != nil {
		m.Amount = amount.Minor
	}
	if moveRank(s) > moveRank(m.Status) || m.Asked == nil {
		m.Status, m.Provider = s, p
	}
	if m.Status == sdk.MoveSucceeded {
		m.Code = ""
	}
	if !at.IsZero() {
		m.At = at
	}
}

// authorized is what was ever held: as seen, else as the authorization reported,
// and never less than what was taken.
func (l *Ledger) authorized(captured int64) int64 {
	held := int64(0)
	if l.Truth.Authorized != nil {
		held = l.Truth.Authorized.Minor
	} else if op := l.authorization(); op != nil && op.Outcome == sdk.OutcomeSucceeded {
		held = op.Amount.Minor
		if op.Processed != nil {
			held = op.Processed.Minor
		}
	}
	return max(held, captured)
}

// released is what was let go: as seen, or all that was open where an operation
// that ends the payment succeeded.
func (l *Ledger) released(v View) int64 {
	open := max(v.Authorized-v.Captured, 0)
	switch l.Truth.State {
	case sdk.StateVoided, sdk.StateExpired, sdk.StateCaptured:
		return open
	case "", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized,
		sdk.StatePartiallyCaptured, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed:
	}
	for i := range l.Operations {
		op := &l.Operations[i]
		if op.Kind == sdk.OpVoid && op.Outcome == sdk.OutcomeSucceeded {
			return open
		}
	}
	for _, m := range v.Captures {
		if m.Final && m.Status == sdk.MoveSucceeded && m.Asked != nil {
			return open
		}
	}
	if l.Truth.Released != nil {
		return min(l.Truth.Released.Minor, open)
	}
	return 0
}

func (l *Ledger) state(v View) sdk.State {
	switch {
	case v.Captured > 0 && v.Open() > 0:
		return sdk.StatePartiallyCaptured
	case v.Captured > 0:
		return sdk.StateCaptured
	case v.Authorized > 0 && v.Released >= v.Authorized:
		if l.Truth.State == sdk.StateExpired {
			return sdk.StateExpired
		}
		return sdk.StateVoided
	case v.Authorized > 0:
		return sdk.StateAuthorized
	}
	return l.stateBeforeHold()
}

// stateBeforeHold is the state of a payment that never held money.
func (l *Ledger) stateBeforeHold() sdk.State {
	switch l.Truth.State {
	case sdk.StateDeclined, sdk.StateFailed, sdk.StateCanceled, sdk.StateExpired, sdk.StateVoided:
		return l.Truth.State
	case "", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized,
		sdk.StatePartiallyCaptured, sdk.StateCaptured:
	}
	if l.Closing != nil {
		if l.Closing.Reason == ClosedExpired {
			return sdk.StateExpired
		}
		return sdk.StateCanceled
	}
	switch l.Truth.State {
	case sdk.StateRequiresAction, sdk.StateProcessing:
		return l.Truth.State
	case "", sdk.StateUnknown, sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured,
		sdk.StateVoided, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired:
	}
	op := l.authorization()
	if op == nil {
		return sdk.StateUnknown
	}
	switch op.Outcome {
	case sdk.OutcomeDeclined:
		return sdk.StateDeclined
	case sdk.OutcomeNotAttempted:
		return sdk.StateFailed
	case sdk.OutcomeRequiresAction:
		return sdk.StateRequiresAction
	case sdk.OutcomePending, sdk.OutcomeSucceeded:
		return sdk.StateProcessing
	case sdk.OutcomeUnknown, "":
		return sdk.StateUnknown
	}
	return sdk.StateUnknown
}

// unsettled lists the operations whose effect is not known.
func (l *Ledger) unsettled(v View) []sdk.OperationID {
	var ids []sdk.OperationID
	for i := range l.Operations {
		if op := &l.Operations[i]; l.inDoubt(op, v) {
			ids = append(ids, op.ID)
		}
	}
	return ids
}

func (l *Ledger) inDoubt(op *Operation, v View) bool {
	switch op.Outcome {
	case sdk.OutcomeSucceeded, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted, sdk.OutcomeRequiresAction:
		return false
	case sdk.OutcomePending, sdk.OutcomeUnknown, "":
	}
	switch op.Kind {
	case sdk.OpCapture:
		return unknownMove(v.Captures, op.ID)
	case sdk.OpRefund:
		return unknownMove(v.Refunds, op.ID)
	case sdk.OpAuthorize:
		return v.State == sdk.StateUnknown || (v.State == sdk.StateProcessing && op.Outcome != sdk.OutcomePending) ||
			(v.State == sdk.StateRequiresAction && l.Truth.Next == nil)
	case sdk.OpVoid:
		return v.Open() > 0 || v.Authorized == 0
	case sdk.OpCancel:
		return l.Closing == nil && v.State == sdk.StateRequiresAction
	case sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook,
		sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize, sdk.OpIncrement:
		return true
	}
	return true
}

func unknownMove(moves []Move, id sdk.OperationID) bool {
	for _, m := range moves {
		if m.Operation == id {
			return m.Status == sdk.MoveUnknown || m.Status == sdk.MovePending
		}
	}
	return true
}

// explain fills in when things happened and why they did not.
func (l *Ledger) explain(v *View) {
	if op := l.authorization(); op != nil {
		if v.Authorized > 0 {
			v.AuthorizedAt = l.Truth.AuthorizedAt
		}
		if v.Authorized == 0 && op.Code != "" {
			v.Reason = Reason{Code: op.Code, Provider: op.Provider}
		}
	}
	if v.State == sdk.StateDeclined && v.Reason.Code == "" {
		v.Reason = Reason{Code: sdk.CodeUnmappedDecline, Provider: l.Truth.Provider}
	}
	for i := range l.Operations {
		if op := &l.Operations[i]; op.Kind == sdk.OpVoid && v.State == sdk.StateVoided {
			v.VoidedAt = later(v.VoidedAt, op.UpdatedAt)
		}
	}
	if l.Closing == nil {
		return
	}
	v.LateApproval = v.Authorized > 0
	if v.LateApproval {
		return
	}
	v.Reason = Reason{Closing: l.Closing.Reason}
	if l.Closing.Reason == ClosedExpired {
		v.TimedOutAt = l.Closing.At
	} else {
		v.CanceledAt = l.Closing.At
	}
}
