package suite

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// Other opens a lane of another merchant at the same provider and connector. The case
// closes it, and asks it for [Lane.Lawful] and [Lane.Books] where they matter.
func (l *Lane) Other(ctx context.Context) (*Lane, error) {
	return OpenLane(ctx, Options{
		Subject: l.subject, Process: l.Process, Fixtures: l.fixtures, Sim: l.sim, Clock: l.clock, Seed: uint64(l.IntN(1 << 62)), Tries: l.tries,
	})
}

// Buyer lets a buyer act on whatever the reference names at the provider: a payment by
// our reference, or a stored instrument by the provider's own name for it.
func (l *Lane) Buyer(ctx context.Context, reference string, does sim.Deed) error {
	return l.simulated(l.sim.Buyer(ctx, l.simLane, sim.Buyer{Reference: reference, Does: does}))
}
