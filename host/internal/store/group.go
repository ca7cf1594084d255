package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	maxBatch  = 256  // changes in one commit
	maxQueued = 4096 // changes waiting for one
)

// A group commits changes of many callers together, so that they share the wait for
// the disk. Whoever finds nobody committing commits what is queued, his own change
// included, and answers the others. Nobody ever lingers for company; a batch forms by
// itself while the one before it is being committed.
type group struct {
	commit func([]*entry) // commits what was started; sets every entry's err
	queue  chan *entry
	leader chan struct{} // full while somebody commits

	mu     sync.Mutex
	inside int  // calls of do
	closed bool // no more are let in
	empty  chan struct{}
}

// An entry is one change in the queue.
type entry struct {
	changes changes
	order   string // by which some backends put a batch into order
	state   atomic.Int32
	done    chan struct{} // closed once err is set
	err     error
}

// The states of an entry.
const (
	waiting int32 = iota
	started
	abandoned
)

func newGroup(commit func([]*entry)) *group {
	return &group{
		commit: commit,
		queue:  make(chan *entry, maxQueued),
		leader: make(chan struct{}, 1),
		empty:  make(chan struct{}),
	}
}

// do makes the change durable. It gives up without having changed anything if too many
// are waiting, or if ctx ends before the change was started.
func (g *group) do(ctx context.Context, c changes) error {
	return g.submit(ctx, &entry{changes: c})
}

// submit is do for an entry, which must be new.
func (g *group) submit(ctx context.Context, e *entry) error {
	if !g.enter() {
		return ErrClosed
	}
	defer g.leave()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("change was not started: %w", err)
	}
	e.done = make(chan struct{})
	select {
	case g.queue <- e:
		return g.await(ctx, e)
	default:
		return ErrBusy
	}
}

// await returns when e is done, committing it if nobody else does.
func (g *group) await(ctx context.Context, e *entry) error {
	gone := ctx.Done()
	for {
		select {
		case <-e.done:
			return e.err
		case g.leader <- struct{}{}:
			select {
			case <-e.done: // by the last leader
				<-g.leader
				return e.err
			default:
				g.lead()
			}
		case <-gone:
			if e.state.CompareAndSwap(waiting, abandoned) {
				return fmt.Errorf("change was not started: %w", context.Cause(ctx))
			}
			gone = nil // somebody is committing it: the answer comes
		}
	}
}

// lead commits one batch for a caller who waits in it. If more was queued meanwhile, a
// goroutine takes over, so that nobody's own work waits for other people's: it ends when
// the queue is empty, and holds the leadership until then.
func (g *group) lead() {
	g.commitBatch()
	if len(g.queue) == 0 {
		<-g.leader
		return
	}
	go func() {
		defer func() { <-g.leader }()
		for g.commitBatch() {
		}
	}()
}

// commitBatch commits what is queued, and reports whether that was anything.
func (g *group) commitBatch() bool {
	batch := g.batch()
	if len(batch) == 0 {
		return false
	}
	defer answer(batch)
	g.commit(batch)
	return true
}

// batch starts what is queued, up to a limit.
func (g *group) batch() []*entry {
	var batch []*entry
	for len(batch) < maxBatch {
		select {
		case e := <-g.queue:
			if e.state.CompareAndSwap(waiting, started) {
				batch = append(batch, e)
			}
		default:
			return batch
		}
	}
	return batch
}

// answer tells everybody in the batch. If committing it panicked, those who have no
// error yet are told that nobody knows what became of their change.
func answer(batch []*entry) {
	if cause := recover(); cause != nil {
		for _, e := range batch {
			if e.err == nil {
				e.err = fmt.Errorf("committing panicked, %w: %v", ErrInDoubt, cause)
			}
		}
	}
	for _, e := range batch {
		close(e.done)
	}
}

func (g *group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *group) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// close refuses new changes and waits for those inside, as long as ctx allows. It may
// be called again.
func (g *group) close(ctx context.Context) error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		if g.inside == 0 {
			close(g.empty)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.empty:
	case <-ctx.Done():
		return fmt.Errorf("changes are still being committed: %w", context.Cause(ctx))
	}
	// Nobody waits for the last leader any more, but it may not have ended yet.
	select {
	case g.leader <- struct{}{}:
		<-g.leader
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the last commit is still ending: %w", context.Cause(ctx))
	}
}
