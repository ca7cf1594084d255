package ledger

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

// Whatever the operations and the provider say, however contradictory: amounts are
// never negative and add up, and a view is made without touching the ledger.
func TestViewAddsUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLedger.Draw(rt, "ledger")
		before := text(rt, l)
		v := l.View()
		if text(rt, l) != before {
			rt.Fatal("making a view changed the ledger")
		}
		for name, amount := range map[string]int64{
			"authorized": v.Authorized, "captured": v.Captured, "released": v.Released, "refunded": v.Refunded,
			"pending capture": v.PendingCapture, "pending refund": v.PendingRefund, "open": v.Open(),
		} {
			if amount < 0 {
				rt.Errorf("%s = %d", name, amount)
			}
		}
		if v.Captured > v.Authorized {
			rt.Errorf("captured %d of %d authorized", v.Captured, v.Authorized)
		}
		if got := sum(v.Captures, sdk.MoveSucceeded); got != v.Captured {
			rt.Errorf("captures come to %d, captured = %d", got, v.Captured)
		}
		if got := sum(v.Refunds, sdk.MoveSucceeded); got != v.Refunded {
			rt.Errorf("refunds come to %d, refunded = %d", got, v.Refunded)
		}
		if v.State == sdk.StateAuthorized && (v.Captured != 0 || v.Open() == 0) {
			rt.Errorf("authorized with %d captured and %d open", v.Captured, v.Open())
		}
		if (v.State == sdk.StateCaptured || v.State == sdk.StatePartiallyCaptured) != (v.Captured > 0) {
			rt.Errorf("%s with %d captured", v.State, v.Captured)
		}
	})
}

func text(rt *rapid.T, l *Ledger) string {
	out, err := json.Marshal(l)
	if err != nil {
		rt.Fatal(err)
	}
	return string(out)
}

func sum(moves []Move, status sdk.MoveStatus) (total int64) {
	for _, m := range moves {
		if m.Status == status {
			total += m.Amount
		}
	}
	return total
}

// Each operation and each move seen at the provider is counted exactly once.
func TestViewCountsEveryMoveOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLedger.Draw(rt, "ledger")
		v := l.View()
		operations, refs := make(map[sdk.OperationID]int), make(map[string]int)
		for _, m := range append(v.Captures, v.Refunds...) {
			if m.Operation != "" {
				operations[m.Operation]++
			}
		}
		for _, op := range l.Operations {
			if op.Kind != sdk.OpCapture && op.Kind != sdk.OpRefund {
				continue
			}
			if operations[op.ID] != 1 {
				rt.Errorf("operation %s appears %d times", op.ID, operations[op.ID])
			}
		}
		for _, m := range v.Captures {
			refs[m.Ref]++
		}
		for _, c := range l.Truth.Captures {
			// More than once only if operations of ours claim the same name.
			claims := 0
			for _, op := range l.Operations {
				if op.Kind == sdk.OpCapture && op.Ref == string(c.Ref) {
					claims++
				}
			}
			if n := refs[string(c.Ref)]; n == 0 || n > max(claims, 1) {
				rt.Errorf("capture %s appears %d times, %d operations claim it", c.Ref, n, claims)
			}
		}
	})
}

func TestFailedOperationsChangeNoAmount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLedger.Draw(rt, "ledger")
		was := l.View()
		l.Operations = append(l.Operations, Operation{
			ID: "failed", Amount: sdk.JPY(3), Final: true, Code: sdk.CodeDoNotHonor,
			Kind:    rapid.SampledFrom([]sdk.Operation{sdk.OpCapture, sdk.OpVoid, sdk.OpRefund, sdk.OpCancel}).Draw(rt, "kind"),
			Outcome: rapid.SampledFrom([]sdk.Outcome{sdk.OutcomeDeclined, sdk.OutcomeNotAttempted}).Draw(rt, "outcome"),
		})
		is := l.View()
		if diff := cmp.Diff(amounts(was), amounts(is)); diff != "" {
			rt.Errorf("a failed operation changed (-was +is):\n%s", diff)
		}
		if l.Status(was) != l.Status(is) || was.State != is.State || len(was.Unsettled) != len(is.Unsettled) {
			rt.Errorf("a failed operation turned %s (%s) into %s (%s)", was.State, l.Status(was), is.State, l.Status(is))
		}
	})
}

func amounts(v View) [7]int64 {
	return [7]int64{v.Authorized, v.Captured, v.Released, v.Refunded, v.PendingCapture, v.PendingRefund, v.Open()}
}

