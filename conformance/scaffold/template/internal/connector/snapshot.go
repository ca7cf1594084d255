package connector

import (
	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// states is the one place that knows what a charge's status means. What it does not list
// is UNKNOWN: a word of tomorrow must not be taken for one of today.
var states = map[string]sdk.State{
	"paid":      sdk.StateCaptured,
	"in_review": sdk.StateProcessing,
	"declined":  sdk.StateDeclined,
}

// moves is the same for the statuses of refunds.
var moves = map[string]sdk.MoveStatus{
	"paid_out": sdk.MoveSucceeded,
	"queued":   sdk.MovePending,
	"rejected": sdk.MoveFailed,
}

// snapshot is a charge in the contract's words, whatever way it came.
func snapshot(op sdk.Op, c api.Charge) (*sdk.Snapshot, error) {
	if c.ID == "" || c.Status == "" {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no charge with an id and a status")
	}
	s := &sdk.Snapshot{
		Order: sdk.OrderRef(c.ID), Reference: sdk.Reference(c.OrderNumber), State: sdk.StateUnknown,
		Refunded: money(c.Refunded, c.Currency), Provider: sdk.Provider{Status: c.Status},
	}
	if state, known := states[c.Status]; known {
		s.State = state
	}
	if s.State == sdk.StateCaptured {
		s.Authorized, s.Captured = money(c.Amount, c.Currency), money(c.Amount, c.Currency)
		s.Captures = []sdk.CaptureSnapshot{{ // the charge is its own capture
			Ref: sdk.CaptureRef(c.ID), Amount: s.Captured, Status: sdk.MoveSucceeded, At: api.Time(c.Created),
			Provider: sdk.Provider{Status: c.Status},
		}}
	}
	for _, r := range c.Refunds {
		refund, err := refundSnapshot(op, r)
		if err != nil {
			return nil, err
		}
		s.Refunds = append(s.Refunds, refund)
	}
	return s, nil
}

func refundSnapshot(op sdk.Op, r api.Refund) (sdk.RefundSnapshot, error) {
	if r.ID == "" || r.Status == "" {
		return sdk.RefundSnapshot{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no refund with an id and a status")
	}
	s := sdk.RefundSnapshot{
		Ref: sdk.RefundRef(r.ID), Operation: sdk.OperationID(r.Label), Amount: money(r.Amount, r.Currency),
		Status: sdk.MoveUnknown, At: api.Time(r.Created), Provider: sdk.Provider{Status: r.Status},
	}
	if move, known := moves[r.Status]; known {
		s.Status = move
	}
	return s, nil
}

// money is an amount that the provider told; one that it did not tell is nil, not zero.
func money(minor *int64, currency string) *sdk.Money {
	if minor == nil || currency == "" {
		return nil
	}
	return &sdk.Money{Minor: *minor, Currency: sdk.Currency(currency)}
}
