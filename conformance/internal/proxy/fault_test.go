package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
func ended(err error) bool    { return errors.Is(err, io.EOF) }
func cutShort(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
func noError(err error) bool  { return err == nil }

// TestEveryFault asks once under each fault that needs no waiting, and says exactly what
// the client saw, what the upstream did, and what was written down.
func TestEveryFault(t *testing.T) {
	const asked = `{"amount":1000}`
	tests := map[string]struct {
		fault  Fault
		method string // empty means POST
		err    func(error) bool
		status int
		body   string // compared if status is
		header http.Header
		acted  int
		end    End
		silent bool // no exchange was written down
	}{
		"refused": {fault: Fault{What: Refuse}, err: refused, silent: true},
		"reset on connect": {
			fault: Fault{What: ResetOnConnect}, err: wasReset, silent: true,
		},
		"reset once the head has come": {fault: Fault{What: ResetMidRequest}, err: wasReset, end: Reset},
		"reset within the request's body": {
			fault: Fault{What: ResetMidRequest, Bytes: 5}, err: wasReset, end: Reset,
		},
		"reset before headers": {fault: Fault{What: ResetBeforeHeaders}, err: wasReset, end: Reset},
		"an error instead": {
			fault: Fault{What: Instead, Reply: Reply{Status: 503, Body: []byte(`{"e":1}`)}}, err: noError, status: 503,
			body: `{"e":1}`, header: http.Header{"Content-Type": {"application/json"}}, end: Answered,
		},
		"too many requests": {
			fault: Fault{What: Instead, Reply: TooMany("3")}, err: noError, status: 429, body: "{}",
			header: http.Header{"Retry-After": {"3"}}, end: Answered,
		},
		"empty instead": {fault: Fault{What: Instead, Reply: Empty()}, err: noError, status: 200, end: Answered},
		"no content instead": {
			fault: Fault{What: Instead, Reply: Reply{Status: 204}}, err: noError, status: 204, end: Answered,
		},
		"acted, but empty": {
			fault: Fault{What: ActThenAnswer, Reply: Empty()}, err: noError, status: 200, acted: 1, end: Answered,
		},
		"acted, but null": {
			fault: Fault{What: ActThenAnswer, Reply: Null()}, err: noError, status: 200, body: "null", acted: 1, end: Answered,
		},
		"acted, but a balancer's page": {
			fault: Fault{What: ActThenAnswer, Reply: HTML(502)}, err: noError, status: 502,
			body:   "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n",
			header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, acted: 1, end: Answered,
		},
		"acted, then dropped": {fault: Fault{What: ActThenDrop}, err: wasReset, acted: 1, end: Reset},
		"cut after four bytes": {
			fault: Fault{What: Truncate, Bytes: 4}, err: cutShort, status: 201, body: said[:4],
			header: http.Header{"Content-Length": {"40"}}, acted: 1, end: Closed,
		},
		"cut after more than there is": {
			fault: Fault{What: Truncate, Bytes: 1 << 20}, err: cutShort, status: 201, body: said[:len(said)-1], acted: 1, end: Closed,
		},
		"cut in the only chunk": {
			fault: Fault{What: TruncateChunked, Bytes: 4}, err: cutShort, status: 201, body: said[:4],
			header: http.Header{"Content-Length": nil}, acted: 1, end: Closed,
		},
		"cut before the first chunk": {
			fault: Fault{What: TruncateChunked}, err: cutShort, status: 201, acted: 1, end: Closed,
		},
		"reset within the answer": {
			fault: Fault{What: ResetMidBody, Bytes: 4}, err: wasReset, status: 201, body: said[:4], acted: 1, end: Reset,
		},
		"cut inside a head without a body": {
			fault: Fault{What: Truncate, Bytes: 4}, method: http.MethodHead, err: cutShort, acted: 1, end: Closed,
		},
		"wrong content type, other body kept": {
			fault: Fault{What: Rewrite, Header: http.Header{"Content-Type": {"text/html"}}}, err: noError, status: 201,
			body: said, header: http.Header{"Content-Type": {"text/html"}, "X-Request-Id": {"req_1"}}, acted: 1, end: Answered,
		},
		"skewed clock": {
			fault: Fault{What: Rewrite, Header: http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}}, err: noError,
			status: 201, body: said, header: http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}, acted: 1, end: Answered,
		},
		"a header of half a mebibyte": {
			fault: Fault{What: Rewrite, Header: http.Header{"X-Huge": {strings.Repeat("h", 1<<19)}}}, err: noError,
			status: 201, body: said, header: http.Header{"X-Huge": {strings.Repeat("h", 1<<19)}}, acted: 1, end: Answered,
		},
		"wrong types": {
			fault: Fault{What: Mistype}, err: noError, status: 201,
			body: `{"amount":"1000","id":{"value":"pay_1"},"paid":"true"}`, acted: 1, end: Answered,
		},
		"twice": {fault: Fault{What: Duplicate}, err: noError, status: 201, body: said, acted: 2, end: Answered},
		"oversize, not acted": {
			fault: Fault{What: Instead, Reply: Oversize(3 << 20)}, err: noError, status: 200,
			body: strings.Repeat(" ", 3<<20) + "{}", header: http.Header{"Content-Length": {"3145730"}}, end: Answered,
		},
		"redirected to a given host": {
			fault: Fault{What: Redirect, To: "http://elsewhere.test", Reply: Reply{Status: 302}}, err: noError, status: 302,
			header: http.Header{"Location": {"http://elsewhere.test/v1/payments"}}, end: Answered,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			if err := p.Break(tt.fault); err != nil {
				t.Fatal(err)
			}
			method := http.MethodPost
			if tt.method != "" {
				method = tt.method
			}
			got := ask(t.Context(), newClient(t), method, p.URL()+"/v1/payments", asked)
			if !tt.err(got.err) || got.status != tt.status || tt.status != 0 && got.body != tt.body {
				t.Errorf("the client saw %d %.200q and error %v", got.status, got.body, got.err)
			}
			for name, values := range tt.header {
				if diff := cmp.Diff(values, got.header[name]); diff != "" {
					t.Errorf("header %s: -want +got\n%.400s", name, diff)
				}
			}
			if acted := up.acted(); len(acted) != tt.acted {
				t.Errorf("the upstream saw %q, want %d requests", acted, tt.acted)
			}
			xs := settled(t, p)
			if tt.silent {
				if len(xs) != 0 {
					t.Errorf("exchanges: %+v, want none", xs)
				}
				return
			}
			if len(xs) != 1 {
				t.Fatalf("%d exchanges, want 1", len(xs))
			}
			x := xs[0]
			if x.Fault != tt.fault.What || x.End != tt.end || x.Forwarded != tt.acted || len(x.Upstream) != tt.acted || x.Trouble != nil {
				t.Errorf("fault %q, end %q, forwarded %d, upstream answers %d, trouble %v", x.Fault, x.End, x.Forwarded, len(x.Upstream), x.Trouble)
			}
			if x.Answer.Status != tt.status || x.Answer.Complete != (tt.end == Answered) || x.Answer.Length != int64(len(tt.body)) {
				t.Errorf("answered %d, %d bytes, complete %v", x.Answer.Status, x.Answer.Length, x.Answer.Complete)
			}
			whole := tt.fault.What != ResetMidRequest
			if x.Request.Complete != whole || !whole && x.Request.Length != tt.fault.Bytes {
				t.Errorf("request of %d bytes, complete %v", x.Request.Length, x.Request.Complete)
			}
			if err := p.Heal(); err != nil {
				t.Fatal(err)
			}
			if got := ask(t.Context(), newClient(t), method, p.URL()+"/after", asked); got.err != nil || got.status != 201 {
				t.Errorf("once healed, the client saw %+v", got)
			}
		})
	}
}

