package api

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// An Endpoint names what was called, with a placeholder for the id: "POST /payments",
// "GET /orders/{id}".
type Endpoint string

// The endpoints that this package calls.
const (
	CreateSession         Endpoint = "POST /checkout-sessions"
	GetSession            Endpoint = "GET /checkout-sessions/{id}"
	ListOrders            Endpoint = "GET /orders"
	GetOrder              Endpoint = "GET /orders/{id}"
	CancelOrder           Endpoint = "PUT /orders/{id}/cancellation"
	CreatePayment         Endpoint = "POST /payments"
	GetPayment            Endpoint = "GET /payments/{id}"
	CreateRefund          Endpoint = "POST /refunds"
	ListRefunds           Endpoint = "GET /refunds"
	GetRefund             Endpoint = "GET /refunds/{id}"
	CreateWebhookEndpoint Endpoint = "POST /webhook-endpoints"
	ListWebhookEndpoints  Endpoint = "GET /webhook-endpoints"
	GetWebhookEndpoint    Endpoint = "GET /webhook-endpoints/{id}"
	UpdateWebhookEndpoint Endpoint = "PATCH /webhook-endpoints/{id}"
)

// Method is the HTTP method.
func (e Endpoint) Method() string { return strings.SplitN(string(e), " ", 2)[0] }

// path is the path below the base URL for the object named id.
func (e Endpoint) path(id string) string {
	return strings.Replace(strings.TrimPrefix(string(e), e.Method()+" "), "{id}", id, 1)
}

// Reads reports whether a call of e can change nothing at Smartpay.
func (e Endpoint) Reads() bool { return e.Method() == "GET" }

// A Failure is a call that gave no readable success.
//
// Sent false is proof that Smartpay cannot have received the request: no
// connection, or not one byte of its body left the client. Sent true proves
// nothing: Smartpay may have received all of it, and may have acted.
type Failure struct {
	Endpoint   Endpoint
	Sent       bool
	HTTP       int    // status of the answer; 0 if there was none
	Code       string // Smartpay's errorCode; "" if the answer has none, as every 401
	Message    string // Smartpay's words, with the secret key masked
	RequestID  string // "" if the answer names none
	RetryAfter time.Duration
	Handshake  bool  // the TLS handshake is what failed
	Err        error // what broke; nil when the answer is a readable error
}

// Causes that are not a network error and not a [*Foreign].
var (
	// ErrRequest: the request cannot be made, as with an id that is none.
	ErrRequest = errors.New("the request cannot be made")
	// ErrTruncated: the connection ended before the answer did.
	ErrTruncated = errors.New("the answer ended early")
	// ErrTooLarge: the answer is longer than the client is willing to read.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrUnreadable: the answer of a success is not the JSON that it should be.
	ErrUnreadable = errors.New("the answer cannot be read")
)

func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(string(f.Endpoint))
	if !f.Sent {
		b.WriteString(": not sent")
	}
	if f.HTTP != 0 {
		fmt.Fprintf(&b, ": %d", f.HTTP)
	}
	if f.Code != "" {
		b.WriteString(" " + f.Code)
	}
	if f.Message != "" {
		b.WriteString(": " + f.Message)
	}
	if f.Err != nil {
		b.WriteString(": " + f.Err.Error())
	}
	return b.String()
}

// Unwrap returns what broke.
func (f *Failure) Unwrap() error { return f.Err }

// clip shortens text to at most limit code points and makes it valid UTF-8, so that
// a provider's words can travel in any envelope.
func clip(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit]) + "…"
}
