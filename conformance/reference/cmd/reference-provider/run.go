package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
)

// stopWithin bounds how long the program takes to stop once told to.
const stopWithin = 3 * time.Second

// options is the command line.
type options struct {
	Listen          string        `default:"127.0.0.1:0" placeholder:"ADDR" help:"Address of this machine to listen on."`
	Seed            uint64        `placeholder:"N" help:"Makes identifiers and secrets repeatable."`
	VisibilityDelay time.Duration `placeholder:"D" help:"How far lookups lag behind writes."`
	ApproveAfter    time.Duration `placeholder:"D" help:"Buyers approve by themselves after this time."`
	KeyLifetime     time.Duration `default:"24h" placeholder:"D" help:"How long an idempotency key is remembered."`
	ReadyFile       string        `placeholder:"FILE" help:"Write one JSON object here when ready: url, sim_url and pid."`
}

// ready is what the world needs to know once the provider answers.
type ready struct {
	URL    string `json:"url"`
	SimURL string `json:"sim_url"` // where it speaks the simulator protocol
	PID    int    `json:"pid"`
}

// run is the program. It returns the exit code: 0 after an orderly stop, 1 when
// something failed, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	exited := -1
	parser, err := kong.New(&o, kong.Name("reference-provider"), kong.Writers(stdout, stderr),
		kong.Description("The provider of the reference connector. No money moves."),
		kong.Exit(func(code int) { exited = code }))
	if err == nil {
		_, err = parser.Parse(args)
	}
	switch {
	case exited >= 0: // --help has been printed
		return exited
	case err != nil:
		fmt.Fprintln(stderr, "reference-provider:", err)
		return 2
	}
	if err := serve(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, "reference-provider:", err)
		return 1
	}
	return 0
}

// serve answers, and delivers webhooks, until ctx ends.
func serve(ctx context.Context, o options, stdout io.Writer) error {
	listener, err := listen(ctx, o.Listen)
	if err != nil {
		return err
	}
	stand := provider.New(provider.Options{
		Seed: o.Seed, VisibilityDelay: o.VisibilityDelay, ApproveAfter: o.ApproveAfter, KeyLifetime: o.KeyLifetime,
	})
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { stand.Deliver(ctx, http.DefaultClient) })

	server := &http.Server{Handler: stand, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	work.Go(func() { failed <- server.Serve(listener) })
	url := "http://" + listener.Addr().String()
	err = announce(o, ready{URL: url, SimURL: url + provider.SimPath, PID: os.Getpid()}, stdout)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	end, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	return errors.Join(err, server.Shutdown(end), server.Close())
}

// listen refuses any address that another machine could reach: nothing but the API
// asks who calls.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %s: must be an address of this machine, such as 127.0.0.1:0", address)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// announce prints the address, and writes the ready file in one step.
func announce(o options, r ready, stdout io.Writer) error {
	if o.ReadyFile != "" {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		part := filepath.Join(filepath.Dir(o.ReadyFile), "."+filepath.Base(o.ReadyFile)+".part")
		if err := os.WriteFile(part, text, 0o600); err != nil {
			return err
		}
		if err := os.Rename(part, o.ReadyFile); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(stdout, r.URL)
	return err
}
