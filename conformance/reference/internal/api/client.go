package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer is the longest answer that is read.
const maxAnswer = 4 << 20

// A Client calls the API for one account. It is safe for concurrent use.
type Client struct {
	Base      *url.URL          // without a trailing slash
	Transport http.RoundTripper // sends each request at most once
	APIKey    string
	Now       func() time.Time
}

// Read asks for what there is at path and reads the answer into into.
func (c Client) Read(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, http.MethodGet, path, query, "", nil, into)
}

// Write asks for something to be done, once for one idempotency key.
func (c Client) Write(ctx context.Context, path, key string, ask, into any) error {
	return c.do(ctx, http.MethodPost, path, nil, key, ask, into)
}

// Put asks for something to be as described, which is idempotent by itself.
func (c Client) Put(ctx context.Context, path string, ask, into any) error {
	return c.do(ctx, http.MethodPut, path, nil, "", ask, into)
}

// Path joins the steps of a path, each of them escaped.
func Path(steps ...string) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

func (c Client) do(ctx context.Context, method, path string, query url.Values, key string, ask, into any) error {
	fail := &Failure{Endpoint: method + " " + path, Reads: method == http.MethodGet}
	if err := ctx.Err(); err != nil {
		fail.Err = err
		return fail
	}
	var connected, handshake atomic.Bool // the callbacks may outlive the call
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:          func(httptrace.GotConnInfo) { connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { handshake.Store(err != nil) },
	})
	req, sent, err := c.request(ctx, method, path, query, key, ask)
	if err != nil {
		fail.Err = err
		return fail
	}
	res, err := c.Transport.RoundTrip(req)
	if err != nil {
		fail.Sent = sent.end() || fail.Reads && connected.Load()
		fail.TLS = handshake.Load() && !fail.Sent
		fail.Err = because(ctx, err)
		return fail
	}
	defer res.Body.Close()
	fail.Sent, fail.HTTP = true, res.StatusCode
	fail.RequestID = string(c.mask([]byte(res.Header.Get("X-Request-Id"))))
	return c.answer(ctx, res, into, fail)
}

// request makes a request that depends on nothing but what is asked.
func (c Client) request(
	ctx context.Context, method, path string, query url.Values, key string, ask any,
) (*http.Request, *body, error) {
	target := *c.Base
	target.Path, target.RawPath = "", ""
	address := target.String() + c.Base.EscapedPath() + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.APIKey)
	req.Header.Set("Accept", "application/json")
	if method == http.MethodGet {
		return req, newBody(nil), nil
	}
	text, err := encode(ask)
	if err != nil {
		return nil, nil, err
	}
	sent := newBody(text)
	req.Body, req.GetBody, req.ContentLength = sent, nil, int64(len(text))
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return req, sent, nil
}

// encode writes JSON with text as it is: no HTML escapes.
func encode(ask any) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	err := to.Encode(ask)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// answer reads a response into into, or into what fail then says.
func (c Client) answer(ctx context.Context, res *http.Response, into any, fail *Failure) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if res.StatusCode/100 != 2 {
		fail.RetryAfter = retryAfter(res.Header.Get("Retry-After"), c.Now())
		c.refusal(text, fail)
		return fail // the status is an answer, however its body ends
	}
	switch {
	case err != nil:
		fail.Err = because(ctx, fmt.Errorf("%w: %w", ErrTruncated, err))
	case len(text) > maxAnswer:
		fail.Err = fmt.Errorf("%w: it has more than %d bytes", ErrUnreadable, maxAnswer)
	case !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		fail.Err = fmt.Errorf("%w: it is not a JSON object", ErrUnreadable)
	default:
		if err := json.Unmarshal(c.mask(text), into); err != nil {
			fail.Err = fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if fail.Err != nil {
		return fail
	}
	return nil
}

// refusal reads what the provider says against a request. A body that is not its own
// leaves the code empty: somebody on the way has answered.
func (c Client) refusal(text []byte, fail *Failure) {
	var said struct {
		Error struct {
			Code    string   `json:"code"`
			Message string   `json:"message"`
			Field   string   `json:"field"`
			Network *Network `json:"network"`
		} `json:"error"`
		Payment *Payment `json:"payment"`
	}
	if json.Unmarshal(c.mask(text), &said) != nil {
		return
	}
	e := said.Error
	fail.Code, fail.Message, fail.Field, fail.Network, fail.Payment = e.Code, e.Message, e.Field, e.Network, said.Payment
}

// mask takes the API key out of what an echoing server sent.
func (c Client) mask(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(c.APIKey), []byte("[secret]"))
}

// because puts the context's end in front where it is why a call ended.
func because(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
