package slot

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// MaxConcurrency is the most calls at once that a slot can be set to.
const MaxConcurrency = 1024

// Limits keep one connector from taking what the others need. What is zero has the
// default given beside it.
type Limits struct {
	Concurrency int           // calls at once; 0 means 512, at most MaxConcurrency
	Queue       int           // calls that wait for a place; 0 means 512, negative none
	Wait        time.Duration // the longest wait for a place, or for a route that is expected; 0 means 1s
	Rate        int           // calls in a second, and at once after a pause; 0 means any number
}

// Check says what is wrong with the limits.
func (l Limits) Check() error {
	switch {
	case l.Concurrency < 0 || l.Concurrency > MaxConcurrency:
		return fmt.Errorf("concurrency is %d, must be 1 to %d", l.Concurrency, MaxConcurrency)
	case l.Wait < 0:
		return fmt.Errorf("wait is %s, must be positive", l.Wait)
	case l.Rate < 0:
		return fmt.Errorf("rate is %d, must be positive", l.Rate)
	}
	return nil
}

// A limiter lets calls in. Where there is room it takes no lock.
type limiter struct {
	Limits
	inside  atomic.Int64
	waiting atomic.Int64
	freed   chan struct{} // a token for each place that came free while somebody waited
	due     atomic.Int64  // when the calls let in so far would have come at the rate, in Unix nanoseconds
}

func newLimiter(l Limits) *limiter {
	l.Concurrency = min(cmp.Or(l.Concurrency, 512), MaxConcurrency)
	l.Queue = max(cmp.Or(l.Queue, 512), 0)
	l.Wait = cmp.Or(l.Wait, time.Second)
	// Nobody who waits misses a token: there are as many as can wait.
	return &limiter{Limits: l, freed: make(chan struct{}, l.Queue)}
}

// enter lets a call in, or says why not.
func (l *limiter) enter(ctx context.Context) *sdk.Error {
	if wait := l.ahead(time.Now()); wait > 0 {
		refused := sdk.Errorf("", sdk.CodeRateLimited, "more than %d calls in a second", l.Rate)
		refused.RetryAfter = wait
		return refused
	}
	if l.take() {
		return nil
	}
	return l.queue(ctx)
}

// queue waits for a place.
func (l *limiter) queue(ctx context.Context) *sdk.Error {
	defer l.waiting.Add(-1)
	if n := l.waiting.Add(1); n > int64(l.Queue) {
		return sdk.Errorf("", sdk.CodeRateLimited, "%d calls are under way and %d wait", l.Concurrency, l.Queue)
	}
	bound := time.NewTimer(l.Wait)
	defer bound.Stop()
	for !l.take() { // after it was counted as waiting, so that who leaves now sees it
		select {
		case <-l.freed:
		case <-bound.C:
			return sdk.Errorf("", sdk.CodeRateLimited, "%d calls are under way, and none ended within %s", l.Concurrency, l.Wait)
		case <-ctx.Done():
			return sdk.Errorf("", sdk.CodeExpiredInQueue, "waiting for one of %d calls to end: %w", l.Concurrency, ctx.Err())
		}
	}
	return nil
}

func (l *limiter) take() bool {
	for {
		n := l.inside.Load()
		if n >= int64(l.Concurrency) {
			return false
		}
		if l.inside.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (l *limiter) leave() {
	l.inside.Add(-1)
	if l.waiting.Load() == 0 {
		return
	}
	select {
	case l.freed <- struct{}{}:
	default: // there is a token for everybody who waits
	}
}

// ahead counts a call against the rate, or returns how much too early it comes.
func (l *limiter) ahead(now time.Time) time.Duration {
	if l.Rate == 0 {
		return 0
	}
	step, at := int64(time.Second)/int64(l.Rate), now.UnixNano()
	for {
		due := l.due.Load()
		next := max(due, at) + step
		if early := next - at - int64(time.Second); early > 0 {
			return time.Duration(early)
		}
		if l.due.CompareAndSwap(due, next) {
			return 0
		}
	}
}
