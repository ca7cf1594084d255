package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

func baking(c *supervise.Config) { c.Bake = 10 * time.Minute }

// swapped starts a bench where 1.1.0, generation 2, replaced 1.0.0, which is warm.
func swapped(t *testing.T, change ...func(*supervise.Config)) *bench {
	t.Helper()
	b := serving(t, release("1.0.0"), append([]func(*supervise.Config){baking}, change...)...)
	b.swap("1.1.0")
	return b
}

func (b *bench) swap(version string) {
	b.t.Helper()
	if _, err := b.Swap(b.t.Context(), release(version), supervise.SwapOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// calls makes so many calls, each of another operation and payment.
func (b *bench) calls(n int) {
	b.t.Helper()
	var wg sync.WaitGroup
	for range n {
		b.made++
		id := fmt.Sprint(b.made)
		wg.Go(func() { b.call(id) })
	}
	wg.Wait()
}

// call makes a call of that operation; the figures tell how it went.
func (b *bench) call(id string) {
	call := sdk.Call{OperationID: sdk.OperationID("op-" + id), PaymentID: sdk.PaymentID("pay-" + id), Attempt: 1}
	l, err := b.slot.Acquire(sdk.WithCall(context.Background(), call))
	if err != nil {
		return
	}
	defer l.Release()
	_, _ = l.Remote().Capture(context.Background(), sdk.CaptureRequest{Call: call})
}

func TestRollbackIsAPointerSwap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := swapped(t)
		elapse(5 * time.Minute)
		held := b.lease() // on 1.1.0
		time.AfterFunc(3*time.Second, held.Release)
		starts := len(b.starts())
		report, err := b.Rollback(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := supervise.SwapReport{
			From:  supervise.Ref{Generation: 2, Version: "1.1.0", Digest: "digest of 1.1.0"},
			To:    supervise.Ref{Generation: 1, Version: "1.0.0", Digest: "digest of 1.0.0"},
			Drain: 3 * time.Second,
		}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		b.wants(supervise.Serving, 1)
		if n := len(b.starts()); n != starts {
			t.Errorf("%d processes were started, want none", n-starts)
		}
		if got, want := b.journal.life(1), "starting described healthy serving draining serving"; got != want {
			t.Errorf("life of the old = %s, want %s", got, want)
		}
		if got, want := b.journal.life(2), "starting described healthy serving draining stopped"; got != want {
			t.Errorf("life of the new = %s, want %s", got, want)
		}
		if e := b.journal.find(t, 1, supervise.Serving); e.Undoes != "digest of 1.1.0" || !strings.Contains(e.Cause, "by an operator") {
			t.Errorf("commit = %+v, want who took back what", e)
		}
		if b.last().alive() {
			t.Error("the release that was taken back was kept")
		}
		if _, err := b.Rollback(t.Context()); !errors.Is(err, supervise.ErrNotWarm) {
			t.Errorf("a second Rollback = %v, want ErrNotWarm", err)
		}
		elapse(time.Hour)
		b.wants(supervise.Serving, 1) // the bake of its earlier replacement is void
		b.swap("1.1.0")
		b.wants(supervise.Serving, 3)
	})
}

// A release that serves again is watched again. Mutation: a turn-around that starts no
// watch leaves a sick process serving.
func TestWhatServesAgainIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := swapped(t)
		if _, err := b.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.processes()[0].setHealth(unfit)
		elapse(16 * time.Second)
		if got := b.Status(); got.Generation == 1 && got.State == supervise.Serving {
			t.Error("an unhealthy process serves")
		}
	})
}

func TestRollbackWhileTheOldStillDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), baking)
		held := b.lease() // on 1.0.0, over the swap and back
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Swap(ctx, release("1.1.0"), supervise.SwapOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Swap = %v, want that its drain was not waited for", err)
		}
		if _, err := b.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		elapse(time.Hour) // beyond the drain's bound
		b.wants(supervise.Serving, 1)
		l := b.lease()
		if l.Route() != held.Route() || l.Route().InFlight() != 2 {
			t.Errorf("a new call is on generation %d with %d in flight", l.Route().Generation, l.Route().InFlight())
		}
		l.Release()
		held.Release()
	})
}

func TestNothingToRollBackTo(t *testing.T) {
	tests := map[string]func(*bench){
		"nothing was replaced":     func(*bench) {},
		"the bake is over":         func(b *bench) { b.swap("1.1.0"); elapse(10 * time.Minute) },
		"the old one died":         func(b *bench) { old := b.last(); b.swap("1.1.0"); old.crash(); synctest.Wait() },
		"it was only restarted":    func(b *bench) { _, _ = b.Restart(b.t.Context()) },
		"it cannot be recorded":    func(b *bench) { b.swap("1.1.0"); b.journal.failing(failingAt(supervise.Serving)) },
		"the host is shutting off": func(b *bench) { b.swap("1.1.0"); _ = b.shutDown() },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), baking)
				prepare(b)
				before := b.Status()
				if _, err := b.Rollback(t.Context()); err == nil {
					t.Error("Rollback succeeded")
				}
				if now := b.Status(); now.Generation != before.Generation || now.State != before.State {
					t.Errorf("generation %d is %s, want what was: %d %s", now.Generation, now.State, before.Generation, before.State)
				}
			})
		})
	}
}

