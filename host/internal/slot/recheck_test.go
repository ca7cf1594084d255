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

// The same of a release that is tried. Mutation: without the re-check in
// Slot.enterTrial this test is red.
func TestTrialThatIsOverTakesNoLease(t *testing.T) {
	s, next := New("acme-pay"), NewRoute(Target{Generation: 2})
	s.Publish(NewRoute(Target{Generation: 1}))
	s.Try(next, 100)
	loaded := s.trial.Load()
	s.EndTrial(next)
	if s.enterTrial(loaded) || next.InFlight() != 0 {
		t.Errorf("a trial that is over took a lease, %d are in flight", next.InFlight())
	}
	s.Publish(next)
	if !s.enterTrial(loaded) {
		t.Error("a route that was tried and is live now took no lease")
	}
}
