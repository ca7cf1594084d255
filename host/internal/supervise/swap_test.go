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

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

func TestSwapDrainsTheOldBeforeItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		b.rigged(slow(2 * time.Second))
		held := b.lease()
		time.AfterFunc(9*time.Second, held.Release)

		report, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := supervise.SwapReport{
			From:  supervise.Ref{Generation: 1, Version: "1.0.0", Digest: "digest of 1.0.0"},
			To:    supervise.Ref{Generation: 2, Version: "1.1.0", Digest: "digest of 1.1.0"},
			Start: 2 * time.Second,
			Drain: 7 * time.Second,
		}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		b.wants(supervise.Serving, 2)
		old := b.processes()[0]
		if old.alive() || old.ended.Sub(old.started) < 9*time.Second {
			t.Errorf("the old process ended after %v, want once its call was over", old.ended.Sub(old.started))
		}
		if got, want := b.journal.life(1), "starting described healthy serving draining stopped"; got != want {
			t.Errorf("life of the old = %s, want %s", got, want)
		}
		if e := b.journal.find(t, 2, supervise.Serving); !strings.Contains(e.Cause, "replaces generation 1") {
			t.Errorf("cause of the commit = %q, want what was replaced", e.Cause)
		}
	})
}

func TestSwapCutsCallsThatOutlastTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.DrainTimeout = 20 * time.Second })
		held := b.lease()
		defer held.Release()
		report, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
		if err != nil || report.Left != 1 || report.Drain != 20*time.Second {
			t.Errorf("Swap = %+v, %v, want one call left after 20s", report, err)
		}
		synctest.Wait()
		if e := b.journal.find(t, 1, supervise.Stopped); e.InFlight != 1 || !strings.Contains(e.Cause, "outlasted") {
			t.Errorf("stop event = %+v, want the call that was cut", e)
		}
		if b.processes()[0].alive() {
			t.Error("the old process is still there")
		}
	})
}

func TestSwapReturnsEarlyWhenItsCallerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		held := b.lease()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report, err := b.Swap(ctx, release("1.1.0"), supervise.SwapOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || report.To.Generation != 2 {
			t.Errorf("Swap = %+v, %v, want the deadline and the generation that serves", report, err)
		}
		b.wants(supervise.Serving, 2)
		others := b.Status().Others
		if len(others) != 1 || others[0].State != supervise.Draining || others[0].InFlight != 1 {
			t.Errorf("others = %+v, want the old one, draining one call", others)
		}
		held.Release()
		synctest.Wait()
		if others := b.Status().Others; len(others) != 0 {
			t.Errorf("others = %+v, want none any more", others)
		}
	})
}

func TestSwapToWhatServesChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		report, err := b.Swap(t.Context(), release("1.0.0"), supervise.SwapOptions{})
		if err != nil || !report.Unchanged || report.To.Generation != 1 {
			t.Errorf("Swap = %+v, %v, want unchanged", report, err)
		}
		if n := len(b.starts()); n != 1 {
			t.Errorf("%d starts, want 1", n)
		}
	})
}

