package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
)

func TestWriteOnTheWire(t *testing.T) {
	server, m := start(t, badnet.Reply(200, paymentBody))
	if _, err := capture(within(t, 5*time.Second), m); err != nil {
		t.Fatalf("CreatePayment: %v", err)
	}
	got := server.Seen()[0]
	delete(got.Header, "Content-Length")
	want := badnet.Seen{
		Method: "POST", Path: "/payments",
		Body: `{"order":"` + orderID + `","amount":200,"currency":"JPY","cancelRemainder":"automatic"}`,
		Header: http.Header{
			"Accept":          {"application/json"},
			"Authorization":   {"Basic " + testKey},
			"Content-Type":    {"application/json"},
			"Idempotency-Key": {"key-1"},
			"User-Agent":      {"Go-http-client/1.1"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestReadOnTheWire(t *testing.T) {
	server, m := start(t, badnet.Reply(200, orderBody))
	if _, err := m.Order(within(t, 5*time.Second), orderID); err != nil {
		t.Fatalf("Order: %v", err)
	}
	got := server.Seen()[0]
	if got.Path != "/orders/"+orderID+"?expand=all" || got.Body != "" {
		t.Errorf("read asked for %q with body %q", got.Path, got.Body)
	}
	for _, name := range []string{"Idempotency-Key", "Content-Type"} {
		if _, there := got.Header[name]; there {
			t.Errorf("a read carries %s", name)
		}
	}
}

// A pooled connection that dies after the request was sent is the case in which
// net/http would send again by itself: the request has an Idempotency-Key.
func TestWriteIsSentOnceWhateverTheConnectionDoes(t *testing.T) {
	tests := map[string]badnet.Deed{
		"hung up without an answer": badnet.HangUp,
		"reset without an answer":   badnet.Reset,
	}
	writes := map[string]func(context.Context, Merchant) error{
		"with a body": func(ctx context.Context, m Merchant) error {
			_, err := capture(ctx, m)
			return err
		},
		"with no body of its own": func(ctx context.Context, m Merchant) error {
			_, err := m.CancelOrder(ctx, "key-2", orderID)
			return err
		},
	}
	for name, deed := range tests {
		for kind, write := range writes {
			t.Run(name+", "+kind, func(t *testing.T) {
				// The first answer puts the connection into the pool.
				server, m := start(t, badnet.Reply(200, orderBody), deed, badnet.Reply(200, paymentBody))
				ctx := within(t, 5*time.Second)
				if _, err := m.Order(ctx, orderID); err != nil {
					t.Fatalf("Order: %v", err)
				}
				f := failureOf(t, write(ctx, m))
				if !f.Sent || f.HTTP != 0 {
					t.Errorf("failure says sent=%v status=%d, want sent and no status: %v", f.Sent, f.HTTP, f)
				}
				if n := len(server.Seen()); n != 2 {
					t.Errorf("the server received %d requests, want the read and one write", n)
				}
			})
		}
	}
}

func TestWriteIsSentOnceOverHTTP2(t *testing.T) {
	var received atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("spoke HTTP/%d.%d, want HTTP/2", r.ProtoMajor, r.ProtoMinor)
		}
		if r.Method == http.MethodPost {
			received.Add(1)
			panic(http.ErrAbortHandler) // resets the stream
		}
		_, _ = w.Write([]byte(orderBody))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	m := merchantWith(t, server.URL, Options{TLS: trust(server)})

	ctx := within(t, 5*time.Second)
	if _, err := m.Order(ctx, orderID); err != nil {
		t.Fatalf("Order: %v", err)
	}
	_, err := capture(ctx, m)
	if f := failureOf(t, err); !f.Sent {
		t.Errorf("failure says not sent: %v", f)
	}
	if n := received.Load(); n != 1 {
		t.Errorf("the server received the write %d times, want once", n)
	}
}

func TestProvablyNotSent(t *testing.T) {
	stranger := httptest.NewTLSServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = discard()
	t.Cleanup(stranger.Close)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = discard()
	old.StartTLS()
	t.Cleanup(old.Close)
	plain := badnet.Start(t, badnet.Raw("not TLS at all\r\n"))
	shut := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused with 403") }

	tests := map[string]struct {
		base      string
		options   Options
		handshake bool
	}{
		"nobody listens":          {base: "http://" + badnet.Refused(t)},
		"unknown authority":       {base: stranger.URL, handshake: true},
		"server stops at TLS 1.1": {base: old.URL, options: Options{TLS: trust(old)}, handshake: true},
		"server without TLS":      {base: "https://" + plain.Addr, handshake: true},
		"the way out is shut":     {base: "https://api.smartpay.example/v1", options: Options{Dial: shut}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := capture(within(t, 5*time.Second), merchantWith(t, tt.base, tt.options))
			f := failureOf(t, err)
			if f.Sent || f.HTTP != 0 || f.Err == nil {
				t.Errorf("failure says sent=%v status=%d cause=%v, want not sent with a cause", f.Sent, f.HTTP, f.Err)
			}
			if f.Handshake != tt.handshake {
				t.Errorf("failure says handshake=%v, want %v: %v", f.Handshake, tt.handshake, f)
			}
		})
	}
}

func TestUnresolvableHostIsNotSent(t *testing.T) {
	saved := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = saved })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no name server here")
	}}
	_, err := capture(within(t, 5*time.Second), merchant(t, "https://api.smartpay.invalid/v1"))
	f := failureOf(t, err)
	if _, isDNS := errors.AsType[*net.DNSError](err); !isDNS || f.Sent {
		t.Errorf("failure is %v (sent=%v), want a DNS error that was not sent", f, f.Sent)
	}
}

