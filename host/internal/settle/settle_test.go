package settle_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/jobs/jobstest"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// bench is an engine on a real store, over a connector served in memory.
type bench struct {
	*settle.Engine
	t        *testing.T
	jobs     *jobstest.Queue
	provider *provider
	store    *store.Store
	file     string
	live     *live
	mu       sync.Mutex
	now      time.Time
}

// meddler is a connector that a test meddles with on this side of the wire.
type meddler struct {
	sdk.Remote
	capture func(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error)
}

func (m meddler) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if m.capture == nil {
		return m.Remote.Capture(ctx, req)
	}
	return m.capture(ctx, req)
}

// live gives leases on the one connector there is.
type live struct {
	remote meddler
	about  sdk.Description
	gate   *gatekeep.Gate
	lease  func(*settle.Lease) // changes the lease that is given, if not nil
	leased atomic.Int64        // leases that were not given back
}

func (l *live) Acquire(context.Context, string) (*settle.Lease, error) {
	l.leased.Add(1)
	lease := &settle.Lease{
		Remote: l.remote, Gate: l.gate, Description: l.about, Digest: "d1", Release: func() { l.leased.Add(-1) },
	}
	if l.lease != nil {
		l.lease(lease)
	}
	return lease, nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOn(t, newProvider())
}

