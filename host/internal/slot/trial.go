package slot

import (
	"hash/fnv"

	"github.com/connectorhost/connectorhost/sdk"
)

// A trial leads a share of the payments to a route that is not live.
type trial struct {
	route   *Route
	percent int
}

// Try leads so many percent of the payments to next, beside the live route, until
// [Slot.EndTrial]. Which payments is a matter of their ids, so that the calls of one
// payment stay together; a call that names no payment, and one that is sent again, take
// the live route.
func (s *Slot) Try(next *Route, percent int) {
	next.reopen()
	s.trial.Store(&trial{route: next, percent: percent})
}

// EndTrial leads every call to the live route again, and reports whether r was tried.
// Leases on r go on.
func (s *Slot) EndTrial(r *Route) bool {
	t := s.trial.Load()
	return t != nil && t.route == r && s.trial.CompareAndSwap(t, nil)
}

// enterTrial is enter for a route that is tried.
func (s *Slot) enterTrial(t *trial) bool {
	if !t.route.enter() {
		return false
	}
	if s.trial.Load() != t && s.live.Load() != t.route {
		t.route.leave()
		return false
	}
	return true
}

// takes reports whether a call is in the trial's share. A call that is sent again is
// not: what became of the first send may not be known, and the release that is tried
// is no help in finding out.
func (t *trial) takes(c sdk.Call) bool {
	return t != nil && c.PaymentID != "" && c.Attempt <= 1 && inShare(c.PaymentID, t.percent)
}

func inShare(id sdk.PaymentID, percent int) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum32()%100 < uint32(max(percent, 0))
}
