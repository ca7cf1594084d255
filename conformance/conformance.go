// Package conformance says who may call themselves a connector.
//
// It starts a plugin binary exactly as a host does, holds it to the contract of
// package sdk, and reports what it found. It never imports the host: a verdict must
// not depend on who issued the invitation.
//
// Every case is a sentence that can be broken, and reaches a verdict only through what
// it observed: between the connector and its provider's simulator stands a proxy that
// records and breaks, and the simulator keeps books of its own. There is no skipping. A
// case is not applicable only where the connector lacks the capability and proves so by
// refusing it; a case whose inputs are missing is not testable, and that is not
// conformance.
//
// A fixtures file supplies values, such as an account's fields and a request that the
// provider would take. It cannot remove a case or soften one.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/subject"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Version is the suite's own. Profiles and the catalogue are frozen with it.
const Version = "1.0.0"

// Fixtures are the values that a connector's author supplies.
type Fixtures = suite.Fixtures

// LoadFixtures reads a fixtures file. A key that the format does not have is a mistake.
func LoadFixtures(path string) (Fixtures, error) { return suite.LoadFixtures(path) }

// Options say what to run.
type Options struct {
	Plugin   string // path of the binary
	Fixtures Fixtures
	Cases    []string // ids or patterns of path.Match to run; empty means all. A run of some cases proves nothing about the rest.
	Profiles []suite.Profile
	Seed     uint64
	Parallel int       // cases side by side; 0 means two for each processor
	Scale    int       // how many times longer cases may take on a slow machine; 0 means once
	Log      io.Writer // what the connector writes; nil keeps it
	// Planned is told what is going to be run, and Progress of every result as it comes;
	// nil tells nobody.
	Planned  func(suite.Plan)
	Progress func(suite.Result)
}

var (
	// ErrNothingRun means that the options select no case.
	ErrNothingRun = errors.New("no case was run")
	// ErrUsage means that the options make no sense.
	ErrUsage = errors.New("usage")
)

// runTimeout bounds a whole run.
const runTimeout = 30 * time.Minute

// Run runs the suite against one binary. Its error means that the suite could not do
// its work; what it found about the connector is in the report.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	cases, err := selectCases(o)
	if err != nil {
		return nil, err
	}
	program, err := subject.OpenProgram(o.Plugin, o.Log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	r := &suite.Run{
		Subject: program, Fixtures: o.Fixtures, Levels: levels(), Seed: o.Seed, Parallel: o.Parallel, Scale: o.Scale,
		Progress: o.Progress,
	}
	if o.Fixtures.Simulator != nil {
		simulator, err := subject.StartSimulator(ctx, *o.Fixtures.Simulator, filepath.Dir(o.Plugin))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, simulator.Close()) }()
		r.Sim = simulator.Client
	}
	report, err := newReport(o, program)
	if err != nil {
		return nil, err
	}
	process, startErr := program.Start(ctx)
	if startErr != nil {
		return report, conclude(report, neverStarted(startErr), sdk.Description{})
	}
	if err := o.Fixtures.For(process.Description()); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUsage, err), process.Stop(ctx))
	}
	plan := r.PlanFor(process.Description(), cases)
	if o.Planned != nil {
		o.Planned(plan)
	}
	if r.Sim != nil {
		hello := r.Sim.Hello()
		report.Run.Simulator = hello.Name + " " + hello.Version
	}
	results := r.Execute(ctx, plan, process)
	if len(results) == 0 {
		return nil, ErrNothingRun
	}
	return report, conclude(report, results, process.Description())
}

func isProbe(c suite.Case) bool { return c.ID == suite.ProbeID }

// selectCases picks cases by id or pattern and by profile; a word that selects none is
// a mistake, not an empty run.
func selectCases(o Options) ([]suite.Case, error) {
	picked := Cases()
	if len(o.Profiles) > 0 {
		for _, p := range o.Profiles {
			if !slices.Contains(suite.Profiles(), p) {
				return nil, fmt.Errorf("%w: there is no profile %q, want some of %v", ErrUsage, p, suite.Profiles())
			}
		}
		picked = slices.DeleteFunc(picked, func(c suite.Case) bool { return !slices.Contains(o.Profiles, c.Profile) })
	}
	if len(o.Cases) > 0 {
		wanted := map[string]bool{}
		for _, word := range o.Cases {
			matched := 0
			for _, c := range picked {
				if ok, err := matches(word, c.ID); err != nil {
					return nil, fmt.Errorf("%w: pattern %q: %w", ErrUsage, word, err)
				} else if ok {
					wanted[c.ID] = true
					matched++
				}
			}
			if matched == 0 {
				return nil, fmt.Errorf("%w: there is no case %q among those selected; conform list names them", ErrNothingRun, word)
			}
		}
		picked = slices.DeleteFunc(picked, func(c suite.Case) bool { return !wanted[c.ID] })
	}
	if len(picked) == 0 {
		return nil, ErrNothingRun
	}
	if !slices.ContainsFunc(picked, isProbe) { // without it nothing counts as not applicable
		all := Cases()
		picked = append(all[slices.IndexFunc(all, isProbe):][:1:1], picked...)
	}
	return picked, nil
}
