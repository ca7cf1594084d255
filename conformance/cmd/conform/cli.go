package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
)

type cli struct {
	New     newCmd     `cmd:"" help:"Write the beginning of a new connector, which conforms as it is."`
	Run     runCmd     `cmd:"" help:"Run the suite against a connector's binary."`
	List    listCmd    `cmd:"" help:"List the cases."`
	Show    showCmd    `cmd:"" help:"Explain one case."`
	Explain explainCmd `cmd:"" help:"Explain one requirement, and which cases prove it."`
	Doctor  doctorCmd  `cmd:"" help:"Say what keeps the suite from running here."`
	Diff    diffCmd    `cmd:"" help:"Compare two reports."`
	Keygen  keygenCmd  `cmd:"" help:"Make a key to sign certificates with."`
	Certify certifyCmd `cmd:"" help:"Run the whole suite, and sign a certificate if the connector passes."`
	Verify  verifyCmd  `cmd:"" help:"Check a certificate, offline."`
}

// world is what the commands act on.
type world struct {
	ctx            context.Context
	stdout, stderr io.Writer
	terminal       bool // standard output is one
	exit           int
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool) int {
	w := &world{ctx: ctx, stdout: stdout, stderr: stderr, terminal: terminal}
	exited := -1
	parser, err := kong.New(&cli{}, kong.Name("conform"),
		kong.Description("Says whether a binary may call itself a connector, and why not.\n\n"+
			"Exit status: 0 conforms, 1 does not, 2 inconclusive, 3 known failures that are not true any more, 4 nothing run, 5 not signed or not believed, "+
			"64 wrong usage, 70 the suite failed, 75 something that it needs is missing."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return report.ExitInternal
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
		return report.ExitUsage
	}
	if err := command.Run(w); err != nil {
		fmt.Fprintln(stderr, "conform:", err)
		return exitOf(err)
	}
	return w.exit
}

func exitOf(err error) int {
	var (
		usage   *usageError
		refused *refusedError
	)
	switch {
	case errors.As(err, &usage), errors.Is(err, conformance.ErrUsage):
		return report.ExitUsage
	case errors.As(err, &refused):
		return report.ExitRefused
	case errors.Is(err, conformance.ErrNothingRun):
		return report.ExitNothingRun
	}
	return report.ExitNoEnvironment
}

// usageError: what was asked for makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// refusedError: it was not signed, or is not believed.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }
