// Package sim is how the conformance suite speaks to a provider's stand-in: the
// protocol conformance.sim/v1, its words and a client.
//
// A connector speaks its provider's dialect, which the suite does not know. Whoever
// writes a connector therefore brings a simulator: a program that speaks the dialect,
// keeps its own books, and answers the few questions below. The suite stands between
// the two and breaks the connection in every way that needs no knowledge of the
// dialect; what needs it is asked of the simulator as a fault.
//
// # The protocol
//
// HTTP on a loopback address, JSON in and out, below one base URL. The simulator is
// started with --ready-file FILE appended to its arguments, and writes there, once it
// answers, one JSON object whose "sim_url" is that base. It ends on SIGTERM.
//
//	GET    {base}                       Hello
//	POST   {base}/lanes                 {} -> Lane: a merchant of its own, with books of its own
//	DELETE {base}/lanes/{id}            the suite is done with it
//	POST   {base}/lanes/{id}/buyer      Buyer: a buyer does something on the provider's page
//	GET    {base}/lanes/{id}/ledger     Ledger: what really happened
//	POST   {base}/lanes/{id}/faults     Fault: misbehave
//	DELETE {base}/lanes/{id}/faults     behave again
//	POST   {base}/lanes/{id}/dashboard  Dashboard: the merchant's staff does something outside the API
//	POST   {base}/lanes/{id}/events     Event: send a webhook of a type that may not exist
//	POST   {base}/lanes/{id}/rotate     {} : a new signing secret, the old one no longer signs
//	POST   {base}/clock                 Advance -> Clock: time passes, for every lane
//
// Success is 200 with the answer or with {}. Anything else is an error, whose body may
// say {"error": "why"}. A simulator that cannot do something leaves it out of its
// abilities and answers 501; the cases that need it are then NOT_TESTABLE, which is not
// conformance.
package sim

import "time"

// Protocol is the version of the protocol.
const Protocol = "conformance.sim/v1"

// An Ability is something that a simulator can do beyond speaking its dialect, opening
// lanes and telling its books.
type Ability string

// The abilities.
const (
	CanBuyer     Ability = "buyer"     // act for the buyer
	CanClock     Ability = "clock"     // let time pass
	CanWebhooks  Ability = "webhooks"  // send webhooks to where they were subscribed
	CanEvents    Ability = "events"    // send any event, also of types that do not exist
	CanRotate    Ability = "rotate"    // change the signing secret
	CanDashboard Ability = "dashboard" // act for the merchant's staff
)

// CanFault is the ability to misbehave in one way.
func CanFault(f FaultKind) Ability { return Ability("fault:" + string(f)) }

// Hello is what a simulator says of itself.
type Hello struct {
	Protocol  string    `json:"protocol"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Abilities []Ability `json:"abilities"`
}

// A Lane is a merchant of its own at the simulator: no other lane sees its objects.
type Lane struct {
	ID string `json:"id"`
	// URL is where the provider's API is, as scheme and host; the suite puts itself in
	// between. Fixtures name the rest.
	URL string `json:"url"`
	// Values replace "${provider.NAME}" in the fixtures: credentials, above all.
	Values map[string]string `json:"values"`
}

// A Deed is what a buyer does on the provider's page.
type Deed string

// The deeds.
const (
	Approve Deed = "approve"
	Decline Deed = "decline"
	Leave   Deed = "cancel" // presses cancel
)

// A Buyer asks for a buyer's deed on the payment with our reference.
type Buyer struct {
	Reference string `json:"reference"`
	Does      Deed   `json:"does"`
}

// A Motion is what a movement does with money.
type Motion string

// The motions.
const (
	Hold    Motion = "hold"    // set aside at the buyer's
	Take    Motion = "take"    // from the buyer to the merchant
	Release Motion = "release" // set aside no longer
	Return  Motion = "return"  // from the merchant to the buyer
	Bounce  Motion = "bounce"  // returned money that came back
)

// A Movement is money that moved, in the minor unit of its payment's currency.
type Movement struct {
	Motion Motion `json:"motion"`
	Minor  int64  `json:"minor"`
	Key    string `json:"key,omitempty"`  // the idempotency key that the provider saw with it; empty if no request caused it
	Move   string `json:"move,omitempty"` // the provider's name for the capture or refund
}

// A Payment is what the simulator knows about one payment.
type Payment struct {
	Reference string     `json:"reference"` // ours
	Order     string     `json:"order"`     // the provider's
	Currency  string     `json:"currency"`
	Most      int64      `json:"most"` // what may be captured, tolerance included
	Movements []Movement `json:"movements"`
}

// Sum adds up what moved in one way.
func (p Payment) Sum(m Motion) int64 {
	var sum int64
	for _, movement := range p.Movements {
		if movement.Motion == m {
			sum += movement.Minor
		}
	}
	return sum
}

// A Ledger is the truth about a lane. Requests counts what reached the API; Writes
// those among them that ask for a change.
type Ledger struct {
	Requests int       `json:"requests"`
	Writes   int       `json:"writes"`
	Payments []Payment `json:"payments"`
}

// Find returns the payments with our reference: none, one, or too many.
func (l Ledger) Find(reference string) []Payment {
	var found []Payment
	for _, p := range l.Payments {
		if p.Reference == reference {
			found = append(found, p)
		}
	}
	return found
}

// A FaultKind is a way to misbehave that needs the dialect.
type FaultKind string

// The kinds. A fault concerns what the API answers; the books stay true.
const (
	FaultStatus     FaultKind = "status"       // the payment's status reads Value, which need not exist
	FaultAmount     FaultKind = "amount"       // its amount reads Minor
	FaultCurrency   FaultKind = "currency"     // its currency reads Value
	FaultLess       FaultKind = "approve_less" // only Minor is approved: the books say so too
	FaultHidden     FaultKind = "hidden"       // reads do not see what is created until the clock has moved by Milliseconds
	FaultKeyError   FaultKind = "key_error"    // the next write fails, and its key keeps the failure
	FaultKeyBusy    FaultKind = "key_busy"     // the next write acts; its key is in progress for Milliseconds
	FaultForget     FaultKind = "forget_keys"  // forgets every idempotency key now
	FaultRateLimit  FaultKind = "rate_limit"   // refuses as it does when too much is asked, with Seconds to wait
	FaultUnexpected FaultKind = "odd_error"    // refuses with an error in a shape that is not its own: Value
)

// A Fault asks for misbehaviour until faults are taken back, or for Times answers.
type Fault struct {
	Kind         FaultKind `json:"kind"`
	Value        string    `json:"value,omitempty"`
	Minor        int64     `json:"minor,omitempty"`
	Milliseconds int64     `json:"ms,omitempty"`
	Seconds      int       `json:"seconds,omitempty"`
	Times        int       `json:"times,omitempty"`
}

// A Dashboard asks for what the merchant's staff can do outside the API.
type Dashboard struct {
	Reference string `json:"reference"`
	Does      string `json:"does"` // capture, void, refund or expire
	Minor     int64  `json:"minor,omitempty"`
}

// An Event asks for a webhook of the type, signed as all are.
type Event struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data,omitempty"`
}

// An Advance lets time pass.
type Advance struct {
	Milliseconds int64 `json:"advance_ms"`
}

// A Clock is the simulator's time.
type Clock struct {
	Now time.Time `json:"now"`
}
