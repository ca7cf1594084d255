// Package slot holds one live route per connector and moves calls from one process
// to the next without losing any.
//
// A caller takes a [Lease] on the route that is live, makes its call, and gives the
// lease back. [Slot.Publish] makes another route the live one: from the moment it
// returns no lease on the old route begins, and [Route.Drain] waits for those that
// began before. A process that is stopped only after its route drained has failed
// no call.
//
// While a release is tried, [Slot.Try] leads a share of the payments to a second route.
// How the calls on a route go is counted ([Route.Figures]), and which ones are on their
// way is known ([Route.Aboard]); a call that must not be made any more is refused
// ([Slot.Park]).
//
// The package waits for nobody but in Drain, and in Acquire for a place where the
// connector has as many calls as it may, for a stated time; without a live route,
// Acquire refuses at once. It starts no process, stops none and decides nothing; it
// takes no lock on the way of a call, but where it waits for a place.
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
	trial     atomic.Pointer[trial]  // nil if no release is tried
	vacancy   atomic.Pointer[string] // why live is nil
	parked    atomic.Pointer[map[string]struct{}]
	limiter   *limiter
}

// New returns an empty slot for the named connector with the default limits.
func New(connector string) *Slot { return NewLimited(connector, Limits{}) }

// NewLimited returns an empty slot for the named connector.
func NewLimited(connector string, limits Limits) *Slot {
	s := &Slot{connector: connector, limiter: newLimiter(limits)}
	s.Explain("it has not been started")
	return s
}

// Connector returns the name of the connector.
func (s *Slot) Connector() string { return s.connector }

// Current returns the live route, or nil if there is none. It is for asking what is
// served; a call needs a lease.
func (s *Slot) Current() *Route { return s.live.Load() }

// Acquire takes a lease on the live route, or on the one that is tried if the call that
// ctx carries ([sdk.WithCall]) is of a payment in its share. Its refusals are of type
// [*sdk.Error] and prove that nothing was sent: [sdk.CodePluginUnavailable] if no route
// is live, [sdk.CodeRateLimited] beyond the slot's limits, [sdk.CodeCircuitOpen] with a
// [*ParkedError] for a call that is parked, [sdk.CodeExpiredInQueue] if ctx has ended.
func (s *Slot) Acquire(ctx context.Context) (*Lease, error) {
	c := sdk.CallFrom(ctx)
	if err := s.refuseParked(flight("", c)); err != nil {
		return nil, err
	}
	if refused := s.limiter.enter(ctx); refused != nil {
		refused.Op = sdk.Op(s.connector)
		return nil, refused
	}
	r, err := s.board(ctx, c)
	if err != nil {
		s.limiter.leave()
		return nil, err
	}
	return &Lease{slot: s, route: r}, nil
}

// board counts a call in on the route that it is to take.
func (s *Slot) board(ctx context.Context, c sdk.Call) (*Route, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, s.refusal(sdk.CodeExpiredInQueue, err)
		}
		if t := s.trial.Load(); t.takes(c) && s.enterTrial(t) {
			return t.route, nil
		}
		r := s.live.Load()
		if r == nil {
			return nil, s.refusal(sdk.CodePluginUnavailable, fmt.Errorf("no process is serving: %s", *s.vacancy.Load()))
		}
		if s.enter(r) {
			return r, nil
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
