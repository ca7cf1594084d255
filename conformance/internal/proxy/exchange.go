package proxy

import (
	"net/http"
	"time"
)

// End says how an exchange ended for the connector.
type End string

// The ends.
const (
	UnderWay End = ""
	Answered End = "answered" // a whole answer was sent
	Closed   End = "closed"   // the proxy closed the connection before that
	Reset    End = "reset"    // the proxy reset the connection before that
	Left     End = "left"     // the connector closed the connection before that
)

// An Exchange is one request, as the proxy saw it. What it points to must not be changed.
type Exchange struct {
	Number     int // from 1, in the order in which requests began
	Connection int // from 1; the TCP connection that carried it
	Began      time.Time
	Ended      time.Time // zero while under way
	// Departed is when the connector was seen to leave before its answer was sent; zero
	// if it stayed. The upstream may still have been at work then.
	Departed time.Time

	Request Request
	// Forwarded is how many copies of the request were wholly handed to the upstream.
	Forwarded int
	// Upstream is what the upstream answered, to each copy that it answered.
	Upstream []Answer
	// Answer is what the connector was sent; its Status is 0 if that was nothing.
	Answer Answer
	Fault  What // which fault struck; empty if none
	End    End
	// Trouble is what went wrong without having been asked for: an upstream that does
	// not answer, a request that is not HTTP, a limit. A case that relies on such an
	// exchange has a broken set-up.
	Trouble error
}

// A Request is what the connector sent.
type Request struct {
	Method string // empty if not even the head was legible
	Target string // path and query, as written
	Host   string
	Header http.Header
	Head   []byte // verbatim, with the empty line at its end
	Body   []byte // without chunking; its beginning if longer than MaxRecorded
	Length int64  // of the whole body that arrived
	// Complete says that the whole request arrived.
	Complete bool
}

// Read reports whether the request only reads: GET or HEAD. One that is illegible may
// have been anything, so it counts as a write.
func (r Request) Read() bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// An Answer is what somebody was answered.
type Answer struct {
	Status   int
	Header   http.Header
	Body     []byte // without chunking; its beginning if longer than MaxRecorded
	Length   int64  // of the whole body
	Complete bool   // the whole answer came
}

// A Mark is a point in a proxy's record. The zero Mark is its beginning.
type Mark struct{ exchanges, connections, resets int }

// A Record is what passed a proxy in some time.
type Record struct {
	// Connections is how many TCP connections were made, whether or not they carried
	// anything. A request on a connection made earlier adds none.
	Connections int
	// Resets is how many of them a ResetOnConnect struck.
	Resets    int
	Exchanges []Exchange
}

// Silent reports whether nothing was sent, not even a connection made.
func (r Record) Silent() bool { return r.Connections == 0 && len(r.Exchanges) == 0 }

// Reads are the exchanges that only read.
func (r Record) Reads() []Exchange { return r.only(true) }

// Writes are all others.
func (r Record) Writes() []Exchange { return r.only(false) }

func (r Record) only(reads bool) []Exchange {
	var found []Exchange
	for _, x := range r.Exchanges {
		if x.Request.Read() == reads {
			found = append(found, x)
		}
	}
	return found
}
