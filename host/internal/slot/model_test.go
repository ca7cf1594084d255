package slot_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/slot"
)

// A model is a slot as a child would write it: which route is live, and who holds what.
type model struct {
	live   *slot.Route
	routes []*slot.Route
	held   map[*slot.Route][]*slot.Lease
}

func TestSlotBehavesLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := slot.New("acme-pay")
		m := model{held: map[*slot.Route][]*slot.Lease{}}
		t.Repeat(map[string]func(*rapid.T){
			"publish a new route": func(*rapid.T) {
				m.publish(t, s, slot.NewRoute(slot.Target{Generation: uint64(len(m.routes) + 1)}))
			},
			"publish a route again": func(t *rapid.T) { m.publish(t, s, m.pick(t)) },
			"withdraw a route": func(t *rapid.T) {
				r := m.pick(t)
				if got, want := s.Withdraw(r, "test"), r == m.live; got != want {
					t.Fatalf("Withdraw(%d) = %v, want %v", r.Generation, got, want)
				}
				if r == m.live {
					m.live = nil
				}
			},
			"acquire": func(t *rapid.T) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				l, err := s.Acquire(ctx)
				if (err == nil) != (m.live != nil) {
					t.Fatalf("Acquire = %v with live route %v", err, m.live)
				}
				if err == nil {
					m.held[l.Route()] = append(m.held[l.Route()], l)
				}
			},
			"release": func(t *rapid.T) {
				r := m.pick(t)
				if n := len(m.held[r]); n > 0 {
					m.held[r][n-1].Release()
					m.held[r] = m.held[r][:n-1]
				}
			},
			"drain what is not live": func(t *rapid.T) { m.drain(t, m.pick(t)) },
			"": func(t *rapid.T) {
				if s.Current() != m.live {
					t.Fatalf("Current = %v, want %v", s.Current(), m.live)
				}
				for _, r := range m.routes {
					if got, want := r.InFlight(), len(m.held[r]); got != want {
						t.Fatalf("generation %d has %d in flight, want %d", r.Generation, got, want)
					}
				}
			},
		})
	})
}

func (m *model) publish(t *rapid.T, s *slot.Slot, r *slot.Route) {
	if old := s.Publish(r); old != m.live {
		t.Fatalf("Publish replaced %v, want %v", old, m.live)
	}
	m.live = r
	for _, known := range m.routes {
		if known == r {
			return
		}
	}
	m.routes = append(m.routes, r)
}

func (m *model) pick(t *rapid.T) *slot.Route {
	if len(m.routes) == 0 {
		t.Skip("no route yet")
	}
	return rapid.SampledFrom(m.routes).Draw(t, "route")
}

func (m *model) drain(t *rapid.T, r *slot.Route) {
	if r == m.live {
		t.Skip("the live route is never drained")
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err, idle := r.Drain(over), len(m.held[r]) == 0; (err == nil) != idle {
		t.Fatalf("Drain of generation %d with %d held = %v", r.Generation, len(m.held[r]), err)
	}
}
