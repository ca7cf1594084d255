package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A Failure is a call that gave no readable success.
//
// Sent false is proof that the provider cannot have acted. Sent true proves nothing.
type Failure struct {
	Endpoint   string
	Sent       bool
	Reads      bool   // the call cannot have changed anything
	HTTP       int    // 0 if there was no answer
	Code       string // the provider's; "" if the answer is not in its words
	Message    string
	RequestID  string
	RetryAfter time.Duration // 0 if nobody said
	TLS        bool          // no TLS was agreed
	Err        error         // what broke; nil if the answer is a readable refusal
}

// Causes of a failure that are not the network's.
var (
	ErrTruncated  = errors.New("the answer ended early")
	ErrUnreadable = errors.New("the answer cannot be read")
)

func (f *Failure) Error() string {
	text := f.Endpoint
	if !f.Sent {
		text += ": not sent"
	}
	if f.HTTP != 0 {
		text += fmt.Sprintf(": %d %s", f.HTTP, f.Code)
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

// Unwrap returns what broke.
func (f *Failure) Unwrap() error { return f.Err }

// retryAfter reads a Retry-After header: seconds, or a date. What it cannot read is 0.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
