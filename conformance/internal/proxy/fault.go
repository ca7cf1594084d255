package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// What a fault does.
type What string

// The faults. Where one acts, the request is forwarded and the upstream's whole answer
// read before the connector notices anything; otherwise the upstream sees nothing.
const (
	// Refuse closes the listener: connections are refused. Connections that rest are
	// reset; one that is in use ends with its answer, which says "Connection: close".
	Refuse What = "refuse"
	// ResetOnConnect accepts a connection and resets it at once.
	ResetOnConnect What = "reset-on-connect"
	// ResetMidRequest resets once the head and Bytes of the body have arrived.
	ResetMidRequest What = "reset-mid-request"
	// ResetBeforeHeaders takes the whole request and resets.
	ResetBeforeHeaders What = "reset-before-headers"
	// Hang takes the whole request and never answers.
	Hang What = "hang"
	// Instead answers with Reply.
	Instead What = "instead"
	// Redirect answers with a redirect to the same target at the address To; without To,
	// at a witness of the proxy's own: see [Proxy.Elsewhere].
	Redirect What = "redirect"
	// Echo answers with Reply's status (0 means 400) and repeats the request's head and
	// body as the body, and each of its headers as one named Echo-….
	Echo What = "echo"

	// Delay acts, waits for Wait, and answers.
	Delay What = "delay"
	// ActThenDrop acts and resets before the first byte of an answer.
	ActThenDrop What = "act-then-drop"
	// ActThenHang acts and never answers.
	ActThenHang What = "act-then-hang"
	// ActThenAnswer acts and answers with Reply.
	ActThenAnswer What = "act-then-answer"
	// Truncate acts and closes after Bytes of the body, though Content-Length promised
	// more. At least the last byte is lost; an answer that can have no body is cut
	// inside its head.
	Truncate What = "truncate"
	// TruncateChunked is Truncate with a chunked body, whose last chunk never comes.
	TruncateChunked What = "truncate-chunked"
	// ResetMidBody is Truncate that ends with a reset.
	ResetMidBody What = "reset-mid-body"
	// Drip acts, and sends the answer's body at Bytes per second; an answer without a
	// body drips from its first byte.
	Drip What = "drip"
	// Rewrite acts and answers with the headers in Header put in place of the
	// upstream's: a wrong Content-Type, a skewed Date, a header of huge size.
	Rewrite What = "rewrite"
	// Mistype acts and gives every value in the JSON of the answer another type; an
	// answer that is not a JSON object becomes an empty array.
	Mistype What = "mistype"
	// Duplicate forwards the request twice, one after the other, and gives the first
	// answer.
	Duplicate What = "duplicate"
)

// Only says which requests a fault is about.
type Only string

// The kinds of request.
const (
	Any    Only = ""
	Reads  Only = "reads"  // GET and HEAD
	Writes Only = "writes" // all others
)

// A Fault is one way to misbehave, and when. Only What must be given: it
// then strikes every request, from the next, until healed.
type Fault struct {
	What What

	// Skip lets that many matching requests pass first.
	Skip int
	// Times is how often the fault strikes; 0 means until healed. A Refuse has no
	// times, since nobody can count attempts that were refused.
	Times int
	// Only and Match select the requests. A Match must not call the proxy. For Refuse and
	// ResetOnConnect, which strike before there is a request, they say what Skip counts.
	Only  Only
	Match func(Request) bool

	Bytes  int64         // ResetMidRequest, Truncate…, ResetMidBody: how many pass; Drip: per second
	Wait   time.Duration // Delay: how long; less than Limit
	Reply  Reply         // Instead, ActThenAnswer, Echo, Redirect (0 means 307)
	To     string        // Redirect: scheme and host
	Header http.Header   // Rewrite
}

// ErrFault is why a fault was not accepted.
var ErrFault = errors.New("no such fault")

// onConnect reports whether the fault strikes connections, not requests.
func (w What) onConnect() bool { return w == Refuse || w == ResetOnConnect }

var whats = []What{
	Refuse, ResetOnConnect, ResetMidRequest, ResetBeforeHeaders, Hang, Instead, Redirect, Echo, Delay, ActThenDrop,
	ActThenHang, ActThenAnswer, Truncate, TruncateChunked, ResetMidBody, Drip, Rewrite, Mistype, Duplicate,
}

// check names the field of f that is wrong.
func (f Fault) check() error {
	status := f.Reply.Status
	wrong := func(format string, a ...any) error {
		return fmt.Errorf("%w: %q: %s", ErrFault, f.What, fmt.Sprintf(format, a...))
	}
	switch {
	case !slices.Contains(whats, f.What):
		return wrong("What must be one of %v", whats)
	case f.Only != Any && f.Only != Reads && f.Only != Writes:
		return wrong("Only is %q, want nothing, %q or %q", f.Only, Reads, Writes)
	case f.Skip < 0 || f.Times < 0 || f.Bytes < 0 || f.Wait < 0 || f.Reply.Fill < 0:
		return wrong("Skip, Times, Bytes, Wait and Fill must not be negative")
	case f.What == Refuse && f.Times != 0:
		return wrong("Times is %d, want 0: attempts that are refused cannot be counted", f.Times)
	case f.What.onConnect() && f.Skip == 0 && (f.Only != Any || f.Match != nil):
		return wrong("Only and Match want a Skip: a connection is not a request yet")
	case f.Wait >= Limit || f.What == Delay && f.Wait == 0:
		return wrong("Wait is %v, want more than 0 and less than %v", f.Wait, Limit)
	case f.What == Drip && f.Bytes == 0:
		return wrong("Bytes is 0, want how many a second")
	case f.What == Rewrite && len(f.Header) == 0:
		return wrong("Header is empty, want the headers to put in")
	case status != 0 && (status < 200 || status > 599):
		return wrong("Reply.Status is %d, want 200 to 599", status)
	case f.What == Redirect && status != 0 && (status < 301 || status > 308):
		return wrong("Reply.Status is %d, want a redirect", status)
	}
	return nil
}

// matches reports whether the fault is about r.
func (f Fault) matches(r Request) bool {
	if f.Only == Reads && !r.Read() || f.Only == Writes && r.Read() {
		return false
	}
	return f.Match == nil || f.Match(r)
}
