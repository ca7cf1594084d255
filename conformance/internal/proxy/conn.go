package proxy

import (
	"bufio"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// A conn is one connection of the connector.
type conn struct {
	p      *Proxy
	nc     net.Conn
	br     *bufio.Reader
	number int

	// Guarded by p.mu.
	idle    bool // it carries nothing
	telling bool // an answer is being sent that does not end the connection
	doomed  bool // it is to be reset, or was
}

func newConn(p *Proxy, nc net.Conn, number int) *conn {
	return &conn{p: p, nc: nc, br: bufio.NewReader(nc), number: number, idle: true}
}

// serve carries exchanges until the connection ends.
func (c *conn) serve() {
	defer c.p.drop(c)
	defer func() { _ = c.nc.Close() }() // it is gone either way
	for c.next() {
	}
}

// next carries one exchange, and reports whether there may be another.
func (c *conn) next() bool {
	if !c.await() {
		return false
	}
	x := c.p.begin(c)
	if x == nil {
		reset(c.nc)
		return false
	}
	t := &turn{c: c, p: c.p, x: x}
	end := t.run()
	if end == Reset {
		reset(c.nc)
	}
	return c.p.finish(c, x, end, t.keep)
}

// await waits until a request begins, and reports whether one does. It leaves the bytes
// where they are, so that whoever settles can tell that there are some.
func (c *conn) await() bool {
	tcp, ok := c.nc.(*net.TCPConn)
	if !ok || c.br.Buffered() > 0 {
		_, err := c.br.Peek(1)
		return err == nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, failed = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return !errors.Is(failed, syscall.EAGAIN) && !errors.Is(failed, syscall.EINTR)
	})
	return err == nil && failed == nil && n > 0
}

// watch tells when the connector leaves x, and notes it, until stop is called. Nothing else reads from
// the connection meanwhile.
func (c *conn) watch(x *Exchange) (left <-chan struct{}, stop func()) {
	gone, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if _, err := c.br.Peek(1); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			close(gone)
			if c.p.ctx.Err() == nil {
				c.p.note(func() { x.Departed = time.Now() })
			}
		}
	}()
	return gone, func() {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // fails only on a connection that is gone
		<-done
		_ = c.nc.SetReadDeadline(time.Time{})
	}
}