// Whatever is wrong with a candidate, what serves must not notice.
func TestSwapFailureLeavesTheOldServing(t *testing.T) {
	rig := func(change func(*process)) func(context.Context, *process) error {
		return func(_ context.Context, p *process) error { change(p); return nil }
	}
	without := func(op sdk.Operation) func(*sdk.Description) {
		return func(d *sdk.Description) {
			d.Operations = nil
			for _, o := range release("1.0.0").Description.Operations {
				if o != op {
					d.Operations = append(d.Operations, o)
				}
			}
		}
	}
	broken := func(reason launch.Reason) func(context.Context, *process) error {
		return func(context.Context, *process) error {
			return &launch.StartError{Reason: reason, Path: "p", Err: errNo}
		}
	}
	next := release("1.1.0")
	tests := map[string]struct {
		release fleet.Release
		rig     func(context.Context, *process) error
		refused bool
		says    string
		fault   supervise.Fault
		life    string
	}{
		"does not start":            {next, broken(launch.ReasonHandshake), false, "handshake", supervise.FaultHandshake, "starting crashed"},
		"is not the installed file": {next, broken(launch.ReasonDigest), true, "digest", supervise.FaultDigest, "starting rejected"},
		"starts too slowly":         {next, slow(time.Hour), false, "deadline", supervise.FaultTimeout, "starting crashed"},
		"says another name":         {next, rig(func(p *process) { p.says.Manifest.Name = "evil-pay" }), true, `"evil-pay"`, supervise.FaultConnector, "starting rejected"},
		"says another version":      {next, rig(func(p *process) { p.says.Manifest.Version = "9.9.9" }), true, "otherwise than when it was installed: version", supervise.FaultDescribed, "starting rejected"},
		"claims another operation":  {next, rig(func(p *process) { p.says.Operations = append(p.says.Operations, sdk.OpTokenize) }), true, "operations", supervise.FaultDescribed, "starting rejected"},
		"speaks another contract": {
			release("1.1.0", func(d *sdk.Description) { d.Manifest.Contract = sdk.ContractRange{Min: 2, Max: 3} }),
			nil, true, "contract versions 2 to 3", supervise.FaultContract, "starting rejected",
		},
		"lost an operation": {release("1.1.0", without(sdk.OpVoid)), nil, true, "operation void", supervise.FaultCapability, "starting rejected"},
		"lost a feature": {
			release("1.1.0", func(d *sdk.Description) { d.Manifest.Features.PartialRefund = false }),
			nil, true, "feature partial_refund", supervise.FaultCapability, "starting rejected",
		},
		"is not admitted":          {release("6.6.6"), nil, true, "not wanted", supervise.FaultAdmission, "starting rejected"},
		"is not certified":         {release("6.6.7"), nil, true, "REVOKED", supervise.FaultCertificate, "starting rejected"},
		"is admitted for less":     {release("6.6.8"), nil, true, "operation void", supervise.FaultCapability, "starting rejected"},
		"is unhealthy":             {next, rig(func(p *process) { p.health = unfit }), false, "no entropy", supervise.FaultUnhealthy, "starting described crashed"},
		"does not answer":          {next, rig(func(p *process) { p.health = silent }), false, "not healthy within", supervise.FaultUnhealthy, "starting described crashed"},
		"ends while it is started": {next, rig(func(p *process) { p.crash() }), false, "exit code 2", supervise.FaultEnded, "starting described crashed"},
		"is another connector's":   {fleet.Release{Name: "other-pay", Version: "1.1.0", Digest: "d"}, nil, true, `"other-pay"`, supervise.FaultConnector, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), func(c *supervise.Config) {
					c.Admit = func(r fleet.Release, d sdk.Description) (supervise.Admission, error) {
						switch r.Version {
						case "6.6.6":
							return supervise.Admission{}, errors.New("not wanted")
						case "6.6.7":
							return supervise.Admission{}, &certificate.RefusedError{Findings: []certificate.Finding{{Reason: certificate.Revoked}}}
						case "6.6.8":
							d.Operations = d.Operations[:1]
						}
						return supervise.Admission{Description: d, Gate: &gatekeep.Gate{}}, nil
					}
				})
				b.rigged(tt.rig)
				held := b.lease()
				_, err := b.Swap(t.Context(), tt.release, supervise.SwapOptions{})
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("Swap = %v, want an error that says %q", err, tt.says)
				}
				if got := errors.Is(err, supervise.ErrRefused); got != tt.refused {
					t.Errorf("ErrRefused: %v, want %v", got, tt.refused)
				}
				if got := supervise.FaultOf(err); got != tt.fault {
					t.Errorf("fault = %q, want %q", got, tt.fault)
				}
				b.unmoved(held)
				if got := b.journal.life(2); !strings.HasPrefix(got, strings.TrimSuffix(tt.life, "crashed")) || !strings.HasSuffix(got, lastWord(tt.life)) {
					t.Errorf("life of the candidate = %q, want %q", got, tt.life)
				}
				if tt.life != "" && b.journal.last(2).Fault != tt.fault {
					t.Errorf("the journal says %q, want %q", b.journal.last(2).Fault, tt.fault)
				}
				elapse(time.Hour)
				b.unmoved(held)
				held.Release()
			})
		})
	}
}

