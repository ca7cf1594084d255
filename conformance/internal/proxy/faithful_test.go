package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever passes without a fault passes byte for byte: request and answer, head and
// body, and the next request on the same connection after it.
func TestWithoutAFaultEveryBytePasses(t *testing.T) {
	arrived := make(chan []byte, 1)
	answers := make(chan []byte, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			arrived <- readMessage(nc)
			_, _ = nc.Write(<-answers)
			nc.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	p := opened(t, "http://"+ln.Addr().String())

	rapid.Check(t, func(t *rapid.T) {
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		for i := range rapid.IntRange(1, 3).Draw(t, "requests") {
			method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"}).Draw(t, "method")
			target := "/" + rapid.StringMatching(`([a-z0-9._~-]|%[0-9A-F]{2}|/){0,20}(\?[a-zA-Z0-9=&+%/?]{0,0}[a-z0-9=&+/?;,]{0,20})?`).Draw(t, "target")
			request := message(t, method+" "+target+" HTTP/1.1", "Host: provider.test\r\n")
			status := rapid.SampledFrom([]int{200, 201, 302, 400, 429, 500, 599}).Draw(t, "status")
			answer := message(t, fmt.Sprintf("HTTP/1.1 %d what it means", status), "")
			if method == http.MethodHead {
				answer = answer[:bytes.Index(answer, []byte("\r\n\r\n"))+4]
			}
			m := p.Mark()
			answers <- answer
			if _, err := nc.Write(request); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if got := <-arrived; !bytes.Equal(got, request) {
				t.Fatalf("the upstream saw\n%q, want\n%q", got, request)
			}
			got := make([]byte, len(answer))
			if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, answer) {
				t.Fatalf("the connector saw\n%q, want\n%q: %v", got, answer, err)
			}
			if err := p.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			xs := p.Since(m).Exchanges
			if len(xs) != 1 || xs[0].Request.Method != method || xs[0].Request.Target != target || xs[0].End != Answered {
				t.Fatalf("written down: %+v", xs)
			}
			if !bytes.Equal(xs[0].Request.Body, unframed(t, request)) || method != http.MethodHead && !bytes.Equal(xs[0].Answer.Body, unframed(t, answer)) {
				t.Fatalf("bodies written down: %q and %q", xs[0].Request.Body, xs[0].Answer.Body)
			}
		}
	})
}

// message draws a head that begins as said, and a body, with a length or chunked.
func message(t *rapid.T, first, head string) []byte {
	var b bytes.Buffer
	b.WriteString(first + "\r\n" + head)
	for i := range rapid.IntRange(0, 5).Draw(t, "headers") {
		name := rapid.StringMatching(`[xX]-[A-Za-z0-9_!#-]{0,12}`).Draw(t, "name")
		value := rapid.StringMatching(`([!-~]([ -~\t]{0,30}[!-~])?)?`).Draw(t, "value")
		fmt.Fprintf(&b, "%s%d:%s%s\r\n", name, i, rapid.SampledFrom([]string{"", " ", "  ", "\t"}).Draw(t, "space"), value)
	}
	body := rapid.SliceOfN(rapid.Byte(), 0, 9000).Draw(t, "body")
	if !rapid.Bool().Draw(t, "chunked") {
		fmt.Fprintf(&b, "%s: %d\r\n\r\n", rapid.SampledFrom([]string{"Content-Length", "content-length"}).Draw(t, "case"), len(body))
		b.Write(body)
		return b.Bytes()
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := rapid.IntRange(1, len(body)).Draw(t, "chunk")
		format := rapid.SampledFrom([]string{"%x\r\n", "%X\r\n", "%04x\r\n", "%x;ext=1\r\n"}).Draw(t, "size")
		fmt.Fprintf(&b, format, n)
		b.Write(body[:n])
		b.WriteString("\r\n")
		body = body[n:]
	}
	b.WriteString(rapid.SampledFrom([]string{"0\r\n\r\n", "00\r\nX-Trailer: t\r\n\r\n"}).Draw(t, "end"))
	return b.Bytes()
}

// readMessage reads one request from a connection, as it is.
func readMessage(nc net.Conn) []byte {
	var raw bytes.Buffer
	req, err := http.ReadRequest(bufio.NewReaderSize(io.TeeReader(oneByOne{nc}, &raw), 16))
	if err != nil {
		return fmt.Appendf(nil, "unreadable: %v: %q", err, raw.Bytes())
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return fmt.Appendf(nil, "unreadable: %v: %q", err, raw.Bytes())
	}
	return raw.Bytes()
}

// oneByOne reads no further than it is asked to.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(b []byte) (int, error) { return r.Reader.Read(b[:1]) }

// unframed is the body of a message, as net/http reads it.
func unframed(t *rapid.T, raw []byte) []byte {
	var body io.Reader
	br := bufio.NewReader(bytes.NewReader(raw))
	if strings.HasPrefix(string(raw), "HTTP/") {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		body = res.Body
	} else {
		req, err := http.ReadRequest(br)
		if err != nil {
			t.Fatal(err)
		}
		body = req.Body
	}
	got, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
