// Package sdktest serves a connector in memory and dials it, for the tests and
// examples of its author.
//
// The connector is reached through the wire format, the conversions and the guard
// that a plugin process has, so that a test sees what a host would see. There is no
// process, no socket and no TLS: those are package launch's to test.
package sdktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
)

const (
	maxReply = 4 << 20 // what a host accepts
	buffer   = 64 << 10
	patience = 10 * time.Second
)

// Connect serves c until the test ends and returns it as a host sees it. It fails the
// test at once if c's manifest is not one that a host can use, and when the test ends
// if closing fails; see [Open].
func Connect(t testing.TB, c sdk.Connector) sdk.Remote {
	t.Helper()
	remote, shut, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shut(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return remote
}

// Open serves c and returns it as a host sees it, where there is no test to end. It
// fails, naming everything that is wrong, if c's manifest is not one that a host can
// use.
//
// The caller must call shut, once. Calls still running are told so through their
// context and waited for; shut fails if one of them has not returned after ten
// seconds, and leaves its goroutine behind.
func Open(c sdk.Connector) (remote sdk.Remote, shut func() error, err error) {
	server := grpc.NewServer(grpc.MaxRecvMsgSize(wire.MaxRequest), grpc.WaitForHandlers(true))
	if err := wire.Register(server, c); err != nil {
		return nil, nil, err
	}
	listener := bufconn.Listen(buffer)
	conn, err := grpc.NewClient("passthrough:///sdktest", append(wire.DialOptions(maxReply),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)...)
	if err != nil {
		return nil, nil, fmt.Errorf("dialling the connector: %w", err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	shut = func() error { return errors.Join(conn.Close(), stop(server, served)) }
	return wire.NewClient(conn), shut, nil
}

// stop ends the server and waits for its goroutines.
func stop(server *grpc.Server, served <-chan error) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Stop()
	}()
	select {
	case <-done:
		if err := <-served; !errors.Is(err, grpc.ErrServerStopped) { // before it began
			return err
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("a call of the connector still runs after %v: it must return when its context ends", patience)
	}
}
