package supervise_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// A model says what a supervisor must do, the way its documentation does: which release
// is meant to serve, whether it does, what is kept warm and for how long, what is parked,
// and when what failed is tried again. It knows nothing of processes that come and go.
type model struct {
	bake     time.Duration
	state    supervise.State
	version  int
	main     *process  // what serves, or nil
	served   time.Time // since when
	watched  time.Time // since when its health is asked
	due      time.Time // in a back-off
	attempts int
	failures []time.Time

	warm        *process // what can be gone back to
	warmVersion int
	cools       time.Time // when no more; zero while it still has calls

	held    []*slot.Lease
	deaths  map[string]int // by operation; two park it
	bad     map[*process]bool
	failing bool // what is started does not get healthy
	lying   bool // what is started is not what was installed
}

// serves makes p what serves. What served before becomes warm if that is asked for.
func (m *model) serves(b *bench, version int, watched time.Time) {
	m.state, m.version, m.main, m.served, m.watched = supervise.Serving, version, b.live(), time.Now(), watched
}

// replaces is serves for what was swapped to. It is a restart if that is the same release.
func (m *model) replaces(b *bench, version int, at, watched time.Time) {
	if version == m.version {
		m.serves(b, version, watched)
		m.served = at
		return
	}
	m.warm = nil
	if m.bake > 0 && m.state == supervise.Serving {
		m.warm, m.warmVersion, m.cools = m.main, m.version, time.Time{}
		if m.leases(m.warm) == 0 {
			m.cools = at.Add(m.bake)
		}
	}
	m.failures, m.attempts = nil, 0
	m.serves(b, version, watched)
	m.served = at
}

// goesBack makes the warm release serve again.
func (m *model) goesBack(at time.Time) {
	m.state, m.version, m.main, m.served, m.watched = supervise.Serving, m.warmVersion, m.warm, at, at
	m.warm, m.failures, m.attempts = nil, nil, 0
}

// lost is what happens when that which serves does not any more.
func (m *model) lost() {
	if m.isWarm() {
		m.goesBack(time.Now())
		return
	}
	m.fails()
}

func (m *model) fails() {
	now := time.Now()
	if m.state == supervise.Serving && now.Sub(m.served) >= time.Minute {
		m.attempts = 0
	}
	m.failures = append(slices.DeleteFunc(m.failures, func(at time.Time) bool { return now.Sub(at) >= 5*time.Minute }), now)
	m.main = nil
	if len(m.failures) >= 5 {
		m.state = supervise.Quarantined
		return
	}
	m.state = supervise.Backoff
	m.due = now.Add(min(250*time.Millisecond<<m.attempts, 30*time.Second))
	m.attempts++
}

// starts is the end of a start of what is meant to serve.
func (m *model) starts(b *bench) {
	switch {
	case m.failing:
		m.fails()
	case m.lying:
		m.state, m.main = supervise.Rejected, nil
	default:
		m.serves(b, m.version, time.Now())
	}
}

// sound reports whether what is started now gets to serve.
func (m *model) sound() bool { return !m.failing && !m.lying }

func (m *model) isWarm() bool {
	return m.warm != nil && (m.cools.IsZero() || time.Now().Before(m.cools))
}

func (m *model) leases(p *process) int {
	n := 0
	for _, l := range m.held {
		if l.Route().Remote == p {
			n++
		}
	}
	return n
}

// passes lets time go by, and what is due by then happen.
func (m *model) passes(b *bench, d time.Duration) {
	until := time.Now().Add(d)
	for m.state == supervise.Backoff && !m.due.After(until) {
		elapse(time.Until(m.due))
		m.starts(b)
	}
	elapse(time.Until(until))
}

func (m *model) parked() []string {
	var parked []string
	for id, n := range m.deaths {
		if n >= 2 {
			parked = append(parked, "op-"+id)
		}
	}
	slices.Sort(parked)
	return parked
}

