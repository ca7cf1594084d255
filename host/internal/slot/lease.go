package slot

import (
	"sync/atomic"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Lease is the right to call one process. While it is held, the process is not
// stopped unless the drain's bound passes or the process dies. Hold one for each
// call, and for the whole of it.
type Lease struct {
	slot     *Slot
	route    *Route
	released atomic.Bool
}

// Remote returns the connector to call. How each call goes is counted in the route's
// figures, and a call that is parked is refused as [Slot.Park] says. It must not be
// used after Release.
func (l *Lease) Remote() sdk.Remote { return observed{l} }

// Route returns the route that is leased: which release, which process.
func (l *Lease) Route() *Route { return l.route }

// Release gives the lease back. Further calls do nothing, so it may be deferred and
// called early.
func (l *Lease) Release() {
	if !l.released.Swap(true) {
		l.route.leave()
		l.slot.limiter.leave()
	}
}
