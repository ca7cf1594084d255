package slot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

func route(generation uint64) *slot.Route {
	return slot.NewRoute(slot.Target{Generation: generation})
}

func acquire(t *testing.T, s *slot.Slot) *slot.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := s.Acquire(ctx)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return l
}

func TestAcquireRefuses(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	withdrawn := func(s *slot.Slot) {
		r := route(1)
		s.Publish(r)
		s.Withdraw(r, "it crashed and starts again")
	}
	tests := map[string]struct {
		ctx     context.Context
		prepare func(*slot.Slot)
		code    sdk.Code
		says    string
	}{
		"nothing was ever started":   {context.Background(), func(*slot.Slot) {}, sdk.CodePluginUnavailable, "not been started"},
		"the process crashed":        {context.Background(), withdrawn, sdk.CodePluginUnavailable, "crashed and starts again"},
		"the caller's time is over":  {ended, func(s *slot.Slot) { s.Publish(route(1)) }, sdk.CodeExpiredInQueue, "canceled"},
		"the reason changed by then": {context.Background(), func(s *slot.Slot) { s.Explain("quarantined") }, sdk.CodePluginUnavailable, "quarantined"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := slot.New("acme-pay")
			tt.prepare(s)
			_, err := s.Acquire(tt.ctx)
			var refusal *sdk.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("Acquire = %v, want an *sdk.Error", err)
			}
			if refusal.Code != tt.code {
				t.Errorf("code = %s, want %s", refusal.Code, tt.code)
			}
			if got := refusal.Outcome(); got != sdk.OutcomeNotAttempted {
				t.Errorf("outcome = %s, want NOT_ATTEMPTED: nothing was sent", got)
			}
			if text := err.Error(); !strings.HasPrefix(text, "acme-pay: ") || !strings.Contains(text, tt.says) {
				t.Errorf("error %q, want one that names the connector and says %q", text, tt.says)
			}
		})
	}
}

func TestLeaseLeadsToTheLiveRoute(t *testing.T) {
	s := slot.New("acme-pay")
	first, second := route(1), route(2)
	if old := s.Publish(first); old != nil {
		t.Errorf("the first Publish replaced generation %d, want nothing", old.Generation)
	}
	before := acquire(t, s)
	if old := s.Publish(second); old != first {
		t.Errorf("Publish returned %v, want the route it replaced", old)
	}
	after := acquire(t, s)
	if before.Route() != first || after.Route() != second {
		t.Errorf("leases on generations %d and %d, want 1 and 2", before.Route().Generation, after.Route().Generation)
	}
	if s.Current() != second {
		t.Error("Current is not what was published last")
	}
}

func TestReleaseCountsOnce(t *testing.T) {
	s, r := slot.New("acme-pay"), route(1)
	s.Publish(r)
	one, other := acquire(t, s), acquire(t, s)
	one.Release()
	one.Release()
	if got := r.InFlight(); got != 1 {
		t.Errorf("in flight after one of two leases was released twice = %d, want 1", got)
	}
	other.Release()
	if got := r.InFlight(); got != 0 {
		t.Errorf("in flight after both were released = %d, want 0", got)
	}
}

func TestWithdrawTakesOnlyTheLiveRoute(t *testing.T) {
	s, old, live := slot.New("acme-pay"), route(1), route(2)
	s.Publish(old)
	s.Publish(live)
	if s.Withdraw(old, "late news of a crash") {
		t.Error("withdrew a route that had been replaced")
	}
	if s.Current() != live {
		t.Fatal("the live route is gone")
	}
	if !s.Withdraw(live, "crash") || s.Current() != nil {
		t.Error("the live route was not withdrawn")
	}
}
