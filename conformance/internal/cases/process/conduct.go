package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

var outputIsQuiet = suite.Case{
	ID: "process/output-quiet", Requirement: "PC-PROC-008", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "It prints nothing to standard output while it serves: what it has to say is a log record.",
	Why:  "What is printed has no level, names no payment and escapes the rules for logs.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(p)
		if _, err := open(ctx, l); err != nil {
			return err
		}
		if err := p.Stop(ctx); err != nil { // all that it has said is known then
			return suite.Brokenf("stopping", "its end", "%v", err)
		}
		for line := range strings.Lines(p.Said()) {
			if strings.Contains(line, "stream=stdout") {
				return suite.Brokenf("reading what it has printed", "nothing", "%.200q", line)
			}
		}
		return nil
	},
}

// A census is where a process wanted to go and was not let.
type census struct {
	mu      sync.Mutex
	refused []string
}

func (c *census) add(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, address)
}

func (c *census) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refused)
}

// gated starts a process that nothing but the host's gate lets out, and only to the
// addresses. No wall hides what goes around the gate.
func gated(ctx context.Context, l *suite.Lane, seen *census, allow ...string) (suite.Process, func() error, error) {
	dir, err := os.MkdirTemp("", "conform-home-")
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	p, err := startWith(ctx, l, func(c *launch.Config) {
		unconfined(dir)(c)
		c.Egress = &launch.Egress{Allow: allow, Refused: seen.add}
	})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, func() error { return errors.Join(p.Stop(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }, nil
}

// strayed checks that a process has gone nowhere but through the gate, and wanted to go
// nowhere that is not declared.
func strayed(p suite.Process, seen *census, declared []string) error {
	const step = "looking where it has gone"
	for _, address := range seen.list() {
		if !slices.Contains(declared, address) {
			return suite.Brokenf(step, fmt.Sprintf("no address but %v", declared), "%s", address)
		}
	}
	around, err := connections(p.PID())
	if err != nil {
		return err
	}
	if len(around) > 0 {
		return suite.Brokenf(step, "no connection but by the host's gate", "%v", around)
	}
	return nil
}

var namesNobodyAtLoad = suite.Case{
	ID: "process/no-network-at-load", Requirement: "PC-PROC-009", Profile: suite.Core, Process: true,
	Rule: "It connects to nobody while it loads, describes itself and tells of its health.",
	Why:  "A provider that is down keeps the host from starting.",
	Run: func(ctx context.Context, l *suite.Lane) (err error) {
		seen := &census{}
		p, stop, err := gated(ctx, l, seen)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		for range 20 {
			if _, err := l.Remote.Describe(ctx); err != nil {
				return suite.Brokenf("describing", "the manifest", "%v", err)
			}
			if health, err := l.Remote.Health(ctx); err != nil || !health.Serving {
				return suite.Brokenf("asking for its health", "serving", "%+v, %v", health, err)
			}
		}
		return strayed(p, seen, nil)
	},
}

var goesOnlyWhereDeclared = suite.Case{
	ID: "process/egress-declared", Requirement: "PC-PROC-010", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Process: true, Sim: true,
	Rule: "It connects to the account's provider and to what its manifest declares, by the host's gate alone.",
	Why:  "Payments that call a third party tell it of them.",
	Run: func(ctx context.Context, l *suite.Lane) (err error) {
		provider, err := url.Parse(l.Proxy.URL())
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		seen := &census{}
		p, stop, err := gated(ctx, l, seen, provider.Host)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		if _, err := open(ctx, l); err != nil {
			return err
		}
		for _, op := range []sdk.Operation{sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpRefund} {
			if l.Description.Operations.Has(op) {
				_ = l.Invoke(ctx, op) // where it goes is the question
			}
		}
		return strayed(p, seen, l.Description.Manifest.Egress)
	},
}

// What a process may hold more of after many calls than before.
const (
	warmUp      = 100
	many        = 400
	moreFiles   = 16
	moreThreads = 12
	moreMemory  = 48 << 20
)

var dropsWhatItHolds = suite.Case{
	ID: "process/resources", Requirement: "PC-PROC-011", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Process: true, Sim: true, Slow: true,
	Rule: "Hundreds of calls, some of them given up by their caller, leave it with the files, threads and memory that it had.",
	Why:  "What grows with each call ends at the worst time: when there are many.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		l.Use(p)
		if err := busy(ctx, l, warmUp); err != nil {
			return err
		}
		before, err := weigh(p.PID())
		if err != nil {
			return err
		}
		if err := busy(ctx, l, many); err != nil {
			return err
		}
		after, err := weigh(p.PID())
		if err != nil {
			return err
		}
		step := fmt.Sprintf("weighing it after %d calls and after %d more", warmUp, many)
		switch {
		case after.files > before.files+moreFiles:
			return suite.Brokenf(step, fmt.Sprintf("at most %d more open files", moreFiles), "%d, then %d", before.files, after.files)
		case after.threads > before.threads+moreThreads:
			return suite.Brokenf(step, fmt.Sprintf("at most %d more threads", moreThreads), "%d, then %d", before.threads, after.threads)
		case after.memory > before.memory+moreMemory:
			return suite.Brokenf(step, fmt.Sprintf("at most %d MiB more memory", moreMemory>>20), "%d MiB, then %d MiB",
				before.memory>>20, after.memory>>20)
		}
		return nil
	},
}

// busy makes n calls, one after the other. Each tenth is given up before it begins to
// be answered.
func busy(ctx context.Context, l *suite.Lane, n int) error {
	p, err := open(ctx, l)
	if err != nil {
		return err
	}
	for i := range n {
		given, cancel := context.WithCancel(ctx)
		if i%10 == 0 {
			cancel()
		}
		call := suite.Reading(p.Request.Call)
		_, err := l.Remote.FindPayment(given, sdk.FindPaymentRequest{Call: call, Order: p.Result.Order, CreatedAt: l.Now()})
		cancel()
		if err != nil && given.Err() == nil {
			return suite.Brokenf("looking a payment up many times", "to find it", "%v", err)
		}
	}
	return nil
}

var sameRequestTwice = suite.Case{
	ID: "process/same-in-same-out", Requirement: "PC-PROC-012", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "The same request makes the same request to the provider, byte by byte, also in another process.",
	Why:  "A provider that is asked something else under the same key answers with a conflict.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		req, err := l.Authorization(cell, l.Amount())
		if err != nil {
			return err
		}
		other, err := l.Another(ctx)
		if err != nil {
			return suite.Brokenf("starting another process", "a connector", "%v", err)
		}
		var said [][]proxy.Exchange
		for _, p := range []suite.Process{l.Process, other} {
			l.Use(p)
			mark := l.Mark()
			opened, err := l.OpenAs(ctx, cell, req)
			if wrong := suite.Outcome("authorizing", opened.Result.Answer, err,
				sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction); wrong != nil {
				return wrong
			}
			said = append(said, l.Wrote(mark))
		}
		if len(said[0]) == 0 {
			return suite.Brokenf("authorizing", "a request to the provider", "none")
		}
		for i, second := range said[1] {
			if i >= len(said[0]) {
				return suite.Brokenf("asking twice", fmt.Sprintf("%d requests", len(said[0])), "%d", len(said[1]))
			}
			if err := same(said[0][i].Request, second.Request); err != nil {
				return err
			}
		}
		return nil
	},
}

// same compares two requests to the provider.
func same(a, b proxy.Request) error {
	const step = "asking twice"
	if a.Method+a.Target != b.Method+b.Target {
		return suite.Brokenf(step, a.Method+" "+a.Target, "%s %s", b.Method, b.Target)
	}
	if !bytes.Equal(a.Body, b.Body) {
		return suite.Brokenf(step, fmt.Sprintf("the body %.500s", a.Body), "%.500s", b.Body)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		if strings.Join(a.Header[name], ",") != strings.Join(b.Header[name], ",") {
			return suite.Brokenf(step, "the same header "+name, "another")
		}
	}
	return nil
}