func TestAHungRequestEndsWhenTheConnectorLeaves(t *testing.T) {
	for what, acted := range map[What]int{Hang: 0, ActThenHang: 1} {
		t.Run(string(what), func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			if err := p.Break(Fault{What: what}); err != nil {
				t.Fatal(err)
			}
			ctx, leave := context.WithCancel(t.Context())
			answer := make(chan seen)
			go func() { answer <- ask(ctx, newClient(t), http.MethodPost, p.URL(), "x") }()
			until(t, p, func(xs []Exchange) bool {
				return len(xs) == 1 && xs[0].Request.Complete && len(xs[0].Upstream) == acted
			})
			leave()
			if got := <-answer; !errors.Is(got.err, context.Canceled) {
				t.Errorf("the client saw %+v", got)
			}
			if x := settled(t, p)[0]; x.End != Left || x.Answer.Status != 0 || x.Trouble != nil {
				t.Errorf("exchange is %+v", x)
			}
			if got := len(up.acted()); got != acted {
				t.Errorf("the upstream acted %d times, want %d", got, acted)
			}
		})
	}
}

// until waits for the record to say something.
func until(t *testing.T, p *Proxy, ok func([]Exchange) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Await(ctx, Mark{}, func(r Record) bool { return ok(r.Exchanges) }); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsSayWhatIsWrongWithThem(t *testing.T) {
	tests := map[string]struct {
		fault Fault
		want  string
	}{
		"no kind":                 {Fault{}, "What must be one of"},
		"unknown kind":            {Fault{What: "explode"}, "What must be one of"},
		"unknown requests":        {Fault{What: Hang, Only: "some"}, `Only is "some"`},
		"negative":                {Fault{What: Hang, Skip: -1}, "must not be negative"},
		"refusals counted":        {Fault{What: Refuse, Times: 1}, "Times is 1, want 0"},
		"a connection's method":   {Fault{What: Refuse, Only: Writes}, "Only and Match want a Skip"},
		"no delay":                {Fault{What: Delay}, "Wait is 0s"},
		"a delay past the limit":  {Fault{What: Delay, Wait: Limit}, "less than 1m0s"},
		"nothing to drip":         {Fault{What: Drip}, "Bytes is 0"},
		"nothing to rewrite":      {Fault{What: Rewrite}, "Header is empty"},
		"an interim status":       {Fault{What: Instead, Reply: Reply{Status: 100}}, "Reply.Status is 100"},
		"a redirect that is none": {Fault{What: Redirect, Reply: Reply{Status: 200}}, "want a redirect"},
	}
	p := opened(t, newProvider(t, nil).URL)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := p.Break(tt.fault); !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
	if got := ask(t.Context(), newClient(t), http.MethodGet, p.URL(), ""); got.status != 201 {
		t.Errorf("a fault that was not accepted struck: %+v", got)
	}
}
