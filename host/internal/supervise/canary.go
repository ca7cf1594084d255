package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Trial is what a release does before it serves: it takes a share of the payments,
// beside the release in use, and must not do worse.
type Trial struct {
	Percent int           // of the payments; 0 means no trial
	For     time.Duration // how long
}

// Check says what is wrong with the trial.
func (t Trial) Check() error {
	switch {
	case t.Percent < 0 || t.Percent > 100:
		return fmt.Errorf("percent is %d, must be 0 to 100", t.Percent)
	case t.Percent > 0 && t.For <= 0:
		return fmt.Errorf("the trial takes %s, must be longer than nothing", t.For)
	}
	return nil
}

// tries reports whether an instance that is healthy has a trial to pass. There is none
// where nothing serves that it could be compared with.
func (o *owner) tries(in *instance) bool {
	return in.job != nil && in.job.trial.Percent > 0 && in.dismissed == "" && in.exit == nil && in.ctx.Err() == nil &&
		o.main != nil && o.main != in && o.main.state == Serving && o.main.release.Digest != in.release.Digest
}

// try leads a share of the payments to an instance.
func (o *owner) try(in *instance) error {
	trial := in.job.trial
	cause := fmt.Sprintf("it is tried with %d%% of the payments for %s", trial.Percent, trial.For)
	if err := o.advance(in, stepTry, cause); err != nil {
		return err
	}
	o.config.Slot.Try(in.route, trial.Percent)
	o.lookAfter(in)
	ctx, inUse := in.ctx, o.main
	o.spawn(func() {
		cause := o.examine(ctx, in, inUse, trial.For)
		o.tell(func(o *owner) { o.examined(in, cause) })
	})
	return nil
}

// examine is a worker: it compares until the trial is over, and returns what speaks
// against the instance.
func (s *Supervisor) examine(ctx context.Context, in, inUse *instance, length time.Duration) string {
	over := time.NewTimer(length)
	defer over.Stop()
	tick := time.NewTicker(s.config.CompareEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-ctx.Done():
			return givenUp
		case <-over.C:
			last = true
		case <-tick.C:
		}
		if cause := s.config.Bounds.breach(in.route.Figures(), inUse.figures(s.config.Bounds)); cause != "" {
			return cause
		}
	}
	return ""
}

// examined ends a trial: the instance serves, or goes.
func (o *owner) examined(in *instance, cause string) {
	if in.state != Canary {
		return // it has ended already
	}
	if in.lookForExit(); in.exit != nil {
		cause = "it ended by itself: " + in.exit.Reason
	}
	if cause != "" || !in.job.detach() {
		o.endCanary(in, orElse(cause, givenUp))
		return
	}
	if err := o.publish(in); err != nil {
		o.leaveCanary(in, err.Error(), err)
	}
}

const givenUp = "given up by who asked for it"

// endCanary ends the trial of an instance that is not to serve.
func (o *owner) endCanary(in *instance, cause string) {
	in.job.detach()
	switch {
	case o.ctx.Err() != nil:
		o.leaveCanary(in, shuttingDown, ErrClosed)
	case in.ctx.Err() != nil:
		o.leaveCanary(in, givenUp, faulty(FaultGivenUp, errors.New(givenUp)))
	default:
		o.leaveCanary(in, cause, fmt.Errorf("%w: %s", ErrWorse, cause))
	}
}

// leaveCanary takes an instance off its trial and ends it. What serves never noticed.
func (o *owner) leaveCanary(in *instance, cause string, err error) {
	o.config.Slot.EndTrial(in.route)
	if in.exit != nil {
		o.suspect(in)
		o.fall(in, stepFail, cause)
		o.finish(in)
		o.remember()
	} else {
		o.retire(in, cause)
	}
	o.forget(in)
	o.answer(in, started{err: err})
}
