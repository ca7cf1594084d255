package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Ref names one process of one release.
type Ref struct {
	Generation uint64 `json:"generation"`
	Version    string `json:"version"`
	Digest     string `json:"digest"`
}

// A SwapReport says what a replacement did.
type SwapReport struct {
	From Ref `json:"from"`
	To   Ref `json:"to"`
	// Unchanged says that To was serving already and nothing was done.
	Unchanged bool `json:"unchanged,omitempty"`
	// Lost is what From could do and To cannot, where that was allowed.
	Lost []string `json:"lost,omitempty"`

	Start time.Duration `json:"start"` // from the command until To took calls
	Drain time.Duration `json:"drain"` // from there until From had no more calls
	// Left is the number of calls that From had when the drain was given up. They were
	// cut off: what became of them is not known.
	Left int `json:"left,omitempty"`
}

// SwapOptions are what an operator may insist on.
type SwapOptions struct {
	// AllowLoss lets a release serve that lacks what the one in use can do.
	AllowLoss bool
	// Trial is what the release must pass first; nil means Config.Trial.
	Trial *Trial
	// Undo says in the journal that the release in use is taken back.
	Undo bool
}

// Activate starts the first release, or one in the place of a release that was
// rejected. It returns when the release serves, or with the reason why its first start
// failed: unless it was refused, [ErrRefused], it is then started again and again as
// after a crash. If ctx ends, the start goes on. While another release is active the
// error is [ErrActive]: swap it.
func (s *Supervisor) Activate(ctx context.Context, release fleet.Release) error {
	j := newJob()
	_, err := s.carryOut(ctx, j, func(o *owner) error {
		if err := o.ours(release); err != nil {
			return err
		}
		if in := o.main; in != nil && !in.over() {
			return fmt.Errorf("%w: %s is %s", ErrActive, in.release, in.state)
		}
		in := o.create(release)
		in.job = j
		if err := o.start(in, "activated"); err != nil {
			in.cancel()
			return err
		}
		o.config.Slot.Expect("it is being started")
		o.main = in
		o.report()
		return nil
	})
	if err != nil {
		return fmt.Errorf("activating %s: %w", release, err)
	}
	return nil
}

// Swap replaces the release that is active by another one, which is started and proven
// beside it. It returns when the new one serves and the old one has no more calls.
//
// An error means that nothing changed: whatever was wrong with the new release, the
// old one went on as if nothing had happened. [ErrRefused] means that it will be wrong
// again; a [*LossError] is a refusal that AllowLoss overrules. If ctx ends before the
// new release serves, the swap is given up; if it ends later, the swap is done, and the
// error says no more than that the drain was not waited for.
func (s *Supervisor) Swap(ctx context.Context, release fleet.Release, options SwapOptions) (SwapReport, error) {
	var report SwapReport
	err := s.replace(ctx, &report, func(o *owner) (plan, error) {
		if err := o.ours(release); err != nil {
			return plan{}, err
		}
		in := o.main
		if in == nil || in.state == Stopped {
			return plan{}, ErrNotActive
		}
		if in.state == Serving && in.release.Digest == release.Digest {
			report.Unchanged, report.From, report.To = true, in.ref(), in.ref()
			return plan{}, nil
		}
		p := plan{release: release, cause: "swap from " + in.release.String(), trial: o.config.Trial}
		if options.Trial != nil {
			p.trial = *options.Trial
		}
		if options.Undo {
			p.undoes = in.release.Digest
		}
		lost := Lost(in.release.Description, release.Description)
		switch warm := o.warm; {
		case options.AllowLoss:
			report.Lost = lost
		case warm == nil || warm.release.Digest != release.Digest:
			p.keep = &in.release.Description
		case len(lost) > 0:
			return plan{}, refusal(faulty(FaultCapability, &LossError{Lost: lost}))
		}
		p.back = o.warm != nil && o.warm.release.Digest == release.Digest && p.trial.Percent == 0
		return p, nil
	})
	if err != nil {
		return report, fmt.Errorf("swapping %s to %s: %w", s.Connector(), release, err)
	}
	return report, nil
}

