package book

import (
	"sync/atomic"
	"time"
)

// Clock is virtual time: the machine's clock plus whatever it has been advanced
// by. It only moves forward. The zero Clock is ready and safe for concurrent use.
type Clock struct {
	ahead atomic.Int64 // nanoseconds
}

// Now is the provider's idea of the present.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.ahead.Load()))
}

// Ahead tells how far the clock is ahead of the machine's.
func (c *Clock) Ahead() time.Duration {
	return time.Duration(c.ahead.Load())
}

// Advance moves the clock forward by d. A negative d changes nothing.
func (c *Clock) Advance(d time.Duration) {
	if d > 0 {
		c.ahead.Add(int64(d))
	}
}
