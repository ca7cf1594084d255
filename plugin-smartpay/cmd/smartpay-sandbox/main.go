// Command smartpay-sandbox is a stand-in Smartpay: its API, its hosted page and
// its webhooks, on one address, with controls under /_sandbox/. No money moves.
// It runs until it gets SIGINT or SIGTERM.
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
