package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A turn is one exchange being carried. One goroutine carries it.
type turn struct {
	c *conn
	p *Proxy
	x *Exchange // written under p.mu; read without, since nobody else writes

	ctx  context.Context // ends after Limit, or with the proxy
	left <-chan struct{} // closed when the connector leaves
	raw  bytes.Buffer    // the request, as it came
	req  *http.Request   // its head
	keep bool            // the connection may carry another exchange
}

// run carries the exchange to its end.
func (t *turn) run() End {
	_ = t.c.nc.SetDeadline(time.Now().Add(Limit)) // fails only on a connection that is gone
	if !t.takeHead() {
		return t.refused()
	}
	fault, detached := Fault{}, t.p.isDetached()
	if !detached {
		fault = t.p.strikeRequest(t.x.Request)
		t.p.note(func() { t.x.Fault = fault.What })
	}
	midway := fault.What == ResetMidRequest
	if midway && !t.takeBeginning(fault.Bytes) || !midway && !t.takeBody() {
		return t.refused()
	}
	if midway {
		return Reset
	}
	var cancel context.CancelFunc
	t.ctx, cancel = context.WithTimeout(t.p.ctx, Limit)
	defer cancel()
	_ = t.c.nc.SetDeadline(time.Now().Add(2 * Limit)) // Limit for the upstream, Limit to answer
	left, stop := t.c.watch(t.x)
	defer stop()
	t.left = left
	if detached {
		return Closed
	}
	return t.strike(fault)
}

// takeHead reads the request's head. Its length is bounded, and so is the time.
func (t *turn) takeHead() bool {
	first, err := t.c.br.Peek(1)
	if err == nil && !token(first[0]) {
		return t.trouble(fmt.Errorf("request: %w: it begins with byte %#02x", errNotHTTP, first[0]))
	}
	head, err := readHead(t.c.br)
	t.p.note(func() { t.x.Request.Head = head })
	if err != nil {
		return t.cut("request's head", err)
	}
	t.raw.Write(head)
	if t.req, err = parseRequest(head); err != nil {
		return t.trouble(fmt.Errorf("request's head: %w", err))
	}
	t.p.note(func() {
		r := &t.x.Request
		r.Method, r.Target, r.Host, r.Header = t.req.Method, t.req.RequestURI, t.req.Host, t.req.Header
	})
	if t.req.ContentLength > MaxBody {
		return t.trouble(fmt.Errorf("request's body of %d bytes: %w", t.req.ContentLength, ErrFull))
	}
	return true
}

// takeBody reads the request's body.
func (t *turn) takeBody() bool {
	t.invite()
	r := &t.x.Request
	body := tape{t.p, &r.Body, &r.Length}
	err := frame(t.req.TransferEncoding, t.req.ContentLength).copy(&bounded{w: &t.raw, left: MaxBody}, body, t.c.br)
	if err != nil {
		return t.cut("request's body", err)
	}
	t.p.note(func() { r.Complete = true })
	return true
}

// takeBeginning reads n bytes of what follows the request's head, or all of a body that has fewer.
func (t *turn) takeBeginning(n int64) bool {
	f := frame(t.req.TransferEncoding, t.req.ContentLength)
	if !f.chunked {
		n = min(n, f.length)
	}
	if n > 0 {
		t.invite()
	}
	r := &t.x.Request
	if _, err := io.CopyN(tape{t.p, &r.Body, &r.Length}, t.c.br, n); err != nil {
		return t.cut("request's body", err)
	}
	t.p.note(func() { r.Complete = !f.chunked && n == f.length })
	return true
}

// invite sends what a connector waits for that asked before it sends a body.
func (t *turn) invite() {
	if strings.EqualFold(t.req.Header.Get("Expect"), "100-continue") {
		// A connector that is gone is noticed by the read that follows.
		_, _ = io.WriteString(t.c.nc, "HTTP/1.1 100 Continue\r\n\r\n")
	}
}

// cut notes why a request did not arrive whole. That the connector left is no trouble.
func (t *turn) cut(what string, err error) bool {
	if errors.Is(err, errHead) || errors.Is(err, ErrFull) || t.p.ctx.Err() != nil {
		return t.trouble(fmt.Errorf("%s: %w", what, err))
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return t.trouble(fmt.Errorf("%s: not there after %v", what, Limit))
	}
	if chunk, ok := errors.AsType[*chunkError](err); ok {
		return t.trouble(fmt.Errorf("%s: %w", what, chunk))
	}
	return false
}

// refused is the end of an exchange whose request did not arrive whole.
func (t *turn) refused() End {
	if t.x.Trouble == nil {
		return Left
	}
	return Reset
}

// trouble notes what went wrong. It returns false.
func (t *turn) trouble(err error) bool {
	if t.p.ctx.Err() != nil {
		err = ErrClosed
	}
	t.p.note(func() { t.x.Trouble = errors.Join(t.x.Trouble, err) })
	return false
}

// wait waits for d, or for ever if d is 0. It returns how the exchange ended meanwhile,
// or UnderWay if d has passed.
func (t *turn) wait(d time.Duration) End {
	var passed <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-passed:
		return UnderWay
	case <-t.left:
		return t.closedOr(Left)
	case <-t.ctx.Done():
		return Closed
	}
}

// closedOr is end, unless it came about because the proxy closes.
func (t *turn) closedOr(end End) End {
	if t.p.ctx.Err() != nil {
		return Closed
	}
	return end
}

func (p *Proxy) isDetached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.detached
}

// bounded is a writer that takes only so much.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("more than %d bytes: %w", MaxBody, ErrFull)
	}
	return b.w.Write(p)
}