func failingAt(state supervise.State) func(supervise.Event) error {
	return func(e supervise.Event) error {
		if e.To == state {
			return errNo
		}
		return nil
	}
}

func TestSwapToWhatIsWarmStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0", func(d *sdk.Description) { d.Operations = d.Operations[:2] }), baking)
		b.swap("1.1.0")
		poorer := b.processes()[0].release
		var loss *supervise.LossError
		if _, err := b.Swap(t.Context(), poorer, supervise.SwapOptions{}); !errors.As(err, &loss) {
			t.Fatalf("Swap = %v, want the loss", err)
		}
		report, err := b.Swap(t.Context(), poorer, supervise.SwapOptions{AllowLoss: true})
		if err != nil || len(report.Lost) != 2 || len(b.starts()) != 2 {
			t.Errorf("Swap = %+v, %v with %d starts, want the loss of 2 and no start", report, err, len(b.starts()))
		}
		b.wants(supervise.Serving, 1)
	})
}

func TestOnlyOneIsWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := swapped(t)
		b.swap("1.2.0")
		synctest.Wait()
		var alive []string
		for _, p := range b.processes() {
			if p.alive() {
				alive = append(alive, p.release.Version)
			}
		}
		if diff := cmp.Diff([]string{"1.1.0", "1.2.0"}, alive); diff != "" {
			t.Errorf("alive (-want +got):\n%s", diff)
		}
		others := b.Status().Others
		if len(others) != 1 || !others[0].Warm || others[0].Version != "1.1.0" {
			t.Errorf("others = %+v, want 1.1.0 warm", others)
		}
	})
}

// Whatever goes wrong with a new release within the bake time, the old one takes over.
func TestBadReleaseIsTakenBack(t *testing.T) {
	before := func(b *bench) { b.processes()[0].behaves(20*time.Millisecond, nil); b.calls(200) }
	broken := func(err error) func(*bench) {
		return func(b *bench) { b.last().behaves(20*time.Millisecond, err); b.calls(60) }
	}
	tests := map[string]struct {
		after func(*bench)
		says  string // empty: it stays
	}{
		"it crashes":           {func(b *bench) { b.last().crash() }, "exit code 2"},
		"it is unhealthy":      {func(b *bench) { b.last().setHealth(unfit); elapse(15 * time.Second) }, "no entropy"},
		"outcomes are unknown": {broken(sdk.Errorf("x", sdk.CodeReadTimeout, "?")), "unknown outcomes in 60 of 60"},
		"it breaks lookups":    {broken(sdk.Errorf("x", sdk.CodePluginProtocolVersion, "?")), "faults in 60 of 60"},
		"it declines all":      {broken(sdk.Errorf("x", sdk.CodeDoNotHonor, "?")), "DECLINE_SOFT errors in 60 of 60"},
		"it is slow":           {func(b *bench) { b.last().behaves(time.Second, nil); b.calls(60) }, "capture takes"},
		"it does as well":      {broken(nil), ""},
		"it is quiet":          {func(b *bench) { b.last().behaves(time.Second, sdk.Errorf("x", sdk.CodeReadTimeout, "?")); b.calls(49) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), baking)
				before(b)
				b.swap("1.1.0")
				tt.after(b)
				elapse(2 * time.Second)
				if tt.says == "" {
					b.wants(supervise.Serving, 2)
					elapse(10 * time.Minute)
					if b.processes()[0].alive() {
						t.Error("the old process outlived its bake time")
					}
					return
				}
				b.wants(supervise.Serving, 1)
				if e := b.journal.find(t, 1, supervise.Serving); !strings.Contains(e.Cause, tt.says) || e.Undoes != "digest of 1.1.0" {
					t.Errorf("cause = %q, want that %s", e.Cause, tt.says)
				}
				if b.last().alive() {
					t.Error("the bad release runs on")
				}
				elapse(time.Hour)
				b.wants(supervise.Serving, 1)
			})
		})
	}
}

// The swap's caller, who waits for the drain, is told that it was taken back.
func TestSwapThatIsTakenBackSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), baking)
		held := b.lease()
		defer held.Release()
		time.AfterFunc(5*time.Second, func() { b.last().crash() })
		_, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
		if !errors.Is(err, supervise.ErrWorse) || !strings.Contains(err.Error(), "exit code 2") {
			t.Errorf("Swap = %v, want ErrWorse and why", err)
		}
		b.wants(supervise.Serving, 1)
	})
}

