package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

func TestShutDownFromEveryState(t *testing.T) {
	tests := map[string]struct {
		prepare func(*bench)
		life    string // of the last generation
	}{
		"nothing was activated": {func(*bench) {}, ""},
		"serving": {
			func(b *bench) { b.activate() },
			"starting described healthy serving draining stopped",
		},
		"starting": {
			func(b *bench) { b.rigged(slow(time.Hour)); b.activate() },
			"starting stopped",
		},
		"not healthy yet": {
			func(b *bench) {
				b.rigged(func(_ context.Context, p *process) error { p.health = silent; return nil })
				b.activate()
			},
			"starting described stopped",
		},
		"in a back-off": {
			func(b *bench) { b.activate(); b.last().crash() },
			"backoff stopped",
		},
		"in quarantine": {
			func(b *bench) {
				b.rigged(func(context.Context, *process) error { return errNo })
				b.activate()
				elapse(time.Minute)
			},
			"quarantined stopped",
		},
		"in a swap": {
			func(b *bench) {
				b.activate()
				b.rigged(slow(time.Hour))
				go func() {
					_, err := b.Swap(context.Background(), release("1.1.0"), supervise.SwapOptions{})
					if !errors.Is(err, supervise.ErrClosed) {
						b.t.Errorf("Swap = %v, want ErrClosed", err)
					}
				}()
			},
			"starting stopped",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				tt.prepare(b)
				synctest.Wait()
				if err := b.shutDown(); err != nil {
					t.Errorf("Run = %v", err)
				}
				var last uint64
				for _, e := range b.journal.all() {
					last = max(last, e.Generation)
				}
				if got := b.journal.life(last); got != tt.life {
					t.Errorf("life = %q, want %q", got, tt.life)
				}
				b.refused("shutting down")
			})
		})
	}
}

// activate starts the connector and does not wait for it to serve.
func (b *bench) activate() {
	go func() {
		err := b.Activate(context.Background(), release("1.0.0"))
		if err != nil && !errors.Is(err, supervise.ErrClosed) && !errors.Is(err, errNo) {
			b.t.Errorf("Activate = %v", err)
		}
	}()
	synctest.Wait()
}

func TestShutDownLetsCallsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Bake = time.Hour })
		held := b.lease()
		time.AfterFunc(5*time.Second, held.Release)
		began := time.Now()
		if err := b.shutDown(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %v, want 5s: until the call was over, and no bake time", took)
		}
	})
}

func TestShutDownEndsTheBakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Bake = time.Hour })
		if _, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := b.shutDown(); err != nil || time.Since(began) != 0 {
			t.Errorf("Run = %v after %v, want at once", err, time.Since(began))
		}
	})
}

func TestShutDownIsBoundedByItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *supervise.Config) { c.DrainTimeout = 20 * time.Second; c.StopTimeout = 3 * time.Second })
		b.rigged(func(_ context.Context, p *process) error {
			p.stop = func(ctx context.Context) error { <-ctx.Done(); return errors.New("process 1001 is still there") }
			return nil
		})
		b.activate()
		held := b.lease()
		defer held.Release()
		began := time.Now()
		err := b.shutDown()
		if err == nil || !strings.Contains(err.Error(), "process 1001 is still there") {
			t.Errorf("Run = %v, want the process that could not be stopped", err)
		}
		if took := time.Since(began); took != 23*time.Second {
			t.Errorf("it took %v, want the drain's and the stop's bounds", took)
		}
	})
}

func TestDrainingProcessThatCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		held := b.lease()
		time.AfterFunc(time.Second, func() {
			b.processes()[0].crash()
			time.AfterFunc(time.Millisecond, held.Release) // its call failed
		})
		report, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
		if err != nil || report.Drain != time.Second+time.Millisecond {
			t.Errorf("Swap = %+v, %v, want a drain until its call failed", report, err)
		}
		b.wants(supervise.Serving, 2)
		e := b.journal.find(t, 1, supervise.Crashed)
		if e.From != supervise.Draining || e.Exit == nil {
			t.Errorf("event = %+v, want the crash of what drained", e)
		}
		if got, want := b.journal.life(1), "starting described healthy serving draining crashed"; got != want {
			t.Errorf("life = %s, want %s", got, want)
		}
	})
}

// A process that cannot be stopped must not keep its successor from serving.
func TestCrashedProcessThatCannotBeReaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.rigged(func(_ context.Context, p *process) error {
			p.stop = func(ctx context.Context) error { <-ctx.Done(); return errNo }
			return nil
		})
		b.activate()
		b.rigged(nil)
		b.last().crash()
		elapse(250 * time.Millisecond)
		b.wants(supervise.Serving, 2)
		elapse(10 * time.Second)
		if err := b.shutDown(); !errors.Is(err, errNo) {
			t.Errorf("Run = %v, want the process that could not be stopped", err)
		}
	})
}