func newBenchOn(t *testing.T, p *provider) *bench {
	t.Helper()
	b := &bench{t: t, provider: p, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "host.db")}
	key, err := store.LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if b.store, err = store.OpenSQLite(t.Context(), b.file, key, b.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	remote := sdktest.Connect(t, b.provider)
	about, err := remote.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gate, err := gatekeep.New(about)
	if err != nil {
		t.Fatal(err)
	}
	b.live = &live{remote: meddler{Remote: remote}, about: about, gate: gate}
	b.jobs = jobstest.New(b.store, b.clock)
	b.Engine = settle.New(settle.Config{
		Store: b.store, Jobs: b.jobs, Connectors: b.live, Logger: slog.New(slog.DiscardHandler), Now: b.clock,
		PublicURL: "https://pay.example", ReturnKey: []byte("0123456789abcdef"),
	})
	b.jobs.Register(b.Kinds()...)
	svc := store.PaymentService{
		ID: "7d1e0f60-7d0a-4a53-9b7c-0d5f7d8f0001", MerchantAccount: "default", Connector: "fake", Method: "fake",
		DisplayName: "Fake", Active: true, Mode: sdk.ModeTest, Revision: 1, Currencies: []string{"JPY"}, Countries: []string{"JP"},
		Secrets: map[string]sdk.Secret{"key": sdk.NewSecret("k")},
	}
	if err := b.store.SaveService(t.Context(), &svc); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func order2500(mode sdk.CaptureMode) settle.NewPayment {
	return settle.NewPayment{
		MerchantAccount: "default", RedirectURL: "https://shop.example/thanks?order=%E6%B3%A8",
		Authorize: sdk.AuthorizeRequest{Amount: sdk.JPY(2500), Country: "JP", CaptureMode: mode, Method: "fake"},
	}
}

// created makes a payment that waits for its buyer.
func (b *bench) created(mode sdk.CaptureMode) store.Record {
	b.t.Helper()
	rec, err := b.Create(b.t.Context(), order2500(mode), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

// work does the jobs that are due.
func (b *bench) work() {
	b.t.Helper()
	for _, err := range b.jobs.Work(b.t.Context()) {
		b.t.Log("job failed: ", err)
	}
}

// authorized makes a payment that its buyer has approved.
func (b *bench) authorized() store.Record {
	b.t.Helper()
	rec := b.created(sdk.CaptureManual)
	b.provider.buyer(approve)
	rec, err := b.Sync(b.t.Context(), "default", rec.Payment.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

func (b *bench) capture(id sdk.PaymentID, amount int64) (settle.Done, error) {
	return b.Capture(b.t.Context(), "default", id, settle.CaptureOrder{Amount: &amount, Final: true}, nil)
}

func (b *bench) refund(id sdk.PaymentID, amount int64) (settle.Done, error) {
	return b.Refund(b.t.Context(), "default", id, settle.RefundOrder{Amount: &amount}, nil)
}

// expect checks how a payment stands, as the store has it.
func (b *bench) expect(id sdk.PaymentID, status ledger.Status, authorized, captured, refunded int64) {
	b.t.Helper()
	rec, err := b.store.Payment(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	v := rec.View()
	if got := rec.Status(v); got != status || v.Authorized != authorized || v.Captured != captured || v.Refunded != refunded {
		b.t.Errorf("payment is %s with %d/%d/%d authorized/captured/refunded, want %s with %d/%d/%d",
			got, v.Authorized, v.Captured, v.Refunded, status, authorized, captured, refunded)
	}
}

func (b *bench) settled(id sdk.PaymentID) bool {
	b.t.Helper()
	done, err := b.Settle(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return done
}

func codeOf(err error) sdk.Code {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestAPaymentFromApprovalToPartialRefund(t *testing.T) {
	b := newBench(t)
	rec := b.created(sdk.CaptureManual)
	id := rec.Payment.ID
	b.expect(id, ledger.StatusBuyerApprovalPending, 0, 0, 0)
	if rec.Truth.Next == nil || !strings.HasPrefix(rec.Truth.Next.RedirectURL, "https://provider.example/approve/") {
		t.Errorf("approval page is %+v", rec.Truth.Next)
	}
	b.provider.buyer(approve)
	if _, err := b.Sync(t.Context(), "default", id); err != nil {
		t.Fatal(err)
	}
	b.expect(id, ledger.StatusAuthorizationSucceeded, 2500, 0, 0)
	if _, err := b.capture(id, 2000); err != nil {
		t.Fatal(err)
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
	done, err := b.refund(id, 500)
	if err != nil {
		t.Fatal(err)
	}
	if done.Operation.Outcome != sdk.OutcomeSucceeded || done.Operation.Ref == "" || done.Operation.Capture == "" {
		t.Errorf("refund ended as %+v", done.Operation)
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 500)
	if total, most := b.provider.effects(); total != 3 || most != 1 {
		t.Errorf("provider counts %d effects, at most %d for one key; want 3 and 1", total, most)
	}
}

func TestAutomaticCaptureNeedsNoCapture(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureAutomatic).Payment.ID
	b.provider.buyer(approve)
	if _, err := b.Sync(t.Context(), "default", id); err != nil {
		t.Fatal(err)
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
	if _, err := b.refund(id, 2500); err != nil {
		t.Fatal(err)
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 2500)
}

func TestWhatIsRefusedReachesNobodyAndLeavesNoTrace(t *testing.T) {
	tests := map[string]struct {
		prepare func(*bench, sdk.PaymentID)
		try     func(*bench, sdk.PaymentID) error
		op      sdk.Operation
		sends   int
		want    sdk.Code
	}{
		"capture of more than is held": {nil, func(b *bench, id sdk.PaymentID) error { _, err := b.capture(id, 2501); return err },
			sdk.OpCapture, 0, sdk.CodeAmountExceedsCapturable},
		"capture of nothing": {nil, func(b *bench, id sdk.PaymentID) error { _, err := b.capture(id, 0); return err },
			sdk.OpCapture, 0, sdk.CodeAmountOutOfRange},
		"capture that is not the last": {nil, func(b *bench, id sdk.PaymentID) error {
			_, err := b.Capture(b.t.Context(), "default", id, settle.CaptureOrder{}, nil)
			return err
		}, sdk.OpCapture, 0, sdk.CodeOperationUnsupported},
		"second capture": {
			func(b *bench, id sdk.PaymentID) { must(b.capture(id, 100)) },
			func(b *bench, id sdk.PaymentID) error { _, err := b.capture(id, 100); return err },
			sdk.OpCapture, 1, sdk.CodeAlreadyCaptured},
		"capture after void": {
			func(b *bench, id sdk.PaymentID) { must(b.Void(b.t.Context(), "default", id, nil)) },
			func(b *bench, id sdk.PaymentID) error { _, err := b.capture(id, 100); return err },
			sdk.OpCapture, 0, sdk.CodeAlreadyVoided},
		"void after capture": {
			func(b *bench, id sdk.PaymentID) { must(b.capture(id, 2500)) },
			func(b *bench, id sdk.PaymentID) error {
				_, err := b.Void(b.t.Context(), "default", id, nil)
				return err
			},
			sdk.OpVoid, 0, sdk.CodeAlreadyCaptured},
		"refund before capture": {nil, func(b *bench, id sdk.PaymentID) error { _, err := b.refund(id, 1); return err },
			sdk.OpRefund, 0, sdk.CodeInvalidState},
		"refund of more than was captured": {
			func(b *bench, id sdk.PaymentID) { must(b.capture(id, 2000)) },
			func(b *bench, id sdk.PaymentID) error { _, err := b.refund(id, 2001); return err },
			sdk.OpRefund, 0, sdk.CodeAmountExceedsRefundable},
		"refund of what is left and one": {
			func(b *bench, id sdk.PaymentID) { must(b.capture(id, 2000)); must(b.refund(id, 1500)) },
			func(b *bench, id sdk.PaymentID) error { _, err := b.refund(id, 501); return err },
			sdk.OpRefund, 1, sdk.CodeAmountExceedsRefundable},
		"cancel after approval": {nil, func(b *bench, id sdk.PaymentID) error {
			_, err := b.Cancel(b.t.Context(), "default", id, nil)
			return err
		}, sdk.OpCancel, 0, sdk.CodeInvalidState},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.authorized().Payment.ID
			if tt.prepare != nil {
				tt.prepare(b, id)
			}
			before, _ := b.store.Payment(t.Context(), id)
			err := tt.try(b, id)
			if got := codeOf(err); got != tt.want {
				t.Fatalf("got %v (%s), want %s", err, got, tt.want)
			}
			if got := b.provider.sent(tt.op); got != tt.sends {
				t.Errorf("provider received %d, want %d", got, tt.sends)
			}
			if after, _ := b.store.Payment(t.Context(), id); len(after.Operations) != len(before.Operations) {
				t.Errorf("a refused operation was written down")
			}
		})
	}
}

func must(_ settle.Done, err error) {
	if err != nil {
		panic(err)
	}
}

func TestALostAnswerIsFoundAgain(t *testing.T) {
	tests := map[string]struct {
		fault fault
		sends int // captures that reach the provider in all
	}{
		"the provider had acted":     {loseAnswer, 1},
		"the provider had not acted": {loseRequest, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.authorized().Payment.ID
			b.provider.set(sdk.OpCapture, tt.fault)
			done, err := b.capture(id, 2000)
			if err != nil || done.Operation.Outcome != sdk.OutcomeUnknown {
				t.Fatalf("capture came to %s, %v; want UNKNOWN", done.Operation.Outcome, err)
			}
			b.expect(id, ledger.StatusCapturePending, 2500, 0, 0)
			busy := (*settle.BusyError)(nil)
			if _, err := b.Void(t.Context(), "default", id, nil); !errors.As(err, &busy) {
				t.Errorf("void beside a capture in doubt: %v, want it to be busy", err)
			}
			b.provider.set(sdk.OpCapture, "")
			b.pass(time.Minute)
			if !b.settled(id) {
				t.Error("still unsettled")
			}
			b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
			if _, most := b.provider.effects(); most != 1 || b.provider.sent(sdk.OpCapture) != tt.sends {
				t.Errorf("%d effects for one key in %d sends, want 1 in %d", most, b.provider.sent(sdk.OpCapture), tt.sends)
			}
		})
	}
}

func TestALostApprovalPageIsAskedForAgain(t *testing.T) {
	b := newBench(t)
	b.provider.set(sdk.OpAuthorize, loseAnswer)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.expect(id, ledger.StatusProcessing, 0, 0, 0)
	b.provider.set(sdk.OpAuthorize, "")
	b.pass(time.Minute)
	if !b.settled(id) {
		t.Error("still unsettled")
	}
	b.expect(id, ledger.StatusBuyerApprovalPending, 0, 0, 0)
	if total, _ := b.provider.effects(); total != 1 {
		t.Errorf("provider made %d orders, want 1", total)
	}
}

// A provider whose orders can only be searched may have too many of them. An order that
// waits for its buyer need not be found: its request is sent again under its key. Where
// money may have moved nothing is sent before it is known that it did not.
func TestAPageIsAskedForWithoutALookup(t *testing.T) {
	tests := map[string]struct {
		lost  fault
		flow  sdk.MethodFlow
		after time.Duration
		sends int
	}{
		"the answer was lost":              {loseAnswer, sdk.FlowRedirect, time.Minute, 2},
		"the request was lost":             {loseRequest, sdk.FlowRedirect, time.Minute, 2},
		"the key is forgotten":             {loseAnswer, sdk.FlowRedirect, 7 * time.Hour, 1},
		"no buyer has to come and approve": {loseAnswer, sdk.FlowDirect, time.Minute, 1},
	}
	for name, tt := range tests {
		for lookup, blind := range map[string]func(*provider){
			"finds no end":   func(p *provider) { p.endless = true },
			"proves nothing": func(p *provider) { p.hidden, p.vague = true, true },
		} {
			t.Run(name+", and a lookup "+lookup, func(t *testing.T) {
				p := newProvider()
				p.flow = tt.flow
				blind(p)
				b := newBenchOn(t, p)
				b.provider.set(sdk.OpAuthorize, tt.lost)
				id := b.created(sdk.CaptureManual).Payment.ID
				b.provider.set(sdk.OpAuthorize, "")
				b.pass(tt.after)
				_, _ = b.Settle(t.Context(), id) // whose error is the lookup's
				if n := b.provider.sent(sdk.OpAuthorize); n != tt.sends {
					t.Errorf("it was sent %d times, want %d", n, tt.sends)
				}
				if tt.sends > 1 {
					b.expect(id, ledger.StatusBuyerApprovalPending, 0, 0, 0)
				} else {
					b.expect(id, ledger.StatusProcessing, 0, 0, 0)
				}
				if total, _ := b.provider.effects(); total != 1 {
					t.Errorf("provider made %d orders, want 1", total)
				}
			})
		}
	}
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.endless = true
	b.provider.set(sdk.OpCapture, loseRequest)
	must(b.capture(id, 2000))
	b.provider.set(sdk.OpCapture, "")
	b.pass(time.Minute)
	if _, err := b.Settle(t.Context(), id); err == nil || b.provider.sent(sdk.OpCapture) != 1 {
		t.Errorf("a capture was sent %d times though nothing was proven, %v", b.provider.sent(sdk.OpCapture), err)
	}
}

// A merchant is not kept waiting for a long search. Nobody waits for the looks of a job.
func TestALookThatNobodyWaitsForTakesItsTime(t *testing.T) {
	b := newBench(t)
	b.CallTimeout = 2 * time.Second
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, loseAnswer)
	must(b.capture(id, 2000))
	b.provider.search = 20 * time.Second
	b.pass(time.Minute)
	for who, look := range map[string]func() error{
		"the merchant": func() error { _, err := b.Sync(t.Context(), "default", id); return err },
		"the operator": func() error { _, err := b.Settle(t.Context(), id); return err },
	} {
		if failed, ok := errors.AsType[*sdk.Error](look()); !ok || failed.Code != sdk.CodeReadTimeout {
			t.Errorf("%s is answered %v, want that it took too long", who, failed)
		}
	}
	b.work()
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
	for _, kind := range b.Kinds() {
		if kind.Name == settle.KindSettle && kind.Timeout < 30*time.Second+b.CallTimeout {
			t.Errorf("a job may take %s, which leaves no time for what follows a long look", kind.Timeout)
		}
	}
}

// A lookup that does not say how much was captured or refunded has not seen everything:
// what it does not show may be there.
func TestWhatALookupDoesNotSayProvesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		op   sdk.Operation
		hide func(*sdk.Snapshot)
		now  ledger.Status
	}{
		"captures": {sdk.OpCapture, func(s *sdk.Snapshot) { s.Captures, s.Captured = nil, nil }, ledger.StatusCapturePending},
		"refunds":  {sdk.OpRefund, func(s *sdk.Snapshot) { s.Refunds, s.Refunded = nil, nil }, ledger.StatusCaptureSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.authorized().Payment.ID
			if tt.op == sdk.OpRefund {
				must(b.capture(id, 2000))
			}
			b.provider.set(tt.op, loseAnswer)
			if tt.op == sdk.OpRefund {
				must(b.refund(id, 500))
			} else {
				must(b.capture(id, 2000))
			}
			b.provider.set(tt.op, "")
			b.provider.edit = tt.hide
			b.pass(7 * time.Hour) // the key is forgotten
			if b.settled(id) || b.provider.sent(tt.op) != 1 {
				t.Errorf("it was settled, or sent %d times, on what was not seen", b.provider.sent(tt.op))
			}
			b.provider.edit = nil
			b.pass(7 * time.Hour)
			if !b.settled(id) {
				t.Error("what is seen settles nothing")
			}
			if tt.op == sdk.OpRefund {
				b.expect(id, tt.now, 2500, 2000, 500)
			} else {
				b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
			}
		})
	}
}

func TestIgnoranceIsNeverTurnedIntoFailure(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, loseAnswer)
	must(b.capture(id, 2000))
	b.provider.blind = true
	for range 10 {
		b.pass(25 * time.Hour)
		b.work()
	}
	b.expect(id, ledger.StatusCapturePending, 2500, 0, 0)
	b.provider.blind = false
	b.pass(25 * time.Hour)
	b.work()
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
}

func TestARepeatThatNeverLeftProvesNothing(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, loseRequest)
	must(b.capture(id, 2000))
	b.provider.set(sdk.OpCapture, unreachable)
	b.pass(time.Minute)
	if b.settled(id) {
		t.Error("settled by a send that never left")
	}
	b.expect(id, ledger.StatusCapturePending, 2500, 0, 0)
}

