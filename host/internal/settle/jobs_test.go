package settle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// looks says for each job of the payment, by kind, how long from now it is due.
func (b *bench) looks(id sdk.PaymentID) map[string]time.Duration {
	b.t.Helper()
	waiting, err := b.jobs.Waiting(b.t.Context(), string(id))
	if err != nil {
		b.t.Fatal(err)
	}
	list := map[string]time.Duration{}
	for _, w := range waiting {
		list[w.Kind] = w.Due.Sub(b.clock())
	}
	return list
}

func (b *bench) wantLooks(id sdk.PaymentID, want map[string]time.Duration) {
	b.t.Helper()
	got := b.looks(id)
	if len(got) != len(want) {
		b.t.Errorf("looks are due in %v, want %v", got, want)
		return
	}
	for kind, in := range want {
		if had, ok := got[kind]; !ok || (had-in).Abs() > time.Second {
			b.t.Errorf("looks are due in %v, want %v", got, want)
			return
		}
	}
}

// told counts the events of a payment with the given name.
func (b *bench) told(id sdk.PaymentID, name string) int {
	b.t.Helper()
	events, _, err := b.store.Events(b.t.Context(), id, 100, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return len(slices.DeleteFunc(events, func(e store.Event) bool { return e.Name != name }))
}

// The plain way of a payment leaves no job behind.
func TestJobsComeAndGoWithWhatTheyAreFor(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.wantLooks(id, map[string]time.Duration{settle.KindApproval: 30 * time.Minute})
	b.provider.buyer(approve)
	if _, err := b.Sync(t.Context(), "default", id); err != nil {
		t.Fatal(err)
	}
	b.wantLooks(id, map[string]time.Duration{settle.KindAuthorization: 7 * 24 * time.Hour})
	must(b.capture(id, 2500))
	b.wantLooks(id, map[string]time.Duration{})
}

func TestAnOperationInDoubtIsLookedAtOnSchedule(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, loseAnswer)
	must(b.capture(id, 2500))
	b.provider.blind = true
	var waits []time.Duration
	for range 9 {
		in := b.looks(id)[settle.KindSettle]
		waits = append(waits, in)
		b.pass(in - time.Millisecond)
		b.work()
		if got := b.looks(id)[settle.KindSettle]; got != time.Millisecond {
			t.Fatalf("looked at before its time: %s", got)
		}
		b.pass(time.Millisecond)
		b.work()
	}
	if want := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	}; !slices.Equal(waits, want) {
		t.Errorf("waits are %v, want %v", waits, want)
	}
	if n := b.told(id, "settlement-needs-operator"); n != 1 {
		t.Errorf("a person was called %d times, want once", n)
	}
	b.provider.blind = false
	b.pass(24 * time.Hour)
	b.work()
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
	b.wantLooks(id, map[string]time.Duration{})
}

// Where hosts share a store, an intent without an answer may be a call on its way.
func TestACallOfAnotherHostIsLeftAlone(t *testing.T) {
	b := newBench(t)
	b.Shared = true
	id := b.authorized().Payment.ID
	capture := ledger.Operation{
		ID: "3f0a8a0e-31fd-4be5-8d05-6e2b0a1b0001", Kind: sdk.OpCapture, Key: "3f0a8a0e-31fd-4be5-8d05-6e2b0a1b0001",
		Amount: sdk.JPY(2500), Final: true, Attempt: 1, CreatedAt: b.clock(), UpdatedAt: b.clock(),
	}
	if _, err := b.store.Update(t.Context(), id, nil, func(rec *store.Record) error {
		rec.Operations = append(rec.Operations, capture)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.pass(39 * time.Second)
	b.work()
	if b.settled(id) {
		t.Error("settled while its call may be on its way")
	}
	if n := b.provider.sent(sdk.OpCapture); n != 0 {
		t.Errorf("sent %d times beside a call that may be on its way", n)
	}
	if _, waits := b.looks(id)[settle.KindSettle]; waits {
		t.Error("a job looks after a call that may be on its way")
	}
	b.pass(2 * time.Second)
	b.work()
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
}

// What is sent again is on its way again.
func TestARepeatIsUnderWayUntilItIsAnswered(t *testing.T) {
	b := newBench(t)
	b.Shared = true
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, loseRequest)
	must(b.capture(id, 2500))
	b.provider.set(sdk.OpCapture, "")
	b.provider.gate = make(chan struct{})
	b.pass(time.Minute)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.jobs.Work(t.Context())
	}()
	for {
		rec, err := b.store.Payment(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if op := rec.Operations[len(rec.Operations)-1]; op.Attempt == 2 {
			if b.UnderWay(&rec) <= 0 || op.Outcome != "" {
				t.Errorf("attempt 2 is %q and not under way", op.Outcome)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	if b.settled(id) {
		t.Error("settled beside a call on its way")
	}
	close(b.provider.gate)
	<-ended
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
	if n := b.provider.sent(sdk.OpCapture); n != 2 {
		t.Errorf("sent %d times, want 2", n)
	}
}

// No webhook, no sync: the looks after the close find the approval.
func TestALateApprovalIsNoticedWithoutAWebhook(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.pass(30 * time.Minute)
	b.work()
	b.expect(id, ledger.StatusAuthorizationFailed, 0, 0, 0)
	b.wantLooks(id, map[string]time.Duration{settle.KindLateApproval: 2 * time.Minute})
	b.pass(3 * time.Minute)
	b.work()
	b.provider.buyer(approve)
	b.pass(10 * time.Minute)
	b.work()
	if n := b.provider.sent(sdk.OpVoid); n != 1 {
		t.Errorf("provider received %d voids, want 1", n)
	}
	b.expect(id, ledger.StatusAuthorizationFailed, 2500, 0, 0)
	b.wantLooks(id, map[string]time.Duration{})
}

func TestLooksForALateApprovalEnd(t *testing.T) {
	tests := map[string]struct {
		state sdk.State
		told  int
	}{
		"when the provider says that it is over": {sdk.StateExpired, 0},
		"some time after the page expired":       {sdk.StateRequiresAction, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.created(sdk.CaptureManual).Payment.ID
			b.pass(30 * time.Minute)
			b.work()
			b.provider.buyer(func(o *order) { o.state = tt.state })
			for range 5 {
				b.pass(24 * time.Hour)
				b.work()
			}
			b.wantLooks(id, map[string]time.Duration{})
			b.expect(id, ledger.StatusAuthorizationFailed, 0, 0, 0)
			if n := b.told(id, "approval-still-possible"); n != tt.told {
				t.Errorf("told %d times that it can still be approved, want %d", n, tt.told)
			}
		})
	}
}

func TestAHoldThatOutlivesItsTime(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.pass(7 * 24 * time.Hour)
	b.work()
	b.pass(24 * time.Hour)
	b.work()
	b.expect(id, ledger.StatusAuthorizationSucceeded, 2500, 0, 0)
	if n := b.told(id, "authorization-outlived"); n != 1 {
		t.Errorf("told %d times that the hold outlives its time, want once", n)
	}
	b.provider.buyer(func(o *order) { o.state = sdk.StateExpired })
	b.pass(24 * time.Hour)
	b.work()
	b.expect(id, ledger.StatusVoided, 2500, 0, 0)
	b.wantLooks(id, map[string]time.Duration{})
}

func TestAHoldIsLookedAtWhenTheProviderSaysItLapses(t *testing.T) {
	b := newBench(t)
	lapses := b.clock().Add(48 * time.Hour)
	b.provider.edit = func(s *sdk.Snapshot) { s.ExpiresAt = lapses }
	id := b.authorized().Payment.ID
	b.wantLooks(id, map[string]time.Duration{settle.KindAuthorization: 48 * time.Hour})
}

// A refund that the provider has accepted counts, and keeps nothing else waiting.
func TestARefundThatIsAcceptedBlocksNoOther(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	must(b.capture(id, 2500))
	b.provider.slow = true
	must(b.refund(id, 1000))
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
	must(b.refund(id, 500))
	if _, err := b.refund(id, 1001); codeOf(err) != sdk.CodeAmountExceedsRefundable {
		t.Errorf("refunding more than what is left: %v", err)
	}
	b.provider.set(sdk.OpRefund, loseAnswer)
	must(b.refund(id, 100))
	if _, err := b.refund(id, 1); !isBusy(err) {
		t.Errorf("a refund beside one in doubt: %v, want it to be busy", err)
	}
	b.provider.set(sdk.OpRefund, "")
	b.provider.buyer(func(o *order) {
		for i := range o.refunds {
			o.refunds[i].Status = sdk.MoveSucceeded
		}
	})
	b.pass(time.Minute)
	b.work()
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 1600)
	b.wantLooks(id, map[string]time.Duration{})
}

// Only what nobody looks after is found.
func TestTheSweepFindsWhatNobodyLooksAfter(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.pass(32 * time.Minute)
	if errs := b.jobs.Work(t.Context()); len(errs) > 0 {
		t.Fatal(errs)
	}
	b.expect(id, ledger.StatusAuthorizationFailed, 0, 0, 0)

	// Of times before there were jobs.
	rec := b.created(sdk.CaptureManual)
	if err := b.store.Enqueue(t.Context(), store.Job{Kind: settle.KindApproval, Subject: string(rec.Payment.ID), Off: true}); err != nil {
		t.Fatal(err)
	}
	b.pass(32 * time.Minute)
	b.work()
	b.expect(rec.Payment.ID, ledger.StatusAuthorizationFailed, 0, 0, 0)
}

func isBusy(err error) bool {
	_, ok := errors.AsType[*settle.BusyError](err)
	return ok
}
