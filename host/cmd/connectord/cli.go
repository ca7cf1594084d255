package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/host"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 64 // as sysexits.h has it
)

// cli is the command line. Every setting is also a key of the file that --config
// names and a variable: --admin-listen is CONNECTORD_ADMIN_LISTEN.
type cli struct {
	Config kong.ConfigFlag `help:"Read settings from this YAML file." placeholder:"FILE" short:"c"`

	Serve   serveCmd   `cmd:"" help:"Run the host."`
	Dev     devCmd     `cmd:"" help:"Run the host, the Smartpay connector and a stand-in Smartpay, ready to take a payment."`
	Cluster clusterCmd `cmd:"" help:"Run PostgreSQL, several hosts on it behind a proxy, the Smartpay connector and a stand-in Smartpay."`
	Demo    demoCmd    `cmd:"" help:"Script one payment through every operation and check each answer."`

	Connectors connectorsCmd `cmd:"" help:"See and change what connectors run."`
	Hosts      hostsCmd      `cmd:"" help:"See the hosts that share a database."`
	Payments   paymentsCmd   `cmd:"" help:"See what happened to payments."`
	Keys       keysCmd       `cmd:"" help:"Manage merchants' API keys."`
	DB         dbCmd         `cmd:"" name:"db" help:"Migrate, check or export a database."`
	Doctor     doctorCmd     `cmd:"" help:"Say whether this machine and a running daemon are well."`
}

// world is what commands act on: what a process is given, passed in so that tests can
// give something else.
type world struct {
	ctx            context.Context
	stdout, stderr io.Writer
	executable     string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	executable, err := os.Executable()
	if err != nil {
		fmt.Fprintln(stderr, "connectord:", err)
		return exitFailed
	}
	w := &world{ctx: ctx, stdout: stdout, stderr: stderr, executable: executable}
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("connectord"),
		kong.Description("Runs payment connectors as processes and gives merchants one HTTP API over all of them."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.DefaultEnvars("CONNECTORD"),
		kong.Vars{"isolation_layers": strings.Join(host.DefaultLayers(), ",")},
		kong.Configuration(readSettings),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "connectord:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help has printed what was asked for
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "connectord: %s\nrun connectord --help to see what there is\n", err)
		return exitUsage
	}
	command.Bind(w)
	if err := command.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "connectord:", strings.TrimSpace(err.Error()))
		return exitFailed
	}
	return 0
}