func TestAFirstSendThatNeverLeftIsOver(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, unreachable)
	done, err := b.capture(id, 2000)
	if err != nil || done.Operation.Outcome != sdk.OutcomeNotAttempted {
		t.Fatalf("capture came to %s, %v; want NOT_ATTEMPTED", done.Operation.Outcome, err)
	}
	b.provider.set(sdk.OpCapture, "")
	must(b.capture(id, 2500))
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
}

func TestACrashAfterTheIntentIsSettledByTheNextRun(t *testing.T) {
	b := newBench(t)
	rec := b.authorized()
	_, err := b.store.Update(t.Context(), rec.Payment.ID, nil, func(rec *store.Record) error {
		rec.Operations = append(rec.Operations, ledger.Operation{
			ID: "3f0a8a0e-31fd-4be5-8d05-6e2b0a1b0001", Kind: sdk.OpCapture, Key: "3f0a8a0e-31fd-4be5-8d05-6e2b0a1b0001",
			Amount: sdk.JPY(2500), Final: true, Attempt: 1, CreatedAt: b.clock(), UpdatedAt: b.clock(),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	b.work()
	b.expect(rec.Payment.ID, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
}

func TestApprovalThatComesTooLateIsLetGo(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.pass(31 * time.Minute)
	b.work()
	b.expect(id, ledger.StatusAuthorizationFailed, 0, 0, 0)
	rec, _ := b.store.Payment(t.Context(), id)
	if got := rec.View().Reason.ErrorCode(); got != "incomplete_buyer_approval" {
		t.Errorf("error code %q, want incomplete_buyer_approval", got)
	}
	b.provider.buyer(approve)
	if _, err := b.Look(t.Context(), id, settle.SourceWebhook); err != nil {
		t.Fatal(err)
	}
	b.work()
	if got := b.provider.sent(sdk.OpVoid); got != 1 {
		t.Errorf("provider received %d voids, want 1", got)
	}
	b.expect(id, ledger.StatusAuthorizationFailed, 2500, 0, 0)
	rec, _ = b.store.Payment(t.Context(), id)
	if open := rec.View().Open(); open != 0 {
		t.Errorf("%d is still held", open)
	}
}

func TestApprovalInTheLastSecondCounts(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	b.provider.buyer(approve)
	b.pass(31 * time.Minute)
	b.work()
	b.expect(id, ledger.StatusAuthorizationSucceeded, 2500, 0, 0)
}

func TestWhatAReturningBuyerProves(t *testing.T) {
	tests := map[string]struct {
		buyer      func(*order)
		approvedBy bool // the browser comes by the approved link
		want       ledger.Status
	}{
		"approved, by the approved link":     {approve, true, ledger.StatusAuthorizationSucceeded},
		"not approved, by the approved link": {nil, true, ledger.StatusBuyerApprovalPending},
		"gave up, by the cancel link":        {nil, false, ledger.StatusAuthorizationFailed},
		"approved, by the cancel link":       {approve, false, ledger.StatusAuthorizationSucceeded},
		"declined, by the cancel link":       {rejected, false, ledger.StatusAuthorizationDeclined},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			rec := b.created(sdk.CaptureManual)
			if tt.buyer != nil {
				b.provider.buyer(tt.buyer)
			}
			token := tokenIn(t, rec)
			to, err := b.Return(t.Context(), rec.Payment.ID, token, tt.approvedBy)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(to)
			if err != nil || u.Host != "shop.example" || !strings.HasPrefix(u.RawQuery, "order=%E6%B3%A8&") {
				t.Errorf("buyer is sent to %s (%v), want the shop with its own query kept", to, err)
			}
			if got := u.Query().Get("transaction_status"); got != string(tt.want) {
				t.Errorf("shop is told %s, want %s", got, tt.want)
			}
			if got := u.Query().Get("transaction_id"); got != string(rec.Payment.ID) {
				t.Errorf("shop is told of payment %s, want %s", got, rec.Payment.ID)
			}
			again, err := b.Return(t.Context(), rec.Payment.ID, token, tt.approvedBy)
			if err != nil || again != to {
				t.Errorf("coming back twice goes to %s, %v; want %s", again, err, to)
			}
		})
	}
}

func TestAForgedReturnIsNobody(t *testing.T) {
	b := newBench(t)
	rec := b.created(sdk.CaptureManual)
	for _, token := range []string{"", "AAAAAAAAAAAAAAAAAAAAAA", tokenIn(t, rec)[1:]} {
		if _, err := b.Return(t.Context(), rec.Payment.ID, token, false); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("token %q: %v, want not found", token, err)
		}
	}
	b.expect(rec.Payment.ID, ledger.StatusBuyerApprovalPending, 0, 0, 0)
}

// tokenIn digs the token out of the URL that the provider was given.
func tokenIn(t *testing.T, rec store.Record) string {
	t.Helper()
	_, after, ok := strings.Cut(string(rec.Request), "/return/"+string(rec.Payment.ID)+"/")
	if !ok {
		t.Fatalf("no return URL in %s", rec.Request)
	}
	token, _, _ := strings.Cut(after, "/")
	return token
}

func TestMerchantsCancelClosesAndLetsGoOfALateApproval(t *testing.T) {
	b := newBench(t)
	id := b.created(sdk.CaptureManual).Payment.ID
	must(b.Cancel(t.Context(), "default", id, nil))
	b.expect(id, ledger.StatusAuthorizationFailed, 0, 0, 0)
	rec, _ := b.store.Payment(t.Context(), id)
	if got := rec.View().Reason.ErrorCode(); got != "canceled" {
		t.Errorf("error code %q, want canceled", got)
	}
	b.provider.buyer(approve)
	if _, err := b.Look(t.Context(), id, settle.SourceWebhook); err != nil {
		t.Fatal(err)
	}
	b.work()
	if got := b.provider.sent(sdk.OpVoid); got != 1 {
		t.Errorf("provider received %d voids, want 1", got)
	}
}

func TestADeclinedOperationChangesNothing(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	for _, op := range []sdk.Operation{sdk.OpCapture, sdk.OpVoid} {
		b.provider.set(op, decline)
	}
	if done, err := b.capture(id, 2500); err != nil || done.Operation.Outcome != sdk.OutcomeDeclined {
		t.Errorf("capture came to %s, %v", done.Operation.Outcome, err)
	}
	if done, err := b.Void(t.Context(), "default", id, nil); err != nil || done.Operation.Outcome != sdk.OutcomeDeclined {
		t.Errorf("void came to %s, %v", done.Operation.Outcome, err)
	}
	b.expect(id, ledger.StatusAuthorizationSucceeded, 2500, 0, 0)
	b.provider.set(sdk.OpCapture, "")
	must(b.capture(id, 2500))
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2500, 0)
}

func TestOnlyOneOfManyCapturesTakesEffect(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.gate = make(chan struct{})
	const callers = 16
	results := make(chan error, callers)
	for range callers {
		go func() {
			_, err := b.capture(id, 2000)
			results <- err
		}()
	}
	succeeded := 0
	for range callers - 1 { // all but the one that waits at the provider
		err := <-results
		busy := (*settle.BusyError)(nil)
		if !errors.As(err, &busy) {
			t.Errorf("a losing capture got %v, want busy", err)
		}
	}
	close(b.provider.gate)
	if err := <-results; err == nil {
		succeeded++
	}
	if succeeded != 1 || b.provider.sent(sdk.OpCapture) != 1 {
		t.Errorf("%d succeeded, provider received %d; want 1 and 1", succeeded, b.provider.sent(sdk.OpCapture))
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
}

func TestWhatCannotBeOfThisPaymentIsNotBelieved(t *testing.T) {
	tests := map[string]struct {
		edit func(*sdk.Snapshot)
		want sdk.Code
	}{
		"another reference":   {func(s *sdk.Snapshot) { s.Reference = "other" }, sdk.CodeReferenceMismatch},
		"another order":       {func(s *sdk.Snapshot) { s.Order = "order_other" }, sdk.CodeIDMismatch},
		"another currency":    {func(s *sdk.Snapshot) { s.Authorized = &sdk.Money{Minor: 2500, Currency: "USD"} }, sdk.CodeCurrencyMismatch},
		"more than asked for": {func(s *sdk.Snapshot) { m := sdk.JPY(2501); s.Authorized = &m }, sdk.CodeAmountMismatch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.created(sdk.CaptureManual).Payment.ID
			b.provider.buyer(approve)
			b.provider.edit = tt.edit
			_, err := b.Sync(t.Context(), "default", id)
			if got := codeOf(err); got != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			b.expect(id, ledger.StatusBuyerApprovalPending, 0, 0, 0)
			events, _, err := b.store.Events(t.Context(), id, 10, "")
			if err != nil || len(events) == 0 || events[0].Name != "integrity-mismatch" {
				t.Errorf("the story does not tell of it: %v %v", events, err)
			}
		})
	}
}

func TestAnotherMerchantsPaymentDoesNotExist(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	amount := int64(1)
	_, captured := b.Capture(t.Context(), "other", id, settle.CaptureOrder{Amount: &amount, Final: true}, nil)
	_, synced := b.Sync(t.Context(), "other", id)
	for _, err := range []error{captured, synced} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	}
}

