package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	proxyLook    = 200 * time.Millisecond // between two looks whether a host is ready
	proxyPatient = 2 * time.Second        // for the answer to one, and for a connection
)

// A proxy spreads requests over hosts: each to the next one that says that it is ready.
// A request whose connection was refused goes on to the next host, each host once. One
// that a host may have received is never sent again: that is for whoever made it, who
// knows its Idempotency-Key.
type proxy struct {
	mu    sync.RWMutex
	hosts []*backend
	next  atomic.Uint64

	transport *http.Transport
	handler   *httputil.ReverseProxy
}

// A backend is one host behind a proxy.
type backend struct {
	api   *url.URL
	admin string
	ready atomic.Bool
}

func newProxy() *proxy {
	p := &proxy{transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: proxyPatient}).DialContext,
		MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}
	p.handler = &httputil.ReverseProxy{
		Transport:    p,
		ErrorHandler: p.unanswered,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
	}
	return p
}

// add puts a host behind the proxy.
func (p *proxy) add(api, admin string) error {
	u, err := url.Parse(api)
	if err != nil {
		return err
	}
	b := &backend{api: u, admin: admin}
	b.ready.Store(true) // it says so when it is added
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = append(p.hosts, b)
	return nil
}

// replace says that a host has come back elsewhere.
func (p *proxy) replace(i int, api, admin string) error {
	u, err := url.Parse(api)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts[i] = &backend{api: u, admin: admin}
	return nil
}

// all returns the hosts, beginning with the one whose turn it is.
func (p *proxy) all() []*backend {
	p.mu.RLock()
	defer p.mu.RUnlock()
	n := len(p.hosts)
	if n == 0 {
		return nil
	}
	first := int(p.next.Add(1) % uint64(n)) //nolint:gosec // less than n, which is an int
	return append(append([]*backend{}, p.hosts[first:]...), p.hosts[:first]...)
}

// errNobody means that no host can be reached.
var errNobody = errors.New("no host is ready")

// RoundTrip implements [http.RoundTripper].
func (p *proxy) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	if req.Body != nil {
		defer req.Body.Close()
		out.Body = kept{req.Body} // an attempt that fails closes it
	}
	refused := errNobody
	for _, b := range p.all() {
		if !b.ready.Load() {
			continue
		}
		out.URL.Scheme, out.URL.Host = b.api.Scheme, b.api.Host
		res, err := p.transport.RoundTrip(out)
		if err == nil || !unconnected(err) {
			return res, err
		}
		b.ready.Store(false)
		refused = err
	}
	return nil, refused
}

// kept is a body that outlives an attempt to send it.
type kept struct{ io.Reader }

func (kept) Close() error { return nil }

// unconnected reports whether nothing can have been received.
func unconnected(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// unanswered tells a client that a request came to nothing, or that nobody knows.
func (p *proxy) unanswered(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, errNobody) || unconnected(err) {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(status), status)
}

// watch keeps looking which hosts are ready, until ctx ends.
func (p *proxy) watch(ctx context.Context) {
	client := &http.Client{Timeout: proxyPatient}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(proxyLook)
	defer tick.Stop()
	for {
		var looks sync.WaitGroup
		for _, b := range p.all() {
			looks.Go(func() { b.ready.Store(isReady(ctx, client, b.admin)) })
		}
		looks.Wait()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func isReady(ctx context.Context, client *http.Client, admin string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// serve answers on l until ctx ends.
func (p *proxy) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: p.handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	var watching sync.WaitGroup
	watching.Go(func() { p.watch(ctx) })
	defer watching.Wait()
	defer p.transport.CloseIdleConnections()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // what it cuts is cut anyway
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
