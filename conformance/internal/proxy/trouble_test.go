package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTroubleIsToldApartFromFaults(t *testing.T) {
	tests := map[string]struct {
		sent string
		end  End
		want string // of the trouble; empty is none
		head string
	}{
		"TLS":                     {"\x16\x03\x01\x02\x00", Reset, "begins with byte 0x16", ""},
		"no HTTP":                 {"HELLO\r\n\r\n", Reset, "malformed HTTP request", "HELLO\r\n\r\n"},
		"a body past the limit":   {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 67108865\r\n\r\n", Reset, "67108865 bytes", ""},
		"chunks of no size":       {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Reset, "the size of a chunk", ""},
		"a head without an end":   {"POST / HTTP/1.1\r\nHo", Left, "", "POST / HTTP/1.1\r\nHo"},
		"a body without its rest": {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nxyz", Left, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			nc := rawConn(t, p, tt.sent)
			if tt.end == Left {
				until(t, p, func(xs []Exchange) bool { return len(xs) == 1 })
				nc.Close()
			}
			x := settled(t, p)[0]
			if x.End != tt.end || x.Request.Complete || x.Request.Read() || (x.Trouble == nil) != (tt.want == "") {
				t.Errorf("exchange is %+v", x)
			}
			if x.Trouble != nil && !strings.Contains(x.Trouble.Error(), tt.want) {
				t.Errorf("trouble is %v, want %q in it", x.Trouble, tt.want)
			}
			if tt.head != "" && string(x.Request.Head) != tt.head {
				t.Errorf("head is %q, want %q", x.Request.Head, tt.head)
			}
			if len(up.acted()) != 0 || x.Forwarded != 0 {
				t.Errorf("the upstream saw %q", up.acted())
			}
		})
	}
}

// rawConn connects to p and sends something.
func rawConn(t *testing.T, p *Proxy, sent string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(p.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if _, err := io.WriteString(nc, sent); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestAnUpstreamThatFailsIsTrouble(t *testing.T) {
	says := func(s string) func(net.Conn) { return func(nc net.Conn) { _, _ = io.WriteString(nc, s) } }
	tests := map[string]struct {
		serve func(net.Conn)
		want  string
		ended func(error) bool
	}{
		"nothing said":   {says(""), "answer's head", wasReset},
		"no HTTP":        {says("gopher\r\n\r\n"), "answer's head", wasReset},
		"a body too few": {says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "answer's body: unexpected EOF", wasReset},
		"an upgrade":     {says("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "switches protocols", wasReset},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := opened(t, rawUpstream(t, tt.serve))
			if got := ask(t.Context(), newClient(t), http.MethodPost, p.URL(), "x"); !tt.ended(got.err) {
				t.Errorf("the client saw %+v", got)
			}
			x := settled(t, p)[0]
			if x.End != Reset || x.Trouble == nil || !strings.Contains(x.Trouble.Error(), tt.want) {
				t.Errorf("end %q, trouble %v, want %q in it", x.End, x.Trouble, tt.want)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		p := opened(t, "http://"+ln.Addr().String())
		if got := ask(t.Context(), newClient(t), http.MethodPost, p.URL(), "x"); !wasReset(got.err) {
			t.Errorf("the client saw %+v", got)
		}
		if x := settled(t, p)[0]; !refused(x.Trouble) || x.Forwarded != 0 {
			t.Errorf("exchange is %+v", x)
		}
	})
}

// rawUpstream takes one request head per connection and lets serve answer.
func rawUpstream(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer nc.Close()
				req, err := http.ReadRequest(bufio.NewReader(nc))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				serve(nc)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); running.Wait() })
	return "http://" + ln.Addr().String()
}

func TestClosingCutsEverything(t *testing.T) {
	block := make(chan struct{})
	up := newProvider(t, func(http.ResponseWriter, *http.Request) { <-block })
	defer close(block)
	p, err := Open(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Break(Fault{What: Hang, Times: 1}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	answers := make(chan seen, 2)
	for range 2 {
		go func() { answers <- ask(t.Context(), c, http.MethodPost, p.URL(), "x") }()
	}
	rawConn(t, p, "POST / HT")
	until(t, p, func(xs []Exchange) bool {
		whole := 0
		for _, x := range xs {
			if x.Request.Complete {
				whole++
			}
		}
		return whole == 2 && len(xs) == 3
	})
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := <-answers; got.err == nil {
			t.Errorf("the client saw %+v", got)
		}
	}
	for _, x := range p.Exchanges() {
		if x.Ended.IsZero() || x.End == Answered {
			t.Errorf("after closing: %+v", x)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, err := range map[string]error{
		"break": p.Break(Fault{What: Hang}), "heal": p.Heal(), "settle": p.Settle(ctx),
		"redirect": p.Break(Fault{What: Redirect}),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after closing: %v, want %v", name, err, ErrClosed)
		}
	}
}

func TestUpstreamsThatAreNone(t *testing.T) {
	for _, upstream := range []string{"", "127.0.0.1:80", "https://127.0.0.1:1", "http://h/path", "http://h?q", "http://u:p@h", "http://"} {
		if p, err := Open(upstream); err == nil {
			p.Close()
			t.Errorf("opened before %q", upstream)
		}
	}
}