func TestWhereAPaymentGoes(t *testing.T) {
	tests := map[string]struct {
		edit    func(*settle.NewPayment)
		pointer string
	}{
		"a method nobody offers":   {func(p *settle.NewPayment) { p.Authorize.Method = "paypay" }, "/payment_method/method"},
		"a currency nobody takes":  {func(p *settle.NewPayment) { p.Authorize.Amount.Currency = "USD" }, "/currency"},
		"a country nobody serves":  {func(p *settle.NewPayment) { p.Authorize.Country = "US" }, "/country"},
		"a service that is not":    {func(p *settle.NewPayment) { p.Service = "nope" }, "/payment_service_id"},
		"somebody else's services": {func(p *settle.NewPayment) { p.MerchantAccount = "other" }, "/payment_method/method"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p := order2500(sdk.CaptureManual)
			tt.edit(&p)
			_, err := b.Create(t.Context(), p, nil)
			none := (*settle.NoServiceError)(nil)
			if !errors.As(err, &none) || none.Pointer != tt.pointer {
				t.Errorf("got %v, want no service, at %s", err, tt.pointer)
			}
			if n := b.provider.sent(sdk.OpAuthorize); n != 0 {
				t.Errorf("provider received %d", n)
			}
		})
	}
}

func TestApprovalDeadline(t *testing.T) {
	tests := map[string]struct {
		in   time.Duration // from now; 0 leaves it out
		want time.Duration // 0 means refused
	}{
		"left out":            {0, 30 * time.Minute},
		"shorter":             {5 * time.Minute, 5 * time.Minute},
		"at the limit":        {30 * time.Minute, 30 * time.Minute},
		"past the limit":      {30*time.Minute + time.Second, 0},
		"already in the past": {-time.Second, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p := order2500(sdk.CaptureManual)
			if tt.in != 0 {
				p.ApprovalExpiresAt = b.clock().Add(tt.in)
			}
			rec, err := b.Create(t.Context(), p, nil)
			if tt.want == 0 {
				if e, ok := errors.AsType[*sdk.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Pointer != "/approval_expires_at" {
					t.Errorf("got %v, want a refusal at /approval_expires_at", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := rec.Payment.ApprovalExpiresAt.Sub(b.clock()); got != tt.want {
				t.Errorf("deadline in %s, want %s", got, tt.want)
			}
		})
	}
}

func TestOneKeyOneEffect(t *testing.T) {
	b := newBench(t)
	key := func() *store.Idempotency {
		return &store.Idempotency{MerchantAccount: "default", Scope: "create", Key: "k1", Fingerprint: "f", Host: "h"}
	}
	if _, err := b.Create(t.Context(), order2500(sdk.CaptureManual), key()); err != nil {
		t.Fatal(err)
	}
	used := (*store.KeyUsedError)(nil)
	if _, err := b.Create(t.Context(), order2500(sdk.CaptureManual), key()); !errors.As(err, &used) {
		t.Fatalf("second use of the key: %v", err)
	}
	if used.Earlier.Payment == "" || used.Earlier.Operation == "" {
		t.Errorf("the key does not lead to what it was used for: %+v", used.Earlier)
	}
	if n := b.provider.sent(sdk.OpAuthorize); n != 1 {
		t.Errorf("provider received %d, want 1", n)
	}
}

func TestAMerchantWhoHangsUpIsStillServed(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.gate = make(chan struct{})
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		amount := int64(2000)
		_, err := b.Capture(ctx, "default", id, settle.CaptureOrder{Amount: &amount, Final: true}, nil)
		done <- err
	}()
	b.provider.gate <- struct{}{} // the request has reached the provider
	hangUp()
	if err := <-done; err != nil {
		t.Errorf("the capture of a merchant who hung up: %v", err)
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
}

func TestAnAnswerThatComesAfterTheEndWasLearnedChangesNothing(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.live.remote.capture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
		_, err := b.store.Update(ctx, id, nil, func(rec *store.Record) error {
			rec.Operations[1].Outcome = sdk.OutcomeSucceeded
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return sdk.CaptureResult{}, sdk.Errorf("late", sdk.CodeReadTimeout, "no answer")
	}
	done, err := b.capture(id, 2000)
	if err != nil || done.Operation.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("operation is %s, %v; want it to stay SUCCEEDED", done.Operation.Outcome, err)
	}
}

func TestAnotherAmountThanAskedForIsInDoubt(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.live.remote.capture = func(_ context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
		more := sdk.JPY(req.Amount.Minor + 1)
		return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &more}, Capture: "c"}, nil
	}
	done, err := b.capture(id, 2000)
	if err != nil || done.Operation.Outcome != sdk.OutcomeUnknown || done.Operation.Code != sdk.CodeAmountMismatch {
		t.Errorf("operation is %s (%s), %v; want UNKNOWN (amount_mismatch)", done.Operation.Outcome, done.Operation.Code, err)
	}
}

func TestAKeyThatIsInUseIsTriedAgain(t *testing.T) {
	b := newBench(t)
	id := b.authorized().Payment.ID
	b.provider.set(sdk.OpCapture, inProgress)
	done, err := b.capture(id, 2000)
	if err != nil || done.Operation.Outcome != sdk.OutcomePending {
		t.Fatalf("capture came to %s, %v; want PENDING", done.Operation.Outcome, err)
	}
	b.provider.set(sdk.OpCapture, "")
	b.pass(time.Minute)
	if !b.settled(id) {
		t.Error("still unsettled")
	}
	b.expect(id, ledger.StatusCaptureSucceeded, 2500, 2000, 0)
	if _, most := b.provider.effects(); most != 1 {
		t.Errorf("a key moved money %d times", most)
	}
}
