package supervise_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// A model says what a supervisor must do, the way its documentation does: which
// version is meant to serve, whether it does, and when it is tried again.
type model struct {
	state    supervise.State
	version  int
	due      time.Time // in a back-off
	attempts int
	failures []time.Time
	served   time.Time
	held     []*slot.Lease
	failing  bool // what is started does not get healthy
}

func (m *model) serves(version int, from time.Time) {
	m.state, m.version, m.served = supervise.Serving, version, from
}

func (m *model) fails() {
	now := time.Now()
	if m.state == supervise.Serving && now.Sub(m.served) >= time.Minute {
		m.attempts = 0
	}
	m.failures = append(slices.DeleteFunc(m.failures, func(at time.Time) bool { return now.Sub(at) >= 5*time.Minute }), now)
	if len(m.failures) >= 5 {
		m.state = supervise.Quarantined
		return
	}
	m.state = supervise.Backoff
	m.due = now.Add(min(250*time.Millisecond<<m.attempts, 30*time.Second))
	m.attempts++
}

// passes lets time go by, and what is due by then happen.
func (m *model) passes(d time.Duration) {
	until := time.Now().Add(d)
	for m.state == supervise.Backoff && !m.due.After(until) {
		elapse(time.Until(m.due))
		if m.failing {
			m.fails()
		} else {
			m.serves(m.version, time.Now())
		}
	}
	elapse(time.Until(until))
}

func TestSupervisorBehavesLikeItsModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubbled{t}, func(rt *rapid.T) {
			b := newBench(t, func(c *supervise.Config) { c.DrainTimeout = 10 * time.Hour })
			m := &model{failing: false}
			b.rigged(func(context.Context, *process) error {
				if m.failing {
					return errNo
				}
				return nil
			})
			if err := b.Activate(t.Context(), versioned(1)); err != nil {
				rt.Fatal(err)
			}
			m.serves(1, time.Now())
			rt.Repeat(m.actions(b))
			for _, l := range m.held {
				l.Release()
			}
			if err := b.shutDown(); err != nil {
				rt.Fatal(err)
			}
			checkLives(rt, b.journal.all())
		})
	})
}

// bubbled hides the deadline of a test from rapid: in a bubble it cannot be asked.
type bubbled struct{ *testing.T }

func versioned(n int) fleet.Release { return release(fmt.Sprintf("1.%d.0", n)) }

// actions are what may happen, each with what the model makes of it.
func (m *model) actions(b *bench) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"crash": func(t *rapid.T) {
			if m.state != supervise.Serving {
				t.Skip("nothing serves")
			}
			b.live().crash()
			synctest.Wait()
			m.fails()
		},
		"swap": func(t *rapid.T) {
			began, next := time.Now(), m.version+1
			ctx, cancel := soon(b)
			defer cancel()
			report, err := b.Swap(ctx, versioned(next), supervise.SwapOptions{})
			if serves := report.To.Generation != 0; serves == m.failing {
				t.Fatalf("Swap = %+v, %v", report, err)
			}
			if !m.failing {
				m.serves(next, began)
				m.failures, m.attempts = nil, 0
			}
		},
		"restart": func(t *rapid.T) {
			began := time.Now()
			ctx, cancel := soon(b)
			defer cancel()
			report, err := b.Restart(ctx)
			possible := !m.failing && m.state != supervise.Quarantined
			if serves := report.To.Generation != 0; serves != possible {
				t.Fatalf("Restart = %+v, %v", report, err)
			}
			if possible {
				m.serves(m.version, began)
			}
		},
		"end the quarantine": func(t *rapid.T) {
			err := b.EndQuarantine(b.t.Context())
			if m.state != supervise.Quarantined {
				if err == nil {
					t.Fatalf("EndQuarantine of what is %s succeeded", m.state)
				}
				return
			}
			m.failures, m.attempts = nil, 0
			if m.failing {
				m.fails()
			} else {
				m.serves(m.version, time.Now())
			}
		},
		"starts fail from now on or no longer": func(*rapid.T) { m.failing = !m.failing },
		"time passes": func(t *rapid.T) {
			m.passes(time.Duration(rapid.Int64Range(0, int64(3*time.Minute)).Draw(t, "for")))
		},
		"take a lease": func(t *rapid.T) {
			l, err := b.slot.Acquire(b.t.Context())
			if (err == nil) != (m.state == supervise.Serving) {
				t.Fatalf("Acquire = %v while %s", err, m.state)
			}
			if err == nil {
				m.held = append(m.held, l)
			}
		},
		"give a lease back": func(t *rapid.T) {
			if len(m.held) == 0 {
				t.Skip("none is held")
			}
			m.held[0].Release()
			m.held = m.held[1:]
		},
		"": func(t *rapid.T) { m.check(t, b) },
	}
}

// soon is a context for a replacement that is not to wait for leases that the test
// holds. Starts take no time here, so none is given up.
func soon(b *bench) (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.t.Context(), time.Nanosecond)
}

// live is the process that serves.
func (b *bench) live() *process { return b.slot.Current().Remote.(*process) }

func (m *model) check(t *rapid.T, b *bench) {
	synctest.Wait()
	status := b.Status()
	if status.State != m.state || status.Version != versioned(m.version).Version {
		t.Fatalf("%s is %s (%s), want 1.%d.0 to be %s", status.Version, status.State, status.Cause, m.version, m.state)
	}
	if m.state == supervise.Backoff && !status.StartAt.Equal(m.due) {
		t.Fatalf("next start in %v, want in %v", time.Until(status.StartAt), time.Until(m.due))
	}
	for _, p := range b.processes() {
		serves := m.state == supervise.Serving && p == b.live()
		leased := slices.ContainsFunc(m.held, func(l *slot.Lease) bool { return l.Route().Remote == p })
		if p.alive() && !serves && !leased {
			t.Fatalf("process %d of %s is alive for nobody", p.pid, p.release.Version)
		}
		if !p.alive() && (serves || leased && !p.crashed()) {
			t.Fatalf("process %d of %s was stopped while it was used", p.pid, p.release.Version)
		}
	}
}

// checkLives checks that every generation went by the table to its end.
func checkLives(t *rapid.T, events []supervise.Event) {
	at := map[uint64]supervise.State{}
	serving := map[uint64]bool{}
	for _, e := range events {
		if e.From != at[e.Generation] || !supervise.Leads(e.From, e.To) {
			t.Fatalf("generation %d went from %q to %q, it was %q", e.Generation, e.From, e.To, at[e.Generation])
		}
		if serving[e.Generation] && e.To == supervise.Serving {
			t.Fatalf("generation %d served twice", e.Generation)
		}
		serving[e.Generation] = serving[e.Generation] || e.To == supervise.Serving
		at[e.Generation] = e.To
	}
	for generation, state := range at {
		if !supervise.AtEnd(state) {
			t.Fatalf("generation %d was left %s", generation, state)
		}
	}
}
