// Package supervise keeps one connector running: it starts its process, proves it,
// publishes it, watches it, starts it again when it dies, and replaces it by another
// release without failing a call.
//
// # What it promises
//
//   - One goroutine, [Supervisor.Run], owns everything that is known about a connector.
//     Whatever happens to a process goes by the table of states, is written to the
//     [Journal] with its cause, and, where it gives a process work, is written down
//     before it takes effect.
//   - A process takes calls only after it was started from the installed bytes, has
//     described itself as it did when it was installed, was admitted, and was healthy.
//   - A swap either publishes the new release or leaves the old one as it was. The
//     journal's record of [Serving] is its commit point: after a crash of the host the
//     release to activate is that of the last such record.
//   - For the bake time after a swap the old process is kept alive. If the new one dies,
//     is unhealthy, or does worse by more than the stated bounds, the old one takes the
//     calls again, by the same kind of record; so it does when an operator says so.
//     A share of the payments can try a release before it serves.
//   - A call that was in flight at two deaths of its connector is parked: it is refused
//     until an operator says otherwise, and the connector goes on.
//   - A process is stopped only after its calls are over or the drain's bound has
//     passed, and Run returns only when every process it started was stopped.
//   - Every wait has a bound. Between failures the waits grow; a connector that keeps
//     failing is quarantined until an operator says otherwise.
//
// # What it does not do
//
// It does not know payments: a call that was in flight when its process died has
// failed to its caller, who must find out what became of it. It does not choose
// releases, and it does not remember anything across a restart of the host.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
)

// What keeps a command from being carried out.
var (
	ErrClosed      = errors.New("the supervisor has been stopped")
	ErrNotActive   = errors.New("no release is active")
	ErrActive      = errors.New("a release is active")
	ErrQuarantined = errors.New("the connector is quarantined")
	// ErrRefused means that a release may not serve, which trying again will not change.
	ErrRefused = errors.New("refused")
	// ErrWorse means that a release did worse than the one that it was to replace, or
	// replaced, which serves.
	ErrWorse = errors.New("it did worse than the release in use")
	// ErrNotWarm means that the release that served before is not kept alive any more.
	ErrNotWarm = errors.New("the release that served before is not warm")
	// ErrNotParked means that there is nothing of that name to unpark.
	ErrNotParked = errors.New("not parked")
)

// A Supervisor keeps one connector running. Its methods may be called concurrently;
// commands are carried out one after the other, and wait for Run to be running.
type Supervisor struct {
	config Config

	inbox   chan func(*owner) // what the owner does next; unbuffered, so taken is done
	turn    chan struct{}     // holds a token while a command is under way
	done    chan struct{}     // closed when Run is over
	running atomic.Bool
	workers sync.WaitGroup
	status  atomic.Pointer[snapshot]
}

// New returns a supervisor for the connector of config.Slot.
func New(config Config) *Supervisor {
	s := &Supervisor{
		config: config.withDefaults(),
		inbox:  make(chan func(*owner)),
		turn:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	s.status.Store(&snapshot{})
	return s
}

// Connector returns the name of the connector.
func (s *Supervisor) Connector() string { return s.config.Slot.Connector() }

// Run supervises until ctx ends. Then it takes the connector out of service, lets the
// calls in flight finish within the drain's bound, stops every process and returns.
// The error names the processes that could not be stopped. A supervisor runs once.
func (s *Supervisor) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return fmt.Errorf("supervising %s: it has been run before", s.Connector())
	}
	o := newOwner(ctx, s)
	for ended := ctx.Done(); !o.closing || o.busy > 0; {
		select {
		case do := <-s.inbox:
			do(o)
		case <-o.retry.C:
			o.startAgain()
		case <-ended:
			ended = nil
			o.close()
		}
	}
	close(s.done)
	s.workers.Wait()
	return errors.Join(o.unstopped...)
}

// tell lets the owner do something. It is for workers, for which the owner waits.
func (s *Supervisor) tell(do func(*owner)) { s.inbox <- do }

// ask lets the owner do something and waits for its answer. It is for workers.
func (s *Supervisor) ask(do func(*owner) error) error {
	answer := make(chan error, 1)
	s.tell(func(o *owner) { answer <- do(o) })
	return <-answer
}

// An owner is the state of a connector. Only Run's goroutine touches it.
type owner struct {
	*Supervisor
	ctx     context.Context // of Run
	closing bool
	busy    int           // workers under way
	over    chan struct{} // closed when closing

	generation uint64
	main       *instance              // what is meant to serve; nil before the first activation
	candidate  *instance              // what a swap is bringing up, or nil
	warm       *instance              // what main replaced, alive to be taken back, or nil
	live       map[*instance]struct{} // what has a process that was not stopped yet

	retry     *time.Timer // fires when main's wait is over
	attempts  int         // starts since the connector was last well
	failures  []time.Time // those of the crash window
	restarts  int
	lastExit  *Exit
	suspects  []Suspect
	unstopped []error
}

func newOwner(ctx context.Context, s *Supervisor) *owner {
	o := &owner{
		Supervisor: s,
		ctx:        ctx,
		over:       make(chan struct{}),
		generation: s.config.LastGeneration,
		live:       map[*instance]struct{}{},
		retry:      time.NewTimer(0),
	}
	o.retry.Stop()
	o.suspects = o.judged(s.config.Suspects)
	o.park()
	return o
}

// spawn starts a worker. The owner's loop outlives it.
func (o *owner) spawn(work func()) {
	o.busy++
	o.workers.Go(func() {
		work()
		o.tell(func(o *owner) { o.busy-- })
	})
}

// create makes an instance of release. It is in no state yet.
func (o *owner) create(release fleet.Release) *instance {
	o.generation++
	ctx, cancel := context.WithCancel(o.ctx)
	return &instance{generation: o.generation, release: release, ctx: ctx, cancel: cancel}
}

const shuttingDown = "the host is shutting down"

// close takes the connector out of service for good.
func (o *owner) close() {
	o.closing = true
	close(o.over)
	o.config.Slot.Explain(shuttingDown)
	if o.main != nil {
		o.dismiss(o.main, shuttingDown)
	}
	// A candidate's context has ended with ours: its start comes back by itself.
}
