package ledger

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

var (
	start = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

	allStates = []sdk.State{
		"", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized,
		sdk.StatePartiallyCaptured, sdk.StateCaptured, sdk.StateVoided, sdk.StateCanceled, sdk.StateDeclined,
		sdk.StateFailed, sdk.StateExpired,
	}
	allMoves = []sdk.MoveStatus{
		sdk.MoveUnknown, sdk.MovePending, sdk.MoveSucceeded, sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed,
	}
	allOutcomes = []sdk.Outcome{
		"", sdk.OutcomeUnknown, sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction,
		sdk.OutcomeDeclined, sdk.OutcomeNotAttempted,
	}
)

func yen(rt *rapid.T, label string) *sdk.Money {
	return new(sdk.JPY(rapid.Int64Range(0, 5).Draw(rt, label)))
}

// drawMoney draws an amount, or none, sometimes of another currency.
func drawMoney(rt *rapid.T, label string) *sdk.Money {
	switch rapid.IntRange(0, 5).Draw(rt, label+" said") {
	case 0, 1:
		return nil
	case 2:
		return &sdk.Money{Minor: rapid.Int64Range(0, 5).Draw(rt, label), Currency: "USD"}
	}
	return yen(rt, label)
}

func drawTime(rt *rapid.T, label string) time.Time {
	n := rapid.IntRange(-1, 3).Draw(rt, label)
	if n < 0 {
		return time.Time{}
	}
	// Finer than a microsecond, which must not look like news.
	return start.Add(time.Duration(n)*time.Minute + time.Duration(n))
}

func drawProvider(rt *rapid.T) sdk.Provider {
	words := rapid.SampledFrom([]string{"", "a", "ab", "b"})
	return sdk.Provider{
		Status: words.Draw(rt, "status"), Code: words.Draw(rt, "code"), Message: words.Draw(rt, "message"),
		RequestID: words.Draw(rt, "request id"), HTTPStatus: rapid.SampledFrom([]int{0, 200, 500}).Draw(rt, "http"),
	}
}

// wild draws any snapshot at all: any two may contradict each other in everything.
var wild = rapid.Custom(func(rt *rapid.T) sdk.Snapshot {
	s := sdk.Snapshot{
		Order: sdk.OrderRef(rapid.SampledFrom([]string{"", "o1", "o2"}).Draw(rt, "order")),
		State: rapid.SampledFrom(allStates).Draw(rt, "state"), Revision: rapid.Int64Range(0, 2).Draw(rt, "revision"),
		Authorized: drawMoney(rt, "authorized"), Released: drawMoney(rt, "released"),
		ExpiresAt: drawTime(rt, "expires"), Provider: drawProvider(rt),
	}
	ops := rapid.SampledFrom([]sdk.OperationID{"", "op1", "op2"})
	for range rapid.IntRange(0, 2).Draw(rt, "captures") {
		s.Captures = append(s.Captures, sdk.CaptureSnapshot{
			Ref:       rapid.SampledFrom([]sdk.CaptureRef{"c1", "c2"}).Draw(rt, "capture"),
			Operation: ops.Draw(rt, "for"), Amount: drawMoney(rt, "captured"), At: drawTime(rt, "at"),
			Status: rapid.SampledFrom(allMoves).Draw(rt, "capture status"), Provider: drawProvider(rt),
		})
	}
	for range rapid.IntRange(0, 2).Draw(rt, "refunds") {
		s.Refunds = append(s.Refunds, sdk.RefundSnapshot{
			Ref:       rapid.SampledFrom([]sdk.RefundRef{"r1", "r2"}).Draw(rt, "refund"),
			Capture:   rapid.SampledFrom([]sdk.CaptureRef{"", "c1", "c2"}).Draw(rt, "of"),
			Operation: ops.Draw(rt, "for"), Amount: drawMoney(rt, "refunded"), At: drawTime(rt, "at"),
			Status: rapid.SampledFrom(allMoves).Draw(rt, "refund status"), Provider: drawProvider(rt),
		})
	}
	return s
})

// A sighting is a snapshot and when it was seen.
type sighting struct {
	sdk.Snapshot
	seen time.Time
}

var sightings = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) sighting {
	return sighting{wild.Draw(rt, "snapshot"), start.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "seen")) * (time.Second + 1))}
}), 0, 5)

func folded(seen []sighting) Truth {
	var t Truth
	for _, s := range seen {
		t.Fold(s.Snapshot, s.seen)
	}
	return t
}

// newLedger is a payment of 1000 yen whose authorization was asked for.
func newLedger(ops ...Operation) *Ledger {
	l := &Ledger{Payment: Payment{ID: "p", Amount: sdk.JPY(1000), Intent: sdk.CaptureManual}}
	l.Operations = append(l.Operations, Operation{ID: "auth", Kind: sdk.OpAuthorize, Amount: sdk.JPY(1000)})
	l.Operations = append(l.Operations, ops...)
	return l
}

// anyLedger draws any operations with any outcomes beside any truth.
var anyLedger = rapid.Custom(func(rt *rapid.T) *Ledger {
	l := newLedger()
	l.Operations[0].Outcome = rapid.SampledFrom(allOutcomes).Draw(rt, "authorization")
	kinds := rapid.SampledFrom([]sdk.Operation{sdk.OpCapture, sdk.OpRefund, sdk.OpVoid, sdk.OpCancel})
	for i := range rapid.IntRange(0, 3).Draw(rt, "operations") {
		op := Operation{
			ID: sdk.OperationID(fmt.Sprintf("op%d", i+1)), Kind: kinds.Draw(rt, "kind"),
			Amount: *yen(rt, "asked"), Final: rapid.Bool().Draw(rt, "final"),
			Outcome: rapid.SampledFrom(allOutcomes).Draw(rt, "outcome"),
			Ref:     rapid.SampledFrom([]string{"", "c1", "c2", "c3", "r1"}).Draw(rt, "ref"),
		}
		if rapid.Bool().Draw(rt, "processed") {
			op.Processed = yen(rt, "processed amount")
		}
		l.Operations = append(l.Operations, op)
	}
	l.Truth = folded(sightings.Draw(rt, "seen"))
	if rapid.Bool().Draw(rt, "closed") {
		l.Closing = &Closing{Reason: ClosedExpired, At: start}
	}
	return l
})

var anyRules = rapid.Custom(func(rt *rapid.T) Rules {
	flag := rapid.Bool()
	return Rules{
		PartialCapture: flag.Draw(rt, "partial capture"), MultipleCapture: flag.Draw(rt, "multiple capture"),
		PartialRefund: flag.Draw(rt, "partial refund"), VoidAfterPartialCapture: flag.Draw(rt, "void after partial capture"),
		RefundPerCapture: flag.Draw(rt, "refund per capture"),
	}
})
