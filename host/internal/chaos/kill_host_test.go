package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// moments are those of a commit at which a host can be killed.
var moments = []string{"before", "after"}

// everyCommit kills the host at its first commit of what work does, at its second, and so
// on, until work is done without a death. It restarts the host after each and has it
// checked. It tells how many commits there were.
func (w *world) everyCommit(moment string, work func(n int), check func()) (commits int) {
	w.t.Helper()
	for n := 1; ; n++ {
		w.calm()
		w.dieAtCommit(moment, n)
		work(n)
		died := w.died()
		w.calmHost()
		died = died || w.died() // at something that work had left behind
		if !died {
			return n - 1
		}
		w.faults++
		w.startHost()
		check()
		if w.t.Failed() || n == 1000 {
			w.t.Fatalf("%s commit %d", moment, n)
		}
	}
}

// calm waits until nothing is under way that would commit by itself.
func (w *world) calm() {
	w.t.Helper()
	quiet := 0
	w.await("nothing is under way", func() error {
		s, err := w.status()
		if err != nil {
			return err
		}
		if quiet++; s.InFlight > 0 || s.State != "serving" || w.webhooksWaiting() > 0 {
			quiet = 0
		}
		if quiet < 3 {
			return errors.New("something is")
		}
		return nil
	})
}

// webhooksWaiting hurries webhooks whose retry is due later, and tells how many wait.
func (w *world) webhooksWaiting() int64 {
	w.t.Helper()
	var ledger object
	w.sandboxed("GET", "/_sandbox/ledger?limit=0", nil, &ledger)
	counts, _ := ledger["counts"].(object)
	n := number(counts, "webhooks_waiting")
	if n > 0 {
		w.sandboxed("POST", "/_sandbox/clock", object{"advance_ms": 500}, nil)
	}
	return n
}

// untilQuietOrDead waits for the end of what a finished request has left to do.
func (w *world) untilQuietOrDead() {
	w.t.Helper()
	w.await("the host is quiet or dead", func() error {
		if w.running().alive() && w.webhooksWaiting() > 0 {
			return errors.New("webhooks wait")
		}
		return nil
	})
}

// 3. The host is killed at every durable write of a payment's whole life, before and
// after it is durable.
func TestChaosHostKilledAtEveryWriteOfAPayment(t *testing.T) {
	onEach(t, func(t *testing.T, store string) {
		for name, plan := range map[string][]step{"captured": captured, "voided": voided} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				rounds, _ := chaos(t, 1, 10)
				w := newWorldOn(t, store, 1, "--sweep", "1h")
				s := &shop{w: w}
				for range rounds {
					for _, moment := range moments {
						w.everyCommitOf(s, plan, moment)
					}
				}
				w.flags = append(w.flags, "--sweep", "250ms")
				w.killHost()
				w.startHost()
				s.goOn()
				w.judge(s)
			})
		}
	})
}

// everyCommitOf kills the host at every commit of payments that follow a plan, and leaves
// them as they are.
func (w *world) everyCommitOf(s *shop, plan []step, moment string) {
	w.t.Helper()
	commits := w.everyCommit(moment, func(int) {
		if err := s.begin(plan).live(w.t.Context()); err != nil && !w.died() {
			w.t.Error(err)
		}
		w.untilQuietOrDead()
	}, func() {})
	w.t.Logf("killed %s each of %d commits", moment, commits)
	if least := 2 * len(plan); commits < least {
		w.t.Errorf("only %d commits, want at least %d: are the failpoints compiled in?", commits, least)
	}
}

// 3, too: killed at every durable write of its own start.
func TestChaosHostKilledAtEveryWriteOfItsStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &shop{w: w}
	for _, moment := range moments {
		commits := 0
		for n := 1; ; n++ {
			w.killHost()
			w.dieAtCommit(moment, n)
			started := w.tryStartHost()
			w.calmHost()
			if started {
				break
			}
			commits++
		}
		t.Logf("killed %s each of %d commits of a start", moment, commits)
		if commits == 0 {
			t.Error("no commit, want some")
		}
		w.plugin()
		if err := s.begin(captured).live(t.Context()); err != nil {
			t.Error(err)
		}
	}
	w.settle()
	s.allTold()
	w.judge(s)
}

// 4. The host is killed at every durable write of a swap: what serves afterwards is the
// old release or the new one.
func TestChaosHostKilledAtEveryWriteOfASwap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--bake-time", "100ms")
	old, next := w.install()
	s := &shop{w: w}
	for _, moment := range moments {
		seen := map[string]int{}
		var target string
		commits := w.everyCommit(moment, func(int) {
			now, err := w.status()
			if err != nil {
				t.Fatal(err)
			}
			target = map[string]string{old: next, next: old}[now.Digest]
			if err := w.swap(target); err != nil && !w.died() {
				t.Error(err)
			}
			w.untilAloneOrDead()
		}, func() {
			w.plugin()
			now, err := w.status()
			if err != nil || now.Digest != old && now.Digest != next {
				t.Errorf("%.8s serves, %v; want %.8s or %.8s", now.Digest, err, old, next)
			}
			switch now.Digest {
			case target:
				seen["new"]++
			default:
				seen["old"]++
			}
			if n := len(w.connectors()); n != 1 {
				t.Errorf("%d connectors run, want 1", n)
			}
			if err := s.begin(captured).live(t.Context()); err != nil {
				t.Error(err)
			}
		})
		t.Logf("killed %s each of %d commits of a swap; then the old one served %d times, the new one %d times", moment, commits, seen["old"], seen["new"])
		if seen["old"] == 0 || seen["new"] == 0 {
			t.Error("the swap's point of no return was not passed in both directions")
		}
	}
	w.settle()
	s.allTold()
	w.judge(s)
}

// untilAloneOrDead waits until nothing runs beside what serves.
func (w *world) untilAloneOrDead() {
	w.t.Helper()
	w.await("one connector is left, or the host is dead", func() error {
		if n := len(w.connectors()); w.running().alive() && n != 1 {
			return fmt.Errorf("%d connectors run", n)
		}
		return nil
	})
}

// 13. The host is killed again and again under load: no connector outlives it, and the
// next start removes what it left.
func TestChaosHostKilledUnderLoad(t *testing.T) {
	t.Parallel()
	kills, random := chaos(t, 3, 100)
	w := newWorld(t)
	s := &shop{w: w}
	crowd := s.open(8, 0)
	for range kills {
		crowd.goesOn(random.IntN(6))
		<-time.After(time.Duration(random.IntN(int(100 * time.Millisecond))))
		pids := w.connectors()
		if len(pids) == 0 {
			t.Error("no connector runs")
		}
		w.killHost()
		w.await("no connector is alive", func() error {
			if i := slices.IndexFunc(pids, proctest.Runs); i >= 0 {
				return fmt.Errorf("process %d is", pids[i])
			}
			return nil
		})
		w.startHost()
		w.plugin()
		w.await("what the dead host left is gone", func() error {
			left, err := filepath.Glob(filepath.Join(w.tmp(), "connectorhost-*"))
			if running := len(w.connectors()); len(left) != running {
				return fmt.Errorf("%d connectors run and there is %s", running, strings.Join(left, " "))
			}
			return err
		})
	}
	close(crowd.stop)
	w.hasten()
	crowd.wait()
	w.hasten()
	w.judge(s)
	if entries, err := os.ReadDir(w.tmp()); err != nil || len(entries) != 1 {
		t.Errorf("%d things are left for temporary files, %v, want those of the one connector", len(entries), err)
	}
}
