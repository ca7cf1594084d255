package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// open asks for a payment in the fixtures' own combination.
func open(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, err
	}
	p, err := l.Open(ctx, cell, l.Amount())
	return p, suite.Outcome("authorizing", p.Result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction)
}

// startWith starts another process that is kept in differently, and uses it.
func startWith(ctx context.Context, l *suite.Lane, change func(*launch.Config)) (suite.Process, error) {
	tested, ok := l.Tested().(interface {
		StartWith(context.Context, func(*launch.Config)) (suite.Process, error)
	})
	if !ok {
		return nil, fmt.Errorf("%w: the connector has no process", suite.ErrSuite)
	}
	p, err := tested.StartWith(ctx, change)
	if err != nil {
		return nil, suite.Brokenf("starting another process", "a connector", "%v", err)
	}
	l.Use(p)
	return p, nil
}

// exited is how a process ended with which all is well.
func exited(p suite.Process, step string) error {
	told, ok := p.(interface{ Exit() launch.Exit })
	if !ok {
		return fmt.Errorf("%w: nobody knows how the process ended", suite.ErrSuite)
	}
	if exit := told.Exit(); exit.Code != 0 {
		return suite.Brokenf(step, "exit code 0", "%v", exit)
	}
	return nil
}

var secondServesToo = suite.Case{
	ID: "process/second", Requirement: "PC-PROC-002", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "A second process serves beside the first.",
	Why:  "A host swaps versions while payments flow: for a while there are two.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		first := l.Process
		second, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		for _, p := range []suite.Process{second, first} {
			l.Use(p)
			if _, err := open(ctx, l); err != nil {
				return err
			}
		}
		return suite.Equal("asking whether they are one process", first.PID() == second.PID(), false)
	},
}

var stopIsOrderly = suite.Case{
	ID: "process/stop", Requirement: "PC-PROC-003", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "Asked to stop it ends within the bound, with exit code 0.",
	Why:  "A swap that waits for the old process holds up the new one.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(p)
		if _, err := open(ctx, l); err != nil {
			return err
		}
		if err := p.Stop(ctx); err != nil {
			return suite.Brokenf("stopping", "its end", "%v", err)
		}
		return exited(p, "stopping")
	},
}

// under is how long the provider takes over what is under way when the end comes.
const under = 250 * time.Millisecond

var underWayIsFinished = suite.Case{
	ID: "process/stop-drains", Requirement: "PC-PROC-004", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Process: true, Sim: true, Slow: true,
	Rule: "Asked to end by SIGTERM it finishes the calls that are under way, and ends with exit code 0.",
	Why:  "A payment that is cut off is in doubt, and somebody has to look.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(p)
		if err := l.Break(proxy.Fault{What: proxy.Delay, Wait: under, Times: 1}); err != nil {
			return err
		}
		mark := l.Mark()
		answered := make(chan error, 1)
		go func() {
			_, err := open(ctx, l)
			answered <- err
		}()
		if err := l.Proxy.Await(ctx, mark, func(r proxy.Record) bool { return len(r.Exchanges) > 0 }); err != nil {
			return errors.Join(suite.ErrBlocked, err, <-answered)
		}
		const step = "asking it to end while a payment is under way"
		if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
			return suite.Brokenf(step, "its process to be there", "%v", err)
		}
		if err := <-answered; err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		bound, cancel := context.WithTimeout(ctx, orphanTime)
		defer cancel()
		select {
		case <-p.Done():
			return exited(p, step)
		case <-bound.Done():
			return suite.Brokenf(step, "its end within "+orphanTime.String(), "it runs on")
		}
	},
}

var diesWithHost = suite.Case{
	ID: "process/dies-with-host", Requirement: "PC-PROC-005", Profile: suite.Core, Process: true,
	Rule: "It ends within five seconds of its host: when the pipe that is its standard input closes.",
	Why:  "Connectors that outlive their hosts hold credentials and connections that nobody knows of.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := asHost(l, "1")
		if err != nil {
			return err
		}
		defer h.close()
		if err := h.awaitLine(ctx); err != nil {
			return err
		}
		if err := h.life.Close(); err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		return h.awaitEnd(ctx, "closing its standard input, as a host's end does", orphanTime)
	},
}

