package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestFaultsStrikeWhatTheyName(t *testing.T) {
	type step struct {
		method string
		status int // 0: reset
	}
	const down = http.StatusServiceUnavailable
	broken := Fault{What: Instead, Reply: Reply{Status: down}}
	with := func(change func(*Fault)) Fault { f := broken; change(&f); return f }
	tests := map[string]struct {
		faults []Fault
		steps  []step
	}{
		"every request":    {[]Fault{broken}, []step{{"GET", down}, {"POST", down}, {"HEAD", down}}},
		"twice":            {[]Fault{with(func(f *Fault) { f.Times = 2 })}, []step{{"GET", down}, {"POST", down}, {"GET", 201}}},
		"the second":       {[]Fault{with(func(f *Fault) { f.Skip, f.Times = 1, 1 })}, []step{{"GET", 201}, {"GET", down}, {"GET", 201}}},
		"reads":            {[]Fault{with(func(f *Fault) { f.Only = Reads })}, []step{{"POST", 201}, {"GET", down}, {"HEAD", down}, {"DELETE", 201}}},
		"the second write": {[]Fault{with(func(f *Fault) { f.Only, f.Skip = Writes, 1 })}, []step{{"POST", 201}, {"GET", 201}, {"PUT", down}}},
		"those that match": {
			[]Fault{with(func(f *Fault) { f.Match = func(r Request) bool { return r.Header.Get("X-Step") == "1" } })},
			[]step{{"GET", 201}, {"GET", down}, {"GET", 201}},
		},
		"one after another": {
			[]Fault{with(func(f *Fault) { f.Times = 1 }), {What: ResetBeforeHeaders, Times: 1}},
			[]step{{"POST", down}, {"POST", 0}, {"POST", 201}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := opened(t, newProvider(t, nil).URL)
			for _, f := range tt.faults {
				if err := p.Break(f); err != nil {
					t.Fatal(err)
				}
			}
			c := newClient(t)
			for i, s := range tt.steps {
				req, err := http.NewRequestWithContext(t.Context(), s.method, p.URL(), http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				req.GetBody = nil // net/http must not repeat on its own what was reset
				req.Header.Set("X-Step", fmt.Sprint(i))
				if s.status == 0 {
					req.Body = io.NopCloser(strings.NewReader("x"))
				}
				res, err := c.Do(req)
				switch {
				case s.status == 0 && !wasReset(err):
					t.Errorf("step %d: %v, want a reset", i, err)
				case s.status != 0 && err != nil:
					t.Errorf("step %d: %v", i, err)
				case s.status != 0:
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if res.StatusCode != s.status {
						t.Errorf("step %d: status %d, want %d", i, res.StatusCode, s.status)
					}
				}
			}
		})
	}
}

func TestAKeptConnectionMayBreakAtAnyRequest(t *testing.T) {
	for _, what := range []What{ResetBeforeHeaders, ActThenDrop, Truncate} {
		t.Run(string(what), func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			if err := p.Break(Fault{What: what, Skip: 1, Times: 1, Bytes: 1}); err != nil {
				t.Fatal(err)
			}
			c := newClient(t)
			for i, want := range []bool{true, false, true} {
				got := ask(t.Context(), c, http.MethodPost, p.URL(), "x")
				if (got.err == nil) != want {
					t.Errorf("request %d: %+v", i+1, got)
				}
			}
			var carried []int
			for _, x := range settled(t, p) {
				carried = append(carried, x.Connection)
			}
			if fmt.Sprint(carried) != "[1 1 2]" {
				t.Errorf("connections %v, want the second request on the first and the third on another", carried)
			}
		})
	}
}

