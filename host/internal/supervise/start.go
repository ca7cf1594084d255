package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// start begins to bring in up. How it ends comes back to settle.
func (o *owner) start(in *instance, cause string) error {
	if o.ctx.Err() != nil {
		return ErrClosed
	}
	if err := o.advance(in, stepStart, cause); err != nil {
		return err
	}
	var inUse *sdk.Description
	if in.job != nil {
		inUse = in.job.keep
	}
	o.spawn(func() {
		err := o.bringUp(in, inUse)
		o.tell(func(o *owner) { o.settle(in, err) })
	})
	return nil
}

// bringUp is a worker: it takes in from starting to healthy, one step after the
// other, and returns what got in the way.
func (s *Supervisor) bringUp(in *instance, inUse *sdk.Description) error {
	process, err := s.launch(in)
	if err != nil {
		return err
	}
	if err := s.ask(func(o *owner) error { o.launched(in, process); return nil }); err != nil {
		return err
	}
	admitted, err := s.admit(in.release, process.Description(), inUse)
	if err != nil {
		return refusal(err)
	}
	route := slot.NewRoute(slot.Target{
		Generation:  in.generation,
		Version:     in.release.Version,
		Digest:      in.release.Digest,
		Description: admitted.Description,
		Gate:        admitted.Gate,
		Remote:      process,
	})
	err = s.ask(func(o *owner) error {
		in.route, in.past = route, &past{}
		return o.advance(in, stepDescribe, "it is what was installed, and was admitted")
	})
	if err != nil {
		return err
	}
	if err := s.prove(in.ctx, process); err != nil {
		return err
	}
	return s.ask(func(o *owner) error { return o.advance(in, stepProve, "it says that it can serve") })
}

// admit says as what a release may serve that describes itself so. What inUse can do
// must not be lost, unless it is nil.
func (s *Supervisor) admit(release fleet.Release, described sdk.Description, inUse *sdk.Description) (Admission, error) {
	if err := vet(release, described); err != nil {
		return Admission{}, err
	}
	admitted, err := s.config.Admit(release, described)
	if err != nil {
		return Admission{}, notAdmitted(err)
	}
	if inUse != nil {
		err = keeps(*inUse, admitted.Description)
	}
	return admitted, err
}

func (s *Supervisor) launch(in *instance) (Process, error) {
	ctx, cancel := context.WithTimeout(in.ctx, s.config.StartTimeout)
	defer cancel()
	process, err := s.config.Launcher(ctx, in.release)
	switch {
	case err == nil:
		return process, nil
	case hopeless(err):
		return nil, refusal(told(err))
	case FaultOf(err) == "" && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, faulty(FaultTimeout, told(err))
	}
	return nil, told(err)
}

// prove asks until the process says that it can serve.
func (s *Supervisor) prove(ctx context.Context, process Process) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.ReadyTimeout)
	defer cancel()
	again := time.NewTicker(healthRetry)
	defer again.Stop()
	for {
		err := s.probe(ctx, process)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return faulty(FaultUnhealthy, fmt.Errorf("not healthy within %s: %w", s.config.ReadyTimeout, err))
		}
	}
}

// launched takes note of the process and of its end.
func (o *owner) launched(in *instance, process Process) {
	in.process = process
	o.live[in] = struct{}{}
	in.gone = make(chan struct{})
	o.spawn(func() {
		select {
		case <-process.Done():
			o.tell(func(o *owner) { o.exited(in) })
		case <-in.gone: // it could not be stopped: nobody waits for it any more
		}
	})
	o.report()
}

