// Command reference-provider is the reference connector's provider on its own: API,
// buyers' page, webhooks, /ledger and /control, where the simulator protocol is, on one
// address of this machine. No money moves. It runs until it gets SIGINT or SIGTERM, and
// keeps nothing.
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