// unconfined takes every wall away, so that what a connector would do shows.
func unconfined(dir string) func(*launch.Config) {
	return func(c *launch.Config) {
		c.Confine = nil
		c.Env = append(c.Env, mark(dir), "HOME="+dir)
	}
}

// lived has an unconfined process with a directory for its home take a payment and stop.
func lived(ctx context.Context, l *suite.Lane, dir string) error {
	p, err := startWith(ctx, l, unconfined(dir))
	if err != nil {
		return err
	}
	_, err = open(ctx, l)
	return errors.Join(err, p.Stop(ctx))
}

var leavesNoChild = suite.Case{
	ID: "process/no-child-left", Requirement: "PC-PROC-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "No process that it has started is there after its end, not even one that has left its group.",
	Why:  "An orphan holds credentials and is in nobody's list.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		if processes() == nil {
			return fmt.Errorf("%w: this system does not list processes", suite.ErrNotTestable)
		}
		dir, err := os.MkdirTemp("", "conform-home-")
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system clears what is left
		if err := lived(ctx, l, dir); err != nil {
			return err
		}
		left := marked(dir)
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone by now
		}
		if len(left) > 0 {
			return suite.Brokenf("looking for what it has started", "nothing", "%d processes are left", len(left))
		}
		return nil
	},
}

var leavesNoFile = suite.Case{
	ID: "process/no-file-left", Requirement: "PC-PROC-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "It leaves no file behind, neither where it was started nor at home.",
	Why:  "A connector is stateless: a file is a state that a swap loses, or a secret that it keeps.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		home, err := os.MkdirTemp("", "conform-home-")
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		defer func() { _ = os.RemoveAll(home) }() // the system clears what is left
		if err := lived(ctx, l, home); err != nil {
			return err
		}
		h, err := asHost(l, "1")
		if err != nil {
			return err
		}
		defer h.close()
		if err := h.awaitLine(ctx); err != nil {
			return err
		}
		if err := h.life.Close(); err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		if err := h.awaitEnd(ctx, "ending it", orphanTime); err != nil {
			return err
		}
		for _, dir := range []string{home, h.dir} {
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err == nil && len(left) == 0 {
				left, err = filepath.Glob(filepath.Join(dir, ".*", "*"))
			}
			if err != nil {
				return fmt.Errorf("%w: %w", suite.ErrSuite, err)
			}
			if len(left) > 0 {
				return suite.Brokenf("looking for files that it has left", "none", "%s", filepath.Base(left[0]))
			}
		}
		return nil
	},
}

var killedIsForgotten = suite.Case{
	ID: "process/remembers-nothing", Requirement: "PC-PROC-007", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "A payment that one process began is found and finished by another, after the first was killed.",
	Why:  "What only a process remembers is lost with it, and so is the money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		first, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(first)
		p, err := open(ctx, l)
		if err != nil {
			return err
		}
		if err := kill(ctx, first); err != nil {
			return err
		}
		second, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(second)
		found, err := p.FindByReference(ctx)
		if err != nil {
			return suite.Brokenf("looking for the payment of a process that was killed", "to find it", "%v", err)
		}
		if p.Result.Order != "" {
			if err := suite.Equal("looking for the payment of a process that was killed", found.Order, p.Result.Order); err != nil {
				return err
			}
		}
		if err := p.Finish(ctx); err != nil || !l.Description.Operations.Has(sdk.OpCapture) || p.Cell.Mode != sdk.CaptureManual {
			return err
		}
		result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
		return suite.Outcome("capturing it", result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending)
	},
}

// kill ends a process without a word, and one in memory with all that it remembers.
func kill(ctx context.Context, p suite.Process) error {
	if p.PID() == 0 {
		return p.Stop(ctx)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		return suite.Brokenf("killing it", "its process to be there", "%v", err)
	}
	select {
	case <-p.Done():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting for the end of a process that was killed: %w", suite.ErrSuite, ctx.Err())
	}
}
