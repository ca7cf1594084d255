// Package sdktest serves a connector in memory and dials it, for the tests of its
// author.
//
// The connector is reached through the wire format, the conversions and the guard
// that a plugin process has, so that a test sees what a host would see. There is no
// process, no socket and no TLS: those are package launch's to test.
package sdktest

import (
	"context"
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
// test at once if c's manifest is not one that a host can use.
//
// When the test ends, calls still running are told so through their context and waited
// for; one that does not return within ten seconds fails the test.
func Connect(t testing.TB, c sdk.Connector) sdk.Remote {
	t.Helper()
	server := grpc.NewServer(grpc.MaxRecvMsgSize(wire.MaxRequest), grpc.WaitForHandlers(true))
	if err := wire.Register(server, c); err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(buffer)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { stop(t, server, served) })

	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn, err := grpc.NewClient("passthrough:///sdktest", append(wire.DialOptions(maxReply),
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	return wire.NewClient(conn)
}

// stop ends the server and waits for its goroutines.
func stop(t testing.TB, server *grpc.Server, served <-chan error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Stop()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Errorf("a call of the connector is still running %v after the test: it must return when its context ends", patience)
		return
	}
	if err := <-served; err != nil {
		t.Errorf("serving the connector: %v", err)
	}
}
