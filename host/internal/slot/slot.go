// Package slot holds one live route per connector and moves calls from one process
// to the next without losing any.
//
// A caller takes a [Lease] on the route that is live, makes its call, and gives the
// lease back. [Slot.Publish] makes another route the live one: from the moment it
// returns no lease on the old route begins, and [Route.Drain] waits for those that
// began before. A process that is stopped only after its route drained has failed
// no call.
//
// The package waits for nobody but in Drain: without a live route, Acquire refuses
// at once. It starts no process, stops none and decides nothing; it takes no lock on
// the way of a call.
package slot

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Slot is the place of one connector: at most one route in it is live. Its methods
// may be called concurrently.
type Slot struct {
	connector string
	live      atomic.Pointer[Route]
	vacancy   atomic.Pointer[string] // why live is nil
}

// New returns an empty slot for the named connector.
func New(connector string) *Slot {
	s := &Slot{connector: connector}
	s.Explain("it has not been started")
	return s
}

// Connector returns the name of the connector.
func (s *Slot) Connector() string { return s.connector }

// Current returns the live route, or nil if there is none. It is for asking what is
// served; a call needs a lease.
func (s *Slot) Current() *Route { return s.live.Load() }

// Acquire takes a lease on the live route. Its refusals are of type [*sdk.Error],
// come at once and prove that nothing was sent: [sdk.CodePluginUnavailable] if no
// route is live, [sdk.CodeExpiredInQueue] if ctx has ended.
func (s *Slot) Acquire(ctx context.Context) (*Lease, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, s.refusal(sdk.CodeExpiredInQueue, err)
		}
		r := s.live.Load()
		if r == nil {
			return nil, s.refusal(sdk.CodePluginUnavailable, fmt.Errorf("no process is serving: %s", *s.vacancy.Load()))
		}
		if s.enter(r) {
			return &Lease{route: r}, nil
		}
	}
}

// enter counts a call in on r, and reports whether r may take it.
func (s *Slot) enter(r *Route) bool {
	if !r.enter() {
		return false
	}
	// The caller loaded r before it was counted; in between r may have been replaced
	// and found idle. Only a count that r's successor cannot have missed is a lease.
	if s.live.Load() != r {
		r.leave()
		return false
	}
	return true
}

// Publish makes next the live route and returns the one it replaced, nil if there was
// none. Leases on the old route go on; new ones are on next. A route that was drained
// may be published again: that is how a swap is taken back.
func (s *Slot) Publish(next *Route) (old *Route) {
	next.reopen()
	return s.live.Swap(next)
}

// Withdraw makes the slot empty if r is the live route, and reports whether it was.
// Until another route is published, Acquire refuses and gives the reason why, which
// completes the sentence "no process is serving: …".
func (s *Slot) Withdraw(r *Route, why string) bool {
	if s.live.Load() != r {
		return false
	}
	s.Explain(why)
	return s.live.CompareAndSwap(r, nil)
}

// Explain changes the reason that Acquire gives while no route is live.
func (s *Slot) Explain(why string) { s.vacancy.Store(&why) }

func (s *Slot) refusal(code sdk.Code, cause error) *sdk.Error {
	return &sdk.Error{Op: sdk.Op(s.connector), Code: code, Err: cause}
}
