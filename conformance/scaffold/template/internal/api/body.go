package api

import (
	"bytes"
	"errors"
	"sync"
)

// A body is a request's body that knows whether any of it was handed out. A provider
// cannot act on a request whose body it lacks: one that nobody has read is the proof
// that nothing was sent, and the only one.
//
// Net/http sends a request again by itself when a pooled connection turns out to be
// dead, if it can have the body twice. It cannot have this one twice.
type body struct {
	mu   sync.Mutex
	rest *bytes.Reader
	read bool
	over bool
}

var errOver = errors.New("the call is over")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over && b.rest.Len() > 0 {
		return 0, errOver
	}
	b.read = true
	return b.rest.Read(p)
}

func (*body) Close() error { return nil }

// end lets nobody read any more and reports whether anybody has. A goroutine of net/http
// may still be at it when its call has failed.
func (b *body) end() (read bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return b.read
}
