package slot_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

func limited(l slot.Limits) *slot.Slot {
	s := slot.NewLimited("acme-pay", l)
	s.Publish(route(1))
	return s
}

// refusal is how Acquire refuses, and after how long.
func refusal(ctx context.Context, t *testing.T, s *slot.Slot) (*sdk.Error, time.Duration) {
	t.Helper()
	began := time.Now()
	_, err := s.Acquire(ctx)
	var refused *sdk.Error
	if !errors.As(err, &refused) {
		t.Fatalf("Acquire = %v, want a refusal", err)
	}
	if refused.Outcome() != sdk.OutcomeNotAttempted || !strings.HasPrefix(err.Error(), "acme-pay: ") {
		t.Errorf("refusal %v, want NOT_ATTEMPTED, from the connector", err)
	}
	return refused, time.Since(began)
}

func TestFullConnectorRefusesInTime(t *testing.T) {
	tests := map[string]struct {
		limits slot.Limits
		after  time.Duration
		says   string
	}{
		"after the wait":           {slot.Limits{Concurrency: 2, Wait: 3 * time.Second}, 3 * time.Second, "none ended within 3s"},
		"at once if nobody queues": {slot.Limits{Concurrency: 2, Queue: -1}, 0, "2 calls are under way and 0 wait"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := limited(tt.limits)
				held := []*slot.Lease{acquire(t, s), acquire(t, s)}
				refused, took := refusal(t.Context(), t, s)
				if refused.Code != sdk.CodeRateLimited || took != tt.after || !strings.Contains(refused.Error(), tt.says) {
					t.Errorf("%v after %v, want %s after %v: %s", refused, took, sdk.CodeRateLimited, tt.after, tt.says)
				}
				held[0].Release()
				held[0].Release() // counts once here too
				acquire(t, s)
				if refused, _ := refusal(t.Context(), t, s); refused.Code != sdk.CodeRateLimited {
					t.Errorf("the third at once: %v", refused)
				}
			})
		})
	}
}

func TestPlaceThatComesFreeGoesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limited(slot.Limits{Concurrency: 1, Wait: time.Minute})
		held := acquire(t, s)
		time.AfterFunc(5*time.Second, held.Release)
		began := time.Now()
		acquire(t, s).Release()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited %v, want the 5s until the place was free", took)
		}
		held = acquire(t, s)
		defer held.Release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if refused, _ := refusal(ctx, t, s); refused.Code != sdk.CodeExpiredInQueue {
			t.Errorf("refused with %v, want that its time was over", refused)
		}
	})
}

// Mutation: a refusal that keeps its place fills the connector up for good.
func TestRefusalTakesNoPlace(t *testing.T) {
	s := slot.NewLimited("acme-pay", slot.Limits{Concurrency: 1, Queue: -1})
	for range 3 {
		if refused, _ := refusal(t.Context(), t, s); refused.Code != sdk.CodePluginUnavailable {
			t.Errorf("refused with %v, want that nothing serves", refused)
		}
	}
	s.Publish(route(1))
	acquire(t, s).Release()
}

// Nobody who waits is forgotten, and never are there more inside than may be.
// Mutation: a limiter that looks for room before it counts itself as waiting forgets
// one now and then.
func TestCrowdGetsThrough(t *testing.T) {
	const callers, each, places = 64, 200, 4
	s := limited(slot.Limits{Concurrency: places, Queue: callers, Wait: time.Minute})
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				l, err := s.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				inside.Add(-1)
				l.Release()
			}
		})
	}
	wg.Wait()
	if most.Load() > places {
		t.Errorf("%d were inside at once, want at most %d", most.Load(), places)
	}
}

func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limited(slot.Limits{Rate: 10})
		pass := func() (n int) {
			for {
				l, err := s.Acquire(t.Context())
				if err != nil {
					return n
				}
				l.Release()
				n++
			}
		}
		if n := pass(); n != 10 {
			t.Errorf("%d calls at once, want a second's worth", n)
		}
		refused, took := refusal(t.Context(), t, s)
		if refused.Code != sdk.CodeRateLimited || took != 0 || refused.RetryAfter != 100*time.Millisecond {
			t.Errorf("%v after %v, try again after %v; want at once, and in 100ms", refused, took, refused.RetryAfter)
		}
		<-time.After(300 * time.Millisecond)
		if n := pass(); n != 3 {
			t.Errorf("%d calls after 300ms, want 3", n)
		}
		<-time.After(time.Hour)
		if n := pass(); n != 10 {
			t.Errorf("%d calls after a pause, want a second's worth and no more", n)
		}
	})
}

func TestWrongLimits(t *testing.T) {
	tests := map[string]struct {
		limits slot.Limits
		says   string
	}{
		"nothing set":           {slot.Limits{}, ""},
		"no waiting":            {slot.Limits{Queue: -1}, ""},
		"too many at once":      {slot.Limits{Concurrency: slot.MaxConcurrency + 1}, "must be 1 to 1024"},
		"less than nothing":     {slot.Limits{Concurrency: -1}, "must be 1 to 1024"},
		"a wait into the past":  {slot.Limits{Wait: -1}, "wait is"},
		"a rate backwards":      {slot.Limits{Rate: -5}, "rate is -5"},
		"everything at its top": {slot.Limits{Concurrency: slot.MaxConcurrency, Queue: 1, Wait: 1, Rate: 1}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.limits.Check()
			if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("Check = %v, want %q", err, tt.says)
			}
		})
	}
}