func lastWord(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }

// unmoved checks that the first generation serves as if nothing had happened, and that
// nothing is left of anything else.
func (b *bench) unmoved(held *slot.Lease) {
	b.t.Helper()
	b.wants(supervise.Serving, 1)
	all := b.processes()
	if !all[0].alive() {
		b.t.Error("the old process was stopped")
	}
	for _, p := range all[1:] {
		if p.alive() {
			b.t.Error("the candidate was not stopped")
		}
	}
	if others := b.Status().Others; len(others) != 0 {
		b.t.Errorf("others = %+v, want none", others)
	}
	if held.Route().InFlight() != 1 {
		b.t.Errorf("in flight = %d, want the one call", held.Route().InFlight())
	}
	l := b.lease()
	if l.Route().Generation != 1 {
		b.t.Errorf("a new call goes to generation %d", l.Route().Generation)
	}
	l.Release()
	if got, want := b.journal.life(1), "starting described healthy serving"; got != want {
		b.t.Errorf("life of the old = %s, want %s", got, want)
	}
}

func TestSwapGivenUpLeavesTheOldServing(t *testing.T) {
	tests := map[string]func(context.Context, *process) error{
		"while the process starts":         slow(5 * time.Second),
		"while the process is not healthy": func(_ context.Context, p *process) error { p.health = unfit; return nil },
	}
	for name, rig := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				b.rigged(rig)
				held := b.lease()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := b.Swap(ctx, release("1.1.0"), supervise.SwapOptions{}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Swap = %v, want its deadline", err)
				}
				b.unmoved(held)
				if e := b.journal.find(t, 2, supervise.Stopped); !strings.Contains(e.Cause, "given up") {
					t.Errorf("cause = %q, want that it was given up", e.Cause)
				}
				held.Release()
			})
		})
	}
}

func TestSwapThatCannotBeRecordedDoesNotHappen(t *testing.T) {
	for _, to := range []supervise.State{supervise.Starting, supervise.Described, supervise.Healthy, supervise.Serving} {
		t.Run("at "+string(to), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				held := b.lease()
				b.journal.failing(func(e supervise.Event) error {
					if e.To == to {
						return errNo
					}
					return nil
				})
				if _, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{}); !errors.Is(err, errNo) {
					t.Errorf("Swap = %v, want the journal's error", err)
				}
				b.unmoved(held)
				held.Release()
			})
		})
	}
}

func TestSwapThatMayLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		poorer := release("1.1.0", func(d *sdk.Description) { d.Manifest.Countries = []string{"JP"} })
		_, err := b.Swap(t.Context(), poorer, supervise.SwapOptions{})
		var loss *supervise.LossError
		if !errors.As(err, &loss) || len(loss.Lost) != 1 || loss.Lost[0] != "country NL" {
			t.Fatalf("Swap = %v, want the loss of country NL", err)
		}
		report, err := b.Swap(t.Context(), poorer, supervise.SwapOptions{AllowLoss: true})
		if err != nil || len(report.Lost) != 1 {
			t.Fatalf("Swap with AllowLoss = %+v, %v", report, err)
		}
		b.wants(supervise.Serving, 3)
	})
}

