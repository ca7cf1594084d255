package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func client(t *testing.T, base string, way roundTrip) Client {
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return Client{Base: u, Transport: way, APIKey: "key_test_secret00", Now: time.Now}
}

func answer(status int, body io.Reader) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{"X-Request-Id": {"req_1"}}, Body: io.NopCloser(body)}, nil
}

func TestRequests(t *testing.T) {
	tests := map[string]struct {
		base string
		do   func(Client) error
		want string
	}{
		"a read": {"http://h.example/base", func(c Client) error {
			return c.Read(t.Context(), "/v1/payments", url.Values{"reference": {"a b"}}, &Payment{})
		}, "GET http://h.example/base/v1/payments?reference=a+b key="},
		"a write": {"http://h.example", func(c Client) error {
			return c.Write(t.Context(), Path("v1", "payments", "a/../b", "voids"), "k", Order{}, &Payment{})
		}, "POST http://h.example/v1/payments/a%2F..%2Fb/voids key=k"},
		"a put": {"http://h.example", func(c Client) error {
			return c.Put(t.Context(), "/v1/webhooks", Registering{}, &Payment{})
		}, "PUT http://h.example/v1/webhooks key="},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got string
			c := client(t, tt.base, func(req *http.Request) (*http.Response, error) {
				got = req.Method + " " + req.URL.String() + " key=" + req.Header.Get("Idempotency-Key")
				if req.GetBody != nil || req.Header.Get("Authorization") != "Bearer key_test_secret00" {
					t.Errorf("can be sent twice, or by nobody: %v", req.Header)
				}
				return answer(200, strings.NewReader(`{}`))
			})
			if err := tt.do(c); err != nil || got != tt.want {
				t.Errorf("%s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// brokenReader ends with an error, as a connection that is cut.
type brokenReader struct{ text string }

func (b *brokenReader) Read(p []byte) (int, error) {
	n := copy(p, b.text)
	b.text = b.text[n:]
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		way   roundTrip
		sent  bool
		cause error
		code  string
	}{
		"nobody read the body": {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, false, io.EOF, ""},
		"somebody read it": {func(req *http.Request) (*http.Response, error) {
			_, _ = req.Body.Read(make([]byte, 1))
			return nil, io.EOF
		}, true, io.EOF, ""},
		"cut in the middle": {func(*http.Request) (*http.Response, error) {
			return answer(200, &brokenReader{`{"id":"pay`})
		}, true, ErrTruncated, ""},
		"too much": {func(*http.Request) (*http.Response, error) {
			return answer(200, strings.NewReader(`{"id":"`+strings.Repeat("x", maxAnswer)+`"}`))
		}, true, ErrUnreadable, ""},
		"a refusal that is cut": {func(*http.Request) (*http.Response, error) {
			return answer(409, &brokenReader{`{"error":{"code":"x"}}`})
		}, true, nil, "x"},
		"a refusal that echoes the key": {func(*http.Request) (*http.Response, error) {
			return answer(409, strings.NewReader(`{"error":{"code":"x","message":"key_test_secret00"}}`))
		}, true, nil, "x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := client(t, "http://h.example", tt.way).Write(t.Context(), "/v1/payments", "k", Terms{}, &Payment{})
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.Sent != tt.sent || !errors.Is(f.Err, tt.cause) || f.Code != tt.code {
				t.Fatalf("%+v, want sent %t, %v, %q", f, tt.sent, tt.cause, tt.code)
			}
			if strings.Contains(f.Message+f.Error(), "secret00") {
				t.Errorf("the key is in %q", f.Message)
			}
		})
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := client(t, "http://h.example", func(*http.Request) (*http.Response, error) {
		t.Error("sent")
		return nil, io.EOF
	}).Write(ctx, "/v1/payments", "k", Terms{}, &Payment{})
	if f, ok := errors.AsType[*Failure](err); !ok || f.Sent || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A body that nobody read before its call ended is never read.
func TestBodyAfterItsCall(t *testing.T) {
	b := newBody([]byte("money"))
	if b.end() {
		t.Error("was read")
	}
	if n, err := b.Read(make([]byte, 8)); n != 0 || !errors.Is(err, errOver) {
		t.Errorf("%d, %v", n, err)
	}
	late := newBody([]byte("money"))
	if _, err := io.ReadAll(late); err != nil || !late.end() {
		t.Errorf("%v", err)
	}
	if _, err := late.Read(make([]byte, 8)); !errors.Is(err, io.EOF) {
		t.Errorf("a body that was read to its end says %v", err)
	}
}

func TestRequestIDHasNoKey(t *testing.T) {
	err := client(t, "http://h.example", func(*http.Request) (*http.Response, error) {
		res, err := answer(409, strings.NewReader(`{}`))
		res.Header.Set("X-Request-Id", "for key_test_secret00")
		return res, err
	}).Write(t.Context(), "/v1/payments", "k", Terms{}, &Payment{})
	if f, ok := errors.AsType[*Failure](err); !ok || f.RequestID != "for [secret]" {
		t.Errorf("%+v", f)
	}
}
