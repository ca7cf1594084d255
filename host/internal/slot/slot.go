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
// The package waits for nobody but in Drain, and in Acquire for a stated time: for a place
// where the connector has as many calls as it may, and for a live route where one is
// expected. Where none is, Acquire refuses at once. It starts no process, stops none and
// decides nothing; it takes no lock on the way of a call, but where it waits for a place.
package slot

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Slot is the place of one connector: at most one route in it is live. Its methods
// may be called concurrently.
type Slot struct {
	connector string
	live      atomic.Pointer[Route]
	trial     atomic.Pointer[trial] // nil if no release is tried
	vacancy   atomic.Pointer[vacancy]
	parked    atomic.Pointer[map[string]struct{}]
	limiter   *limiter
}

// A vacancy is why there is no live route.
type vacancy struct {
	why      string
	expected bool          // that there is one again soon
	over     chan struct{} // closed when another vacancy, or a route, is in its place
}

// New returns an empty slot for the named connector with the default limits.
func New(connector string) *Slot { return NewLimited(connector, Limits{}) }

// NewLimited returns an empty slot for the named connector.
func NewLimited(connector string, limits Limits) *Slot {
	s := &Slot{connector: connector, limiter: newLimiter(limits)}
	s.vacancy.Store(&vacancy{why: "it has not been started", over: make(chan struct{})})
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
// is live, nor came to be where one was expected, [sdk.CodeRateLimited] beyond the slot's limits, [sdk.CodeCircuitOpen] with a
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
	var patience *time.Timer // made when it is first needed
	for {
		if err := ctx.Err(); err != nil {
			return nil, s.refusal(sdk.CodeExpiredInQueue, err)
		}
		if t := s.trial.Load(); t.takes(c) && s.enterTrial(t) {
			return t.route, nil
		}
		if r := s.live.Load(); r != nil {
			if s.enter(r) {
				return r, nil
			}
			continue
		}
		if patience == nil {
			patience = time.NewTimer(s.limiter.Wait)
			defer patience.Stop()
		}
		if err := s.await(ctx, patience); err != nil {
			return nil, err
		}
	}
}

// await waits until there may be a live route, or refuses where none is expected.
func (s *Slot) await(ctx context.Context, patience *time.Timer) error {
	v := s.vacancy.Load()
	if s.live.Load() != nil {
		return nil // it came before v was looked at, and so v may last
	}
	if v.expected {
		select {
		case <-v.over:
			return nil
		case <-ctx.Done():
			return nil // which the caller looks at
		case <-patience.C:
		}
	}
	return s.refusal(sdk.CodePluginUnavailable, fmt.Errorf("no process is serving: %s", v.why))
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
	old = s.live.Swap(next)
	s.explain("its route was withdrawn", false) // whoever withdraws it gives the reason
	return old
}

// Withdraw makes the slot empty if r is the live route, and reports whether it was.
// Until another route is published, Acquire refuses and gives the reason why, which
// completes the sentence "no process is serving: …".
func (s *Slot) Withdraw(r *Route, why string) bool { return s.withdraw(r, why, false) }

// Interrupt is Withdraw where another route is expected soon: calls wait for it as long
// as they would for a place, until [Slot.Explain] says that it is not to come.
func (s *Slot) Interrupt(r *Route, why string) bool { return s.withdraw(r, why, true) }

func (s *Slot) withdraw(r *Route, why string, expected bool) bool {
	if s.live.Load() != r {
		return false
	}
	s.explain(why, expected)
	return s.live.CompareAndSwap(r, nil)
}

// Explain changes the reason that Acquire gives while no route is live: none is expected.
func (s *Slot) Explain(why string) { s.explain(why, false) }

// Expect says that a route is expected soon, and why there is none.
func (s *Slot) Expect(why string) { s.explain(why, true) }

func (s *Slot) explain(why string, expected bool) {
	before := s.vacancy.Swap(&vacancy{why: why, expected: expected, over: make(chan struct{})})
	close(before.over)
}

func (s *Slot) refusal(code sdk.Code, cause error) *sdk.Error {
	return &sdk.Error{Op: sdk.Op(s.connector), Code: code, Err: cause}
}