// A connector keeps its connection; it must be refused all the same.
func TestRefusalReachesAConnectorThatKeptItsConnection(t *testing.T) {
	tests := map[string]Fault{
		"at once":                 {What: Refuse},
		"after one more":          {What: Refuse, Skip: 1},
		"after a write, not read": {What: Refuse, Skip: 1, Only: Writes},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			c := newClient(t)
			before := ask(t.Context(), c, http.MethodGet, p.URL(), "")
			if err := p.Break(f); err != nil {
				t.Fatal(err)
			}
			if f.Only == Writes {
				if got := ask(t.Context(), c, http.MethodGet, p.URL(), ""); got.err != nil {
					t.Errorf("a read that was not to count: %v", got.err)
				}
			}
			for range f.Skip {
				if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); got.err != nil {
					t.Errorf("the last that passes saw %+v", got)
				}
			}
			acted := len(up.acted())
			m := p.Mark()
			for range 3 {
				if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); !refused(got.err) {
					t.Errorf("the client saw %+v, want a refusal", got)
				}
			}
			settle(t, p)
			if got := p.Since(m); !got.Silent() || len(up.acted()) != acted || before.err != nil {
				t.Errorf("while refused: %+v", got)
			}
			url := p.URL()
			if err := p.Heal(); err != nil || p.URL() != url {
				t.Fatalf("healed at %s instead of %s: %v", p.URL(), url, err)
			}
			if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); got.err != nil {
				t.Errorf("once healed: %v", got.err)
			}
		})
	}
}

func TestNobodyIsGivenAPortThatRefuses(t *testing.T) {
	p := opened(t, newProvider(t, nil).URL)
	if err := p.Break(Fault{What: Refuse}); err != nil {
		t.Fatal(err)
	}
	at, err := net.ResolveTCPAddr("tcp4", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte{127, 0, 0, 1}})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("another was given the port: %v", err)
	}
}

// Whoever insists on sharing an address may still take the port.
func TestAProxyWhosePortIsTakenSaysSoAndHealsLater(t *testing.T) {
	p := opened(t, newProvider(t, nil).URL)
	if err := p.Break(Fault{What: Refuse}); err != nil {
		t.Fatal(err)
	}
	p.release()
	other, err := net.Listen("tcp4", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Heal(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("healing on a port that is taken: %v", err)
	}
	other.Close()
	if err := p.Heal(); err != nil {
		t.Error(err)
	}
	if got := ask(t.Context(), newClient(t), http.MethodGet, p.URL(), ""); got.err != nil {
		t.Errorf("once healed: %v", got.err)
	}
}

func TestConnectionsAreResetAsOftenAsSaid(t *testing.T) {
	up := newProvider(t, nil)
	p := opened(t, up.URL)
	c := newClient(t)
	if got := ask(t.Context(), c, http.MethodGet, p.URL(), ""); got.err != nil {
		t.Fatal(got.err)
	}
	if err := p.Break(Fault{What: ResetOnConnect, Times: 2}); err != nil {
		t.Fatal(err)
	}
	m := p.Mark()
	for range 2 {
		if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); !wasReset(got.err) {
			t.Errorf("the client saw %+v, want a reset", got)
		}
	}
	if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); got.err != nil {
		t.Errorf("the third saw %v", got.err)
	}
	settle(t, p)
	if got := p.Since(m); got.Connections != 3 || got.Resets != 2 || len(got.Writes()) != 1 || len(got.Reads()) != 0 {
		t.Errorf("record is %+v", got)
	}
}

