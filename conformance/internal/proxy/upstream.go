package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// An answer is what the upstream says, as it came.
type answer struct {
	head []byte
	res  *http.Response // the head, read
	br   *bufio.Reader  // the rest
	tape io.Writer      // records the body

	raw  []byte // the body as it came, once it was read whole
	body []byte // the same without chunking
}

func (a *answer) framing() framing { return frame(a.res.TransferEncoding, a.res.ContentLength) }

// bodiless reports whether the answer can have no body.
func (a *answer) bodiless() bool {
	return bodiless(a.res.StatusCode) || a.res.Request.Method == http.MethodHead
}

// lasts reports whether the connection may carry another exchange after the answer.
func (a *answer) lasts() bool {
	return !a.res.Close && (a.bodiless() || a.framing().chunked || a.framing().length >= 0)
}

// copy moves the body: as it came to raw, and without chunking to body.
func (a *answer) copy(raw, body io.Writer) error {
	if a.bodiless() {
		return nil
	}
	return a.framing().copy(raw, io.MultiWriter(a.tape, body), a.br)
}

// forward hands the request to the upstream and its answer to take. What take returns
// and whatever goes wrong with the upstream is noted as trouble; it reports whether all went well.
func (t *turn) forward(take func(*answer) error) bool {
	nc, err := t.p.net.dial(t.ctx, t.p.upstream, nil)
	if err != nil {
		return t.trouble(fmt.Errorf("upstream: %w", err))
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(t.ctx, func() { _ = nc.Close(); close(ended) })
	written := make(chan struct{})
	go func() {
		defer close(written)
		if _, err := nc.Write(t.raw.Bytes()); err == nil { // else the answer, or its absence, tells
			t.p.note(func() { t.x.Forwarded++ })
		}
	}()
	err = t.converse(nc, take)
	if !stop() {
		<-ended
		err = fmt.Errorf("after %v: %w", Limit, context.Cause(t.ctx))
	}
	_ = nc.Close() // nothing is wanted of it any more
	<-written
	if err != nil {
		return t.trouble(fmt.Errorf("upstream: %w", err))
	}
	return true
}

// converse reads the upstream's answer.
func (t *turn) converse(nc net.Conn, take func(*answer) error) error {
	br := bufio.NewReader(nc)
	for {
		head, err := readHead(br)
		if err != nil {
			return fmt.Errorf("answer's head: %w", unexpected(err))
		}
		res, err := parseAnswer(head, t.x.Request.Method)
		if err != nil {
			return fmt.Errorf("answer's head: %w", err)
		}
		switch {
		case res.StatusCode == http.StatusSwitchingProtocols:
			return fmt.Errorf("it switches protocols, which no proxy of this kind can follow")
		case res.StatusCode < http.StatusOK:
			t.interim(head, res.StatusCode)
			continue
		}
		a := &answer{head: head, res: res, br: br}
		var kept *Answer
		t.p.note(func() {
			t.x.Upstream = append(t.x.Upstream, Answer{Status: res.StatusCode, Header: res.Header})
			kept = &t.x.Upstream[len(t.x.Upstream)-1]
		})
		a.tape = tape{t.p, &kept.Body, &kept.Length}
		if err := take(a); err != nil {
			return fmt.Errorf("answer's body: %w", err)
		}
		t.p.note(func() { kept.Complete = true })
		return nil
	}
}

// interim passes an answer before the answer, except the one that the proxy gave itself,
// and those that a fault withholds.
func (t *turn) interim(head []byte, status int) {
	if status != http.StatusContinue && t.x.Fault == "" {
		_, _ = t.c.nc.Write(head) // a connector that is gone is noticed with the answer
	}
}

// act forwards the request and reads the upstream's whole answer; nil if there is none.
func (t *turn) act() *answer {
	var whole *answer
	var raw, body bytes.Buffer
	ok := t.forward(func(a *answer) error {
		whole = a
		return a.copy(&bounded{w: &raw, left: MaxBody}, &body)
	})
	if !ok {
		return nil
	}
	whole.raw, whole.body = raw.Bytes(), body.Bytes()
	return whole
}
