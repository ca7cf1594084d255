package api

import (
	"bytes"
	"errors"
	"sync"
)

// A body is a request's body that knows whether any of it was handed out.
//
// net/http sends a request again on its own when a pooled connection dies, if it can
// have the body again; it cannot have this one. And a provider cannot act on a request
// whose body it lacks, so a body that nobody has read proves that nothing was sent.
type body struct {
	mu   sync.Mutex
	rest *bytes.Reader
	read bool
	over bool
}

var errOver = errors.New("the call is over")

func newBody(text []byte) *body { return &body{rest: bytes.NewReader(text)} }

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over && b.rest.Len() > 0 {
		return 0, errOver
	}
	b.read = true
	return b.rest.Read(p)
}

func (b *body) Close() error { return nil }

// end lets nobody read any more and reports whether anybody has: a goroutine of
// net/http may still be winding down when its call has failed.
func (b *body) end() (read bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.read
}
