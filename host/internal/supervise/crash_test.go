package supervise_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestCrashIsPushedJournalledAndHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		held := b.lease()
		b.last().crash()
		b.wants(supervise.Backoff, 2)
		b.awaited()
		held.Release()

		e := b.journal.find(t, 1, supervise.Crashed)
		want := &supervise.Exit{
			At: e.At, Generation: 1, Reason: "exit code 2",
			LastLines: []string{"panic: out of cheese", "goroutine 1 [running]:"},
		}
		if diff := cmp.Diff(want, e.Exit); diff != "" {
			t.Errorf("exit in the journal (-want +got):\n%s", diff)
		}
		if e.InFlight != 1 || e.PID != 1001 || e.From != supervise.Serving {
			t.Errorf("crash event = %+v, want pid 1001 and one call in flight, from serving", e)
		}
		if wait := b.journal.find(t, 2, supervise.Backoff); !wait.StartAt.Equal(e.At.Add(250 * time.Millisecond)) {
			t.Errorf("next start at %v, want 250ms after %v", wait.StartAt, e.At)
		}
		elapse(250 * time.Millisecond)
		b.wants(supervise.Serving, 2)
		status := b.Status()
		if status.Restarts != 1 || status.LastExit == nil || status.LastExit.Reason != "exit code 2" {
			t.Errorf("status = %+v, want one restart and the last exit", status)
		}
	})
}

// intervals are the waits between one crash and the next start.
func intervals(b *bench) []time.Duration {
	var waits []time.Duration
	starts, processes := b.starts(), b.processes()
	for i := 1; i < len(starts); i++ {
		waits = append(waits, starts[i].Sub(processes[i-1].ended))
	}
	return waits
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.CrashLimit = 1000 })
		for range 10 {
			b.last().crash()
			elapse(31 * time.Second)
		}
		ms := time.Millisecond
		want := []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 30000 * ms, 30000 * ms, 30000 * ms}
		if diff := cmp.Diff(want, intervals(b)); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestBackoffBeginsAnewAfterAWellMinute(t *testing.T) {
	tests := map[string]struct {
		serves time.Duration
		want   time.Duration
	}{
		"a second short of a minute": {59 * time.Second, time.Second},
		"a whole minute":             {time.Minute, 250 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				b.last().crash()
				elapse(250 * time.Millisecond)
				b.last().crash()
				synctest.Wait()
				elapse(500*time.Millisecond + tt.serves)
				b.last().crash()
				elapse(5 * time.Second)
				if got := intervals(b)[2]; got != tt.want {
					t.Errorf("wait after the third crash = %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestCrashLoopIsQuarantined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		for range 5 {
			b.wants(supervise.Serving, uint64(len(b.starts())))
			b.last().crash()
			synctest.Wait()
			elapse(4 * time.Second)
		}
		b.wants(supervise.Quarantined, 6)
		b.refused("quarantined after 5 failures")
		elapse(24 * time.Hour)
		if n := len(b.starts()); n != 5 {
			t.Errorf("%d starts, want 5: a quarantine ends by an operator", n)
		}
		if _, err := b.Restart(t.Context()); !errors.Is(err, supervise.ErrQuarantined) {
			t.Errorf("Restart = %v, want ErrQuarantined", err)
		}
		if err := b.EndQuarantine(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wants(supervise.Serving, 7)
		if got, want := b.journal.life(6), "quarantined stopped"; got != want {
			t.Errorf("life of the quarantine = %s, want %s", got, want)
		}
		b.last().crash()
		b.wants(supervise.Backoff, 8) // the old failures are forgotten
	})
}

// The whole schedule of a crash loop, to the nanosecond: what dies at once, as it serves
// or as it starts, is started at these times and then no more.
func TestCrashLoopKeepsItsSchedule(t *testing.T) {
	ms := time.Millisecond
	want := []time.Duration{0, 250 * ms, 750 * ms, 1750 * ms, 3750 * ms}
	tests := map[string]func(context.Context, *process) error{
		"dies once it serves":  func(_ context.Context, p *process) error { p.health = thenCrash(p); return nil },
		"dies while it starts": func(_ context.Context, p *process) error { p.crash(); return nil },
		"does not start":       func(context.Context, *process) error { return errNo },
	}
	for name, rig := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, began := newBench(t), time.Now()
				b.rigged(rig)
				_ = b.Activate(t.Context(), release("1.0.0")) // whether it ever serves is not the question
				elapse(24 * time.Hour)
				var at []time.Duration
				for _, start := range b.starts() {
					at = append(at, start.Sub(began))
				}
				if diff := cmp.Diff(want, at); diff != "" {
					t.Errorf("starts (-want +got):\n%s", diff)
				}
				b.wants(supervise.Quarantined, 6)
				if e := b.journal.find(t, 6, supervise.Quarantined); e.At.Sub(began) != 3750*ms {
					t.Errorf("quarantined after %v, want at the fifth failure", e.At.Sub(began))
				}
			})
		})
	}
}

