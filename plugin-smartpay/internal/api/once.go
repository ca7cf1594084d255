package api

import (
	"bytes"
	"errors"
	"sync"
)

// onceBody is a request body that can be sent once, and that knows whether any of
// it has been handed out.
//
// net/http repeats a request by itself when a pooled connection dies before the
// answer: always for GET and HEAD, and for every method if the request carries an
// Idempotency-Key header and its body can be had again (Request.isReplayable). It
// takes a body to be repeatable if it is empty or GetBody is set. HTTP/2 repeats on
// REFUSED_STREAM, GOAWAY and PROTOCOL_ERROR under the same condition. So every write
// here has a body, GetBody stays nil, and a connection that dies is reported
// instead. What remains possible is that net/http tries another connection while no
// byte of the body has been read, and then nothing was sent.
//
// A server cannot act on a request whose body it lacks, so "nobody has read the
// body" proves that the request was not sent. shut takes the proof and makes it
// final in one step: after it, no reader gets a byte, not even a goroutine of
// net/http that is still winding down. A reader that has had every byte still gets
// its end of file: net/http asks for it after the last byte, and drops the connection,
// answer and all, if it gets an error.
type onceBody struct {
	mu    sync.Mutex
	rest  *bytes.Reader
	begun bool
	over  bool
}

var errBodyShut = errors.New("the call is over")

func newOnceBody(body []byte) *onceBody { return &onceBody{rest: bytes.NewReader(body)} }

func (b *onceBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over && b.rest.Len() > 0 {
		return 0, errBodyShut
	}
	b.begun = true
	return b.rest.Read(p)
}

func (b *onceBody) Close() error { return nil }

// shut ends the body of a call that failed and reports whether any of it was handed
// out.
func (b *onceBody) shut() (begun bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.begun
}
