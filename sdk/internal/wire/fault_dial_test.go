package wire

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// A mishap is what befalls a connection to a plugin. It does nothing before it is armed,
// and counts from there.
type mishap struct {
	armed atomic.Bool

	// writes may be so many bytes, and reads; negative means as many as there are.
	writes, reads int
	// then is what happens at the next byte; nil closes the connection.
	then func(net.Conn)
	// garbage is read in the place of what the plugin sends, and garbles written in the
	// place of what the host sends.
	garbage, garbles []byte
	// holds is closed when reads go on, and stuck when writes do. Nil holds nothing.
	holds, stuck chan struct{}
}

// whole is a mishap that has yet to be made one.
func whole() *mishap { return &mishap{writes: -1, reads: -1} }

// A faultyConn is the host's end of a connection that a mishap befalls.
type faultyConn struct {
	*net.UnixConn
	m *mishap

	mu            sync.Mutex
	written, read int
	fell          bool
}

// carries reports whether what is written holds a part of a request itself: frames of
// data. Headers alone may be refused before the request has left, which then is known.
func carries(p []byte) bool {
	const frameHeader, data = 9, 0
	for len(p) >= frameHeader {
		if p[3] == data {
			return true
		}
		p = p[min(len(p), frameHeader+int(p[0])<<16+int(p[1])<<8+int(p[2])):]
	}
	return false
}

// Write writes what may be written, and then lets the mishap happen.
func (c *faultyConn) Write(p []byte) (int, error) {
	if !c.m.armed.Load() {
		return c.UnixConn.Write(p)
	}
	if c.m.stuck != nil {
		<-c.m.stuck
	}
	if c.m.garbles != nil && carries(p) {
		_, err := c.UnixConn.Write(c.m.garbles)
		return len(p), err
	}
	c.mu.Lock()
	left := len(p)
	if c.m.writes >= 0 {
		left = min(left, c.m.writes-c.written)
	}
	c.written += left
	c.mu.Unlock()
	n, err := c.UnixConn.Write(p[:left])
	if left < len(p) && err == nil {
		c.fall()
		return n, errors.New("cut while writing")
	}
	return n, err
}

// Read reads what may be read, and then lets the mishap happen.
func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.UnixConn.Read(p)
	if err != nil || !c.m.armed.Load() {
		return n, err
	}
	if c.m.holds != nil {
		<-c.m.holds
	}
	if c.m.garbage != nil {
		return copy(p, c.m.garbage), nil
	}
	c.mu.Lock()
	left := n
	if c.m.reads >= 0 {
		left = min(left, c.m.reads-c.read)
	}
	c.read += left
	c.mu.Unlock()
	if left < n {
		c.fall()
		return left, errors.New("cut while reading")
	}
	return n, nil
}

// fall lets the mishap happen, once.
func (c *faultyConn) fall() {
	c.mu.Lock()
	fell := c.fell
	c.fell = true
	c.mu.Unlock()
	switch {
	case fell:
	case c.m.then != nil:
		c.m.then(c.UnixConn)
	default:
		_ = c.UnixConn.Close() // whatever it says, it is what was wanted
	}
}

// shortDir is a directory for a socket, whose path t.TempDir would make too long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wf") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A wreck is a plugin behind a real socket, and the mishap of the first connection to
// it. Further connections are sound, or refused.
type wreck struct {
	*Client
	refunds atomic.Int64 // requests that reached the plugin
	reached func()       // is called by each
}

