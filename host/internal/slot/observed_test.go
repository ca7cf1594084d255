package slot_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// A provider is a remote that takes its time and answers as it is told.
type provider struct {
	sdk.Remote
	takes time.Duration
	err   error
}

func (p *provider) Capture(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if p.takes > 0 {
		<-time.After(p.takes)
	}
	return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, p.err
}

func (p *provider) FindPayment(context.Context, sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return sdk.PaymentFinding{}, p.err
}

func (p *provider) FindRefund(context.Context, sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return sdk.RefundFinding{}, p.err
}

func (p *provider) ReadWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return sdk.WebhookReading{}, p.err
}

func capture(t *testing.T, s *slot.Slot, id string) {
	t.Helper()
	l := acquire(t, s)
	defer l.Release()
	// How it went is looked for in the figures.
	_, _ = l.Remote().Capture(t.Context(), sdk.CaptureRequest{Call: sdk.Call{OperationID: sdk.OperationID(id), PaymentID: "pay-1", Attempt: 1}})
}

func TestCallsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{takes: 10 * time.Millisecond}
		s, r := slot.New("acme-pay"), slot.NewRoute(slot.Target{Generation: 1, Remote: p})
		s.Publish(r)
		for range 97 {
			capture(t, s, "op")
		}
		before := r.Figures()
		p.takes = time.Second
		p.err = sdk.Errorf("x", sdk.CodeReadTimeout, "slow")
		capture(t, s, "op")
		p.err = sdk.Errorf("x", sdk.CodeDoNotHonor, "no")
		capture(t, s, "op")
		p.err = context.Canceled // no word of the contract
		capture(t, s, "op")
		if _, err := acquire(t, s).Remote().FindPayment(t.Context(), sdk.FindPaymentRequest{}); err == nil {
			t.Error("the lookup did not fail")
		}
		total := r.Figures().Total()
		if total.Calls != 101 || total.Unknown != 2 {
			t.Errorf("%d calls, %d unknown; want 101 and the 2 writes in doubt", total.Calls, total.Unknown)
		}
		errors := map[sdk.Category]int64{}
		total.EachError(func(c sdk.Category, n int64) { errors[c] = n })
		want := map[sdk.Category]int64{sdk.CategoryProviderAmbiguous: 1, sdk.CategoryDeclineSoft: 1, sdk.CategoryUnmapped: 2}
		if diff := cmp.Diff(want, errors); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		if n := total.Of(sdk.CategoryUnmapped, sdk.CategoryProviderAmbiguous); n != 3 {
			t.Errorf("%d of two categories, want 3", n)
		}
		r.Figures().Each(func(op sdk.Operation, c slot.Count) {
			if op != sdk.OpCapture {
				return
			}
			if got := c.Within(90); got < 10*time.Millisecond || got > 12500*time.Microsecond {
				t.Errorf("90%% within %v, want 10ms and at most a quarter more", got)
			}
			if got := c.Within(99); got < time.Second || got > 1250*time.Millisecond {
				t.Errorf("99%% within %v, want 1s and at most a quarter more", got)
			}
		})
		if late := r.Figures().Since(before).Total(); late.Calls != 4 || late.Within(1) == 0 {
			t.Errorf("since then %d calls, want 4", late.Calls)
		}
	})
}

// Whatever a call takes, it is said to have taken that or up to a quarter more.
func TestTimesAreKeptToAQuarter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubbled{t}, func(rt *rapid.T) {
			took := time.Duration(rapid.Int64Range(int64(10*time.Microsecond), int64(90*time.Second)).Draw(rt, "took"))
			s, r := slot.New("acme-pay"), slot.NewRoute(slot.Target{Remote: &provider{takes: took}})
			s.Publish(r)
			capture(t, s, "op")
			if got := r.Figures().Total().Within(50); got < took || got > took+took/4+2*time.Microsecond {
				rt.Fatalf("%v is said to have taken %v", took, got)
			}
		})
	})
}

// bubbled hides the deadline of a test from rapid: in a bubble it cannot be asked.
type bubbled struct{ *testing.T }

func subjects(flights []slot.Flight) map[string]bool {
	all := map[string]bool{}
	for _, f := range flights {
		all[f.Subject] = true
	}
	return all
}

func TestAboardIsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{takes: time.Second}
		s, r := slot.New("acme-pay"), slot.NewRoute(slot.Target{Remote: p})
		s.Publish(r)
		var wg sync.WaitGroup
		for _, id := range []string{"op-1", "op-2"} {
			wg.Go(func() { capture(t, s, id) })
		}
		synctest.Wait()
		if diff := cmp.Diff(map[string]bool{"op-1": true, "op-2": true}, subjects(r.Aboard())); diff != "" {
			t.Errorf("aboard (-want +got):\n%s", diff)
		}
		wg.Wait()
		if left := r.Aboard(); len(left) > 0 {
			t.Errorf("aboard after all came back: %+v", left)
		}
	})
}

// The caller of a call that was cut may hear of it before the host hears that the
// process died: the call still was in flight then. Mutation: without remembering what
// was cut, a deadly operation is never seen.
func TestWhatWasCutWasAboard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{err: sdk.Errorf("x", sdk.CodePluginCrash, "EOF")}
		s, r := slot.New("acme-pay"), slot.NewRoute(slot.Target{Remote: p})
		s.Publish(r)
		capture(t, s, "op-1")
		remote := acquire(t, s).Remote()
		if _, err := remote.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: sdk.Call{PaymentID: "pay-9"}}); err == nil {
			t.Error("the lookup did not fail")
		}
		if _, err := remote.FindRefund(t.Context(), sdk.FindRefundRequest{Call: sdk.Call{OperationID: "op-1"}}); err == nil {
			t.Error("the lookup did not fail")
		}
		for range 2 {
			if _, err := remote.ReadWebhook(t.Context(), sdk.WebhookRequest{Body: []byte("boom")}); err == nil {
				t.Error("the webhook did not fail")
			}
		}
		want := map[string]bool{
			"op-1": true, "find_payment:pay-9": true, "find_refund:op-1": true,
			"read_webhook:81f52337ebb4cb1669bb802c708807dd": true, // the beginning of the body's SHA-256
		}
		got := subjects(r.Aboard())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("aboard (-want +got):\n%s", diff)
		}
		p.err = sdk.Errorf("x", sdk.CodeReadTimeout, "the provider was slow")
		capture(t, s, "op-3")
		if subjects(r.Aboard())["op-3"] {
			t.Error("a call that came back counts as cut")
		}
		<-time.After(11 * time.Second)
		if left := r.Aboard(); len(left) > 0 {
			t.Errorf("aboard long after: %+v", left)
		}
	})
}
