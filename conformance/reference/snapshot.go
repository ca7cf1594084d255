package reference

import (
	"errors"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// snapshot is a payment in the contract's words, whatever path it came by.
func snapshot(op sdk.Op, p *api.Payment) (*sdk.Snapshot, error) {
	if p == nil || p.ID == "" || p.Status == "" {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no payment with an id and a status")
	}
	s := &sdk.Snapshot{
		Order: sdk.OrderRef(p.ID), Reference: sdk.Reference(p.Reference), State: stateOf(p.Status),
		Revision: p.Revision, ExpiresAt: p.HeldUntil, Provider: sdk.Provider{Status: p.Status, Code: p.Reason},
	}
	var wrong error
	read := func(a *api.Amount) *sdk.Money {
		m, err := minor(a)
		wrong = errors.Join(wrong, err)
		return m
	}
	s.Authorized, s.Captured = read(p.Authorized), read(p.Captured)
	s.Released, s.Refunded = read(p.Released), read(p.Refunded)
	for _, m := range p.Captures {
		s.Captures = append(s.Captures, sdk.CaptureSnapshot{
			Ref: sdk.CaptureRef(m.ID), Operation: sdk.OperationID(m.Operation), Amount: read(m.Amount),
			Status: moveOf(m.Status), At: m.CreatedAt, Provider: sdk.Provider{Status: m.Status},
		})
	}
	for _, m := range p.Refunds {
		s.Refunds = append(s.Refunds, sdk.RefundSnapshot{
			Ref: sdk.RefundRef(m.ID), Operation: sdk.OperationID(m.Operation), Amount: read(m.Amount),
			Status: moveOf(m.Status), At: m.CreatedAt, Provider: sdk.Provider{Status: m.Status},
		})
	}
	if wrong != nil {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "an amount of payment %s: %w", p.ID, wrong)
	}
	return s, nil
}

// aboutOrder is the snapshot in an answer to a write on an order, after it has been
// found to be about that order.
func aboutOrder(op sdk.Op, order sdk.OrderRef, ours sdk.Reference, p *api.Payment) (*sdk.Snapshot, error) {
	s, err := snapshot(op, p)
	if err != nil {
		return nil, err
	}
	if err := another(op, "payment", string(order), string(s.Order)); err != nil {
		return nil, err
	}
	return s, renamed(op, string(ours), string(s.Reference))
}

// outcomeOf is what became of a write that made a capture or refund.
func outcomeOf(op sdk.Op, m *api.Move) (sdk.Outcome, error) {
	switch moveOf(m.Status) {
	case sdk.MoveSucceeded:
		return sdk.OutcomeSucceeded, nil
	case sdk.MovePending:
		return sdk.OutcomePending, nil
	case sdk.MoveFailed:
		return "", unmapped(op, sdk.CodeUnmappedDecline, m.Status)
	case sdk.MoveUnknown, sdk.MoveCanceled, sdk.MoveReversed:
	}
	return "", unmapped(op, sdk.CodeUnmappedError, m.Status)
}
