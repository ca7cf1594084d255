package ledger

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

// A provider is a sane one: it keeps its own books and tells the truth about them.
type provider struct {
	held, captured, released, refunded int64
	captures                           []sdk.CaptureSnapshot
	refunds                            []sdk.RefundSnapshot
	approved                           bool
}

func (p *provider) open() int64 { return p.held - p.captured - p.released }

func (p *provider) snapshot() sdk.Snapshot {
	s := sdk.Snapshot{
		State: sdk.StateRequiresAction, Captures: slices.Clone(p.captures), Refunds: slices.Clone(p.refunds),
	}
	if !p.approved {
		return s
	}
	s.Authorized, s.Released = new(sdk.JPY(p.held)), new(sdk.JPY(p.released))
	switch {
	case p.captured > 0 && p.open() > 0:
		s.State = sdk.StatePartiallyCaptured
	case p.captured > 0:
		s.State = sdk.StateCaptured
	case p.open() == 0:
		s.State = sdk.StateVoided
	default:
		s.State = sdk.StateAuthorized
	}
	return s
}

// do carries an operation out if it can be. It reports whether it did.
func (p *provider) do(op *Operation) bool {
	amount := op.Amount.Minor
	switch op.Kind {
	case sdk.OpCapture:
		if amount > p.open() || !p.approved {
			return false
		}
		p.captured += amount
		if op.Final {
			p.released = p.held - p.captured
		}
		p.captures = append(p.captures, sdk.CaptureSnapshot{
			Ref: sdk.CaptureRef("c" + op.ID), Operation: op.ID, Amount: new(op.Amount), Status: sdk.MoveSucceeded,
		})
	case sdk.OpVoid:
		if p.open() == 0 {
			return false
		}
		p.released += p.open()
	default:
		if amount > p.captured-p.refunded {
			return false
		}
		p.refunded += amount
		p.refunds = append(p.refunds, sdk.RefundSnapshot{
			Ref: sdk.RefundRef("r" + op.ID), Operation: op.ID, Amount: new(op.Amount), Status: sdk.MoveSucceeded,
		})
	}
	return true
}

// A host and somebody in the provider's dashboard work on one payment. Answers get lost,
// and what the provider shows arrives in any order, any number of times. Whoever has
// seen it all agrees with the provider's books.
func TestWhoeverSeesEverythingAgreesWithTheProvider(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, l := &provider{held: 1000}, newLedger()
		l.Operations[0].Outcome = sdk.OutcomeRequiresAction
		shown := []sdk.Snapshot{p.snapshot()}
		p.approved = true
		shown = append(shown, p.snapshot())
		for i := range rapid.IntRange(0, 6).Draw(rt, "steps") {
			op := Operation{
				ID: sdk.OperationID(fmt.Sprint(i)), Amount: sdk.JPY(rapid.Int64Range(1, 1000).Draw(rt, "amount")),
				Kind:  rapid.SampledFrom([]sdk.Operation{sdk.OpCapture, sdk.OpCapture, sdk.OpRefund, sdk.OpRefund, sdk.OpVoid}).Draw(rt, "kind"),
				Final: rapid.Bool().Draw(rt, "final"),
			}
			ours := rapid.IntRange(0, 3).Draw(rt, "by us") > 0
			arrived := ours && rapid.IntRange(0, 4).Draw(rt, "arrives") > 0
			done := (arrived || !ours) && p.do(&op)
			shown = append(shown, p.snapshot())
			if ours {
				l.Operations = append(l.Operations, answeredBy(rt, op, done))
			} else if done {
				disown(p, op.ID)
				shown[len(shown)-1] = p.snapshot()
			}
		}
		for _, s := range rapid.Permutation(append(shown, shown...)).Draw(rt, "as it arrives") {
			l.Truth.Fold(s, start)
		}
		v := l.View()
		got := [4]int64{v.Authorized, v.Captured, v.Released, v.Refunded}
		if diff := cmp.Diff([4]int64{p.held, p.captured, p.released, p.refunded}, got); diff != "" {
			rt.Errorf("authorized, captured, released, refunded (-provider +host):\n%s", diff)
		}
		if v.State != p.snapshot().State {
			rt.Errorf("state %s, the provider has %s", v.State, p.snapshot().State)
		}
		if v.Refunded+v.PendingRefund > v.Captured && v.PendingRefund == 0 {
			rt.Errorf("refunded %d of %d captured", v.Refunded, v.Captured)
		}
		for _, id := range v.Unsettled {
			if o := l.Operation(id).Outcome; o != "" && o != sdk.OutcomeUnknown {
				rt.Errorf("operation %s is %s and unsettled", id, o)
			}
			if slices.ContainsFunc(p.captures, func(c sdk.CaptureSnapshot) bool { return c.Operation == id }) ||
				slices.ContainsFunc(p.refunds, func(r sdk.RefundSnapshot) bool { return r.Operation == id }) {
				rt.Errorf("operation %s was carried out, was seen, and is unsettled", id)
			}
		}
	})
}

// answeredBy is what the host keeps of an operation of its own: the answer, or nothing.
func answeredBy(rt *rapid.T, op Operation, done bool) Operation {
	switch {
	case rapid.Bool().Draw(rt, "answer is lost"):
		op.Outcome = rapid.SampledFrom([]sdk.Outcome{"", sdk.OutcomeUnknown}).Draw(rt, "left as")
	case done:
		op.Outcome = sdk.OutcomeSucceeded
		if rapid.Bool().Draw(rt, "with its name") {
			op.Ref = map[sdk.Operation]string{sdk.OpCapture: "c", sdk.OpRefund: "r"}[op.Kind] + string(op.ID)
		}
	default:
		op.Outcome = sdk.OutcomeDeclined
	}
	return op
}

// disown takes our name off what somebody else did.
func disown(p *provider, id sdk.OperationID) {
	for i := range p.captures {
		if p.captures[i].Operation == id {
			p.captures[i].Operation = ""
		}
	}
	for i := range p.refunds {
		if p.refunds[i].Operation == id {
			p.refunds[i].Operation = ""
		}
	}
}
