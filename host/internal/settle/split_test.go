package settle_test

import (
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/sdk"
)

// captured is a payment that was captured in three parts: 1000, 500 and 1000.
func captured(t *testing.T) (*bench, sdk.PaymentID) {
	t.Helper()
	p := newProvider()
	p.multi = true
	b := newBenchOn(t, p)
	id := b.authorized().Payment.ID
	for i, amount := range []int64{1000, 500, 1000} {
		_, err := b.Capture(t.Context(), "default", id, settle.CaptureOrder{Amount: &amount, Final: i == 2}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
	return b, id
}

// legs are the amounts of a payment's refund operations and what became of them.
func (b *bench) legs(id sdk.PaymentID) (amounts []int64, outcomes []sdk.Outcome) {
	b.t.Helper()
	rec, err := b.store.Payment(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, op := range rec.Operations {
		if op.Kind == sdk.OpRefund {
			amounts = append(amounts, op.Amount.Minor)
			outcomes = append(outcomes, op.Outcome)
		}
	}
	return amounts, outcomes
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}

func (b *bench) wholeRefunds(id sdk.PaymentID) []ledger.Move {
	b.t.Helper()
	rec, err := b.store.Payment(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec.View().WholeRefunds()
}

func TestARefundIsSplitOverCapturesOldestFirst(t *testing.T) {
	b, id := captured(t)
	must(b.refund(id, 700))
	must(b.refund(id, 1300))
	amounts, _ := b.legs(id)
	equal(t, "legs", amounts, []int64{700, 300, 500, 500})
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 2000)
	whole := b.wholeRefunds(id)
	if len(whole) != 2 || whole[0].Amount != 700 || whole[1].Amount != 1300 || whole[1].Status != sdk.MoveSucceeded {
		t.Errorf("the merchant sees %+v, want refunds of 700 and 1300", whole)
	}
	if _, err := b.refund(id, 501); codeOf(err) != sdk.CodeAmountExceedsRefundable {
		t.Errorf("refund of one too many: %v", err)
	}
	must(b.refund(id, 500))
	if _, most := b.provider.effects(); most != 1 {
		t.Errorf("a key moved money %d times", most)
	}
}

func TestALegInDoubtHoldsUpTheRestUntilItIsSettled(t *testing.T) {
	b, id := captured(t)
	b.provider.set(sdk.OpRefund, loseAnswer)
	must(b.refund(id, 2000))
	_, outcomes := b.legs(id)
	equal(t, "outcomes", outcomes, []sdk.Outcome{sdk.OutcomeUnknown, "", ""})
	if n := b.provider.sent(sdk.OpRefund); n != 1 {
		t.Errorf("provider received %d, want 1", n)
	}
	if whole := b.wholeRefunds(id); len(whole) != 1 || whole[0].Status != sdk.MoveUnknown {
		t.Errorf("the merchant sees %+v, want one refund in doubt", whole)
	}
	b.provider.set(sdk.OpRefund, "")
	b.pass(time.Minute)
	if !b.settled(id) {
		t.Error("still unsettled")
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 2000)
	if total, most := b.provider.effects(); total != 7 || most != 1 {
		t.Errorf("provider counts %d effects, at most %d for one key; want 7 and 1", total, most)
	}
}

func TestARefusedLegEndsTheRefundWithWhatWasReturned(t *testing.T) {
	b, id := captured(t)
	b.provider.refuse = 2
	must(b.refund(id, 2500))
	_, outcomes := b.legs(id)
	equal(t, "outcomes", outcomes, []sdk.Outcome{sdk.OutcomeSucceeded, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted})
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 1000)
	if whole := b.wholeRefunds(id); len(whole) != 1 || whole[0].Status != sdk.MoveSucceeded || whole[0].Amount != 1000 {
		t.Errorf("the merchant sees %+v, want one refund of 1000", whole)
	}
	b.provider.refuse = 0
	must(b.refund(id, 1500))
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 2500)
}

func TestTheRestOfAPartlyCapturedPaymentCanBeLetGo(t *testing.T) {
	p := newProvider()
	p.multi = true
	b := newBenchOn(t, p)
	id := b.authorized().Payment.ID
	part := int64(1000)
	must(b.Capture(t.Context(), "default", id, settle.CaptureOrder{Amount: &part}, nil))
	rec, _ := b.store.Payment(t.Context(), id)
	if v := rec.View(); v.State != sdk.StatePartiallyCaptured || v.Open() != 1500 {
		t.Errorf("payment is %s with %d open, want it partly captured with 1500 open", v.State, v.Open())
	}
	must(b.Void(t.Context(), "default", id, nil))
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 1000, 0)
	rec, _ = b.store.Payment(t.Context(), id)
	if v := rec.View(); v.State != sdk.StateCaptured || v.Open() != 0 || v.Released != 1500 {
		t.Errorf("payment is %s with %d open and %d released", v.State, v.Open(), v.Released)
	}
	if _, err := b.capture(id, 1); codeOf(err) != sdk.CodeAlreadyCaptured {
		t.Errorf("capture of what was let go: %v", err)
	}
}