func TestSwapHealsWhatDoesNotServe(t *testing.T) {
	tests := map[string]struct {
		crashes int
		state   supervise.State
	}{
		"in a back-off":  {1, supervise.Backoff},
		"in quarantine":  {5, supervise.Quarantined},
		"while starting": {0, supervise.Serving},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.BackoffMin = time.Minute; c.CrashWindow = time.Hour })
				for n := range tt.crashes {
					b.last().crash()
					synctest.Wait()
					if n+1 < tt.crashes {
						elapse(10 * time.Minute)
					}
				}
				if got := b.Status().State; got != tt.state {
					t.Fatalf("state = %s, want %s", got, tt.state)
				}
				if _, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{}); err != nil {
					t.Fatal(err)
				}
				if got := b.Status(); got.State != supervise.Serving || got.Version != "1.1.0" {
					t.Errorf("%s is %s, want 1.1.0 serving", got.Version, got.State)
				}
				starts := len(b.starts())
				elapse(time.Hour)
				if n := len(b.starts()); n != starts {
					t.Errorf("%d starts after the swap, want none: the back-off is over", n-starts)
				}
			})
		})
	}
}

func TestOldThatCrashesDuringASwap(t *testing.T) {
	tests := map[string]struct {
		candidate func(context.Context, *process) error
		serves    string
	}{
		"is restarted if the swap fails":   {func(_ context.Context, p *process) error { return healthyIf(p, p.release.Version == "1.0.0") }, "1.0.0"},
		"is replaced if the swap succeeds": {slow(2 * time.Second), "1.1.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serving(t, release("1.0.0"))
				b.rigged(tt.candidate)
				old := b.last()
				time.AfterFunc(time.Second, old.crash)
				_, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{})
				if (err == nil) != (tt.serves == "1.1.0") {
					t.Errorf("Swap = %v", err)
				}
				elapse(time.Minute)
				if got := b.Status(); got.State != supervise.Serving || got.Version != tt.serves {
					t.Errorf("%s is %s, want %s serving", got.Version, got.State, tt.serves)
				}
				if others := b.Status().Others; len(others) != 0 {
					t.Errorf("others = %+v, want none", others)
				}
			})
		})
	}
}

func healthyIf(p *process, healthy bool) error {
	if !healthy {
		p.health = unfit
	}
	return nil
}

func TestRestartLosesNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		held := b.lease()
		time.AfterFunc(3*time.Second, held.Release)
		report, err := b.Restart(t.Context())
		if err != nil || report.From.Digest != report.To.Digest || report.Drain != 3*time.Second {
			t.Errorf("Restart = %+v, %v, want the same release and a drain of 3s", report, err)
		}
		b.wants(supervise.Serving, 2)

		b.last().crash()
		synctest.Wait()
		if _, err := b.Restart(t.Context()); err != nil { // in a back-off: at once
			t.Errorf("Restart in a back-off = %v", err)
		}
		b.wants(supervise.Serving, 4)
	})
}

func TestBakeKeepsTheOldWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"), func(c *supervise.Config) { c.Bake = time.Minute })
		if _, err := b.Swap(t.Context(), release("1.1.0"), supervise.SwapOptions{}); err != nil {
			t.Fatal(err)
		}
		old := b.processes()[0]
		elapse(time.Minute - time.Millisecond)
		if others := b.Status().Others; !old.alive() || len(others) != 1 || others[0].State != supervise.Draining {
			t.Errorf("alive %v, others %+v, want the old one warm", old.alive(), others)
		}
		elapse(time.Millisecond)
		if old.alive() {
			t.Error("the old process outlived its bake time")
		}
	})
}

func TestCommandsAreCarriedOutOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serving(t, release("1.0.0"))
		b.rigged(slow(time.Second))
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() {
				if _, err := b.Swap(t.Context(), release(fmt.Sprintf("1.%d.0", n+1)), supervise.SwapOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.wants(supervise.Serving, 6)
		starts := b.starts()
		for i := 2; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); gap < time.Second {
				t.Errorf("start %d came %v after the one before, want them one by one", i, gap)
			}
		}
	})
}
