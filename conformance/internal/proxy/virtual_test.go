package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network whose waits are virtual.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*pipeListener
}

type pipeListener struct {
	addr   pipeAddr
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type pipeAddr string

func (a pipeAddr) Network() string { return "pipe" }
func (a pipeAddr) String() string  { return string(a) }

// pipeConn tells its peer's address, which a pipe alone does not.
type pipeConn struct {
	net.Conn
	from pipeAddr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.from }

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.queue:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return l.addr }

func (p *pipes) listen(addr string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listeners == nil {
		p.listeners = map[string]*pipeListener{}
	}
	l := &pipeListener{addr: pipeAddr(addr), queue: make(chan net.Conn), closed: make(chan struct{})}
	p.listeners[addr] = l
	return l, nil
}

func (p *pipes) dial(ctx context.Context, addr string, tell func(string)) (net.Conn, error) {
	p.mu.Lock()
	l := p.listeners[addr]
	p.mu.Unlock()
	near, far := net.Pipe()
	from := pipeAddr("connector")
	if tell != nil {
		from = "probe"
		tell(string(from))
	}
	select {
	case l.queue <- pipeConn{far, from}:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) hold(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// virtual runs a test in a bubble where time passes when everybody waits.
func virtual(t *testing.T, handle http.HandlerFunc, f func(t *testing.T, p *Proxy, c *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		ground := &pipes{}
		ln, err := ground.listen("provider")
		if err != nil {
			t.Fatal(err)
		}
		if handle == nil {
			handle = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, said) }
		}
		up := &http.Server{Handler: handle}
		var serving sync.WaitGroup
		serving.Go(func() { _ = up.Serve(ln) })
		p, err := open(ground, "provider")
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return ground.dial(ctx, addr, nil)
		}}
		f(t, p, &http.Client{Transport: transport})
		transport.CloseIdleConnections()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = up.Close()
		serving.Wait()
	})
}

func TestADelayIsAsLongAsItSays(t *testing.T) {
	acted := time.Time{}
	handle := func(w http.ResponseWriter, _ *http.Request) {
		acted = time.Now()
		_, _ = io.WriteString(w, said)
	}
	virtual(t, handle, func(t *testing.T, p *Proxy, c *http.Client) {
		if err := p.Break(Fault{What: Delay, Wait: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got := ask(t.Context(), c, http.MethodPost, p.URL(), "x")
		if got.err != nil || got.body != said || time.Since(began) != 30*time.Second || !acted.Equal(began) {
			t.Errorf("after %v, having acted after %v: %+v", time.Since(began), acted.Sub(began), got)
		}
	})
}

func TestAConnectorMayLeaveADelay(t *testing.T) {
	virtual(t, nil, func(t *testing.T, p *Proxy, c *http.Client) {
		if err := p.Break(Fault{What: Delay, Wait: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		got := ask(ctx, c, http.MethodPost, p.URL(), "x")
		settle(t, p)
		x := p.Exchanges()[0]
		if !errors.Is(got.err, context.DeadlineExceeded) || x.End != Left || x.Forwarded != 1 || x.Ended.Sub(x.Began) != 5*time.Second {
			t.Errorf("the client saw %+v, exchange is %+v", got, x)
		}
	})
}

func TestAConnectorThatLeftIsToldNothing(t *testing.T) {
	slow := func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(10 * time.Second)
		_, _ = io.WriteString(w, said)
	}
	virtual(t, slow, func(t *testing.T, p *Proxy, c *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if got := ask(ctx, c, http.MethodPost, p.URL(), "x"); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("the client saw %+v", got)
		}
		settle(t, p)
		x := p.Exchanges()[0]
		if x.End != Left || x.Answer.Status != 0 || x.Answer.Length != 0 || !x.Upstream[0].Complete || x.Trouble != nil {
			t.Errorf("exchange is %+v", x)
		}
	})
}

func TestADripIsAsSlowAsItSays(t *testing.T) {
	tests := map[string]struct {
		method string
		rate   int64
		takes  time.Duration
		body   string
	}{
		"a byte each second":    {http.MethodPost, 1, time.Duration(len(said)) * time.Second, said},
		"a hundred each second": {http.MethodPost, 100, 400 * time.Millisecond, said},
		"an answer of no body":  {http.MethodHead, 10, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, nil, func(t *testing.T, p *Proxy, c *http.Client) {
				if err := p.Break(Fault{What: Drip, Bytes: tt.rate}); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				got := ask(t.Context(), c, tt.method, p.URL(), "")
				took := time.Since(began)
				if got.err != nil || got.status != 200 || got.body != tt.body {
					t.Errorf("the client saw %+v", got)
				}
				if tt.takes == 0 && took < 10*time.Second || tt.takes != 0 && took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
				settle(t, p)
				if x := p.Exchanges()[0]; x.Answer.Status != 200 || string(x.Answer.Body) != tt.body || x.End != Answered {
					t.Errorf("exchange is %+v", x)
				}
			})
		})
	}
}

func TestNothingLastsLongerThanTheLimit(t *testing.T) {
	long := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) }
	silent := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else net/http does not notice who leaves
		<-r.Context().Done()
	}
	tests := map[string]struct {
		handle  http.HandlerFunc
		fault   Fault
		end     End
		trouble bool
	}{
		"a hang":                     {long, Fault{What: Hang}, Closed, false},
		"a hang after acting":        {long, Fault{What: ActThenHang}, Closed, false},
		"a drip":                     {long, Fault{What: Drip, Bytes: 1}, Closed, false},
		"a provider that is silent":  {silent, Fault{}, Reset, true},
		"a silent provider and more": {silent, Fault{What: Truncate}, Reset, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, tt.handle, func(t *testing.T, p *Proxy, c *http.Client) {
				if tt.fault.What != "" {
					if err := p.Break(tt.fault); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				got := ask(t.Context(), c, http.MethodPost, p.URL(), "x")
				if took := time.Since(began); got.err == nil || took != Limit {
					t.Errorf("after %v the client saw %+v", took, got)
				}
				settle(t, p)
				if x := p.Exchanges()[0]; x.End != tt.end || (x.Trouble != nil) != tt.trouble {
					t.Errorf("end %q, trouble %v", x.End, x.Trouble)
				}
			})
		})
	}
}

func TestARequestThatNeverEndsIsCutOff(t *testing.T) {
	virtual(t, nil, func(t *testing.T, p *Proxy, _ *http.Client) {
		nc, err := p.net.dial(t.Context(), p.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		began := time.Now()
		if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(began) != Limit {
			t.Errorf("after %v the connector saw %v", time.Since(began), err)
		}
		settle(t, p)
		if x := p.Exchanges()[0]; x.Trouble == nil || !strings.Contains(x.Trouble.Error(), "not there after 1m0s") {
			t.Errorf("exchange is %+v", x)
		}
	})
}