// settle decides what becomes of an instance that was brought up, or was not.
func (o *owner) settle(in *instance, err error) {
	in.lookForExit() // the news of it may still be on its way
	tried := err == nil && o.tries(in)
	if in.job != nil && !tried && !in.job.detach() {
		in.dismissed = givenUp
	}
	switch {
	case in.dismissed != "" || o.ctx.Err() != nil:
		o.abort(in, orElse(in.dismissed, shuttingDown))
	case in.exit != nil:
		o.failed(in, faulty(FaultEnded, fmt.Errorf("it ended while it was %s: %s", in.state, in.exit.Reason)))
	case errors.Is(err, ErrRefused):
		o.rejected(in, err)
	case errors.Is(err, errUnrecorded):
		o.unrecorded(in, err)
	case err != nil:
		o.failed(in, err)
	case tried:
		if err := o.try(in); err != nil {
			in.job.detach()
			o.unrecorded(in, err)
		}
	default:
		if err := o.publish(in); err != nil {
			o.unrecorded(in, err)
		}
	}
}

// publish makes in what serves. Its record is the commit point of a swap.
func (o *owner) publish(in *instance) error {
	before, tried := o.main, in.state == Canary
	cause := "it was brought up"
	if before != nil && before != in && before.state == Serving {
		cause = fmt.Sprintf("it replaces generation %d, %s", before.generation, before.release)
	}
	if err := o.advance(in, stepPublish, cause); err != nil {
		return err
	}
	o.config.Slot.Publish(in.route)
	o.config.Slot.EndTrial(in.route)
	o.main = in
	if !tried {
		o.lookAfter(in)
	}
	done := started{to: in.ref()}
	if before != nil && before != in {
		done.from, done.drains = before.ref(), before.state == Serving
		if before.release.Digest != in.release.Digest {
			o.failures, o.attempts = nil, 0 // they were another program's
			o.keepWarm(before)
		}
		before.heir = in.job
		o.dismiss(before, fmt.Sprintf("replaced by generation %d, %s", in.generation, in.release))
	}
	o.compare(in)
	o.forget(in)
	o.answer(in, done)
	return nil
}

// answer tells the command that waits for in how its start ended.
func (o *owner) answer(in *instance, done started) {
	if in.job != nil {
		in.job.started <- done
	}
}

// abort ends a start that is not wanted any more.
func (o *owner) abort(in *instance, cause string) {
	o.fall(in, stepStop, cause)
	o.finish(in)
	if in == o.main {
		o.config.Slot.Explain(cause)
	}
	err := faulty(FaultGivenUp, errors.New(cause))
	if o.ctx.Err() != nil {
		err = ErrClosed
	}
	o.forget(in)
	o.answer(in, started{err: err})
}

// rejected ends a start that will never succeed.
func (o *owner) rejected(in *instance, err error) {
	in.fault, in.reasons = FaultOf(err), ReasonsOf(err)
	o.fall(in, stepRefuse, err.Error())
	o.finish(in)
	if in == o.main {
		o.config.Slot.Explain("its release was " + err.Error())
	}
	o.forget(in)
	o.answer(in, started{err: err})
}

// failed ends a start that did not succeed. What is meant to serve is started again.
func (o *owner) failed(in *instance, err error) {
	if in.exit == nil {
		in.exit = &Exit{At: time.Now(), Generation: in.generation, Reason: err.Error(), LastLines: lastLines(err)}
	}
	in.fault = FaultOf(err)
	o.fall(in, stepFail, err.Error())
	o.finish(in)
	if in == o.main {
		o.lastExit = in.exit
		o.succeed(in, err.Error())
	}
	o.forget(in)
	o.answer(in, started{err: err})
}

// unrecorded ends a start that the journal had no room for. Nobody is to blame, so
// what is meant to serve is tried again without counting a failure.
func (o *owner) unrecorded(in *instance, err error) {
	o.fall(in, stepStop, err.Error())
	o.finish(in)
	if in == o.main {
		o.main = o.create(in.release)
		o.wait(o.main, err.Error())
	}
	o.forget(in)
	o.answer(in, started{err: err})
}

// forget ends a candidacy, and reports what was decided before the answer is given.
func (o *owner) forget(in *instance) {
	if o.candidate == in {
		o.candidate = nil
	}
	o.report()
}

func refusal(err error) error { return fmt.Errorf("%w: %w", ErrRefused, err) }

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
