// Package conformance says who may call themselves a connector.
//
// It starts a plugin binary exactly as a host does, holds it to the contract of
// package sdk, and reports what it found. It never imports the host: a verdict must
// not depend on who issued the invitation.
//
// Every [Case] is a sentence that can be broken, and reaches a [Verdict] only through
// what it observed: a case that expects a refusal counts it only together with a
// witness that nothing was sent. There is no skipping. A case is not applicable only
// where the connector lacks the capability and proves so by refusing it; a case whose
// inputs are missing is not testable, and that is not conformance.
//
// A fixtures file supplies values, such as an account's fields and a request that the
// provider would take. It cannot remove a case or soften one.
package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"
)

// Options say what to run.
type Options struct {
	Plugin   string // path of the binary
	Fixtures Fixtures
	Cases    []string // ids to run; empty means all. A run of some cases proves nothing about the rest.
	Log      io.Writer
	// Progress is told of every result as it comes; nil tells nobody.
	Progress func(Result)
}

// caseTimeout bounds one case, the start of a process included.
const caseTimeout = 15 * time.Second

// ErrNothingRun means that the options select no case.
var ErrNothingRun = errors.New("no case was run")

// Run runs the suite against one binary. Its error means that the suite could not do
// its work; what it found about the connector is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	digest, err := fileDigest(o.Plugin)
	if err != nil {
		return nil, err
	}
	cases, err := selectCases(o.Cases)
	if err != nil {
		return nil, err
	}
	report := &Report{Plugin: Subject{SHA256: digest}, Complete: len(o.Cases) == 0}
	bench, err := newBench(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("starting the connector: %w", err)
	}
	defer func() { err = errors.Join(err, bench.close()) }()
	report.Plugin.describe(bench.plugin.Description())
	for _, c := range cases {
		r := bench.run(ctx, c)
		report.Results = append(report.Results, r)
		if o.Progress != nil {
			o.Progress(r)
		}
	}
	if len(report.Results) == 0 {
		return nil, ErrNothingRun
	}
	report.rollUp()
	return report, nil
}

// run runs one case. Whatever goes wrong in the suite itself is an ERROR, never a pass.
func (b *Bench) run(ctx context.Context, c Case) (r Result) {
	r = Result{ID: c.ID, Rule: c.Rule, Level: c.Level, Verdict: Error}
	ctx, cancel := context.WithTimeout(ctx, caseTimeout)
	defer cancel()
	start := time.Now()
	defer func() {
		r.Milliseconds = time.Since(start).Milliseconds()
		if p := recover(); p != nil {
			r.Verdict, r.Why = Error, fmt.Sprintf("the suite panicked: %v\n%s", p, debug.Stack())
		}
	}()
	if c.Needs != "" && !b.plugin.Description().Operations.Has(c.Needs) {
		r.Verdict, r.Why = NotApplicable, fmt.Sprintf("%s is not offered; capability/undeclared-refused proves it", c.Needs)
		return r
	}
	b.witness.reset()
	r.Verdict, r.Why = judge(c.Run(ctx, b))
	return r
}

// judge turns what a case returned into a verdict.
func judge(err error) (Verdict, string) {
	switch {
	case err == nil:
		return Pass, ""
	case errors.Is(err, errSuite):
		return Error, err.Error()
	case errors.Is(err, errNoFixture):
		return NotTestable, err.Error()
	}
	return Fail, err.Error()
}

// selectCases picks cases by id; an id that names none is a mistake, not an empty run.
func selectCases(ids []string) ([]Case, error) {
	all := Cases()
	if len(ids) == 0 {
		return all, nil
	}
	var picked []Case
	for _, id := range ids {
		i := slices.IndexFunc(all, func(c Case) bool { return c.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("there is no case %q; conform list names them", id)
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
