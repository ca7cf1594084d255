package supervise

import (
	"context"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A job is a command that waits for an instance to serve.
type job struct {
	keep    *sdk.Description // what the instance must be able to do; nil asks nothing
	trial   Trial            // what it must pass before it serves
	unhitch func() bool      // ends the hold that the caller's context has on the start

	started chan started     // gets one, however the start ends
	drained chan drainReport // gets one if what was replaced had served
}

// started is how a start ended.
type started struct {
	err      error
	from, to Ref
	drains   bool // what was replaced has calls to finish
}

type drainReport struct {
	left int
	took time.Duration
	err  error // what replaced it was taken back meanwhile
}

func newJob() *job {
	return &job{started: make(chan started, 1), drained: make(chan drainReport, 1)}
}

// follow makes the end of ctx the end of the start.
func (j *job) follow(ctx context.Context, cancel context.CancelFunc) {
	j.unhitch = context.AfterFunc(ctx, cancel)
}

// detach takes the start out of its caller's hands, and reports whether it was still
// wanted.
func (j *job) detach() bool { return j.unhitch == nil || j.unhitch() }

// carryOut has the owner begin a command and waits for the start that it leads to. A
// start that follows ctx ends with it; for another one, only the waiting does.
func (s *Supervisor) carryOut(ctx context.Context, j *job, begin func(*owner) error) (started, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return started{}, ctx.Err()
	case <-s.done:
		return started{}, ErrClosed
	}
	began := make(chan error, 1)
	select {
	case s.inbox <- func(o *owner) { began <- begin(o) }:
	case <-ctx.Done():
		return started{}, ctx.Err()
	case <-s.done:
		return started{}, ErrClosed
	}
	if err := <-began; err != nil {
		return started{}, err
	}
	var patience <-chan struct{}
	if j.unhitch == nil {
		patience = ctx.Done()
	}
	select {
	case done := <-j.started:
		return done, done.err
	case <-patience:
		return started{}, ctx.Err()
	}
}
