package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestActivateProvesBeforeItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *supervise.Config) { c.LastGeneration = 41 })
		b.refused("has not been started")
		if got := b.Status(); got.State != supervise.Stopped || got.Generation != 0 {
			t.Errorf("before activation: %+v, want stopped", got)
		}
		if err := b.Activate(t.Context(), release("1.0.0")); err != nil {
			t.Fatal(err)
		}
		b.wants(supervise.Serving, 42)
		if got, want := b.journal.life(42), "starting described healthy serving"; got != want {
			t.Errorf("life = %s, want %s", got, want)
		}
		status := b.Status()
		want := supervise.Instance{
			Ref:   supervise.Ref{Generation: 42, Version: "1.0.0", Digest: "digest of 1.0.0"},
			State: supervise.Serving, Since: status.Since, Cause: status.Cause, PID: 1001,
		}
		if diff := cmp.Diff(want, status.Instance); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		held := b.lease()
		if got := b.Status().InFlight; got != 1 {
			t.Errorf("in flight = %d, want the lease that is held", got)
		}
		if route := held.Route(); route.Digest != "digest of 1.0.0" || route.Gate == nil || route.Remote == nil {
			t.Errorf("route = %+v, want release, gate and remote", route.Target)
		}
		held.Release()
	})
}

func TestActivateOnlyWhatIsNotActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		if err := b.Activate(t.Context(), release("2.0.0")); !errors.Is(err, supervise.ErrActive) {
			t.Errorf("Activate = %v, want ErrActive", err)
		}
		other := release("2.0.0")
		other.Name = "other-pay"
		if err := b.Activate(t.Context(), other); !errors.Is(err, supervise.ErrRefused) {
			t.Errorf("Activate of another connector's release = %v, want ErrRefused", err)
		}
		b.wants(supervise.Serving, 1)
	})
}

func TestActivateKeepsTryingAfterAFailedStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(func(context.Context, *process) error { return errNo })
		if err := b.Activate(t.Context(), release("1.0.0")); !errors.Is(err, errNo) {
			t.Fatalf("Activate = %v, want the reason of the first start", err)
		}
		b.wants(supervise.Backoff, 2)
		b.rigged(nil)
		elapse(250 * time.Millisecond)
		b.wants(supervise.Serving, 2)
	})
}

func TestActivateAgainAfterARejection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(func(_ context.Context, p *process) error { p.says.Manifest.Version = "6.6.6"; return nil })
		err := b.Activate(t.Context(), release("1.0.0"))
		if !errors.Is(err, supervise.ErrRefused) || !strings.Contains(err.Error(), "version") {
			t.Fatalf("Activate = %v, want a refusal that names what differs", err)
		}
		b.wants(supervise.Rejected, 1)
		b.refused("refused")
		elapse(time.Hour)
		if n := len(b.starts()); n != 1 {
			t.Errorf("%d starts, want 1: a rejection stays", n)
		}
		b.rigged(nil)
		if err := b.Activate(t.Context(), release("1.0.1")); err != nil {
			t.Fatal(err)
		}
		b.wants(supervise.Serving, 2)
	})
}

func TestActivateGivesUpWaitingAndNotTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(slow(3 * time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Activate(ctx, release("1.0.0")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Activate = %v, want its deadline", err)
		}
		elapse(3 * time.Second)
		b.wants(supervise.Serving, 1)
	})
}

func TestCommandsBeforeAndAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if _, err := b.Swap(t.Context(), release("1.0.0"), supervise.SwapOptions{}); !errors.Is(err, supervise.ErrNotActive) {
			t.Errorf("Swap of nothing = %v, want ErrNotActive", err)
		}
		if _, err := b.Restart(t.Context()); !errors.Is(err, supervise.ErrNotActive) {
			t.Errorf("Restart of nothing = %v, want ErrNotActive", err)
		}
		if err := b.EndQuarantine(t.Context()); err == nil {
			t.Error("EndQuarantine of nothing succeeded")
		}
		if err := b.shutDown(); err != nil {
			t.Fatal(err)
		}
		if err := b.Activate(t.Context(), release("1.0.0")); !errors.Is(err, supervise.ErrClosed) {
			t.Errorf("Activate after Run = %v, want ErrClosed", err)
		}
		if err := b.Run(t.Context()); err == nil {
			t.Error("Run twice succeeded")
		}

		idle := supervise.New(supervise.Config{Slot: b.slot})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := idle.Activate(ctx, release("1.0.0")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Activate without Run = %v, want its deadline", err)
		}
	})
}

func TestHealthOfWhatServes(t *testing.T) {
	tests := map[string]struct {
		health func(context.Context) (sdk.Health, error)
		after  time.Duration // when it is out of service; 0: it stays
		says   string
	}{
		// Checks at 5 s, 10 s and 15 s; an unanswered one takes 1 s more.
		"says that it cannot serve": {unfit, 15 * time.Second, "no entropy"},
		"does not answer":           {silent, 16 * time.Second, "deadline exceeded"},
		"is fine every third time":  {blinking(), 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Bake = time.Hour }) // for what is well
				held := b.lease()
				b.last().setHealth(tt.health)
				if tt.after == 0 {
					elapse(time.Minute)
					b.wants(supervise.Serving, 1)
					held.Release()
					return
				}
				elapse(tt.after - time.Millisecond)
				b.wants(supervise.Serving, 1)
				elapse(time.Millisecond)
				b.wants(supervise.Backoff, 2)
				b.awaited()
				if cause := b.Status().Cause; !strings.Contains(cause, tt.says) {
					t.Errorf("it is out of service because %q, want %q", cause, tt.says)
				}
				if !b.processes()[0].alive() {
					t.Error("it was stopped although a call was in flight")
				}
				elapse(250 * time.Millisecond)
				b.wants(supervise.Serving, 2)
				held.Release()
				synctest.Wait()
				if b.processes()[0].alive() {
					t.Error("it was not stopped after its calls were over")
				}
				if got, want := b.journal.life(1), "starting described healthy serving draining stopped"; got != want {
					t.Errorf("life = %s, want %s", got, want)
				}
			})
		})
	}
}

func TestNewProcessMustBeHealthyInTime(t *testing.T) {
	tests := map[string]struct {
		health func(context.Context) (sdk.Health, error)
		serves bool
	}{
		"warms up for three seconds": {warming(3 * time.Second), true},
		"never says that it can":     {unfit, false},
		"never answers":              {silent, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.rigged(func(_ context.Context, p *process) error { p.health = tt.health; return nil })
				began := time.Now()
				err := b.Activate(t.Context(), release("1.0.0"))
				if (err == nil) != tt.serves {
					t.Errorf("Activate = %v", err)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %v, want at most ReadyTimeout", took)
				}
				if !tt.serves {
					b.wants(supervise.Backoff, 2)
					if b.last().alive() {
						t.Error("the unhealthy process was not stopped")
					}
				}
			})
		})
	}
}

// warming is unfit for d from the first question on.
func warming(d time.Duration) func(context.Context) (sdk.Health, error) {
	var from time.Time
	return func(ctx context.Context) (sdk.Health, error) {
		if from.IsZero() {
			from = time.Now().Add(d)
		}
		if time.Now().Before(from) {
			return unfit(ctx)
		}
		return fine(ctx)
	}
}
