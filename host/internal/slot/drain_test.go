package slot_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
)

func TestDrainWaitsForTheLastLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old := slot.New("acme-pay"), route(1)
		s.Publish(old)
		short, long := acquire(t, s), acquire(t, s)
		s.Publish(route(2))
		began := time.Now()
		time.AfterFunc(time.Second, short.Release)
		time.AfterFunc(3*time.Second, long.Release)

		if err := old.Drain(t.Context()); err != nil {
			t.Fatalf("Drain: %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("drained after %v, want 3s: when the last lease came back", took)
		}
	})
}

func TestDrainDeadlineSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old := slot.New("acme-pay"), route(7)
		s.Publish(old)
		acquire(t, s).Release()
		held := []*slot.Lease{acquire(t, s), acquire(t, s)}
		s.Publish(route(8))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()

		err := old.Drain(ctx)
		var left *slot.UndrainedError
		if !errors.As(err, &left) || left.Left != 2 || left.Generation != 7 {
			t.Fatalf("Drain = %v, want 2 left on generation 7", err)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain = %v, want it to wrap the deadline", err)
		}
		for _, l := range held {
			l.Release()
		}
		if err := old.Drain(ctx); err != nil {
			t.Errorf("Drain of an idle route = %v, want nil even though ctx has ended", err)
		}
	})
}

func TestEveryDrainOfARouteReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, old := slot.New("acme-pay"), route(1)
		s.Publish(old)
		held := acquire(t, s)
		s.Publish(route(2))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		drained := make(chan error)
		for range 3 {
			go func() { drained <- old.Drain(ctx) }()
		}
		synctest.Wait()
		began := time.Now()
		held.Release()
		for range 3 {
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the last drain noticed after %v, want at once", took)
		}
	})
}

func TestDrainedRouteServesAgainOncePublished(t *testing.T) {
	s, first := slot.New("acme-pay"), route(1)
	s.Publish(first)
	s.Publish(route(2))
	if err := first.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Publish(first)
	l := acquire(t, s)
	if l.Route() != first {
		t.Errorf("lease on generation %d, want the route that was taken back", l.Route().Generation)
	}
}