// An end is left only for another end, or because the provider was seen to hold or have
// taken money that it had not been seen with. Where a refused authorization is all there
// is, the provider's word that it waits for the buyer outweighs the answer.
func TestEndsAreEnds(t *testing.T) {
	ends := map[sdk.State]bool{
		sdk.StateVoided: true, sdk.StateCanceled: true, sdk.StateDeclined: true, sdk.StateFailed: true,
		sdk.StateExpired: true, sdk.StateCaptured: true,
	}
	rapid.Check(t, func(rt *rapid.T) {
		l := anyLedger.Draw(rt, "ledger")
		was := l.View()
		onlyAnAnswer := was.Authorized == 0 && l.Closing == nil && rank(l.Truth.State) < rank(sdk.StateDeclined)
		held := l.Truth.held()
		l.Truth.Fold(wild.Draw(rt, "snapshot"), start)
		is := l.View()
		// Even if nobody said how much.
		taken := l.Truth.held() && !held
		money := taken || is.Authorized != was.Authorized || is.Captured != was.Captured
		if ends[was.State] && !ends[is.State] && !money && !onlyAnAnswer {
			rt.Errorf("%s became %s without money", was.State, is.State)
		}
	})
}

// What is listed can be done, in full and no further; what is not listed cannot.
func TestActionsAreWhatIsAllowed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, r := anyLedger.Draw(rt, "ledger"), anyRules.Draw(rt, "rules")
		v := l.View()
		listed := make(map[sdk.Operation]Action)
		for _, a := range v.Actions(r) {
			listed[a.Operation] = a
		}
		if len(v.InDoubt) > 0 {
			if len(listed) > 0 {
				rt.Errorf("%v may start while %v is in doubt", listed, v.InDoubt)
			}
			return
		}
		for _, op := range sdk.AllOperations() {
			a, ok := listed[op]
			if !ok {
				for amount := range int64(8) {
					if v.Allow(op, amount, true, r) == nil {
						rt.Errorf("%s of %d is allowed and not listed", op, amount)
					}
				}
				continue
			}
			if err := v.Allow(op, a.Max, true, r); err != nil {
				rt.Errorf("%s of %d is listed and refused: %v", op, a.Max, err)
			}
			if op != sdk.OpCapture && op != sdk.OpRefund {
				continue
			}
			for _, amount := range []int64{a.Max + 1, 0, -1} {
				if v.Allow(op, amount, true, r) == nil {
					rt.Errorf("%s of %d is allowed beyond %d", op, amount, a.Max)
				}
			}
		}
	})
}

// A refund that is asked for in full moves what is left, whatever became of earlier ones.
func TestRefundsNeverPassWhatWasCaptured(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger(Operation{
			ID: "capture", Kind: sdk.OpCapture, Ref: "c", Amount: sdk.JPY(1000), Final: true, Outcome: sdk.OutcomeSucceeded,
		})
		l.Operations[0].Outcome = sdk.OutcomeSucceeded
		r := Rules{PartialRefund: true}
		var returned, pending int64
		for i := range rapid.IntRange(1, 12).Draw(rt, "refunds") {
			v := l.View()
			if v.Refunded != returned || v.PendingRefund != pending || v.Refundable() != 1000-returned-pending {
				rt.Fatalf("refunded %d, pending %d, refundable %d, want %d, %d, %d",
					v.Refunded, v.PendingRefund, v.Refundable(), returned, pending, 1000-returned-pending)
			}
			amount := rapid.Int64Range(1, 600).Draw(rt, "amount")
			if allowed := v.Allow(sdk.OpRefund, amount, false, r) == nil; allowed != (amount <= 1000-returned-pending) {
				rt.Fatalf("refund of %d with %d returned and %d pending: allowed = %v", amount, returned, pending, allowed)
			} else if !allowed {
				continue
			}
			op := Operation{ID: sdk.OperationID(string(rune('a' + i))), Kind: sdk.OpRefund, Capture: "c", Amount: sdk.JPY(amount)}
			switch rapid.IntRange(0, 3).Draw(rt, "becomes") {
			case 0:
				op.Outcome = sdk.OutcomeDeclined
			case 1:
				op.Outcome, pending = sdk.OutcomeUnknown, pending+amount
			case 2:
				op.Outcome, returned = sdk.OutcomeSucceeded, returned+amount
			case 3: // returned, and came back
				op.Outcome, op.Ref = sdk.OutcomeSucceeded, "r"+string(op.ID)
				l.Truth.Fold(sdk.Snapshot{Refunds: []sdk.RefundSnapshot{{Ref: sdk.RefundRef(op.Ref), Status: sdk.MoveReversed}}}, start)
			}
			l.Operations = append(l.Operations, op)
		}
	})
}
