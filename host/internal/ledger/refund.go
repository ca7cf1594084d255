package ledger

import "github.com/connectorhost/connectorhost/sdk"

// A Leg is the part of a refund that hangs on one capture.
type Leg struct {
	Capture sdk.CaptureRef // empty where a refund hangs on the payment
	Amount  int64
}

// RefundLegs splits a refund of the given amount over the captures, oldest first, as
// far as each has something left. Where refunds hang on the payment it is one leg.
// The error says how much could be refunded.
func (v View) RefundLegs(amount int64, r Rules) ([]Leg, *sdk.Error) {
	if !r.RefundPerCapture {
		return []Leg{{Amount: amount}}, nil
	}
	var legs []Leg
	needed := amount
	for _, c := range v.Captures {
		take := min(v.leftOf(c), needed)
		if take <= 0 {
			continue
		}
		legs = append(legs, Leg{Capture: sdk.CaptureRef(c.Ref), Amount: take})
		needed -= take
	}
	if needed > 0 {
		return nil, fieldf(sdk.OpRefund, sdk.CodeAmountExceedsRefundable, "/amount",
			"must be at most %d, what is left of the captures", amount-needed)
	}
	return legs, nil
}

// leftOf is what of a capture can still be refunded.
func (v View) leftOf(c Move) int64 {
	if c.Status != sdk.MoveSucceeded || c.Ref == "" {
		return 0
	}
	left := c.Amount
	for _, r := range v.Refunds {
		if string(r.Capture) == c.Ref && r.counts() {
			left -= r.Amount
		}
	}
	return left
}

// counts reports whether a move has taken effect or may have.
func (m Move) counts() bool {
	switch m.Status {
	case sdk.MoveSucceeded, sdk.MovePending, sdk.MoveUnknown, "":
		return true
	case sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed:
		return false
	}
	return true
}

// WholeRefunds are the refunds as they were asked for: the legs of one that was split
// are put together under the operation of the first. A refund of which some legs
// failed succeeded with what the others returned.
func (v View) WholeRefunds() []Move {
	var whole []Move
	at := map[sdk.OperationID]int{}
	for _, m := range v.Refunds {
		if m.Asked == nil || m.Asked.PartOf == "" {
			if m.Operation != "" {
				at[m.Operation] = len(whole)
			}
			whole = append(whole, m)
			continue
		}
		if i, ok := at[m.Asked.PartOf]; ok {
			whole[i] = together(whole[i], m)
		}
	}
	return whole
}

// together adds a leg to what came before it.
func together(sum, leg Move) Move {
	switch {
	case !leg.counts():
		if sum.counts() {
			return sum // what was returned stands
		}
		sum.Amount += leg.Amount
		return sum
	case !sum.counts():
		leg.Operation, leg.Asked = sum.Operation, sum.Asked
		return leg
	}
	sum.Amount += leg.Amount
	sum.At = later(sum.At, leg.At)
	if leg.Ref != "" && sum.Ref != "" {
		sum.Ref += " " + leg.Ref
	}
	if moveRank(leg.Status) < moveRank(sum.Status) {
		sum.Status = leg.Status // it is over when its last leg is
	}
	return sum
}
