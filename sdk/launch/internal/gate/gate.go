// Package gate is the one way out of a confined connector: an HTTP proxy on a local
// socket in the connector's own directory, which knows CONNECT and nothing else.
//
// Where a connection may go and how it is made is for whoever opens the gate to
// decide. The gate bounds what a connector can ask of it: the size and the time of a
// request, and how many connections there are at once. What passes is not looked at.
package gate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// maxOpen is how many connections may be open at once.
	maxOpen     = 2048
	askTimeout  = 5 * time.Second
	dialTimeout = 15 * time.Second
	maxAsk      = 8 << 10
)

// A Dial connects to a host:port, or says why not. It is called concurrently.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// ErrForbidden is why a connection that is not allowed is not made.
var ErrForbidden = errors.New("not allowed")

// A Gate is open from Open until Close.
type Gate struct {
	dial     Dial
	listener net.Listener
	ctx      context.Context // done when the gate closes
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{} // of both ends
	closed bool
}

// Open listens at path, which only this user may connect to. The caller closes the Gate.
func Open(path string, dial Dial) (*Gate, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	g := &Gate{dial: dial, listener: listener, open: make(map[net.Conn]struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.work.Go(g.accept)
	return g, nil
}

// Close cuts every connection and waits until nothing of the gate is left.
func (g *Gate) Close() error {
	g.mu.Lock()
	again := g.closed
	g.closed = true
	for conn := range g.open {
		_ = conn.Close() // who reads or writes there is told
	}
	g.mu.Unlock()
	g.cancel()
	var err error
	if !again {
		err = g.listener.Close()
	}
	g.work.Wait()
	return err
}

func (g *Gate) accept() {
	for {
		conn, err := g.listener.Accept()
		if err != nil {
			if g.ctx.Err() != nil {
				return
			}
			time.Sleep(time.Millisecond) // out of descriptors: some will be closed
			continue
		}
		if g.track(conn) {
			g.work.Go(func() {
				defer g.release(conn)
				g.serve(conn)
			})
		}
	}
}

// track takes note of a connection, to cut it when the gate closes. One too many, or
// too late, is closed.
func (g *Gate) track(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.open) >= 2*maxOpen {
		_ = conn.Close()
		return false
	}
	g.open[conn] = struct{}{}
	return true
}

func (g *Gate) release(conn net.Conn) {
	_ = conn.Close() // for the second time, often
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, conn)
}

// serve is the life of one connection. A connector that does not hear the answer has
// gone: there is nobody to tell of errors.
func (g *Gate) serve(in net.Conn) {
	_ = in.SetDeadline(time.Now().Add(askTimeout))
	address, status, why := ask(in)
	if status != 0 {
		refuse(in, status, why)
		return
	}
	_ = in.SetDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(g.ctx, dialTimeout)
	defer cancel()
	out, err := g.dial(ctx, address)
	if err != nil {
		refuse(in, statusOf(err), err.Error())
		return
	}
	if !g.track(out) {
		refuse(in, http.StatusServiceUnavailable, "too many connections")
		return
	}
	defer g.release(out)
	if _, err := io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n"); err == nil {
		pass(in, out)
	}
}

// ask reads where to. Nothing may follow before the answer.
func ask(in net.Conn) (address string, status int, why string) {
	limited := &io.LimitedReader{R: in, N: maxAsk}
	reader := bufio.NewReader(limited)
	r, err := http.ReadRequest(reader)
	switch {
	case err != nil && limited.N == 0:
		return "", http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("at most %d bytes", maxAsk)
	case err != nil:
		return "", http.StatusBadRequest, "not a request: " + err.Error()
	case r.Method != http.MethodConnect:
		return "", http.StatusMethodNotAllowed, "this is a way out, which knows CONNECT alone"
	case reader.Buffered() > 0:
		return "", http.StatusBadRequest, "data before the answer"
	}
	if _, _, err := net.SplitHostPort(r.Host); err != nil {
		return "", http.StatusBadRequest, "where to? give host:port"
	}
	return r.Host, 0, ""
}

func refuse(in net.Conn, status int, why string) {
	_ = in.SetDeadline(time.Now().Add(askTimeout))
	_, _ = fmt.Fprintf(in, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(why), why)
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// pass copies both ways until both have ended.
func pass(in, out net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { oneWay(in, out) })
	both.Go(func() { oneWay(out, in) })
	both.Wait()
}

// oneWay copies and then tells the other end that no more will come. How a copy ended
// is seen by whoever reads at its end.
func oneWay(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	_, _ = to.Close(), from.Close()
}
