package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox"
)

// stopWithin bounds how long the program takes to stop once told to.
const stopWithin = 5 * time.Second

// options is the command line.
type options struct {
	Listen    string   `default:"127.0.0.1:0" placeholder:"ADDR" help:"Address to listen on; port 0 means any free one."`
	Seed      uint64   `placeholder:"N" help:"Makes identifiers and secrets repeatable."`
	ReadyFile string   `placeholder:"FILE" help:"Write one JSON object here when ready: url, sim_url and pid."`
	PublicURL string   `name:"public-url" placeholder:"URL" help:"Where browsers reach the sandbox; default: where the API was reached."`
	Keys      []string `placeholder:"KEY" help:"Accept only this secret key (repeatable); default: every well-formed one."`
	ShopName  string   `placeholder:"NAME" help:"What the hosted page calls the shop."`
	AnyAmount bool     `help:"Accept orders whose amount is not the sum of their items."`
	State     string   `placeholder:"FILE" help:"Keep the books here; they outlive a kill of the process. Default: nowhere."`
	TLSCert   string   `name:"tls-cert" placeholder:"FILE" help:"Serve HTTPS with this certificate (PEM); needs --tls-key."`
	TLSKey    string   `name:"tls-key" placeholder:"FILE" help:"The certificate's private key (PEM)."`
	Output    string   `enum:"text,json" default:"text" help:"How to print the address: text or json."`
}

// ready is what the world needs to know once the sandbox answers.
type ready struct {
	URL    string `json:"url"`
	SimURL string `json:"sim_url"` // where it speaks conformance.sim/v1
	PID    int    `json:"pid"`
}

// run is the program. It returns the exit code: 0 after an orderly stop, 1 when
// something failed, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, code, done := parse(args, stdout, stderr)
	if done {
		return code
	}
	if err := serve(ctx, opts, stdout, stderr); err != nil {
		_, _ = fmt.Fprintln(stderr, "smartpay-sandbox:", err)
		return 1
	}
	return 0
}

// parse reads the command line. Done is true when there is nothing left to do.
func parse(args []string, stdout, stderr io.Writer) (opts options, code int, done bool) {
	exited := -1
	parser, err := kong.New(&opts,
		kong.Name("smartpay-sandbox"),
		kong.Description("A stand-in Smartpay: API, hosted page, webhooks, and controls under /_sandbox/. No money moves."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "smartpay-sandbox:", err)
		return opts, 1, true
	}
	_, err = parser.Parse(args)
	switch {
	case exited >= 0: // --help has been printed
		return opts, exited, true
	case err == nil && (opts.TLSCert == "") != (opts.TLSKey == ""):
		err = errors.New("--tls-cert and --tls-key go together")
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "smartpay-sandbox:", err)
		return opts, 2, true
	}
	return opts, 0, false
}

// roomy is the memory the program tries to stay within, so that a million
// orders fit into 2 GiB. GOMEMLIMIT, where it is set, is heeded instead.
const roomy = 1792 << 20

// serve answers until ctx ends, then stops within [stopWithin].
func serve(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(roomy)
	}
	listener, scheme, err := listen(ctx, opts)
	if err != nil {
		return err
	}
	stand := sandbox.New(sandbox.Config{
		Seed: opts.Seed, PublicURL: opts.PublicURL, Keys: opts.Keys, ShopName: opts.ShopName,
		AllowAmountMismatch: opts.AnyAmount,
		Log:                 slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	if opts.State != "" {
		if err := stand.Keep(opts.State); err != nil {
			return errors.Join(err, listener.Close(), stand.Close(ctx))
		}
	}
	server := &http.Server{Handler: stand, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	url := scheme + listener.Addr().String()
	err = announce(opts, ready{URL: url, SimURL: url + sandbox.SimPath, PID: os.Getpid()}, stdout)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	return errors.Join(err, stop(server, stand))
}

// listen opens the address, with TLS where a certificate is given.
func listen(ctx context.Context, opts options) (listener net.Listener, scheme string, err error) {
	if opts.TLSCert == "" {
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", opts.Listen)
		return listener, "http://", err
	}
	certificate, err := tls.LoadX509KeyPair(opts.TLSCert, opts.TLSKey)
	if err != nil {
		return nil, "", err
	}
	listener, err = new(net.ListenConfig).Listen(ctx, "tcp", opts.Listen)
	if err != nil {
		return nil, "", err
	}
	return tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}), "https://", nil
}

// stop ends both halves: first the sandbox, which lets go of requests that a
// fault holds back, then the listener. What still goes on after [stopWithin] is
// cut off.
func stop(server *http.Server, stand *sandbox.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := stand.Close(ctx)
	if server.Shutdown(ctx) != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}

func announce(opts options, r ready, stdout io.Writer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if opts.ReadyFile != "" {
		if err := writeWhole(opts.ReadyFile, append(text, '\n')); err != nil {
			return fmt.Errorf("ready file: %w", err)
		}
	}
	if opts.Output == "json" {
		_, err = fmt.Fprintln(stdout, string(text))
	} else {
		_, err = fmt.Fprintf(stdout, "Smartpay sandbox (no money moves) on %s\n", r.URL)
	}
	return err
}

// writeWhole puts a file in place at once: a reader sees all of it or none.
func writeWhole(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
