package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
)

// A retirement is an instance's way out of service: drain, bake, stop. It can be cut
// short, and until the stop it can be taken back.
type retirement struct {
	heir   *job            // waits for the drain, or nil
	ctx    context.Context // ends when the instance is stopped or taken back
	cancel context.CancelFunc
	cool   chan struct{} // closed when nobody will take it back
}

// retire lets an instance that served finish its calls, keeps it for the bake time if
// it is warm, and stops it.
func (o *owner) retire(in *instance, cause string) {
	o.fall(in, stepDrain, cause)
	in.cancel()
	in.route.Close()
	r := &retirement{heir: in.heir, cool: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	in.leaving, in.heir = r, nil
	bakes, over := in == o.warm, o.over
	o.spawn(func() {
		defer r.cancel()
		began := time.Now()
		left := o.drain(r.ctx, in)
		if !o.drained(in, r, left, time.Since(began)) {
			return
		}
		end := "drained"
		if bakes && o.bake(in, r, over) != nil {
			end = "unhealthy while it was kept warm"
		}
		if !o.lastCalls(in, r, end) {
			return
		}
		err := o.stop(in)
		o.tell(func(o *owner) { o.stopped(in, err) })
	})
}

// drain waits for the calls in flight, and returns how many it gave up on.
func (s *Supervisor) drain(ctx context.Context, in *instance) (left int) {
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTimeout)
	defer cancel()
	if undrained, ok := errors.AsType[*slot.UndrainedError](in.route.Idle(ctx)); ok {
		return undrained.Left
	}
	return 0
}

// bake keeps a drained process alive for a while. One that could not take the calls
// again is no use to go back to: the error is why, after as many failed health checks
// as end the service of another one.
func (s *Supervisor) bake(in *instance, r *retirement, over <-chan struct{}) error {
	timer, tick := time.NewTimer(s.config.Bake), time.NewTicker(s.config.HealthEvery)
	defer timer.Stop()
	defer tick.Stop()
	for misses := 0; misses < s.config.HealthMisses; {
		select {
		case <-timer.C:
			return nil
		case <-in.process.Done():
			return nil
		case <-r.ctx.Done():
			return nil
		case <-r.cool:
			return nil
		case <-over:
			return nil
		case <-tick.C:
		}
		if err := s.probe(r.ctx, in.process); err == nil {
			misses = 0
		} else if misses++; misses >= s.config.HealthMisses {
			s.config.Logger.Warn("a process that was kept warm is unhealthy", "generation", in.generation, "error", err)
			return err
		}
	}
	return nil
}

// drained tells who asked for the replacement that the old process has no more calls,
// and reports whether it still is on its way out.
func (s *Supervisor) drained(in *instance, r *retirement, left int, took time.Duration) bool {
	return s.still(in, r, func(*owner) {
		in.left = left
		if r.heir != nil {
			r.heir.drained <- drainReport{left: left, took: took}
			r.heir = nil
		}
	})
}

// lastCalls is the end of an instance's time: what is still in flight will be cut.
func (s *Supervisor) lastCalls(in *instance, r *retirement, end string) bool {
	return s.still(in, r, func(o *owner) {
		o.part(in)
		if in.state != Draining {
			return // it ended by itself
		}
		cause := end + "; " + in.cause
		if in.left > 0 {
			cause = fmt.Sprintf("%d calls outlasted the drain of %s; %s", in.left, o.config.DrainTimeout, in.cause)
		}
		o.fall(in, stepStop, cause)
	})
}

// still does something for an instance unless it was taken back meanwhile.
func (s *Supervisor) still(in *instance, r *retirement, do func(*owner)) bool {
	return s.ask(func(o *owner) error {
		if in.leaving != r {
			return errTakenBack
		}
		do(o)
		return nil
	}) == nil
}

var errTakenBack = errors.New("it was taken back")

