package suite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Lane is where one case plays. It is used by one case and then closed.
type Lane struct {
	// Remote is the connector under test. Every call through it is recorded and held to
	// the laws of every answer.
	Remote      sdk.Remote
	Process     Process
	Description sdk.Description
	Account     sdk.Account
	// Proxy stands between the connector and its provider.
	Proxy *proxy.Proxy

	subject  Subject
	fixtures Fixtures
	sim      *sim.Client // nil without a simulator
	simLane  sim.Lane
	opened   time.Time
	clock    *Clock
	tries    func(n int) int
	hooks    *receiver // made when it is first asked for
	tape     *tape

	mu   sync.Mutex
	rand *rand.Rand
	also []Process // that the case has started
}

// A Clock is how far the simulator's time is ahead of ours. It only grows.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *Clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// Options are what a lane is made of.
type Options struct {
	Subject  Subject
	Process  Process
	Fixtures Fixtures
	Sim      *sim.Client // nil without a simulator
	Clock    *Clock      // of the simulator; shared by the lanes of one
	Seed     uint64      // of this case
	// Tries says how many of n tries that are all alike the case makes.
	Tries func(n int) int
}

// OpenLane opens a lane. The caller closes it.
func OpenLane(ctx context.Context, o Options) (*Lane, error) {
	l := &Lane{
		Process: o.Process, Description: o.Process.Description(), subject: o.Subject, fixtures: o.Fixtures,
		sim: o.Sim, clock: o.Clock, tries: o.Tries, rand: rand.New(rand.NewPCG(o.Seed, 0)), tape: &tape{},
	}
	l.opened = l.Now()
	upstream := ""
	if l.sim != nil {
		var err error
		if l.simLane, err = l.sim.Open(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSuite, err)
		}
		upstream = l.simLane.URL
	}
	var err error
	if l.Proxy, err = openProxy(upstream); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrSuite, err), l.closeSim(ctx))
	}
	l.Account = o.Fixtures.account(l.Description.Manifest, l.Proxy.URL(), l.simLane.Values)
	l.Remote = &recorder{remote: o.Process, lane: l}
	return l, nil
}

// openProxy opens the proxy; without an upstream it takes what comes and hangs up.
func openProxy(upstream string) (*proxy.Proxy, error) {
	if upstream != "" {
		return proxy.Open(upstream)
	}
	return proxy.Witness()
}

// Close ends the lane. Its error is the suite's own trouble.
func (l *Lane) Close(ctx context.Context) error {
	var all []error
	if l.hooks != nil {
		all = append(all, l.hooks.close())
	}
	for _, p := range l.also {
		select {
		case <-p.Done():
		default:
			all = append(all, p.Stop(ctx))
		}
	}
	all = append(all, l.Proxy.Close(), l.closeSim(ctx))
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("%w: closing the lane: %w", ErrSuite, err)
	}
	return nil
}

func (l *Lane) closeSim(ctx context.Context) error {
	if l.sim == nil {
		return nil
	}
	return l.sim.Close(ctx, l.simLane)
}

// Fixtures are the values of the connector's author.
func (l *Lane) Fixtures() Fixtures { return l.fixtures }

// Tries is how many of n tries that are all alike the case makes: all of them, but in
// tests of the suite itself.
func (l *Lane) Tries(n int) int { return l.tries(n) }

// Now is the time as the simulator has it.
func (l *Lane) Now() time.Time {
	if l.clock == nil {
		return time.Now()
	}
	return time.Now().Add(l.clock.offset())
}

// Advance lets time pass at the provider. Only a case that runs alone may.
func (l *Lane) Advance(ctx context.Context, d time.Duration) error {
	if l.sim == nil {
		return fmt.Errorf("%w: there is no simulator", ErrNotTestable)
	}
	if _, err := l.sim.Advance(ctx, d); err != nil {
		return l.simulated(err)
	}
	l.clock.mu.Lock()
	defer l.clock.mu.Unlock()
	l.clock.ahead += d
	return nil
}