func wrecked(t *testing.T, m *mishap, again bool) *wreck {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(shortDir(t), "plugin"))
	if err != nil {
		t.Fatal(err)
	}
	w := &wreck{reached: func() {}}
	server := grpc.NewServer(grpc.WaitForHandlers(true))
	pb.RegisterConnectorServer(server, plugin{refund: func(context.Context, *pb.RefundRequest) (*pb.RefundResponse, error) {
		w.refunds.Add(1)
		w.reached()
		return &pb.RefundResponse{Refund: "refund-1", Answer: &pb.Answer{Outcome: pb.Outcome_OUTCOME_SUCCEEDED}}, nil
	}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	var dials atomic.Int64
	w.Client = NewClient(over(t, func(ctx context.Context) (net.Conn, error) {
		n := dials.Add(1)
		if n > 1 && !again {
			return nil, errors.New("connection refused")
		}
		conn, err := new(net.Dialer).DialContext(ctx, "unix", listener.Addr().String())
		unix, ok := conn.(*net.UnixConn)
		if err != nil || n > 1 || !ok {
			return conn, err
		}
		return &faultyConn{UnixConn: unix, m: m}, nil
	}, DialOptions(maxReply)))
	return w
}

// judge is the law of evidence: what reached the plugin is never said not to have been
// attempted, never made twice, and never said to have succeeded without its answer.
func (w *wreck) judge(t *testing.T, res sdk.RefundResult, err error) {
	t.Helper()
	reached := w.refunds.Load()
	outcome := res.Outcome
	if err != nil && sdk.AsError(err).Outcome() != outcome {
		t.Errorf("%v means %v, the answer says %v", err, sdk.AsError(err).Outcome(), outcome)
	}
	switch {
	case reached > 1:
		t.Errorf("the request reached the plugin %d times", reached)
	case outcome == sdk.OutcomeNotAttempted && reached > 0:
		t.Errorf("the request reached the plugin and is said not to have been sent: %v", err)
	case outcome == sdk.OutcomeSucceeded && (reached == 0 || res.Refund != "refund-1" || err != nil):
		t.Errorf("success without its answer: %+v, %v", res, err)
	case outcome != sdk.OutcomeSucceeded && outcome != sdk.OutcomeNotAttempted && outcome != sdk.OutcomeUnknown:
		t.Errorf("outcome %v of a connection that failed: %v", outcome, err)
	}
}

// A cut at any byte of what the host sends, and at any byte of what it reads, whether a
// further connection can be made or not. Mutation: to take a cut for "not sent", or to
// send again what was cut.
func TestACutAtAnyByte(t *testing.T) {
	halfClose := func(c net.Conn) {
		if unix, ok := c.(*net.UnixConn); ok {
			_ = unix.CloseWrite() // the plugin reads an end, and the host may go on reading
		}
	}
	tests := map[string]struct {
		cut   func(at int) *mishap
		again bool
	}{
		"of what is sent, nobody listens again":   {func(at int) *mishap { return &mishap{writes: at, reads: -1} }, false},
		"of what is sent, somebody does":          {func(at int) *mishap { return &mishap{writes: at, reads: -1} }, true},
		"of what is sent, half of it closed":      {func(at int) *mishap { return &mishap{writes: at, reads: -1, then: halfClose} }, true},
		"of what is read, nobody listens again":   {func(at int) *mishap { return &mishap{writes: -1, reads: at} }, false},
		"of what is read, somebody listens again": {func(at int) *mishap { return &mishap{writes: -1, reads: at} }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seen := map[sdk.Outcome]int{}
			for at, whole := 0, 0; whole < 3; at++ {
				if at > 2000 {
					t.Fatal("a call never gets through")
				}
				m := tt.cut(at)
				w := wrecked(t, m, tt.again)
				if _, err := w.Describe(t.Context()); err != nil {
					t.Fatal(err)
				}
				m.armed.Store(true)
				res, err := w.Refund(t.Context(), sdk.RefundRequest{Order: "order-1"})
				if w.judge(t, res, err); t.Failed() {
					t.Fatalf("cut at byte %d", at)
				}
				if seen[res.Outcome]++; res.Outcome == sdk.OutcomeSucceeded {
					whole++
				}
			}
			t.Log(seen)
		})
	}
}

// What is cut before a request could be sent is known not to have been.
func TestACutInTheGreeting(t *testing.T) {
	for at := range 24 { // of the client's preface, which has 24 bytes
		m := &mishap{writes: at, reads: -1}
		m.armed.Store(true)
		w := wrecked(t, m, false)
		res, err := w.Refund(t.Context(), sdk.RefundRequest{Order: "order-1"})
		w.judge(t, res, err)
		if res.Outcome != sdk.OutcomeNotAttempted {
			t.Errorf("cut at byte %d: %v, want it known that nothing was sent", at, err)
		}
	}
}

