package slot_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

func of(payment string, attempt int) context.Context {
	return sdk.WithCall(context.Background(), sdk.Call{PaymentID: sdk.PaymentID(payment), Attempt: attempt})
}

func leased(ctx context.Context, t *testing.T, s *slot.Slot) *slot.Route {
	t.Helper()
	l, err := s.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	return l.Route()
}

func TestTrialTakesItsShareOfPayments(t *testing.T) {
	s, live, next := slot.New("acme-pay"), route(1), route(2)
	s.Publish(live)
	s.Try(next, 20)
	const payments = 5000
	tried := 0
	for n := range payments {
		id := fmt.Sprintf("payment-%d", n)
		first := leased(of(id, 1), t, s)
		if first == next {
			tried++
		}
		if lookup := leased(of(id, 0), t, s); lookup != first {
			t.Fatalf("the calls of %s were taken apart", id)
		}
		if again := leased(of(id, 2), t, s); again != live {
			t.Fatalf("%s was sent again to the release that is tried", id)
		}
	}
	if share := tried * 100 / payments; share < 17 || share > 23 {
		t.Errorf("%d%% of the payments took the trial, want 20%%", share)
	}
	if leased(context.Background(), t, s) != live {
		t.Error("a call of no payment took the trial")
	}
	if s.EndTrial(live) || !s.EndTrial(next) || s.EndTrial(next) {
		t.Error("EndTrial does not end this trial, once")
	}
	for n := range payments {
		if leased(of(fmt.Sprintf("payment-%d", n), 1), t, s) != live {
			t.Fatal("a call took a trial that is over")
		}
	}
}

func TestTrialOfNothingAndOfAll(t *testing.T) {
	for percent, want := range map[int]uint64{0: 1, 100: 2} {
		s := slot.New("acme-pay")
		s.Publish(route(1))
		s.Try(route(2), percent)
		for n := range 200 {
			if got := leased(of(fmt.Sprint(n), 1), t, s).Generation; got != want {
				t.Fatalf("%d%%: generation %d, want %d", percent, got, want)
			}
		}
	}
}

func TestTrialThatEndsUnderCallersDrains(t *testing.T) {
	s := slot.New("acme-pay")
	s.Publish(slot.NewRoute(slot.Target{Generation: 1, Remote: &process{}}))
	var wg sync.WaitGroup
	over := make(chan struct{})
	for n := range 16 {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				l, err := s.Acquire(of(fmt.Sprint(n), 1))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := l.Remote().Health(t.Context()); err != nil {
					t.Errorf("generation %d: %v", l.Route().Generation, err)
				}
				l.Release()
			}
		})
	}
	for n := range 200 {
		p := &process{}
		next := slot.NewRoute(slot.Target{Generation: uint64(n + 2), Remote: p})
		s.Try(next, 100)
		if n%2 == 0 {
			s.EndTrial(next)
			if err := next.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			p.stopped.Store(true)
			continue
		}
		old := s.Publish(next)
		s.EndTrial(next)
		if err := old.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		old.Remote.(*process).stopped.Store(true)
	}
	close(over)
	wg.Wait()
}

func TestParkedCallIsRefused(t *testing.T) {
	s := slot.New("acme-pay")
	s.Publish(slot.NewRoute(slot.Target{Generation: 1, Remote: &provider{}}))
	s.Park([]string{"op-1", "find_payment:pay-1", "find_refund:op-2"})
	capture := func(id string) error {
		_, err := acquire(t, s).Remote().Capture(t.Context(), sdk.CaptureRequest{Call: sdk.Call{OperationID: sdk.OperationID(id), PaymentID: "pay-1"}})
		return err
	}
	find := func(id string) error {
		_, err := acquire(t, s).Remote().FindPayment(t.Context(), sdk.FindPaymentRequest{Call: sdk.Call{PaymentID: sdk.PaymentID(id)}})
		return err
	}
	refund := func(id string) error {
		_, err := acquire(t, s).Remote().FindRefund(t.Context(), sdk.FindRefundRequest{Call: sdk.Call{OperationID: sdk.OperationID(id)}})
		return err
	}
	_, early := s.Acquire(sdk.WithCall(t.Context(), sdk.Call{OperationID: "op-1"}))
	tests := map[string]struct {
		err    error
		parked string
	}{
		"a parked operation":                   {capture("op-1"), "op-1"},
		"a parked operation, before its lease": {early, "op-1"},
		"another operation on the payment":     {capture("op-2"), ""},
		"a parked lookup":                      {find("pay-1"), "find_payment:pay-1"},
		"another lookup":                       {find("pay-2"), ""},
		"a parked lookup of a refund":          {refund("op-2"), "find_refund:op-2"},
		"a lookup of what is parked":           {refund("op-1"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var parked *slot.ParkedError
			if errors.As(tt.err, &parked) != (tt.parked != "") || (parked != nil && parked.Subject != tt.parked) {
				t.Errorf("got %v, want that %q is parked", tt.err, tt.parked)
			}
			if parked != nil && sdk.AsError(tt.err).Code != sdk.CodeCircuitOpen {
				t.Errorf("code %s, want %s", sdk.AsError(tt.err).Code, sdk.CodeCircuitOpen)
			}
		})
	}
	s.Park(nil)
	if err := capture("op-1"); err != nil {
		t.Errorf("after it was unparked: %v", err)
	}
}
