package skeleton

import (
	"errors"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// Why a handler does not do what it is asked. Any other error means that it cannot be
// done as things are: a buyer cannot approve what has been declined.
var (
	// ErrNotFound is that there is no such payment in the lane.
	ErrNotFound = errors.New("not found")
	// ErrInvalid is that what is asked makes no sense.
	ErrInvalid = errors.New("invalid")
)

// A Handler is what every simulator has: merchants and their books. It must be safe for
// concurrent use. Lanes are named by the ids that it gave; it is not asked about a lane
// that is not open.
type Handler interface {
	// Open makes a merchant that nobody has used. At is scheme and host by which the
	// simulator was reached; where the provider's API is at the same address, that is
	// the lane's URL.
	Open(at string) (sim.Lane, error)
	// Close must take back the lane's faults and send it no more webhooks. Its books
	// may be forgotten.
	Close(lane string) error
	// Ledger tells the truth, whatever faults make the API say.
	Ledger(lane string) (sim.Ledger, error)
}

// A Buyer acts for buyers. Repeating a deed must be no error; one that contradicts an
// earlier one must be.
type Buyer interface {
	Buyer(lane string, b sim.Buyer) error
}

// A Clock lets time pass, for every lane. Whatever is due by then must have happened
// when Advance returns; 0 asks what time it is.
type Clock interface {
	Advance(d time.Duration) (time.Time, error)
}

// A Faulter misbehaves, in one lane and in none other.
type Faulter interface {
	// Faults lists the ways in which it can; the same list every time.
	Faults() []sim.FaultKind
	// Fault arms one of them, beside those that are armed.
	Fault(lane string, f sim.Fault) error
	// Behave must undo all of them, and show what they hid.
	Behave(lane string) error
}

// Staff acts for the people who work at the merchant.
type Staff interface {
	Dashboard(lane string, d sim.Dashboard) error
}

// An Announcer sends any event to every URL that the lane has subscribed, whatever the
// subscription is to. That nobody has subscribed is an error.
type Announcer interface {
	Event(lane string, e sim.Event) error
}

// A Rotator gives every webhook subscription of the lane another signing secret. That
// there is no subscription is an error.
type Rotator interface {
	Rotate(lane string) error
}
