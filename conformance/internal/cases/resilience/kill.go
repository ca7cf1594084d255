package resilience

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const killWhy = "Machines lose power and kernels run out of memory in the middle of payments: nobody may pay twice for it."

var needs = []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}

// own has the lane's calls go to a process of its own, which may be killed.
func own(ctx context.Context, l *suite.Lane) (suite.Process, error) {
	p, err := l.Another(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: starting a process: %w", suite.ErrBlocked, err)
	}
	l.Use(p)
	return p, nil
}

// dying is how long a killed process may take to be seen dead.
const dying = 5 * time.Second

// kill ends a process as a power cut does, and waits until the host knows.
func kill(ctx context.Context, p suite.Process) error {
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		return fmt.Errorf("%w: killing process %d: %w", suite.ErrSuite, p.PID(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, dying)
	defer cancel()
	select {
	case <-p.Done():
		return nil
	case <-ctx.Done():
		return suite.Brokenf("killing the process", "its end to be noticed", "nothing after %s", dying)
	}
}

// struck asks for every deed under a fault that never answers, kills the process once
// all of it has happened, and says what the callers were told.
func struck(ctx context.Context, l *suite.Lane, deeds []*deed.Deed, p suite.Process, f proxy.Fault, happened func() (bool, error)) ([]deed.Result, error) {
	if err := l.Break(f); err != nil {
		return nil, err
	}
	done := make(chan []deed.Result, 1)
	go func() { done <- deed.DoAll(ctx, deeds) }()
	waited := await(ctx, happened)
	err := errors.Join(waited, kill(ctx, p))
	results := <-done
	return results, errors.Join(err, l.Heal())
}

// await looks until something has happened.
func await(ctx context.Context, happened func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, dying)
	defer cancel()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		yes, err := happened()
		if yes || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: the requests did not reach the provider", suite.ErrBlocked)
		}
	}
}

// crashed is a case in which the process is killed while every deed is under way.
func crashed(id, rule string, what proxy.What, effects int) suite.Case {
	return suite.Case{
		ID: id, Requirement: "PC-PROC-101", Profile: suite.Resilience, Needs: needs, Sim: true, Process: true, Slow: true,
		Rule: rule, Why: killWhy,
		Run: func(ctx context.Context, l *suite.Lane) error {
			deeds, err := deed.Ready(ctx, l)
			if err != nil {
				return err
			}
			p, err := own(ctx, l)
			if err != nil {
				return err
			}
			mark := l.Mark()
			results, err := struck(ctx, l, deeds, p, proxy.Fault{What: what, Only: proxy.Writes}, func() (bool, error) {
				return underWay(ctx, l, mark, deeds, effects)
			})
			if err != nil {
				return err
			}
			if _, err := own(ctx, l); err != nil {
				return err
			}
			wrong := make([]error, 0, len(deeds))
			for i, d := range deeds {
				step := fmt.Sprintf("%s, whose process was killed", d.Op)
				wrong = append(wrong, suite.Outcome(step, results[i].Answer, results[i].Err, sdk.OutcomeUnknown))
			}
			return errors.Join(append(wrong, deed.Each(deeds, func(d *deed.Deed) error { return recovers(ctx, d, effects) }))...)
		},
	}
}

// underWay reports whether every deed has come as far as it is to come.
func underWay(ctx context.Context, l *suite.Lane, mark suite.Mark, deeds []*deed.Deed, effects int) (bool, error) {
	if len(l.Proxy.Since(mark).Writes()) < len(deeds) {
		return false, nil
	}
	for _, d := range deeds {
		n, err := d.Effects(ctx)
		if err != nil || n < effects {
			return false, err
		}
	}
	return true, nil
}

// recovers looks at a deed after an accident, and sends it again.
func recovers(ctx context.Context, d *deed.Deed, effects int) error {
	return errors.Join(
		d.Took(ctx, "the accident", effects),
		d.Known(ctx, "looking after the accident", effects > 0),
		redone(ctx, d),
	)
}

// redone sends a deed again, with the same key.
func redone(ctx context.Context, d *deed.Deed) error {
	const step = "sending it again after the accident"
	if r := d.Again(ctx); !r.Done() {
		return suite.Brokenf(step, "success", "%s", r)
	}
	return d.Took(ctx, step, 1)
}

var killedBefore = crashed("resilience/killed-before-the-provider",
	"A write whose process is killed before the provider acts is UNKNOWN, and done once when the next process sends it again.",
	proxy.Hang, 0)

var killedAfter = crashed("resilience/killed-after-the-provider",
	"A write whose process is killed after the provider acted is UNKNOWN, found by the next process, and not done again.",
	proxy.ActThenHang, 1)

var killedBetween = suite.Case{
	ID: "resilience/killed-between-calls", Requirement: "PC-PROC-101", Profile: suite.Resilience, Needs: needs, Sim: true, Process: true, Slow: true,
	Rule: "What a process did before it was killed is found by the next one, and not done again.", Why: killWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		p, err := own(ctx, l)
		if err != nil {
			return err
		}
		for i, r := range deed.DoAll(ctx, deeds) {
			if !r.Done() {
				return fmt.Errorf("%w: %s: %s", suite.ErrBlocked, deeds[i].Op, r)
			}
		}
		if err := kill(ctx, p); err != nil {
			return err
		}
		if _, err := own(ctx, l); err != nil {
			return err
		}
		return deed.Each(deeds, func(d *deed.Deed) error { return recovers(ctx, d, 1) })
	},
}

var killedWhileLooking = suite.Case{
	ID: "resilience/killed-while-looking", Requirement: "PC-PROC-101", Profile: suite.Resilience, Needs: needs, Sim: true, Process: true, Slow: true,
	Rule: "A lookup whose process is killed fails: it finds nothing out.",
	Why:  "A crash that is taken for a finding frees the host to charge again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		if r := d.Do(ctx); !r.Done() {
			return fmt.Errorf("%w: authorizing: %s", suite.ErrBlocked, r)
		}
		p, err := own(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Break(proxy.Fault{What: proxy.Hang, Only: proxy.Reads}); err != nil {
			return err
		}
		mark := l.Mark()
		looked := make(chan error, 1)
		go func() {
			_, err := d.Look(ctx)
			looked <- err
		}()
		waited := await(ctx, func() (bool, error) { return len(l.Proxy.Since(mark).Reads()) > 0, nil })
		if err := errors.Join(waited, kill(ctx, p)); err != nil {
			return err
		}
		var wrong error
		if err := <-looked; err == nil {
			wrong = suite.Brokenf("looking up while the process is killed", "an error", "a finding")
		}
		if err := l.Heal(); err != nil {
			return err
		}
		if _, err := own(ctx, l); err != nil {
			return err
		}
		return errors.Join(wrong, d.Known(ctx, "looking again", true))
	},
}