// keepWarm makes what is about to be replaced what can be taken back, in the place of
// what could be before.
func (o *owner) keepWarm(in *instance) {
	if o.warm != nil {
		close(o.warm.leaving.cool)
		o.warm = nil
	}
	if o.config.Bake > 0 && in.state == Serving {
		o.warm = in
	}
}

// part gives up on taking an instance back.
func (o *owner) part(in *instance) {
	if o.warm == in {
		o.warm = nil
	}
}

// takeBack makes the warm instance the one that serves again. Its record is the commit
// point; an error means that nothing has changed. Heir waits for what served to drain.
func (o *owner) takeBack(cause string, heir *job) error {
	old, bad := o.warm, o.main
	if old == nil || o.ctx.Err() != nil {
		return ErrNotWarm
	}
	if old.lookForExit(); old.exit != nil {
		return fmt.Errorf("%w: it ended: %s", ErrNotWarm, old.exit.Reason)
	}
	old.undoes = bad.release.Digest
	why := fmt.Sprintf("generation %d, %s, was taken back: %s", bad.generation, bad.release, cause)
	if err := o.advance(old, stepReturn, why); err != nil {
		return err
	}
	o.turnAround(old, cause)
	o.config.Slot.Publish(old.route)
	o.main = old
	o.failures, o.attempts = nil, 0 // they were another program's
	bad.heir = heir
	o.dismiss(bad, "taken back: "+cause)
	o.report()
	return nil
}

// turnAround turns an instance around on its way out.
func (o *owner) turnAround(in *instance, cause string) {
	if heir := in.leaving.heir; heir != nil {
		heir.drained <- drainReport{err: fmt.Errorf("%w: %s", ErrWorse, cause)}
	}
	in.leaving.cancel()
	in.leaving, in.left, o.warm = nil, 0, nil
	in.ctx, in.cancel = context.WithCancel(o.ctx)
	o.lookAfter(in)
}

// compare has what serves compared with what is warm, until that is not warm any more.
func (o *owner) compare(in *instance) {
	old := o.warm
	if old == nil || old.leaving == nil {
		return
	}
	ctx, end := in.ctx, old.leaving.ctx
	o.spawn(func() {
		tick := time.NewTicker(o.config.CompareEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-end.Done():
				return
			case <-tick.C:
			}
			if cause := o.config.Bounds.breach(in.route.Figures(), old.figures(o.config.Bounds)); cause != "" {
				o.tell(func(o *owner) { o.worse(in, old, cause) })
				return
			}
		}
	})
}

// worse takes what serves back because it does worse than what it replaced.
func (o *owner) worse(in, old *instance, cause string) {
	if o.main != in || o.warm != old || in.state != Serving {
		return
	}
	if err := o.takeBack(cause, nil); err != nil {
		o.config.Logger.Error("a release that does worse could not be taken back", "generation", in.generation,
			"cause", cause, "error", err)
		o.compare(in) // and tries again
	}
}

// The past of a process is looked at a quarter of an hour back at most, a minute and a
// half at a time.
const (
	pastStep  = 90 * time.Second
	pastSteps = 10
)

// past is what the figures of an instance were. Its methods may be called concurrently.
type past struct {
	mu   sync.Mutex
	was  []slot.Figures
	last time.Time
}

// keep remembers figures, unless it is too soon after the last.
func (p *past) keep(now slot.Figures, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.Sub(p.last) < pastStep {
		return
	}
	if p.last = at; len(p.was) == pastSteps {
		p.was = p.was[:copy(p.was, p.was[1:])]
	}
	p.was = append(p.was, now)
}

// figures are how calls have gone on an instance lately, or for as long as it served if
// there were too few of them to say.
func (in *instance) figures(b Bounds) slot.Figures {
	now := in.route.Figures()
	in.past.mu.Lock()
	defer in.past.mu.Unlock()
	if len(in.past.was) > 0 {
		if lately := now.Since(in.past.was[0]); lately.Total().Calls >= int64(b.MinCalls) {
			return lately
		}
	}
	return now
}
