// Package api is Example Pay's HTTP API in its own words: it sends one request and says
// what came back, or how far it got. It knows nothing of the contract, keeps nothing
// between calls, and never sends anything a second time.
//
// Example Pay does not exist. Replace this package first: its types by those of your
// provider's documentation, its paths and headers by the real ones. How a call fails is
// worth keeping as it is.
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
	"sync/atomic"
)

// DefaultBase is where the provider is, where an account does not say otherwise.
const DefaultBase = "https://api.example-pay.example"

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 4 << 20

// A Client calls the API for one account. It is safe for concurrent use.
type Client struct {
	Base      string            // without a trailing slash
	Transport http.RoundTripper // follows no redirects
	Key       string            // not empty
}

// Get asks for what there is. It changes nothing.
func (c Client) Get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, "", nil, into)
}

// Post asks for something to be done, once for one key.
func (c Client) Post(ctx context.Context, path, key string, ask, into any) error {
	return c.do(ctx, http.MethodPost, path, key, ask, into)
}

// do returns a [*Failure] for everything but a success that was read.
func (c Client) do(ctx context.Context, method, path, key string, ask, into any) error {
	fail := &Failure{Endpoint: method + " " + path, Reads: method == http.MethodGet}
	if fail.Err = ctx.Err(); fail.Err != nil {
		return fail
	}
	var broken atomic.Bool // the callback may outlive the call
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { broken.Store(err != nil) },
	})
	req, sent, err := c.request(ctx, method, path, key, ask)
	if err != nil {
		fail.Err = err
		return fail
	}
	res, err := c.Transport.RoundTrip(req)
	if err != nil {
		fail.Sent = sent.end()
		fail.TLS = broken.Load() && !fail.Sent
		fail.Err = because(ctx, err)
		return fail
	}
	defer res.Body.Close()
	fail.Sent, fail.HTTP = true, res.StatusCode
	fail.RequestID = string(c.mask([]byte(res.Header.Get("Request-Id"))))
	return c.read(ctx, res, into, fail)
}

// request depends on nothing but what is asked: the same call sent again is the same
// request, byte for byte.
func (c Client) request(ctx context.Context, method, path, key string, ask any) (*http.Request, *body, error) {
	text, err := json.Marshal(ask)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("Accept", "application/json")
	sent := &body{rest: bytes.NewReader(text)}
	if method == http.MethodPost {
		req.Body, req.GetBody, req.ContentLength = sent, nil, int64(len(text))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
	}
	return req, sent, nil
}

// read reads an answer into into, or into what fail then says.
func (c Client) read(ctx context.Context, res *http.Response, into any, fail *Failure) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	text = c.mask(text)
	if res.StatusCode/100 != 2 {
		refused(res, text, fail)
		return fail // the status is an answer, however its body ends
	}
	switch {
	case err != nil:
		fail.Err = because(ctx, fmt.Errorf("%w: %w", ErrTruncated, err))
	case len(text) > maxAnswer:
		fail.Err = fmt.Errorf("%w: it has more than %d bytes", ErrUnreadable, maxAnswer)
	default:
		if err := json.Unmarshal(text, into); err != nil {
			fail.Err = fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if fail.Err != nil {
		return fail
	}
	return nil
}

// refused reads what the provider says against a request. A body that is not in its
// words leaves the code empty: then somebody on the way has answered.
func refused(res *http.Response, text []byte, fail *Failure) {
	fail.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &said) == nil {
		fail.Code, fail.Message = said.Error.Code, said.Error.Message
	}
}

// mask takes the API key out of what a provider says: one that repeats it must not carry
// it into logs and error messages.
func (c Client) mask(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(c.Key), []byte("[secret]"))
}

// because puts the end of the context in front, where that is why a call ended.
func because(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