// Rollback gives the calls back to the release that served before, whose process is
// still warm: [ErrNotWarm] if it is not. It starts nothing, so it takes no longer than
// a record in the journal; then it waits, as Swap does, for the calls of what served.
func (s *Supervisor) Rollback(ctx context.Context) (SwapReport, error) {
	var report SwapReport
	err := s.replace(ctx, &report, func(o *owner) (plan, error) {
		if o.warm == nil {
			return plan{}, ErrNotWarm
		}
		report.Lost = Lost(o.main.release.Description, o.warm.release.Description)
		return plan{back: true, cause: "by an operator"}, nil
	})
	if err != nil {
		return report, fmt.Errorf("rolling %s back: %w", s.Connector(), err)
	}
	return report, nil
}

// Restart replaces the process of the active release by a new one, as Swap does. In a
// back-off it does not wait. A quarantined connector is not restarted: [ErrQuarantined].
func (s *Supervisor) Restart(ctx context.Context) (SwapReport, error) {
	var report SwapReport
	err := s.replace(ctx, &report, func(o *owner) (plan, error) {
		switch in := o.main; {
		case in == nil || in.state == Stopped:
			return plan{}, ErrNotActive
		case in.state == Quarantined:
			return plan{}, fmt.Errorf("%w: %s", ErrQuarantined, in.cause)
		default:
			return plan{release: in.release, cause: "restart by an operator"}, nil
		}
	})
	if err != nil {
		return report, fmt.Errorf("restarting %s: %w", s.Connector(), err)
	}
	return report, nil
}

// EndQuarantine forgets the failures that led to the quarantine and starts the release
// again. It returns as Activate does.
func (s *Supervisor) EndQuarantine(ctx context.Context) error {
	j := newJob()
	_, err := s.carryOut(ctx, j, func(o *owner) error {
		if o.main == nil || o.main.state != Quarantined {
			return errors.New("it is not quarantined")
		}
		in := o.create(o.main.release)
		in.job = j
		if err := o.start(in, "an operator ended the quarantine"); err != nil {
			in.cancel()
			return err
		}
		o.failures, o.attempts = nil, 0
		o.dismiss(o.main, "an operator ended the quarantine")
		o.main = in
		o.report()
		return nil
	})
	if err != nil {
		return fmt.Errorf("ending the quarantine of %s: %w", s.Connector(), err)
	}
	return nil
}

// A plan is what a replacement is to start, or to take back; one without either is to
// do nothing.
type plan struct {
	release fleet.Release
	keep    *sdk.Description
	trial   Trial
	back    bool   // the warm instance serves again, and nothing is started
	undoes  string // the digest of what is taken back
	cause   string
}

// replace brings up a candidate beside what is active and waits for the outcome.
func (s *Supervisor) replace(ctx context.Context, report *SwapReport, decide func(*owner) (plan, error)) error {
	began := time.Now()
	j := newJob()
	done, err := s.carryOut(ctx, j, func(o *owner) error {
		p, err := decide(o)
		if err != nil {
			return err
		}
		if p.back {
			return o.giveBack(p, j)
		}
		if p.release.Digest == "" {
			j.started <- started{}
			return nil
		}
		in := o.create(p.release)
		in.job, in.undoes, j.keep, j.trial = j, p.undoes, p.keep, p.trial
		j.follow(ctx, in.cancel)
		if err := o.start(in, p.cause); err != nil {
			j.detach()
			in.cancel()
			return err
		}
		o.candidate = in
		o.report()
		return nil
	})
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("%w: %w", err, ctx.Err())
	case err != nil || report.Unchanged:
		return err
	}
	report.From, report.To, report.Start = done.from, done.to, time.Since(began)
	if !done.drains {
		return nil
	}
	select {
	case d := <-j.drained:
		report.Left, report.Drain = d.left, d.took
		return d.err
	case <-ctx.Done():
		return fmt.Errorf("the new release serves; the old one still drains: %w", ctx.Err())
	}
}

// giveBack carries out a plan to take the warm instance back.
func (o *owner) giveBack(p plan, j *job) error {
	done := started{from: o.main.ref(), to: o.warm.ref(), drains: o.main.state == Serving}
	if err := o.takeBack(p.cause, j); err != nil {
		return err
	}
	j.started <- done
	return nil
}

// ours says what is wrong with a release for this connector.
func (o *owner) ours(release fleet.Release) error {
	if release.Name != o.Connector() {
		return refusal(faulty(FaultConnector, fmt.Errorf("it is a release of %q, not of %q", release.Name, o.Connector())))
	}
	return nil
}
