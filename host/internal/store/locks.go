package store

import (
	"context"
	"sync"
)

// locks excludes changes to the same thing, and only those. The zero value is ready.
type locks struct {
	mu    sync.Mutex
	named map[string]*lock
}

// A lock exists while somebody holds it or waits for it.
type lock struct {
	held  chan struct{} // full while held
	users int
}

// acquire waits for the named lock until ctx ends, and returns what releases it.
func (l *locks) acquire(ctx context.Context, name string) (release func(), err error) {
	this := l.enter(name)
	select {
	case this.held <- struct{}{}:
		return func() { <-this.held; l.leave(name, this) }, nil
	default:
	}
	select {
	case this.held <- struct{}{}:
		return func() { <-this.held; l.leave(name, this) }, nil
	case <-ctx.Done():
		l.leave(name, this)
		return nil, context.Cause(ctx)
	}
}

func (l *locks) enter(name string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.named == nil {
		l.named = make(map[string]*lock)
	}
	this := l.named[name]
	if this == nil {
		this = &lock{held: make(chan struct{}, 1)}
		l.named[name] = this
	}
	this.users++
	return this
}

func (l *locks) leave(name string, this *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if this.users--; this.users == 0 {
		delete(l.named, name)
	}
}
