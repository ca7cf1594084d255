package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

type cli struct {
	Run  runCmd  `cmd:"" help:"Run the suite against a connector's binary."`
	List listCmd `cmd:"" help:"List the cases."`
	Show showCmd `cmd:"" help:"Explain one case."`
}

// world is what the commands act on.
type world struct {
	ctx            context.Context
	stdout, stderr io.Writer
	exit           int
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	w := &world{ctx: ctx, stdout: stdout, stderr: stderr}
	exited := -1
	parser, err := kong.New(&cli{}, kong.Name("conform"),
		kong.Description("Says whether a binary may call itself a connector, and why not.\n\n"+
			"Exit status: 0 conforms, 1 does not, 2 inconclusive, 4 nothing run, 64 wrong usage, 70 the suite failed."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return conformance.ExitInternal
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return conformance.ExitUsage
	}
	if err := command.Run(w); err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return exitOf(err)
	}
	return w.exit
}

func exitOf(err error) int {
	var usage *usageError
	switch {
	case errors.As(err, &usage), errors.Is(err, conformance.ErrUsage):
		return conformance.ExitUsage
	case errors.Is(err, conformance.ErrNothingRun):
		return conformance.ExitNothingRun
	}
	return conformance.ExitNoEnvironment
}

// usageError: what was asked for makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

type runCmd struct {
	Plugin   string   `required:"" type:"existingfile" placeholder:"FILE" help:"The connector's binary."`
	Fixtures string   `required:"" type:"existingfile" placeholder:"FILE" help:"Values to test with."`
	Case     []string `placeholder:"ID" help:"Run only this case, or those that match a pattern such as refund/*. Repeatable. Proves nothing about the rest."`
	Profile  []string `placeholder:"NAME" help:"Run only the cases of this profile. Repeatable. Proves nothing about the rest."`
	Seed     uint64   `placeholder:"N" help:"Repeat a run: the same numbers are drawn. Default: a new one."`
	Out      string   `type:"path" placeholder:"DIR" help:"Write report.json there."`
	Output   string   `enum:"text,json" default:"text" help:"What to print: ${enum}."`
	Verbose  bool     `short:"v" help:"Show what the connector logs."`
}

// Run runs the suite and sets the exit status that the report deserves.
func (c *runCmd) Run(w *world) error {
	fixtures, err := conformance.LoadFixtures(c.Fixtures)
	if err != nil {
		return &usageError{err}
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()>>1 + 1
	}
	o := conformance.Options{Plugin: c.Plugin, Fixtures: fixtures, Cases: c.Case, Seed: c.Seed}
	for _, name := range c.Profile {
		o.Profiles = append(o.Profiles, suite.Profile(name))
	}
	if c.Verbose {
		o.Log = w.stderr
	}
	if c.Output == "text" {
		o.Progress = func(r suite.Result) { printResult(w.stdout, r) }
	}
	report, err := conformance.Run(w.ctx, o)
	if err != nil {
		return err
	}
	w.exit = report.Exit()
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.Out, "report.json"), append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		_, err = fmt.Fprintf(w.stdout, "%s\n", raw)
		return err
	}
	return printSummary(w.stdout, report)
}

func printResult(out io.Writer, r suite.Result) {
	fmt.Fprintf(out, "%-14s %-32s %s\n", r.Verdict, r.ID, r.Rule)
	if r.Why != "" {
		fmt.Fprintf(out, "               %s\n", r.Why)
	}
}

func printSummary(out io.Writer, r *conformance.Report) error {
	passed := r.Counts[suite.Pass]
	_, err := fmt.Fprintf(out, "\n%s %s: %s (%d of %d cases passed, %d not applicable)\n", r.Plugin.Name, r.Plugin.Version,
		r.Verdict, passed, len(r.Results), r.Counts[suite.NotApplicable])
	if err == nil && !r.Complete {
		_, err = fmt.Fprintln(out, "Only some cases were run, which proves nothing about the rest.")
	}
	return err
}

type listCmd struct{}

// Run prints a line a case.
func (c *listCmd) Run(w *world) error {
	for _, k := range conformance.Cases() {
		if _, err := fmt.Fprintf(w.stdout, "%-32s %s\n", k.ID, k.Rule); err != nil {
			return err
		}
	}
	return nil
}

type showCmd struct {
	Case string `arg:"" help:"Id of the case."`
}

// Run explains the case.
func (c *showCmd) Run(w *world) error {
	for _, k := range conformance.Cases() {
		if k.ID == c.Case {
			_, err := fmt.Fprintf(w.stdout, "%s (%s, %s)\n%s\n%s\n", k.ID, k.Requirement, k.Profile, k.Rule, k.Why)
			return err
		}
	}
	return &usageError{fmt.Errorf("there is no case %q; conform list names them", c.Case)}
}
