// Command connectord is the payment-connector host and its operator's tool.
//
// "connectord serve" is the daemon; "connectord dev" is the daemon with a stand-in
// Smartpay beside it, ready to take a payment. The other commands ask a running
// daemon over its admin listener. Nothing is printed on standard output but what a
// command was asked for; errors go to standard error and make the exit status 1, wrong
// usage makes it 64.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
