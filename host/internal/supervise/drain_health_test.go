package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// What drains is not asked how it is: its calls may still come to an end, its ill
// health is nobody's failure, and its drain has a bound of its own.
func TestIllHealthWhileDrainingIsNobodysFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.DrainTimeout = time.Minute; c.CrashLimit = 1 })
		held := b.lease()
		old := b.last()
		time.AfterFunc(time.Second, func() { old.setHealth(silent) })
		time.AfterFunc(50*time.Second, held.Release)
		report, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
		if err != nil || report.Drain != 50*time.Second || report.Left != 0 {
			t.Errorf("Swap = %+v, %v, want a drain of 50s with no call left", report, err)
		}
		b.wants(supervise.Serving, 2)
		if got, want := b.journal.life(1), "starting described healthy serving draining stopped"; got != want {
			t.Errorf("life of the old = %s, want %s", got, want)
		}
		if old.alive() {
			t.Error("the old process is still there")
		}
	})
}

// What is kept warm is kept only while it could serve. Mutation: a bake that asks
// nothing goes back to a process that is of no use.
func TestIllHealthEndsTheBakeTime(t *testing.T) {
	tests := map[string]struct {
		health func(context.Context) (sdk.Health, error)
		after  time.Duration // when it is given up; 0: never
	}{
		"says that it cannot serve": {unfit, 15 * time.Second},
		"does not answer":           {silent, 16 * time.Second},
		"is fine every third time":  {blinking(), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := swapped(t)
				old := b.processes()[0]
				old.setHealth(tt.health)
				if tt.after == 0 {
					elapse(9 * time.Minute)
					if _, err := b.Rollback(t.Context()); err != nil {
						t.Errorf("Rollback = %v, want the warm one to serve", err)
					}
					return
				}
				elapse(tt.after - time.Millisecond)
				if !old.alive() {
					t.Error("it was given up too soon")
				}
				elapse(time.Millisecond)
				if old.alive() {
					t.Error("it is kept although it cannot serve")
				}
				if e := b.journal.find(t, 1, supervise.Stopped); !strings.Contains(e.Cause, "unhealthy while it was kept warm") {
					t.Errorf("cause = %q, want its ill health", e.Cause)
				}
				if _, err := b.Rollback(t.Context()); !errors.Is(err, supervise.ErrNotWarm) {
					t.Errorf("Rollback = %v, want ErrNotWarm", err)
				}
				b.wants(supervise.Serving, 2)
				b.last().crash() // nothing to go back to: it is healed
				b.wants(supervise.Backoff, 3)
			})
		})
	}
}

// A process that dies while it is kept warm, with calls or without, is no offer to roll
// back any more, at once.
func TestTheDeadAreNotWarm(t *testing.T) {
	for name, held := range map[string]bool{"with a call": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), baking)
				if held {
					defer b.lease().Release()
				}
				ctx, cancel := soon(b)
				defer cancel()
				_, _ = b.Swap(ctx, release("1.1.0"), supervise.SwapOptions{}) // its drain is not waited for
				b.wants(supervise.Serving, 2)
				b.processes()[0].crash()
				synctest.Wait()
				for _, in := range b.Status().Others {
					if in.Warm {
						t.Errorf("generation %d, which is %s, counts as warm", in.Generation, in.State)
					}
				}
			})
		})
	}
}

// blinking is fine every third time.
func blinking() func(context.Context) (sdk.Health, error) {
	asked := 0
	return func(ctx context.Context) (sdk.Health, error) {
		if asked++; asked%3 == 0 {
			return fine(ctx)
		}
		return unfit(ctx)
	}
}
