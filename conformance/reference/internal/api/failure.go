package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Failure is a call that gave no readable success.
//
// Sent false is proof that the provider cannot have acted: not one byte of the
// request's body left this process. Sent true proves nothing.
type Failure struct {
	Endpoint   string
	Sent       bool
	Reads      bool   // the call cannot have changed anything
	HTTP       int    // 0 if there was no answer
	Code       string // the provider's, "" if the answer has none
	Message    string
	Field      string
	Network    *Network
	RequestID  string
	RetryAfter time.Duration
	TLS        bool  // the connection failed at its TLS handshake
	Err        error // what broke; nil if the answer is a readable refusal
	// Payment is what a decline said of the payment that it left behind.
	Payment *Payment
}

// Network is what the card network said.
type Network struct {
	Scheme      string `json:"scheme"`
	DeclineCode string `json:"decline_code"`
	AdviceCode  string `json:"advice_code"`
}

// Causes of a failure that are not a network error.
var (
	ErrTruncated  = errors.New("the answer ended early")
	ErrUnreadable = errors.New("the answer cannot be read")
)

func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.Endpoint)
	if !f.Sent {
		b.WriteString(": not sent")
	}
	if f.HTTP != 0 {
		fmt.Fprintf(&b, ": %d", f.HTTP)
	}
	if f.Err != nil {
		b.WriteString(": " + f.Err.Error())
	}
	return b.String()
}

// Unwrap returns what broke.
func (f *Failure) Unwrap() error { return f.Err }

// retryAfter reads a Retry-After header: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Declined returns the payment that a decline left behind, if err is a decline that
// says so.
func Declined(err error) (*Payment, bool) {
	f, ok := errors.AsType[*Failure](err)
	if !ok || f.HTTP != http.StatusPaymentRequired || f.Payment == nil {
		return nil, false
	}
	return f.Payment, true
}
