package gate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/sdk/internal/tunnel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// open opens a gate whose dial is given, and returns a way to dial the gate.
func open(t *testing.T, dial Dial) (*Gate, func() net.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // the path must be short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	g, err := Open(path, dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g, func() net.Conn {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// echo answers each connection with what it gets until the other side ends, and then
// with a word of its own.
func echo(t *testing.T) Dial {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
				io.WriteString(conn, " and goodbye")
			}()
		}
	}()
	return func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}
}

func TestBothDirectionsPassToTheirEnds(t *testing.T) {
	_, dial := open(t, echo(t))
	conn, err := tunnel.Open(t.Context(), dial(), "provider.example:443", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("a line of a request\n", 50_000)
	go func() {
		io.WriteString(conn, text)
		conn.(*net.UnixConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != text+" and goodbye" {
		t.Errorf("got %d bytes, %v, want %d: a direction that ended must not end the other", len(got), err, len(text)+12)
	}
}

func TestWhatIsNotAskedForProperlyIsRefused(t *testing.T) {
	forbidden := func(context.Context, string) (net.Conn, error) { return nil, fmt.Errorf("x: %w", ErrForbidden) }
	unreachable := func(context.Context, string) (net.Conn, error) { return nil, errors.New("no route") }
	late := func(context.Context, string) (net.Conn, error) { return nil, context.DeadlineExceeded }
	tests := map[string]struct {
		dial Dial
		ask  string
		want string
	}{
		"another method":      {forbidden, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
		"no port":             {forbidden, "CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"not allowed":         {forbidden, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "403"},
		"not reached":         {unreachable, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "502"},
		"not reached in time": {late, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", "504"},
		"no HTTP":             {forbidden, "hello\r\n\r\n", "400"},
		"a header too large":  {forbidden, "CONNECT x:1 HTTP/1.1\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "431"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, dial := open(t, tt.dial)
			conn := dial()
			go io.WriteString(conn, tt.ask) // the gate may hang up before all of it was read
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.Contains(line, tt.want) {
				t.Errorf("answer %q, %v, want %s", line, err, tt.want)
			}
		})
	}
}

func TestAClosedGateCutsWhatPasses(t *testing.T) {
	g, dial := open(t, echo(t))
	conn, err := tunnel.Open(t.Context(), dial(), "provider.example:443", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v, want that the connection was cut", err)
	}
}

func TestAClosedGateWaitsForNoDial(t *testing.T) {
	dialling := make(chan struct{})
	g, dial := open(t, func(ctx context.Context, _ string) (net.Conn, error) {
		close(dialling)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	go io.WriteString(dial(), "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")
	<-dialling
	closed := make(chan error, 1)
	go func() { closed <- g.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("a gate that dials is not closed")
	}
}

func TestOnlyThisUserMayUseTheGate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	g, err := Open(path, echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}
