package ledger

import "github.com/connectorhost/connectorhost/sdk"

// authorized is what was ever held: as seen, else as the authorization reported, else
// what was asked for if the provider is seen to hold it without saying how much; and
// never less than what was taken.
func (l *Ledger) authorized(captured int64) int64 {
	op := l.authorization()
	switch {
	case l.Truth.Authorized != nil:
		return max(l.Truth.Authorized.Minor, captured)
	case op == nil:
		return captured
	case op.Outcome == sdk.OutcomeSucceeded && op.Processed != nil:
		return max(op.Processed.Minor, captured)
	case op.Outcome == sdk.OutcomeSucceeded || l.Truth.held():
		return max(op.Amount.Minor, captured)
	}
	return captured
}

// held reports whether the provider's state means that it held money.
func (t *Truth) held() bool {
	switch t.State {
	case sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured:
		return true
	case "", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateVoided,
		sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired:
	}
	return false
}

// released is what was let go: as seen, or all that was open where the payment or an
// operation that ends it has come to its end.
func (l *Ledger) released(v View) int64 {
	open := max(v.Authorized-v.Captured, 0)
	switch l.Truth.State {
	case sdk.StateVoided, sdk.StateExpired, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed:
		return open
	case sdk.StateCaptured:
		// Unless what was captured is not known yet: then it is not the rest.
		if v.Captured > 0 {
			return open
		}
	case "", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized,
		sdk.StatePartiallyCaptured:
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
		return min(max(l.Truth.Released.Minor, 0), open)
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
		if op := &l.Operations[i]; l.endUnknown(op, v) {
			ids = append(ids, op.ID)
		}
	}
	return ids
}

// doubtful lists those of the unsettled operations that keep others from starting.
func (l *Ledger) doubtful(v View) []sdk.OperationID {
	var ids []sdk.OperationID
	for _, id := range v.Unsettled {
		if l.Operation(id).Kind != sdk.OpRefund || !accepted(v.Refunds, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// accepted reports whether a provider has a move under a name of its own and will carry
// it out.
func accepted(moves []Move, id sdk.OperationID) bool {
	for _, m := range moves {
		if m.Operation == id {
			return m.Status == sdk.MovePending && m.Ref != ""
		}
	}
	return false
}

func (l *Ledger) endUnknown(op *Operation, v View) bool {
	switch op.Outcome {
	case sdk.OutcomeSucceeded, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted:
		return false
	case sdk.OutcomePending, sdk.OutcomeUnknown, sdk.OutcomeRequiresAction, "":
	}
	switch op.Kind {
	case sdk.OpCapture:
		return unknownMove(v.Captures, op.ID)
	case sdk.OpRefund:
		return unknownMove(v.Refunds, op.ID)
	case sdk.OpAuthorize:
		return l.authorizeInDoubt(op, v.State)
	case sdk.OpVoid:
		return v.Open() > 0 || v.Authorized == 0
	case sdk.OpCancel:
		return l.Closing == nil && (v.State == sdk.StateRequiresAction || v.State == sdk.StateProcessing)
	case sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook,
		sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize, sdk.OpIncrement:
		return true
	}
	return true
}

// authorizeInDoubt: waiting for the buyer or the provider is no doubt, unless nobody
// knows where the buyer should go.
func (l *Ledger) authorizeInDoubt(op *Operation, s sdk.State) bool {
	if op.Outcome == sdk.OutcomeRequiresAction {
		return false
	}
	return s == sdk.StateUnknown || (s == sdk.StateProcessing && op.Outcome != sdk.OutcomePending) ||
		(s == sdk.StateRequiresAction && l.Truth.Next == nil)
}

func unknownMove(moves []Move, id sdk.OperationID) bool {
	for _, m := range moves {
		if m.Operation == id {
			return m.Status == sdk.MoveUnknown || m.Status == sdk.MovePending
		}
	}
	return true
}
