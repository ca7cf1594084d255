// Command example-pay-simulator is the stand-in for Example Pay as a program: API and
// simulator protocol at one address of this machine. It ends on SIGINT or SIGTERM and
// keeps nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/simulator"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address of this machine to listen on")
	ready := flag.String("ready-file", "", "write one JSON object here when ready, with sim_url")
	key := flag.String("key", "sk_test_0123456789abcdef", "an API key that is known from the start")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, *ready, *key)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "example-pay-simulator:", err)
		os.Exit(1)
	}
}

// stopWithin bounds how long the program takes to stop.
const stopWithin = 3 * time.Second

// run serves until ctx ends.
func run(ctx context.Context, address, ready, key string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: simulator.New(key), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	err = announce("http://"+listener.Addr().String(), ready)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, server.Shutdown(end), server.Close())
}

// announce says where it is: the file appears whole or not at all, because the suite
// reads it as soon as it is there.
func announce(url, ready string) error {
	if _, err := fmt.Println(url); err != nil || ready == "" {
		return err
	}
	text, err := json.Marshal(map[string]string{"url": url, "sim_url": url + simulator.Path})
	if err != nil {
		return err
	}
	if err := os.WriteFile(ready+".part", text, 0o600); err != nil {
		return err
	}
	return os.Rename(ready+".part", ready)
}