func (m *model) check(t *rapid.T, b *bench) {
	synctest.Wait()
	status := b.Status()
	if status.State != m.state || status.Version != versioned(m.version).Version {
		t.Fatalf("%s is %s (%s), want 1.%d.0 to be %s", status.Version, status.State, status.Cause, m.version, m.state)
	}
	if m.state == supervise.Backoff && !status.StartAt.Equal(m.due) {
		t.Fatalf("next start in %v, want in %v", time.Until(status.StartAt), time.Until(m.due))
	}
	if (b.slot.Current() != nil) != (m.state == supervise.Serving) {
		t.Fatalf("the slot leads to %v while it is %s", b.slot.Current(), m.state)
	}
	warm := slices.IndexFunc(status.Others, func(in supervise.Instance) bool { return in.Warm })
	if (warm >= 0) != m.isWarm() || warm >= 0 && status.Others[warm].Version != versioned(m.warmVersion).Version {
		t.Fatalf("others are %+v, want warm to be %v, 1.%d.0", status.Others, m.isWarm(), m.warmVersion)
	}
	parked := b.parked()
	if slices.Sort(parked); !slices.Equal(parked, m.parked()) {
		t.Fatalf("parked are %v, want %v", parked, m.parked())
	}
	for _, p := range b.processes() {
		m.checkProcess(t, b, p)
	}
}

// checkProcess checks that a process is there for somebody, or gone.
func (m *model) checkProcess(t *rapid.T, b *bench, p *process) {
	serves := m.state == supervise.Serving && p == b.live()
	if serves != (p == m.main) {
		t.Fatalf("process %d of %s serves: %v, want %v", p.pid, p.release.Version, serves, p == m.main)
	}
	warm, leased := m.isWarm() && p == m.warm, m.leases(p) > 0
	if p.alive() && !serves && !warm && !leased {
		t.Fatalf("process %d of %s is alive for nobody", p.pid, p.release.Version)
	}
	if !p.alive() && (serves || warm || leased && !p.crashed()) {
		t.Fatalf("process %d of %s was stopped while it was used", p.pid, p.release.Version)
	}
}

// Whatever happens in whatever order, the supervisor does what its model does, with and
// without a bake time.
func TestSupervisorBehavesLikeItsModel(t *testing.T) { compareToModel(t, 1) }

// The long form takes many more walks.
func TestChaosSupervisorBehavesLikeItsModel(t *testing.T) {
	walks := 1
	if os.Getenv("CHAOS") != "" {
		walks = 100
	}
	compareToModel(t, walks)
}

// compareToModel takes so many times as many walks as rapid does.
func compareToModel(t *testing.T, times int) {
	t.Helper()
	for name, bake := range map[string]time.Duration{
		"without a bake": 0,
		// Not a multiple of what else there is, so that no two things are due at once.
		"with a bake": 4*time.Minute + 3*time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			for range times {
				synctest.Test(t, func(t *testing.T) {
					rapid.Check(bubbled{t}, func(rt *rapid.T) { walk(t, rt, bake) })
				})
			}
		})
	}
}

// walk does one thing after the other at random.
func walk(t *testing.T, rt *rapid.T, bake time.Duration) {
	b := newBench(t, func(c *supervise.Config) { c.DrainTimeout, c.Bake = 1000*time.Hour, bake })
	m := &model{bake: bake, version: 1, deaths: map[string]int{}, bad: map[*process]bool{}}
	b.rigged(func(_ context.Context, p *process) error {
		if m.lying {
			p.says.Manifest.Version = "6.6.6"
		}
		if m.failing {
			return errNo
		}
		return nil
	})
	if err := b.Activate(t.Context(), versioned(1)); err != nil {
		rt.Fatal(err)
	}
	m.starts(b)
	rt.Repeat(m.actions(b))
	for _, l := range m.held {
		l.Release()
	}
	if err := b.shutDown(); err != nil {
		rt.Fatal(err)
	}
	checkLives(rt, b.journal.all())
}

// bubbled hides the deadline of a test from rapid: in a bubble it cannot be asked.
type bubbled struct{ *testing.T }

func versioned(n int) fleet.Release { return release(fmt.Sprintf("1.%d.0", n)) }

// checkLives checks that every generation went by the table to its end, and that none
// served twice but one that was gone back to.
func checkLives(t *rapid.T, events []supervise.Event) {
	at := map[uint64]supervise.State{}
	for _, e := range events {
		if e.From != at[e.Generation] || !supervise.Leads(e.From, e.To) {
			t.Fatalf("generation %d went from %q to %q, it was %q", e.Generation, e.From, e.To, at[e.Generation])
		}
		if back := e.From == supervise.Draining; e.To == supervise.Serving && back != (e.Undoes != "") {
			t.Fatalf("generation %d serves, back %v, and undoes %q", e.Generation, back, e.Undoes)
		}
		at[e.Generation] = e.To
	}
	for generation, state := range at {
		if !supervise.AtEnd(state) {
			t.Fatalf("generation %d was left %s", generation, state)
		}
	}
}
