package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"sync/atomic"
)

// A request is one call before it is sent.
type request struct {
	endpoint Endpoint
	id       string // of the object that the endpoint's path names
	query    url.Values
	key      string // idempotency key; writes only
	body     any    // writes only, and never nil there
}

// An answer can judge whether it is what was asked for.
type answer interface {
	check(want subject) error
}

// trace is how a connection came about. The callbacks that set it may still run
// after the call has ended.
type trace struct {
	connected atomic.Bool
	handshake atomic.Bool // the TLS handshake failed
}

// call sends r and returns the answer, or nil and why there is none.
func call[T any, P interface {
	*T
	answer
}](ctx context.Context, m Merchant, r request) (P, error) {
	a := P(new(T))
	if err := m.do(ctx, r, a); err != nil {
		return nil, err
	}
	return a, nil
}

// do sends r and reads the answer into a.
func (m Merchant) do(ctx context.Context, r request, a answer) error {
	fail := &Failure{Endpoint: r.endpoint}
	if err := ctx.Err(); err != nil {
		fail.Err = err
		return fail
	}
	var seen trace
	req, body, err := m.build(ctx, r, &seen)
	if err != nil {
		fail.Err = fmt.Errorf("%w: %w", ErrRequest, err)
		return fail
	}
	res, err := m.client.transport.RoundTrip(req)
	if err != nil {
		fail.Sent = seen.connected.Load()
		if body != nil {
			fail.Sent = body.shut()
		}
		fail.Handshake = seen.handshake.Load() && !fail.Sent
		fail.Err = withCause(ctx, err)
		return fail
	}
	defer func() { _ = res.Body.Close() }()
	fail.Sent, fail.HTTP = true, res.StatusCode
	return m.read(ctx, res, a, subject{mode: m.key.Mode(), id: r.id}, fail)
}

// read turns a response into a, or into what fail then says.
func (m Merchant) read(ctx context.Context, res *http.Response, a answer, want subject, fail *Failure) error {
	fail.RequestID = m.said(res.Header.Get(requestIDHeader), maxRequestID)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		fail.RetryAfter = retryAfter(res.Header.Get("Retry-After"), m.client.now())
		// The status alone is an answer; a body that breaks off takes nothing from it.
		text, _ := readAtMost(res.Body, maxRefusalBytes)
		refusal := readRefusal([]byte(m.key.mask(string(text))))
		fail.Code, fail.Message = m.said(refusal.code, maxCode), m.said(refusal.message, maxMessage)
		return fail
	}
	text, err := readAtMost(res.Body, maxAnswerBytes)
	if err != nil {
		fail.Err = withCause(ctx, err)
		return fail
	}
	// Masked before it is read: whatever a server echoes, no field can hold the key.
	if err := json.Unmarshal([]byte(m.key.mask(string(text))), a); err != nil {
		// The decoder's message quotes values only by type, never by content.
		fail.Err = fmt.Errorf("%w: %w", ErrUnreadable, err)
		return fail
	}
	if err := a.check(want); err != nil {
		fail.Err = err
		return fail
	}
	return nil
}

// plainID is what may stand in a path. It lets nothing out of its path segment.
var plainID = regexp.MustCompile(`^[0-9a-zA-Z_]*$`)

// build makes the HTTP request. The key goes into the Authorization header as it
// is: Smartpay's "Basic" is not the standard's, there is no base64 and no colon.
func (m Merchant) build(ctx context.Context, r request, seen *trace) (*http.Request, *onceBody, error) {
	if !plainID.MatchString(r.id) {
		return nil, nil, errors.New("an id with other characters than letters, digits and _")
	}
	target := *m.client.base
	target.Path += r.endpoint.path(r.id)
	target.RawQuery = r.query.Encode()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { seen.connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				seen.handshake.Store(true)
			}
		},
	})
	req, err := http.NewRequestWithContext(ctx, r.endpoint.Method(), target.String(), http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Basic "+m.key.reveal())
	req.Header.Set("Accept", "application/json")
	if m.client.agent != "" {
		req.Header.Set("User-Agent", m.client.agent)
	}
	if r.endpoint.Reads() {
		return req, nil, nil
	}
	if r.key == "" {
		return nil, nil, errors.New("a write needs an idempotency key")
	}
	text, err := encode(r.body)
	if err != nil {
		return nil, nil, err
	}
	body := newOnceBody(text)
	req.Body, req.GetBody, req.ContentLength = body, nil, int64(len(text))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", r.key)
	return req, body, nil
}

// encode writes compact JSON with text as it is: no HTML escapes.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// readAtMost reads all of an answer, and refuses to read more than limit bytes.
func readAtMost(body io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return text, fmt.Errorf("%w: %w", ErrTruncated, err)
	case int64(len(text)) > limit:
		return text[:limit], ErrTooLarge
	}
	return text, nil
}

// withCause puts the context's own error in front where the context is why a call
// ended: net/http reports some of those as network errors.
func withCause(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