func TestContextOverBeforeTheCall(t *testing.T) {
	server, m := start(t, badnet.Reply(200, paymentBody))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := capture(ctx, m)
	if f := failureOf(t, err); f.Sent || !errors.Is(f, context.Canceled) {
		t.Errorf("failure is %v (sent=%v), want a cancellation that was not sent", f, f.Sent)
	}
	if n := len(server.Seen()); n != 0 {
		t.Errorf("the server received %d requests, want none", n)
	}
}

func TestInDoubt(t *testing.T) {
	tests := map[string]struct {
		deed  badnet.Deed
		http  int
		cause error
	}{
		"no answer at all":              {badnet.Hang, 0, context.DeadlineExceeded},
		"reset before headers":          {badnet.Reset, 0, nil},
		"closed before headers":         {badnet.HangUp, 0, nil},
		"half a header":                 {badnet.Raw("HTTP/1.1 200 OK\r\nContent-Le"), 0, nil},
		"no HTTP at all":                {badnet.Raw("SSH-2.0-OpenSSH_9.9\r\n"), 0, nil},
		"body cut short":                {badnet.Cut(200, paymentBody, 40), 200, ErrTruncated},
		"body slower than the deadline": {badnet.Drip(200, paymentBody, 50*time.Millisecond), 200, context.DeadlineExceeded},
		"empty body":                    {badnet.Reply(200, ""), 200, ErrUnreadable},
		"no content":                    {badnet.Raw("HTTP/1.1 204 No Content\r\n\r\n"), 204, ErrUnreadable},
		"HTML":                          {badnet.Reply(200, "<html>fine</html>"), 200, ErrUnreadable},
		"wrong JSON types":              {badnet.Reply(200, `{"id":7,"amount":"200"}`), 200, ErrUnreadable},
		"fractional yen":                {badnet.Reply(200, strings.Replace(paymentBody, "200", "200.5", 1)), 200, ErrUnreadable},
		"two answers in one":            {badnet.Reply(200, paymentBody+paymentBody), 200, ErrUnreadable},
		"answer without end":            {badnet.Reply(200, `"`+strings.Repeat("x", maxAnswerBytes+1)+`"`), 200, ErrTooLarge},
		"redirect":                      {badnet.Reply(307, "", "Location: http://127.0.0.1:1/elsewhere"), 307, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server, m := start(t, tt.deed)
			patience := time.Minute
			if errors.Is(tt.cause, context.DeadlineExceeded) {
				patience = 400 * time.Millisecond // waiting for it is the test
			}
			_, err := capture(within(t, patience), m)
			f := failureOf(t, err)
			if !f.Sent || f.HTTP != tt.http {
				t.Errorf("failure says sent=%v status=%d, want sent and %d: %v", f.Sent, f.HTTP, tt.http, f)
			}
			if tt.cause != nil && !errors.Is(f, tt.cause) {
				t.Errorf("cause is %v, want %v", f.Err, tt.cause)
			}
			if n := len(server.Seen()); n != 1 {
				t.Errorf("the server received %d requests, want 1", n)
			}
		})
	}
}

func TestBodyIsHandedOutOnce(t *testing.T) {
	all := make([]byte, 4)
	begun := newOnceBody([]byte("body"))
	if n, err := begun.Read(all[:2]); n != 2 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	if !begun.shut() {
		t.Error("a body that was read from says that it was not")
	}
	if n, err := begun.Read(all); n != 0 || !errors.Is(err, errBodyShut) {
		t.Errorf("a shut body gives %d bytes, %v", n, err)
	}
	fresh := newOnceBody([]byte("body"))
	if fresh.shut() {
		t.Error("a body that nobody read from says that somebody did")
	}
	if n, err := fresh.Read(all); n != 0 || !errors.Is(err, errBodyShut) || fresh.shut() {
		t.Errorf("a shut body gives %d bytes, %v", n, err)
	}
	// net/http reads on after the last byte, and may do so once the answer is there.
	ended := newOnceBody([]byte("body"))
	if n, err := ended.Read(all); n != 4 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	ended.shut()
	if n, err := ended.Read(all); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a body read to its end gives %d bytes, %v; want the end of file", n, err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := badnet.Start(t, badnet.Reply(200, orderBody))
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, m := start(t, badnet.Reply(status, "", "Location: "+elsewhere.URL()+"/orders/"+orderID))
		_, err := m.Order(within(t, 5*time.Second), orderID)
		if f := failureOf(t, err); f.HTTP != status {
			t.Errorf("failure says %d, want %d", f.HTTP, status)
		}
	}
	if n := len(elsewhere.Seen()); n != 0 {
		t.Errorf("the other host received %d requests, want none", n)
	}
}

