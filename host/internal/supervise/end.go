package supervise

import (
	"context"
	"fmt"
	"time"
)

// lookForExit takes note of how the process ended, if it has.
func (in *instance) lookForExit() {
	if in.process == nil || in.exit != nil {
		return
	}
	select {
	case <-in.process.Done():
		in.exit = exitOf(in, in.process.Exit())
	default:
	}
}

// exited takes note that a process has ended.
func (o *owner) exited(in *instance) {
	in.lookForExit()
	switch in.state {
	case Serving:
		o.crashed(in)
	case Canary:
		o.endCanary(in, "it ended by itself: "+in.exit.Reason)
	case Draining:
		o.part(in)
		o.suspect(in)
		o.fall(in, stepFail, "it ended while it drained: "+in.exit.Reason)
		o.remember()
	case Starting, Described, Healthy:
		in.cancel() // its start comes back and finds the exit
	case unborn, Backoff, Quarantined, Stopped, Crashed, Rejected:
	}
}

// crashed deals with the death of what serves. The route goes first, before the crash
// is written down: a dead process must not be given calls while a disk is slow.
func (o *owner) crashed(in *instance) {
	cause := "it ended by itself: " + in.exit.Reason
	o.lastExit = in.exit
	o.config.Slot.Interrupt(in.route, cause)
	o.suspect(in)
	o.fall(in, stepFail, cause)
	o.finish(in)
	if o.takeBack(cause, nil) != nil {
		o.succeed(in, cause)
	}
	o.remember()
}

// unhealthy takes what serves out of service and starts another one in its place.
// Calls in flight may still come to an end.
func (o *owner) unhealthy(in *instance, cause string) {
	if in.state == Canary {
		o.endCanary(in, cause)
		return
	}
	if in.state != Serving {
		return
	}
	o.lastExit = &Exit{At: time.Now(), Generation: in.generation, Reason: cause}
	if o.takeBack(cause, nil) == nil {
		return
	}
	o.config.Slot.Interrupt(in.route, cause)
	o.retire(in, cause)
	o.succeed(in, cause)
}

// dismiss ends an instance because another one takes its place, or none.
func (o *owner) dismiss(in *instance, cause string) {
	switch in.state {
	case Serving:
		o.config.Slot.Withdraw(in.route, cause) // does nothing if it was replaced
		o.retire(in, cause)
	case Starting, Described, Healthy:
		in.dismissed = cause
		in.cancel()
	case Backoff, Quarantined:
		o.retry.Stop()
		in.cancel()
		o.fall(in, stepStop, cause)
	case unborn, Canary, Draining, Stopped, Crashed, Rejected:
	}
}

func (s *Supervisor) stop(in *instance) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.StopTimeout)
	defer cancel()
	return in.process.Stop(ctx)
}

// finish frees what an instance held that will not serve, or not any more. It has
// been recorded what became of it.
func (o *owner) finish(in *instance) {
	in.cancel()
	if in.process == nil {
		return
	}
	o.spawn(func() {
		err := o.stop(in)
		o.tell(func(o *owner) { o.stopped(in, err) })
	})
}

// stopped is the end of a process, or of the attempts to end it.
func (o *owner) stopped(in *instance, err error) {
	close(in.gone)
	delete(o.live, in)
	if err != nil {
		o.config.Logger.Error("a process could not be stopped", "generation", in.generation, "pid", in.process.PID(), "error", err)
		o.unstopped = append(o.unstopped, fmt.Errorf("stopping generation %d of %s: %w", in.generation, o.Connector(), err))
	}
	o.report()
}

// succeed puts a new instance of the same release in the place of one that failed:
// waiting for its start, or in quarantine.
func (o *owner) succeed(in *instance, cause string) {
	if o.ctx.Err() != nil {
		return
	}
	now := time.Now()
	if in.served(now) >= o.config.WellAfter {
		o.attempts = 0
	}
	o.failures = append(since(o.failures, now.Add(-o.config.CrashWindow)), now)
	next := o.create(in.release)
	o.main = next
	if len(o.failures) >= o.config.CrashLimit {
		next.cancel()
		o.config.Slot.Explain(fmt.Sprintf("quarantined after %d failures, the last: %s", len(o.failures), cause))
		o.fall(next, stepQuarantine, fmt.Sprintf("%d failures within %s, the last: %s", len(o.failures), o.config.CrashWindow, cause))
		return
	}
	o.wait(next, cause)
}

// soon is a wait that is short enough for calls to wait for its end: what a start takes
// on top is left of the time that they have.
const soon = 500 * time.Millisecond

// wait puts off the start of an instance.
func (o *owner) wait(in *instance, cause string) {
	delay := o.config.Jitter(o.config.backoff(o.attempts))
	o.attempts++
	in.startAt = time.Now().Add(delay)
	if delay < soon {
		o.config.Slot.Expect(cause)
	} else {
		o.config.Slot.Explain(cause)
	}
	o.retry.Reset(delay)
	if in.state == unborn {
		o.fall(in, stepWait, cause)
	}
	o.report()
}

// startAgain starts what has waited for it.
func (o *owner) startAgain() {
	in := o.main
	if o.ctx.Err() != nil || in == nil || in.state != Backoff {
		return
	}
	if err := o.start(in, "its wait is over"); err != nil {
		o.wait(in, err.Error()) // the journal failed, not the connector
		return
	}
	o.restarts++
	o.report()
}

// since returns the times after from.
func since(times []time.Time, from time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if t.After(from) {
			kept = append(kept, t)
		}
	}
	return kept
}