// If going back cannot be recorded, the release that crashed is started again: the
// journal says that it is the one.
func TestCrashThatCannotBeTakenBackIsHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := swapped(t)
		b.journal.failing(func(e supervise.Event) error {
			if e.To == supervise.Serving && e.Generation == 1 {
				return errNo
			}
			return nil
		})
		b.last().crash()
		b.wants(supervise.Backoff, 3)
		elapse(time.Second)
		b.wants(supervise.Serving, 3)
		if b.last().release.Version != "1.1.0" {
			t.Errorf("%s serves, want 1.1.0", b.last().release.Version)
		}
	})
}

func TestCanary(t *testing.T) {
	trial := supervise.Trial{Percent: 50, For: time.Minute}
	slow := func(b *bench) { b.last().behaves(time.Second, nil); b.calls(200) }
	tests := map[string]struct {
		during func(*bench)
		says   string // empty: it serves in the end
		last   string // state of the new release's life if it does not
	}{
		"does as well":      {func(b *bench) { b.calls(200) }, "", ""},
		"has no calls":      {func(*bench) {}, "", ""},
		"crashes":           {func(b *bench) { b.last().crash() }, "exit code 2", "canary crashed"},
		"gets unhealthy":    {func(b *bench) { b.last().setHealth(unfit); elapse(15 * time.Second) }, "no entropy", "canary draining stopped"},
		"is slow":           {slow, "capture takes", "canary draining stopped"},
		"cannot be written": {func(b *bench) { b.journal.failing(failingAt(supervise.Serving)) }, "could not be recorded", "canary draining stopped"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Trial = trial })
				b.calls(200)
				ended := make(chan error, 1)
				began := time.Now()
				go func() {
					_, err := b.Swap(context.Background(), release("1.1.0"), supervise.SwapOptions{})
					ended <- err
				}()
				synctest.Wait()
				b.wants(supervise.Serving, 1)
				if others := b.Status().Others; len(others) != 1 || others[0].State != supervise.Canary {
					t.Fatalf("others = %+v, want the canary", others)
				}
				tt.during(b)
				err := <-ended
				if tt.says == "" {
					if took := time.Since(began); err != nil || took != time.Minute {
						t.Errorf("Swap = %v after %v, want success after the trial", err, took)
					}
					b.wants(supervise.Serving, 2)
					return
				}
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("Swap = %v, want that %s", err, tt.says)
				}
				elapse(time.Hour)
				b.wants(supervise.Serving, 1)
				if routes := b.routes(); len(routes) != 1 || routes[0].Generation != 1 {
					t.Errorf("calls are led to %d routes, want what serves alone", len(routes))
				}
				b.calls(200)
				if got := b.journal.life(2); !strings.HasSuffix(got, tt.last) {
					t.Errorf("life of the canary = %s, want its end to be %s", got, tt.last)
				}
				if got, want := b.journal.life(1), "starting described healthy serving"; got != want {
					t.Errorf("life of the old = %s, want that it never noticed", got)
				}
				if b.last().alive() {
					t.Error("the canary was not stopped")
				}
			})
		})
	}
}

func TestCanaryEndsWithWhoAskedForIt(t *testing.T) {
	tests := map[string]func(b *bench, giveUp func()){
		"the caller gives up": func(_ *bench, giveUp func()) { giveUp() },
		"the host stops":      func(b *bench, _ func()) { _ = b.shutDown() },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() {
					_, err := b.Swap(ctx, release("1.1.0"), supervise.SwapOptions{Trial: &supervise.Trial{Percent: 10, For: time.Hour}})
					ended <- err
				}()
				elapse(time.Minute)
				end(b, cancel)
				if err := <-ended; err == nil {
					t.Error("Swap succeeded")
				}
				synctest.Wait()
				if b.last().alive() {
					t.Error("the canary lives on")
				}
			})
		})
	}
}

// A call is on one process: what was sent to the canary is not sent to the other too.
func TestCanaryTakesEachOperationOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Trial = supervise.Trial{Percent: 30, For: time.Minute} })
		go func() { _, _ = b.Swap(context.Background(), release("1.1.0"), supervise.SwapOptions{}) }()
		synctest.Wait()
		live := b.slot.Current()
		b.calls(300)
		on := live.Figures().Total().Calls
		canary := int64(0)
		for _, p := range b.routes() {
			if p != live {
				canary += p.Figures().Total().Calls
			}
		}
		if on+canary != 300 || canary < 50 || canary > 130 {
			t.Errorf("%d calls on what serves and %d on the canary, want 300 in all and about 90 there", on, canary)
		}
	})
}

// routes are those that calls can be led to now.
func (b *bench) routes() []*slot.Route {
	seen := map[*slot.Route]bool{}
	for n := range 200 {
		l, err := b.slot.Acquire(sdk.WithCall(context.Background(), sdk.Call{PaymentID: sdk.PaymentID(fmt.Sprint("probe-", n))}))
		if err != nil {
			continue
		}
		seen[l.Route()] = true
		l.Release()
	}
	var routes []*slot.Route
	for r := range seen {
		routes = append(routes, r)
	}
	return routes
}
