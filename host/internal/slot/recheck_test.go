package slot

import "testing"

// A caller may have loaded the old route just before a swap and count itself in just
// after it. Mutation: without the re-check in Slot.enter this test is red, because
// the old route, open but replaced, grants the lease.
func TestReplacedRouteTakesNoLease(t *testing.T) {
	replace := map[string]func(*Slot, *Route){
		"by another one": func(s *Slot, _ *Route) { s.Publish(NewRoute(Target{Generation: 2})) },
		"by nothing":     func(s *Slot, old *Route) { s.Withdraw(old, "it crashed") },
	}
	for name, replace := range replace {
		t.Run(name, func(t *testing.T) {
			s := New("acme-pay")
			s.Publish(NewRoute(Target{Generation: 1}))
			loaded := s.live.Load() // as Acquire does, and is then held up
			replace(s, loaded)
			if s.enter(loaded) {
				t.Error("a replaced route took a lease")
			}
			if got := loaded.InFlight(); got != 0 {
				t.Errorf("the refused lease left %d in flight, want 0", got)
			}
		})
	}
}

// Mutation: without the test of the draining bit in Route.enter this test is red.
func TestDrainingRouteTakesNoLease(t *testing.T) {
	s, r := New("acme-pay"), NewRoute(Target{Generation: 1})
	s.Publish(r)
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.enter(r) {
		t.Error("a drained route took a lease")
	}
}
