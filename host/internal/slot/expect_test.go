package slot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// A connector that crashed is back within moments: calls that come meanwhile wait for it.
func TestCallsWaitForARouteThatIsExpected(t *testing.T) {
	refusedAs := func(want sdk.Code, why string) func(*testing.T, *slot.Lease, error) {
		return func(t *testing.T, _ *slot.Lease, err error) {
			t.Helper()
			if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != want || !strings.Contains(err.Error(), why) {
				t.Errorf("refused with %v, want %s with %q", err, want, why)
			}
		}
	}
	tests := map[string]struct {
		first func(*slot.Slot, *slot.Route)
		then  func(*slot.Slot, context.CancelFunc) // after 100 ms
		took  time.Duration
		check func(*testing.T, *slot.Lease, error)
	}{
		"it comes": {
			func(s *slot.Slot, r *slot.Route) { s.Interrupt(r, "it crashed") },
			func(s *slot.Slot, _ context.CancelFunc) { s.Publish(slot.NewRoute(slot.Target{Generation: 2})) },
			100 * time.Millisecond,
			func(t *testing.T, l *slot.Lease, err error) {
				t.Helper()
				if err != nil || l.Route().Generation != 2 {
					t.Errorf("%v, %v, want a lease on the second route", l, err)
				}
			},
		},
		"it does not come in time": {
			func(s *slot.Slot, r *slot.Route) { s.Interrupt(r, "it crashed") }, nil, time.Second,
			refusedAs(sdk.CodePluginUnavailable, "it crashed"),
		},
		"it is not to come after all": {
			func(s *slot.Slot, r *slot.Route) { s.Interrupt(r, "it crashed") },
			func(s *slot.Slot, _ context.CancelFunc) { s.Explain("quarantined") },
			100 * time.Millisecond, refusedAs(sdk.CodePluginUnavailable, "quarantined"),
		},
		"it is expected for another reason": {
			func(s *slot.Slot, r *slot.Route) { s.Interrupt(r, "it crashed") },
			func(s *slot.Slot, _ context.CancelFunc) { s.Expect("it crashed again") },
			time.Second, refusedAs(sdk.CodePluginUnavailable, "it crashed again"),
		},
		"the caller does not wait so long": {
			func(s *slot.Slot, r *slot.Route) { s.Interrupt(r, "it crashed") },
			func(_ *slot.Slot, giveUp context.CancelFunc) { giveUp() },
			100 * time.Millisecond, refusedAs(sdk.CodeExpiredInQueue, "canceled"),
		},
		"none is expected": {
			func(s *slot.Slot, r *slot.Route) { s.Withdraw(r, "it was taken out") }, nil, 0,
			refusedAs(sdk.CodePluginUnavailable, "it was taken out"),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := slot.New("acme"), slot.NewRoute(slot.Target{Generation: 1})
				s.Publish(r)
				tt.first(s, r)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.then != nil {
					go func() {
						time.Sleep(100 * time.Millisecond)
						tt.then(s, cancel)
					}()
				}
				begun := time.Now()
				lease, err := s.Acquire(ctx)
				if took := time.Since(begun); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				tt.check(t, lease, err)
			})
		})
	}
}
