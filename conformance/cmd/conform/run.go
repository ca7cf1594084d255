package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// subject is what every command that runs the suite is told.
type subject struct {
	Plugin   string `required:"" type:"existingfile" placeholder:"FILE" help:"The connector's binary."`
	Fixtures string `required:"" type:"existingfile" placeholder:"FILE" help:"Values to test with."`
	Seed     uint64 `placeholder:"N" help:"Repeat a run: the same numbers are drawn. Default: new ones."`
	Parallel int    `placeholder:"N" help:"Cases side by side. Default: two for each processor."`
	Scale    int    `name:"time-scale" default:"1" placeholder:"N" help:"How many times longer cases may take, on a slow machine. The report says so."`
	Verbose  bool   `short:"v" help:"Show what the connector logs."`
}

func (s *subject) options(w *world) (conformance.Options, error) {
	fixtures, err := conformance.LoadFixtures(s.Fixtures)
	if err != nil {
		return conformance.Options{}, &usageError{err}
	}
	if s.Seed == 0 {
		s.Seed = rand.Uint64()>>1 + 1
	}
	o := conformance.Options{Plugin: s.Plugin, Fixtures: fixtures, Seed: s.Seed, Parallel: s.Parallel, Scale: s.Scale}
	if s.Verbose {
		o.Log = w.stderr
	}
	return o, nil
}

type runCmd struct {
	subject `embed:""`
	Case    []string `placeholder:"ID" help:"Run only this case, or those that match a pattern such as refund/*. Repeatable. Proves nothing about the rest."`
	Profile []string `placeholder:"NAME" help:"Run only the cases of this profile. Repeatable. Proves nothing about the rest."`
	Known   string   `name:"known-failures" type:"existingfile" placeholder:"FILE" help:"Cases that are known to fail: they do not fail the run, and keep it from a certificate. An entry that is not true any more does fail it."`
	Out     string   `type:"path" placeholder:"DIR" help:"Write report.json with its schema, report.html, junit.xml, badge.md and traces there."`
	Output  string   `enum:"text,json" default:"text" help:"What to print: ${enum}."`
	Quiet   bool     `short:"q" help:"Print what is no pass, and the summary."`
}

// Run runs the suite and sets the exit status that the report deserves.
func (c *runCmd) Run(w *world) error {
	o, err := c.options(w)
	if err != nil {
		return err
	}
	o.Cases = c.Case
	for _, name := range c.Profile {
		o.Profiles = append(o.Profiles, suite.Profile(name))
	}
	var known report.KnownFailures
	if c.Known != "" {
		if known, err = report.LoadKnown(c.Known); err != nil {
			return &usageError{err}
		}
	}
	stream, err := c.stream()
	if err != nil {
		return err
	}
	p := &progress{out: w.stdout, silent: c.Output == "json", quiet: c.Quiet, terminal: w.terminal, stream: stream}
	o.Planned, o.Progress = p.planned, p.result
	found, err := conformance.Run(w.ctx, o)
	err = errors.Join(err, p.err, stream.Close())
	if err != nil {
		return err
	}
	w.exit = known.Exit(found, time.Now())
	for _, stale := range known.Stale(found, time.Now()) {
		if _, err := fmt.Fprintf(w.stderr, "conform: known failures: %s\n", stale); err != nil {
			return err
		}
	}
	if c.Out != "" {
		if err := writeAll(c.Out, found); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		return found.JSON(w.stdout)
	}
	return c.conclude(w.stdout, found)
}

// conclude prints what is wrong, whole, and the summary.
func (c *runCmd) conclude(out io.Writer, found *conformance.Report) error {
	command := fmt.Sprintf("conform run --plugin %s --fixtures %s", c.Plugin, c.Fixtures)
	for _, x := range found.Results {
		if x.Verdict == suite.Pass || x.Verdict == suite.NotApplicable {
			continue
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
		if err := found.Failure(out, x, command, c.Out); err != nil {
			return err
		}
	}
	if err := found.Summary(out); err != nil {
		return err
	}
	if c.Out == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "The report is in %s.\n", filepath.Join(c.Out, "report.html"))
	return err
}

// stream is where results go as they come, so that a run that is cut short leaves them.
func (c *runCmd) stream() (io.WriteCloser, error) {
	if c.Out == "" {
		return discard{io.Discard}, nil
	}
	if err := os.MkdirAll(filepath.Join(c.Out, "trace"), 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(c.Out, "results.ndjson"))
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// A progress shows a run as it goes: on a terminal a line that moves, elsewhere a line a
// case.
type progress struct {
	out                     io.Writer
	silent, quiet, terminal bool
	stream                  io.Writer
	done, all               int
	err                     error
}

// planned tells what is going to be run, before it is.
func (p *progress) planned(plan suite.Plan) {
	p.all = len(plan.Cases)
	if p.silent {
		return
	}
	m := plan.Description.Manifest
	p.print("%s %s: %d cases, of which %d do not apply and %d cannot be tested\n\n",
		m.Name, m.Version, len(plan.Cases), len(plan.NotOffered), len(plan.Missing))
}

func (p *progress) result(r suite.Result) {
	p.done++
	raw, err := json.Marshal(r)
	if err == nil {
		_, err = p.stream.Write(append(raw, '\n'))
	}
	p.err = errors.Join(p.err, err)
	if p.silent {
		return
	}
	fine := r.Verdict == suite.Pass || r.Verdict == suite.NotApplicable
	if p.terminal {
		p.print("\r\x1b[K")
	}
	if !p.quiet || !fine {
		p.err = errors.Join(p.err, report.Line(p.out, r))
	}
	if p.terminal && p.done < p.all {
		width := 30 * p.done / max(p.all, 1)
		p.print("[%s%s] %d of %d", strings.Repeat("█", width), strings.Repeat("·", 30-width), p.done, p.all)
	}
}

func (p *progress) print(format string, args ...any) {
	_, err := fmt.Fprintf(p.out, format, args...)
	p.err = errors.Join(p.err, err)
}

// writeAll writes the report in every form.
func writeAll(dir string, found *conformance.Report) error {
	schema := func(w io.Writer) error {
		_, err := w.Write(report.JSONSchema())
		return err
	}
	forms := map[string]func(io.Writer) error{
		"report.schema.json": schema,
		"report.json":        found.JSON, "junit.xml": found.JUnit, "report.html": found.HTML, "badge.md": found.Badge,
	}
	for name, form := range forms {
		var text bytes.Buffer
		if err := form(&text); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644); err != nil { //nolint:gosec // a report is to be read
			return err
		}
	}
	for _, x := range found.Results {
		if x.Verdict == suite.Pass || x.Verdict == suite.NotApplicable {
			continue
		}
		if err := writeTrace(filepath.Join(dir, report.TraceFile(x.ID)), x); err != nil {
			return err
		}
	}
	return nil
}

// writeTrace writes what was said, a line of JSON each: the calls, then the requests to
// the provider.
func writeTrace(path string, x suite.Result) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	for _, call := range x.Calls {
		if err := e.Encode(map[string]any{"call": call}); err != nil {
			return err
		}
	}
	for _, p := range x.Provider {
		line := map[string]any{
			"number": p.Number, "began": p.Began, "ended": p.Ended, "method": p.Request.Method, "target": p.Request.Target,
			"fault": p.Fault, "end": p.End, "forwarded": p.Forwarded, "answered": p.Answer.Status,
		}
		if err := e.Encode(map[string]any{"provider": line}); err != nil {
			return err
		}
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}