// What the host may call not sent, and what it must call unknown.
func TestMishapsAreClassified(t *testing.T) {
	frame := func(length int, kind, flags byte, stream int, payload string) string {
		return string([]byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags,
			0, 0, 0, byte(stream)}) + payload
	}
	const (
		onceDialled = "once it is dialled"
		onceUsed    = "once it was used"
		onceReached = "once the request reached the plugin"
	)
	tests := map[string]struct {
		make    func(*mishap)
		when    string // it befalls the connection
		timeout time.Duration
		code    sdk.Code
		outcome sdk.Outcome
	}{
		"silence after dialling": {
			func(m *mishap) { m.holds = make(chan struct{}) }, onceDialled, 50 * time.Millisecond,
			sdk.CodeExpiredInQueue, sdk.OutcomeNotAttempted,
		},
		"writes that stick after dialling": {
			func(m *mishap) { m.stuck = make(chan struct{}) }, onceDialled, 50 * time.Millisecond,
			sdk.CodeExpiredInQueue, sdk.OutcomeNotAttempted,
		},
		"garbage for a greeting": {
			func(m *mishap) { m.garbage = []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, onceDialled, time.Minute,
			sdk.CodePluginUnavailable, sdk.OutcomeNotAttempted,
		},
		"an answer that is late": {
			func(m *mishap) { m.holds = make(chan struct{}) }, onceReached, 50 * time.Millisecond,
			sdk.CodePluginDeadline, sdk.OutcomeUnknown,
		},
		"a request that sticks": {
			func(m *mishap) { m.stuck = make(chan struct{}) }, onceUsed, 50 * time.Millisecond,
			sdk.CodePluginDeadline, sdk.OutcomeUnknown,
		},
		"garbage for an answer": {
			func(m *mishap) { m.garbage = []byte(strings.Repeat("\xff\x00garbage", 100)) }, onceReached, time.Minute,
			sdk.CodePluginCrash, sdk.OutcomeUnknown,
		},
		"text for an answer": {
			func(m *mishap) { m.garbage = []byte("HTTP/1.1 200 OK\r\n\r\n{}") }, onceReached, time.Minute,
			sdk.CodePluginCrash, sdk.OutcomeUnknown,
		},
		"a frame larger than any": {
			func(m *mishap) { m.garbage = []byte(frame(1<<24-1, 0, 0, 3, "x")) }, onceReached, time.Minute,
			sdk.CodePluginCrash, sdk.OutcomeUnknown,
		},
		"headers that cannot be unpacked": {
			func(m *mishap) { m.garbage = []byte(frame(3, 1, 4, 3, "\xff\xff\xff")) }, onceReached, time.Minute,
			sdk.CodePluginCrash, sdk.OutcomeUnknown,
		},
		"a request that arrives garbled": {
			func(m *mishap) { m.garbles = []byte(strings.Repeat("\x00", 64)) }, onceUsed, time.Minute,
			sdk.CodePluginCrash, sdk.OutcomeUnknown,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := whole()
			tt.make(m)
			w := wrecked(t, m, false)
			t.Cleanup(func() { release(m) })
			if tt.when != onceDialled {
				if _, err := w.Describe(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if tt.when == onceReached {
				w.reached = func() { m.armed.Store(true) }
			} else {
				m.armed.Store(true)
			}
			ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
			defer cancel()
			res, err := w.Refund(ctx, sdk.RefundRequest{Order: "order-1"})
			w.judge(t, res, err)
			expect(t, res, err, tt.code, tt.outcome)
		})
	}
}

// release lets what a mishap holds go on.
func release(m *mishap) {
	for _, c := range []chan struct{}{m.holds, m.stuck} {
		if c != nil {
			close(c)
		}
	}
}
