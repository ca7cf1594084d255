package proxy

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestOnlyTheBeginningOfALongBodyIsKept(t *testing.T) {
	long := strings.Repeat("0123456789", MaxRecorded/10+1)
	up := newProvider(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, long) })
	p := opened(t, up.URL)
	c := newClient(t)
	p.note(func() { p.room = 4 * MaxRecorded })
	const requests = 3 // of three bodies each: the request, what the upstream said, the answer
	for range requests {
		if got := ask(t.Context(), c, http.MethodPost, p.URL(), long); got.err != nil || got.body != long {
			t.Fatalf("the client saw %d bytes, error %v", len(got.body), got.err)
		}
	}
	for i, x := range settled(t, p) {
		kept := MaxRecorded
		if i > 1 { // the room is for four
			kept = 0
		}
		if x.Request.Length != int64(len(long)) || x.Answer.Length != int64(len(long)) || x.Upstream[0].Length != int64(len(long)) {
			t.Errorf("request %d: lengths %d, %d, %d", i, x.Request.Length, x.Upstream[0].Length, x.Answer.Length)
		}
		if i != 1 && (string(x.Request.Body) != long[:kept] || string(x.Answer.Body) != long[:kept]) {
			t.Errorf("request %d: kept %d and %d bytes, want %d", i, len(x.Request.Body), len(x.Answer.Body), kept)
		}
	}
}

func TestAConnectorThatAsksBeforeItSendsIsInvited(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
	for name, f := range map[string]Fault{"forwarded": {}, "answered instead": {What: Instead, Reply: Empty()}} {
		t.Run(name, func(t *testing.T) {
			up := newProvider(t, nil)
			p := opened(t, up.URL)
			if f.What != "" {
				if err := p.Break(f); err != nil {
					t.Fatal(err)
				}
			}
			nc := rawConn(t, p, head)
			br := bufio.NewReader(nc)
			for range 2 {
				if line, err := br.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" && line != "\r\n" {
					t.Fatalf("the connector saw %q, %v", line, err)
				}
			}
			if _, err := io.WriteString(nc, "abc"); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(br)
			if err != nil || strings.Contains(string(rest), "100 Continue") || !strings.HasPrefix(string(rest), "HTTP/1.1 20") {
				t.Errorf("then it saw %q, %v", rest, err)
			}
			if x := settled(t, p)[0]; string(x.Request.Body) != "abc" || x.End != Answered {
				t.Errorf("exchange is %+v", x)
			}
		})
	}
}

func TestAProxyThatIsFullSaysSo(t *testing.T) {
	up := newProvider(t, nil)
	p, err := Open(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.note(func() {
		for len(p.exchanges) < MaxExchanges {
			p.exchanges = append(p.exchanges, &Exchange{})
		}
	})
	for range 2 {
		if got := ask(t.Context(), newClient(t), http.MethodPost, p.URL(), "x"); !wasReset(got.err) {
			t.Errorf("the client saw %+v", got)
		}
	}
	if err := p.Close(); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "65536 exchanges") {
		t.Errorf("closing: %v", err)
	}
	if len(up.acted()) != 0 {
		t.Errorf("the upstream saw %q", up.acted())
	}
}

// A connector that cannot bear the whole of an answer must not stop the proxy from closing.
func TestAnAnswerThatNobodyReadsEnds(t *testing.T) {
	p := opened(t, newProvider(t, nil).URL)
	if err := p.Break(Fault{What: Instead, Reply: Oversize(64 << 20)}); err != nil {
		t.Fatal(err)
	}
	nc := rawConn(t, p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	until(t, p, func(xs []Exchange) bool { return len(xs) == 1 && xs[0].Answer.Length > 0 })
	nc.Close()
	if x := settled(t, p)[0]; x.End != Left || x.Answer.Complete || x.Answer.Length >= 64<<20 {
		t.Errorf("end %q after %d bytes", x.End, x.Answer.Length)
	}
}