func TestCancelledCallReturnsAtOnce(t *testing.T) {
	tests := map[string]badnet.Deed{
		"while waiting for headers": badnet.Hang,
		"while reading the body":    badnet.Drip(200, paymentBody, time.Hour),
	}
	for name, deed := range tests {
		t.Run(name, func(t *testing.T) {
			server, m := start(t, deed)
			ctx, cancel := context.WithCancel(within(t, 10*time.Second))
			done := make(chan error, 1)
			go func() {
				_, err := capture(ctx, m)
				done <- err
			}()
			server.Await(ctx, t)
			cancel()
			f := failureOf(t, <-done)
			if !f.Sent || !errors.Is(f, context.Canceled) {
				t.Errorf("failure is %v (sent=%v), want a cancellation after sending", f, f.Sent)
			}
		})
	}
}

func TestOneClientServesManyKeys(t *testing.T) {
	server := badnet.Start(t, badnet.Reply(200, orderBody))
	client, err := New(server.URL(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx := within(t, 5*time.Second)
	keys := []string{"sk_test_AAAAAAAAAAAAAAAAAAAAAA", "sk_test_BBBBBBBBBBBBBBBBBBBBBB"}
	for range 3 {
		for _, key := range keys {
			if _, err := client.As(parseKey(t, key)).Order(ctx, orderID); err != nil {
				t.Fatalf("Order: %v", err)
			}
		}
	}
	for i, seen := range server.Seen() {
		if got, want := seen.Header.Get("Authorization"), "Basic "+keys[i%2]; got != want {
			t.Errorf("request %d came with %q, want %q", i, got, want)
		}
	}
}

func TestIDStaysInItsPathSegment(t *testing.T) {
	server, m := start(t, badnet.Reply(200, orderBody))
	for _, id := range []OrderID{"../refunds", "order_test_1/cancellation", "order_test_1?expand=no", "順"} {
		_, err := m.Order(within(t, 5*time.Second), id)
		if f := failureOf(t, err); f.Sent {
			t.Errorf("id %q was sent", id)
		}
	}
	if n := len(server.Seen()); n != 0 {
		t.Errorf("the server received %d requests, want none", n)
	}
}

func TestWriteWithoutIdempotencyKeyIsNotSent(t *testing.T) {
	server, m := start(t, badnet.Reply(200, orderBody))
	_, err := m.CancelOrder(within(t, 5*time.Second), "", orderID)
	if f := failureOf(t, err); f.Sent {
		t.Errorf("sent without a key: %v", f)
	}
	if n := len(server.Seen()); n != 0 {
		t.Errorf("the server received %d requests, want none", n)
	}
}

// An answer is not inflated, whatever it says that it is: its size is what is read.
func TestCompressedAnswersAreNotInflated(t *testing.T) {
	var bomb bytes.Buffer
	pack := gzip.NewWriter(&bomb)
	if _, err := pack.Write(bytes.Repeat([]byte(" "), 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	for status, cause := range map[int]error{200: ErrUnreadable, 400: nil} {
		server, m := start(t, badnet.Reply(status, bomb.String(), "Content-Encoding: gzip"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := capture(within(t, time.Minute), m)
		runtime.ReadMemStats(&after)
		if f := failureOf(t, err); cause != nil && !errors.Is(f, cause) {
			t.Errorf("a compressed %d: %v", status, f)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
			t.Errorf("a compressed %d of %d bytes took %d", status, bomb.Len(), used)
		}
		if server.Seen()[0].Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for %v", server.Seen()[0].Header)
		}
	}
}

// An answer that is deep or wide is read in memory in proportion to it, or not at all.
func TestHostileAnswersAreBounded(t *testing.T) {
	for name, body := range map[string]string{
		"deep":       with(t, orderBody, `{"payments":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}`),
		"too deep":   `{"id":"` + orderID + `","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"nested ref": `{"payments":[` + strings.Repeat(`{"id":"`+paymentID+`","refunds":[`, 5000) + strings.Repeat(`]}`, 5000) + `]}`,
	} {
		_, m := start(t, badnet.Reply(200, body))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		order, err := m.Order(within(t, time.Minute), orderID)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: read %+v", name, order)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
			t.Errorf("%s: %d bytes took %d", name, len(body), used)
		}
	}
}
