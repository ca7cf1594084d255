package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"
)

// What a proxy bears.
const (
	// Limit bounds the taking of a request, its exchange with the upstream, a fault's
	// wait, and the sending of an answer, each.
	Limit = 60 * time.Second
	// MaxBody bounds a request's body, and an upstream's answer that a fault must read
	// whole.
	MaxBody = 64 << 20
	// MaxRecorded is how much of one body is kept. A proxy keeps 64 of them in all; then
	// it keeps lengths only.
	MaxRecorded = 1 << 20
	// MaxExchanges is how many exchanges a proxy takes in its life.
	MaxExchanges = 1 << 16
	// MaxConnections is how many connections a proxy bears at the same time.
	MaxConnections = 1 << 10
)

// Errors of a proxy.
var (
	ErrClosed = errors.New("the proxy is closed")
	ErrFull   = errors.New("the proxy took as much as it takes")
)

// A Proxy stands before one upstream. It is safe for concurrent use.
type Proxy struct {
	net      network
	upstream string // host:port; empty forwards nothing, ever
	addr     string
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup // one for each connection

	door      sync.Mutex // held to open, shut or try the listener; taken before mu
	listener  net.Listener
	accepting chan struct{} // closed when the listener's loop has ended
	held      io.Closer     // keeps the port while there is no listener
	elsewhere *Proxy        // the witness that redirects lead to

	mu          sync.Mutex
	closed      bool
	detached    bool
	armed       []*armed
	conns       map[*conn]bool
	probes      map[string]chan struct{}
	exchanges   []*Exchange
	connections int
	resets      int
	room        int           // for bodies, in bytes
	changed     chan struct{} // closed and replaced when anything here changes
	trouble     error         // what Close reports
}

// Open starts a proxy before upstream: "http://host:port", without a path.
func Open(upstream string) (*Proxy, error) {
	u, err := url.Parse(upstream)
	switch {
	case err != nil:
		return nil, fmt.Errorf("upstream: %w", err)
	case u.Scheme != "http" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil:
		return nil, fmt.Errorf("upstream is %q, want http://host:port and nothing else", u.Redacted())
	case u.Port() == "":
		u.Host = net.JoinHostPort(u.Hostname(), "80")
	}
	return open(loopback{}, u.Host)
}

// Witness starts a proxy that stands in nobody's place: it takes requests, writes them
// down, and closes the connection.
func Witness() (*Proxy, error) { return open(loopback{}, "") }

func open(ground network, upstream string) (*Proxy, error) {
	p := &Proxy{
		net: ground, upstream: upstream, detached: upstream == "",
		conns: map[*conn]bool{}, probes: map[string]chan struct{}{},
		room: 64 * MaxRecorded, changed: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := p.listen("127.0.0.1:0"); err != nil {
		p.cancel()
		return nil, err
	}
	p.addr = p.listener.Addr().String()
	return p, nil
}

// URL is where the proxy is, as scheme, host and port. It never changes.
func (p *Proxy) URL() string { return "http://" + p.addr }

// Close cuts every connection and waits until nothing of the proxy runs. It reports
// [ErrFull], or a listener that failed: the record may then be short. Closing again does
// nothing more, and reports the same.
func (p *Proxy) Close() error {
	p.door.Lock()
	defer p.door.Unlock()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	if p.listener != nil {
		p.stopListening()
	}
	p.release()
	p.mu.Lock()
	for c := range p.conns {
		reset(c.nc)
	}
	p.mu.Unlock()
	p.running.Wait()
	var err error
	if p.elsewhere != nil {
		err = p.elsewhere.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.trouble, err)
}

// Forward says whether requests are forwarded, as they are at first, or only written
// down: then every request is taken whole and its connection closed without an answer,
// whatever fault there is.
func (p *Proxy) Forward(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detached = !on || p.upstream == ""
}

// listen opens the listener at addr. The door is held, or nobody knows p yet.
func (p *Proxy) listen(addr string) error {
	ln, err := p.net.listen(addr)
	if err != nil && p.held != nil {
		// Some systems let nobody share an address that is held.
		p.release()
		ln, err = p.net.listen(addr)
	}
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	p.release()
	p.listener, p.accepting = ln, make(chan struct{})
	go p.accept(ln, p.accepting)
	return nil
}

// stopListening closes the listener and waits for its loop. The door is held.
func (p *Proxy) stopListening() {
	_ = p.listener.Close() // it is gone either way
	<-p.accepting
	p.listener = nil
}

// release lets go of the port that was held.
func (p *Proxy) release() {
	if p.held != nil {
		_ = p.held.Close() // it is gone either way
		p.held = nil
	}
}

func (p *Proxy) accept(ln net.Listener, done chan<- struct{}) {
	defer close(done)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.fail(fmt.Errorf("accepting: %w", err))
				_ = ln.Close() // whoever connects must not wait for nobody
			}
			return
		}
		p.welcome(nc)
	}
}

// welcome counts a connection, and serves it unless a fault says otherwise.
func (p *Proxy) welcome(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if probed, ok := p.probes[nc.RemoteAddr().String()]; ok {
		delete(p.probes, nc.RemoteAddr().String())
		close(probed)
		_ = nc.Close() // it was never meant to carry anything
		return
	}
	p.connections++
	defer p.signal()
	switch {
	case p.strikeConnection():
		p.resets++
		reset(nc)
	case len(p.conns) >= MaxConnections:
		p.full("%d connections at the same time", MaxConnections)
		reset(nc)
	default:
		c := newConn(p, nc, p.connections)
		p.conns[c] = true
		p.running.Go(c.serve)
	}
}

// fail keeps what Close is to report.
func (p *Proxy) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = errors.Join(p.trouble, err)
}

// full keeps the first limit that was reached. The lock is held.
func (p *Proxy) full(format string, limit int) {
	if !errors.Is(p.trouble, ErrFull) {
		p.trouble = errors.Join(p.trouble, fmt.Errorf("%w: "+format, ErrFull, limit))
	}
}

// signal wakes whoever waits for a change. The lock is held.
func (p *Proxy) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}
