// Package badnet is a server on a real socket that misbehaves as told, for tests of
// code that must know what became of a request. It reads whole HTTP/1.1 requests and
// counts them, so that a test can ask how often something was really sent; what it
// sends back is bytes, not HTTP, so that nothing stops it from being wrong.
//
// It is for tests only and understands nothing of what it is asked.
package badnet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Deed is what the server does on a connection once it has read a request. It
// returns whether the connection may be used again; if not, the server closes it.
type Deed func(c *Conn) (keep bool)

// A Conn is a connection on which a request has been read.
type Conn struct {
	net.Conn
	over <-chan struct{} // closed when the test ends
}

// A Server answers the n-th request with its n-th deed, and all further ones with
// the last.
type Server struct {
	Addr string

	arrived chan struct{}
	mu      sync.Mutex
	deeds   []Deed
	seen    []Seen
}

// Seen is a request that arrived whole.
type Seen struct {
	Method string
	Path   string
	Header http.Header
	Body   string
}

// Start serves until the test ends.
func Start(t testing.TB, deeds ...Deed) *Server {
	t.Helper()
	ln := listen(t)
	s := &Server{Addr: ln.Addr().String(), deeds: deeds, arrived: make(chan struct{}, 1)}
	over := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { s.accept(ln, &all, over) })
	t.Cleanup(func() {
		close(over)
		_ = ln.Close()
		all.Wait()
	})
	return s
}

// URL is the base URL.
func (s *Server) URL() string { return "http://" + s.Addr }

// Seen returns the requests that arrived whole, in order.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Seen(nil), s.seen...)
}

// Await waits until a request has arrived, and fails the test if none does before
// ctx ends.
func (s *Server) Await(ctx context.Context, t testing.TB) {
	t.Helper()
	select {
	case <-s.arrived:
	case <-ctx.Done():
		t.Fatal("no request has arrived")
	}
}

func (s *Server) accept(ln net.Listener, all *sync.WaitGroup, over <-chan struct{}) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		all.Go(func() { s.serve(&Conn{Conn: conn, over: over}) })
	}
}

func (s *Server) serve(c *Conn) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.over:
		case <-done:
		}
		_ = c.Close()
	})
	defer watch.Wait()
	defer close(done)
	in := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		if !s.take(Seen{Method: req.Method, Path: req.URL.RequestURI(), Header: req.Header, Body: string(body)})(c) {
			return
		}
	}
}

// take records a request and picks its deed.
func (s *Server) take(seen Seen) Deed {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, seen)
	select {
	case s.arrived <- struct{}{}:
	default: // nobody has fetched the news of an earlier one
	}
	return s.deeds[min(len(s.seen), len(s.deeds))-1]
}

// Reply answers properly. Headers are lines such as "Retry-After: 3".
func Reply(status int, body string, headers ...string) Deed {
	return func(c *Conn) bool {
		_, err := io.WriteString(c, head(status, len(body), headers)+body)
		return err == nil
	}
}

// Cut promises the whole body and sends only the first n bytes of it.
func Cut(status int, body string, n int) Deed {
	return func(c *Conn) bool {
		_, _ = io.WriteString(c, head(status, len(body), nil)+body[:n])
		return false
	}
}

// Raw sends text as it is and hangs up.
func Raw(text string) Deed {
	return func(c *Conn) bool {
		_, _ = io.WriteString(c, text)
		return false
	}
}

// Drip answers with one byte of body at a time, every so often, for as long as the
// other side stays.
func Drip(status int, body string, every time.Duration) Deed {
	return func(c *Conn) bool {
		if _, err := io.WriteString(c, head(status, len(body), nil)); err != nil {
			return false
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range len(body) {
			select {
			case <-tick.C:
			case <-c.over:
				return false
			}
			if _, err := io.WriteString(c, body[i:i+1]); err != nil {
				return false
			}
		}
		return true
	}
}

// Hang never answers. It returns when the test ends.
func Hang(c *Conn) bool {
	<-c.over
	return false
}

// HangUp closes the connection without a word.
func HangUp(*Conn) bool { return false }

// Reset ends the connection with a TCP reset.
func Reset(c *Conn) bool {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return false
}

// Refused returns an address on which nobody listens.
func Refused(t testing.TB) string {
	t.Helper()
	ln := listen(t)
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return addr
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	return ln
}

func head(status, length int, headers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		status, http.StatusText(status), length)
	for _, line := range headers {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}