// thenCrash is fine when it is asked, and crashes once whoever asked has seen to it.
func thenCrash(p *process) func(context.Context) (sdk.Health, error) {
	return func(ctx context.Context) (sdk.Health, error) {
		time.AfterFunc(0, p.crash)
		return fine(ctx)
	}
}

// Without a jitter of the test's own the waits are spread from nothing to their bound, so
// that connectors that died together do not start together.
func TestWaitsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
		lower, upper := 0, 0
		for range 50 {
			b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Jitter, c.CrashLimit = nil, 100 })
			for range bounds {
				b.last().crash()
				elapse(2 * time.Second)
			}
			for i, wait := range intervals(b) {
				if wait < 0 || wait > bounds[i] {
					t.Fatalf("wait %d is %v, want at most %v", i, wait, bounds[i])
				}
				if wait < bounds[i]/2 {
					lower++
				} else {
					upper++
				}
			}
			if err := b.shutDown(); err != nil {
				t.Fatal(err)
			}
		}
		if lower < 60 || upper < 60 {
			t.Errorf("%d waits in the lower half of their span and %d in the upper, want them spread", lower, upper)
		}
	})
}

func TestRareCrashesAreNoQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		for n := range 20 {
			b.wants(supervise.Serving, uint64(n+1))
			b.last().crash()
			elapse(76 * time.Second) // four in any five minutes
		}
	})
}

func TestStartsThatFailAreQuarantinedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(func(context.Context, *process) error { return errNo })
		if err := b.Activate(t.Context(), release("1.0.0")); err == nil {
			t.Fatal("Activate succeeded")
		}
		elapse(time.Minute)
		b.wants(supervise.Quarantined, 6)
		if got := b.Status().LastExit; got == nil || got.Reason != errNo.Error() {
			t.Errorf("last exit = %+v, want the reason of the last start", got)
		}
		if err := b.EndQuarantine(t.Context()); !errors.Is(err, errNo) {
			t.Errorf("EndQuarantine = %v, want the reason of the start that failed", err)
		}
		b.wants(supervise.Backoff, 8)
	})
}

func TestProcessThatEndsWhileItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(func(_ context.Context, p *process) error {
			p.health = unfit
			time.AfterFunc(time.Second, p.crash)
			return nil
		})
		began := time.Now()
		if err := b.Activate(t.Context(), release("1.0.0")); err == nil || time.Since(began) != time.Second {
			t.Errorf("Activate = %v after %v, want an error as soon as the process ended", err, time.Since(began))
		}
		if e := b.journal.find(t, 1, supervise.Crashed); e.Exit == nil || len(e.Exit.LastLines) != 2 {
			t.Errorf("crash event = %+v, want the exit with its last lines", e)
		}
	})
}

// The end of a process and the end of its start may come at once, in any order.
func TestProcessThatEndsAtOnceNeverServes(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			b := serving(t, release("1.0.0"))
			b.rigged(func(_ context.Context, p *process) error { p.crash(); return nil })
			if _, err := b.Restart(t.Context()); err == nil {
				t.Fatal("a dead process was published")
			}
			b.wants(supervise.Serving, 1)
		})
	}
}

// A journal that fails is not the connector's fault: nothing starts, nothing is
// quarantined, and all is well once the journal is.
func TestFailingJournalPutsOffTheRestart(t *testing.T) {
	for _, to := range []supervise.State{supervise.Starting, supervise.Described, supervise.Healthy, supervise.Serving} {
		t.Run("at "+string(to), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				b.journal.failing(func(e supervise.Event) error {
					if e.To == to {
						return errNo
					}
					return nil
				})
				b.last().crash()
				elapse(10 * time.Minute)
				if got := b.Status().State; got != supervise.Backoff {
					t.Fatalf("state = %s, want backoff", got)
				}
				if to == supervise.Starting && len(b.starts()) != 1 {
					t.Errorf("%d starts, want none that is not recorded", len(b.starts()))
				}
				if b.slot.Current() != nil {
					t.Error("a process serves that was never recorded to")
				}
				b.journal.failing(nil)
				elapse(31 * time.Second)
				if got := b.Status().State; got != supervise.Serving {
					t.Errorf("state = %s, want serving", got)
				}
				alive := slices.DeleteFunc(b.processes(), func(p *process) bool { return !p.alive() })
				if len(alive) != 1 {
					t.Errorf("%d processes are alive, want 1", len(alive))
				}
			})
		})
	}
}

// A crash takes the route away even if it cannot be written down.
func TestFailingJournalKeepsNoDeadProcessInService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		b.journal.failing(func(supervise.Event) error { return errNo })
		b.last().crash()
		b.wants(supervise.Backoff, 2)
		b.awaited()
		b.journal.failing(nil)
		elapse(30 * time.Second)
		b.wants(supervise.Serving, 2)
	})
}
