package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is an upstream that counts what it was asked.
type provider struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

const said = `{"id":"pay_1","amount":1000,"paid":true}`

func newProvider(t *testing.T, handle http.HandlerFunc) *provider {
	t.Helper()
	p := &provider{}
	if handle == nil {
		handle = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Request-Id", "req_1")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, said)
		}
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.asked = append(p.asked, r.Method+" "+r.RequestURI+" "+string(body))
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handle(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) acted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

func opened(t *testing.T, upstream string) *Proxy {
	t.Helper()
	p, err := Open(upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return p
}

// newClient is a connector's client: it keeps connections, follows no redirect, and
// leaves nothing behind.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// seen is what a client saw.
type seen struct {
	status int
	header http.Header
	body   string
	err    error // of the exchange, or of reading the body
}

func ask(ctx context.Context, c *http.Client, method, url, body string) seen {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return seen{err: err}
	}
	req.Header.Set("Authorization", "Bearer sk_test")
	res, err := c.Do(req)
	if err != nil {
		return seen{err: err}
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	return seen{res.StatusCode, res.Header, string(got), err}
}

func settled(t *testing.T, p *Proxy) []Exchange {
	t.Helper()
	settle(t, p)
	return p.Exchanges()
}

func settle(t *testing.T, p *Proxy) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestARequestPassesAndIsWrittenDown(t *testing.T) {
	up := newProvider(t, nil)
	p := opened(t, up.URL)
	got := ask(t.Context(), newClient(t), http.MethodPost, p.URL()+"/v1/payments?expand=a%2Fb", `{"amount":1000}`)
	if got.err != nil || got.status != http.StatusCreated || got.body != said {
		t.Fatalf("the client saw %+v", got)
	}
	xs := settled(t, p)
	if len(xs) != 1 {
		t.Fatalf("%d exchanges, want 1", len(xs))
	}
	x := xs[0]
	switch {
	case x.Number != 1 || x.Connection != 1 || x.Began.IsZero() || x.Ended.Before(x.Began) || x.Trouble != nil:
		t.Errorf("exchange is %+v", x)
	case x.Request.Method != http.MethodPost || x.Request.Target != "/v1/payments?expand=a%2Fb" || !x.Request.Complete:
		t.Errorf("request is %+v", x.Request)
	case x.Request.Header.Get("Authorization") != "Bearer sk_test" || string(x.Request.Body) != `{"amount":1000}` || x.Request.Length != 15:
		t.Errorf("request is %+v", x.Request)
	case x.Forwarded != 1 || x.Fault != "" || x.End != Answered:
		t.Errorf("exchange is %+v", x)
	case len(x.Upstream) != 1 || x.Upstream[0].Status != http.StatusCreated || string(x.Upstream[0].Body) != said || !x.Upstream[0].Complete:
		t.Errorf("upstream is %+v", x.Upstream)
	case x.Answer.Status != http.StatusCreated || string(x.Answer.Body) != said || !x.Answer.Complete:
		t.Errorf("answer is %+v", x.Answer)
	}
}

func TestABareConnectIsNotSilence(t *testing.T) {
	p := opened(t, newProvider(t, nil).URL)
	settle(t, p)
	if got := p.Since(Mark{}); !got.Silent() {
		t.Fatalf("before anything: %+v", got)
	}
	const connects = 300 // settling at once after each, before the proxy may have looked
	for i := range connects {
		nc, err := net.Dial("tcp", strings.TrimPrefix(p.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		settle(t, p)
		if got := p.Since(Mark{}); got.Silent() || got.Connections != i+1 || len(got.Exchanges) != 0 {
			t.Fatalf("after %d bare connects: %+v", i+1, got)
		}
	}
	m := p.Mark()
	settle(t, p)
	if got := p.Since(m); !got.Silent() {
		t.Errorf("settling was counted: %+v", got)
	}
}
