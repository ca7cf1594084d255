package suite

import (
	"context"
	"fmt"
)

// Neighbour opens a lane beside this one: another merchant at the simulator, behind a
// proxy of its own, and served by the same process of the connector. The caller closes
// it, and holds it to its own laws and books.
func (l *Lane) Neighbour(ctx context.Context) (*Lane, error) {
	if l.sim == nil {
		return nil, fmt.Errorf("%w: there is no simulator", ErrNotTestable)
	}
	return OpenLane(ctx, Options{
		Subject: l.subject, Process: l.Process, Fixtures: l.fixtures, Sim: l.sim, Clock: l.clock,
		Seed: uint64(l.IntN(1 << 62)), Tries: l.tries, //nolint:gosec // it is not negative
	})
}

// InMemory reports whether the connector under test is in this process.
func (l *Lane) InMemory() bool { return l.subject.InMemory() }