// Another starts another process of the connector under test. It is stopped with the
// lane, if the case does not stop it.
func (l *Lane) Another(ctx context.Context) (Process, error) {
	p, err := l.subject.Start(ctx)
	if err != nil {
		return nil, err
	}
	l.also = append(l.also, p)
	return p, nil
}

// Use puts another process in the place of the one that the lane's calls go to.
func (l *Lane) Use(p Process) { l.Process, l.Remote = p, &recorder{remote: p, lane: l} }

// Ledger is what really happened in this lane.
func (l *Lane) Ledger(ctx context.Context) (sim.Ledger, error) {
	if l.sim == nil {
		return sim.Ledger{}, fmt.Errorf("%w: there is no simulator", ErrNotTestable)
	}
	ledger, err := l.sim.Ledger(ctx, l.simLane)
	return ledger, l.simulated(err)
}

// Fault makes the simulator misbehave in its dialect.
func (l *Lane) Fault(ctx context.Context, f sim.Fault) error {
	return l.simulated(l.sim.Fault(ctx, l.simLane, f))
}

// Behave takes the simulator's faults back.
func (l *Lane) Behave(ctx context.Context) error { return l.simulated(l.sim.Behave(ctx, l.simLane)) }

// Dashboard does what the merchant's staff can do outside the API.
func (l *Lane) Dashboard(ctx context.Context, d sim.Dashboard) error {
	return l.simulated(l.sim.Dashboard(ctx, l.simLane, d))
}

// Event has the simulator send a webhook.
func (l *Lane) Event(ctx context.Context, e sim.Event) error {
	return l.simulated(l.sim.Event(ctx, l.simLane, e))
}

// Rotate has the simulator sign with another secret.
func (l *Lane) Rotate(ctx context.Context) error { return l.simulated(l.sim.Rotate(ctx, l.simLane)) }

// Can reports whether the simulator has the abilities.
func (l *Lane) Can(abilities ...sim.Ability) bool { return l.sim != nil && l.sim.Can(abilities...) }

// simulated marks an error of the simulator: it is never the connector's.
func (l *Lane) simulated(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sim.ErrCannot):
		return fmt.Errorf("%w: %w", ErrNotTestable, err)
	}
	return fmt.Errorf("%w: %w", ErrSuite, err)
}

// A Mark is a moment in what the provider hears.
type Mark = proxy.Mark

// Mark marks this moment.
func (l *Lane) Mark() Mark { return l.Proxy.Mark() }

// Heard counts what reached the provider since the mark: requests, and connections that
// carried none.
func (l *Lane) Heard(since Mark) int {
	record := l.Since(since)
	return max(record.Connections, len(record.Exchanges))
}

// settleTime bounds the wait for what is still on its way.
const settleTime = 2 * time.Second

// Since is what has passed to the provider since the mark, whole.
func (l *Lane) Since(since Mark) proxy.Record {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	_ = l.Proxy.Settle(ctx) // what is under way after so long is in the record as that
	return l.Proxy.Since(since)
}

// Wrote are the requests since the mark that asked for a change.
func (l *Lane) Wrote(since Mark) []proxy.Exchange {
	return l.Since(since).Writes()
}

// Break breaks the connection to the provider in the one way, until Heal.
func (l *Lane) Break(f proxy.Fault) error {
	if err := l.Proxy.Break(f); err != nil {
		return fmt.Errorf("%w: %w", ErrSuite, err)
	}
	return nil
}

// Heal mends what Break has broken.
func (l *Lane) Heal() error {
	if err := l.Proxy.Heal(); err != nil {
		return fmt.Errorf("%w: %w", ErrSuite, err)
	}
	return nil
}

// isOwn reports whether an error says nothing about the connector.
func isOwn(err error) bool {
	return errors.Is(err, ErrSuite) || errors.Is(err, ErrNotTestable) || errors.Is(err, ErrBlocked)
}
