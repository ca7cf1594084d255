package slot

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Target is what a route leads to: one process of one release, and all that is
// known about it. It never changes once it is a route's, so a call that asked this
// gate is made to this process.
type Target struct {
	Generation  uint64 // names the process; no two of a connector share one
	Version     string
	Digest      string // SHA-256 of the running binary, in hex
	Description sdk.Description
	Gate        *gatekeep.Gate // what may be asked of it
	Remote      sdk.Remote
}

// A Route leads calls to one process and counts them. It is made once for each
// process and replaced, never edited. Its methods may be called concurrently.
type Route struct {
	Target

	// leases is the number of leases, with the top bit set while the route drains.
	// Both are in one word so that no call can slip in between reading the one and
	// changing the other.
	leases atomic.Uint64
	// idle carries at most one token: "the last lease of a draining route is back".
	idle chan struct{}

	figures figures
	aboard  manifest
}

const draining = 1 << 63

// NewRoute returns a route to target. It takes no calls until it is published.
func NewRoute(target Target) *Route {
	return &Route{Target: target, idle: make(chan struct{}, 1)}
}

// InFlight returns the number of leases.
func (r *Route) InFlight() int { return int(r.leases.Load() &^ draining) }

// Figures returns how the calls on this route have gone so far.
func (r *Route) Figures() Figures { return r.figures.read() }

// Aboard returns the calls that are on their way to the process now, and those that
// its death cut off in the last moments: what was in flight when it died, however late
// one asks.
func (r *Route) Aboard() []Flight { return r.aboard.list() }

// Drain refuses new leases and waits until the last one is back: [Route.Close], then
// [Route.Idle].
func (r *Route) Drain(ctx context.Context) error {
	r.Close()
	return r.Idle(ctx)
}

// Close refuses new leases until the route is published again. Replace or withdraw the
// route first: until somebody does, callers who find it live and closed keep trying
// until their context ends.
func (r *Route) Close() { r.leases.Or(draining) }

// Idle waits until the last lease of a closed route is back. If ctx ends first it
// returns an [*UndrainedError] that says how many are left.
func (r *Route) Idle(ctx context.Context) error {
	for {
		if r.InFlight() == 0 {
			r.wake() // there may be another one who waits
			return nil
		}
		select {
		case <-r.idle:
		case <-ctx.Done():
			if left := r.InFlight(); left > 0 {
				return &UndrainedError{Generation: r.Generation, Left: left, Err: ctx.Err()}
			}
			return nil
		}
	}
}

// enter counts a lease in, unless the route drains.
func (r *Route) enter() bool {
	for {
		n := r.leases.Load()
		if n&draining != 0 {
			return false
		}
		if r.leases.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *Route) leave() {
	if r.leases.Add(^uint64(0)) == draining {
		r.wake()
	}
}

func (r *Route) reopen() { r.leases.And(^uint64(draining)) }

func (r *Route) wake() {
	select {
	case r.idle <- struct{}{}:
	default:
	}
}

// An UndrainedError says that calls were still in flight when a drain was given up.
type UndrainedError struct {
	Generation uint64
	Left       int // leases not given back
	Err        error
}

// Error names the route and what is left on it.
func (e *UndrainedError) Error() string {
	return fmt.Sprintf("draining generation %d: %d calls left: %v", e.Generation, e.Left, e.Err)
}

// Unwrap returns why the drain was given up.
func (e *UndrainedError) Unwrap() error { return e.Err }