func TestARedirectIsWatchedAtItsEnd(t *testing.T) {
	up := newProvider(t, nil)
	p := opened(t, up.URL)
	if err := p.Break(Fault{What: Redirect}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	if got := ask(t.Context(), c, http.MethodPost, p.URL()+"/pay?a=1", "x"); got.status != http.StatusTemporaryRedirect {
		t.Fatalf("the client saw %+v", got)
	}
	settle(t, p)
	if got := p.Elsewhere(); !got.Silent() {
		t.Errorf("nobody followed, yet %+v", got)
	}
	c.CheckRedirect = nil
	if got := ask(t.Context(), c, http.MethodPost, p.URL()+"/pay?a=1", "x"); !ended(got.err) {
		t.Errorf("the client that followed saw %+v", got)
	}
	settle(t, p)
	got := p.Elsewhere().Writes()
	if len(got) != 1 || got[0].Request.Target != "/pay?a=1" || got[0].Request.Header.Get("Authorization") != "Bearer sk_test" {
		t.Errorf("elsewhere saw %+v", got)
	}
	if len(up.acted()) != 0 {
		t.Errorf("the upstream saw %q", up.acted())
	}
}

func TestAnEchoRepeatsEverySecret(t *testing.T) {
	p := opened(t, newProvider(t, nil).URL)
	if err := p.Break(Fault{What: Echo}); err != nil {
		t.Fatal(err)
	}
	got := ask(t.Context(), newClient(t), http.MethodPost, p.URL()+"/pay", "card=4242")
	x := settled(t, p)[0]
	if want := string(x.Request.Head) + "card=4242"; got.status != 400 || got.body != want || !strings.Contains(want, "sk_test") {
		t.Errorf("the client saw %+v, want %q", got, want)
	}
	if got.header.Get("Echo-Authorization") != "Bearer sk_test" {
		t.Errorf("header is %v", got.header)
	}
}

func TestAProxyThatOnlyRecordsAnswersNobody(t *testing.T) {
	up := newProvider(t, nil)
	p := opened(t, up.URL)
	p.Forward(false)
	if err := p.Break(Fault{What: ActThenAnswer}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); !ended(got.err) {
		t.Errorf("the client saw %+v, want the end", got)
	}
	x := settled(t, p)[0]
	if !x.Request.Complete || string(x.Request.Body) != "x" || x.End != Closed || x.Forwarded != 0 || x.Fault != "" || len(up.acted()) != 0 {
		t.Errorf("exchange is %+v", x)
	}
	p.Forward(true)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t.Context(), c, http.MethodPost, p.URL(), "x"); got.err != nil {
		t.Errorf("forwarding again: %v", got.err)
	}
}

func TestConcurrentRequestsAreToldApart(t *testing.T) {
	const n = 64
	up := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	})
	p := opened(t, up.URL)
	if err := p.Break(Fault{What: ActThenDrop, Times: n / 4}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	var lost sync.Map
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			got := ask(t.Context(), c, http.MethodPost, fmt.Sprintf("%s/%d", p.URL(), i), fmt.Sprint(i))
			if got.err != nil {
				lost.Store(i, true)
			} else if want := fmt.Sprintf("/%d %d", i, i); got.body != want {
				t.Errorf("request %d was answered %q, want %q", i, got.body, want)
			}
		})
	}
	all.Wait()
	struck := 0
	for i, x := range settled(t, p) {
		if x.Number != i+1 || x.Forwarded != 1 || x.Request.Target != "/"+string(x.Request.Body) {
			t.Errorf("exchange is %+v", x)
		}
		if x.Fault == ActThenDrop {
			struck++
			var number int
			_, _ = fmt.Sscan(string(x.Request.Body), &number)
			if _, ok := lost.Load(number); !ok {
				t.Errorf("request %d was struck, and yet answered", number)
			}
		}
	}
	if struck != n/4 || len(up.acted()) != n {
		t.Errorf("%d struck, %d acted, want %d and %d", struck, len(up.acted()), n/4, n)
	}
}

func TestAConnectorThatLeavesDoesNotStopTheProvider(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	up := newProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-proceed
		_, _ = io.WriteString(w, said)
	})
	p := opened(t, up.URL)
	ctx, leave := context.WithCancel(t.Context())
	answer := make(chan seen)
	go func() { answer <- ask(ctx, newClient(t), http.MethodPost, p.URL(), "x") }()
	<-arrived
	leave()
	if got := <-answer; !errors.Is(got.err, context.Canceled) {
		t.Errorf("the client saw %+v", got)
	}
	impatient, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no patience"))
	if err := p.Settle(impatient); err == nil {
		t.Error("settled while the upstream worked")
	}
	until(t, p, func(xs []Exchange) bool { return !xs[0].Departed.IsZero() })
	close(proceed)
	x := settled(t, p)[0]
	if x.End != Left || x.Answer.Status != 0 {
		t.Errorf("it was told %+v, end %q", x.Answer, x.End)
	}
	if x.Forwarded != 1 || len(x.Upstream) != 1 || string(x.Upstream[0].Body) != said || !x.Upstream[0].Complete || x.Trouble != nil {
		t.Errorf("exchange is %+v", x)
	}
}
