package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probe asks a process once whether it can serve.
func (s *Supervisor) probe(ctx context.Context, process Process) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.HealthTimeout)
	defer cancel()
	health, err := process.Health(ctx)
	switch {
	case err != nil:
		return err
	case !health.Serving:
		return errors.New("it says that it cannot serve: " + orElse(health.Reason, "no reason given"))
	}
	return nil
}

// lookAfter has an instance watched that takes calls.
func (o *owner) lookAfter(in *instance) {
	ctx := in.ctx // the next one is the next watch's
	o.spawn(func() { o.watch(ctx, in) })
}

// watch is a worker: it asks an instance that serves whether it still can, until it
// has failed to say so several times in a row or nobody wants to know any more.
func (s *Supervisor) watch(ctx context.Context, in *instance) {
	tick := time.NewTicker(s.config.HealthEvery)
	defer tick.Stop()
	for misses := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.probe(ctx, in.process)
		if ctx.Err() != nil {
			return
		}
		in.past.keep(in.route.Figures(), time.Now())
		if err == nil {
			misses = 0
			continue
		}
		misses++
		s.config.Logger.Warn("health check failed", "generation", in.generation, "misses", misses, "error", err)
		if misses >= s.config.HealthMisses {
			cause := fmt.Sprintf("unhealthy: %d health checks failed: %v", misses, err)
			s.tell(func(o *owner) { o.unhealthy(in, cause) })
			return
		}
	}
}
