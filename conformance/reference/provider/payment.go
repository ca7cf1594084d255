package provider

import (
	"slices"
	"time"
)

// A payment is what was asked for, which does not change, and its history.
type payment struct {
	merchant *merchant
	id       string
	created  time.Time
	terms    terms
	minor    int64
	key      string // that created it
	page     string // where the buyer approves; "" if there is nothing to approve
	start    string // its status before anything happened
	capture  string // id of the capture that an approval makes by itself; "" with manual capture
	entries  []entry
	told     int       // steps that events were made of
	due      time.Time // when the next one may be
	quiet    bool      // nothing will happen by itself
	veils    []veil    // what a fault hides from lookups
}

// write adds to the history.
func (p *payment) write(entries ...entry) {
	p.entries = append(p.entries, entries...)
	slices.SortStableFunc(p.entries, func(a, b entry) int { return a.at.Compare(b.at) })
	p.due, p.quiet = time.Time{}, false
}

// next returns when something may happen after now without anybody doing anything,
// and whether nothing ever will.
func (p *payment) next(now time.Time) (at time.Time, never bool) {
	v := p.at(now)
	var times []time.Time
	for _, e := range p.entries {
		times = append(times, e.at)
	}
	if v.phase == statusAwaitingBuyer {
		times = append(times, p.terms.approveBefore)
	}
	if v.phase == statusHeld && v.open()+v.capturing > 0 {
		times = append(times, v.until)
	}
	times = slices.DeleteFunc(times, func(t time.Time) bool { return !t.After(now) })
	if len(times) == 0 {
		return time.Time{}, true
	}
	return slices.MinFunc(times, time.Time.Compare), false
}

// Statuses of a payment before money is held. After that its amounts tell.
const (
	statusAwaitingBuyer = "awaiting_buyer"
	statusInReview      = "in_review"
	statusDeclined      = "declined"
	statusCanceled      = "canceled"
	statusLapsed        = "lapsed"
	statusHeld          = "held" // never shown
)

// A view is a payment at one time.
type view struct {
	payment *payment
	phase   string
	reason  string
	until   time.Time // when the hold ends
	expired bool

	authorized, captured, released, refunded int64
	capturing, refunding                     int64 // accepted and not decided

	captures, refunds []move
	movements         []Movement
	steps             []entry // what took effect, in order
}

// at is the payment as of a time: a pure function of its history.
func (p *payment) at(now time.Time) *view {
	v := &view{payment: p, phase: p.start}
	for _, e := range p.entries {
		if e.at.After(now) {
			break
		}
		v.pass(e.at)
		v.apply(e)
	}
	v.pass(now)
	return v
}

// pass lets time go by: offers lapse and holds expire.
func (v *view) pass(now time.Time) {
	deadline := v.payment.terms.approveBefore
	switch {
	case v.phase == statusAwaitingBuyer && !deadline.IsZero() && !now.Before(deadline):
		v.phase = statusLapsed
		v.happened(entry{at: deadline, step: stepLapsed})
	case v.phase == statusHeld && v.open() > 0 && !now.Before(v.until):
		v.expired = true
		e := entry{at: v.until, step: stepExpired, amount: v.open()}
		v.release(e)
		v.happened(e)
	}
}

// apply lets an entry happen, unless it has become impossible since it was written.
func (v *view) apply(e entry) {
	undecided := v.phase == statusAwaitingBuyer || v.phase == statusInReview
	switch e.step {
	case stepApproved, stepDeclined, stepCanceled:
		if !undecided {
			return
		}
		v.decide(e)
	case stepIncremented:
		v.authorized += e.amount
		v.moved(Hold, e)
	case stepVoided:
		v.release(e)
	case stepCaptured, stepRefunded:
		v.accept(e)
	case stepExpired: // before its time
		v.until = e.at
		v.pass(e.at)
		return
	default:
		if !v.settle(e) {
			return
		}
	}
	v.happened(e)
}

// decide ends the time before money is held.
func (v *view) decide(e entry) {
	if e.step == stepDeclined {
		v.phase, v.reason = statusDeclined, e.reason
		return
	}
	if e.step == stepCanceled {
		v.phase = statusCanceled
		return
	}
	v.phase, v.until = statusHeld, e.at.Add(holdLifetime)
	v.authorized = e.amount
	v.moved(Hold, e)
	if id := v.payment.capture; id != "" {
		taken := move{id: id, amount: e.amount, status: moveSucceeded, key: e.key, at: e.at}
		v.captures = append(v.captures, taken)
		v.captured = e.amount
		e.move = id
		v.moved(Take, e)
	}
}

// accept begins a capture or refund, whose money is then spoken for.
func (v *view) accept(e entry) {
	m := move{id: e.move, amount: e.amount, status: moveAccepted, operation: e.operation, key: e.key, at: e.at}
	if e.step == stepRefunded {
		v.refunds = append(v.refunds, m)
		v.refunding += e.amount
		return
	}
	v.captures = append(v.captures, m)
	v.capturing += e.amount
	if rest := v.open(); e.final && rest > 0 {
		e.amount, e.move = rest, ""
		v.release(e)
	}
}

// settle ends a capture or refund, or reverses a refund.
func (v *view) settle(e entry) bool {
	m := v.move(e.move)
	if m == nil || (m.status != moveAccepted) != (e.step == stepRefundReversed) {
		return false
	}
	e.amount, e.key = m.amount, m.key
	switch e.step {
	case stepCaptureSettled:
		m.status, v.capturing, v.captured = moveSucceeded, v.capturing-m.amount, v.captured+m.amount
		v.moved(Take, e)
	case stepCaptureFailed:
		m.status, v.capturing = moveFailed, v.capturing-m.amount
	case stepRefundSettled:
		m.status, v.refunding, v.refunded = moveSucceeded, v.refunding-m.amount, v.refunded+m.amount
		v.moved(Return, e)
	case stepRefundFailed:
		m.status, v.refunding = moveFailed, v.refunding-m.amount
	case stepRefundReversed:
		m.status, v.refunded = moveReversed, v.refunded-m.amount
		e.key = ""
		v.moved(Bounce, e)
	default: // nothing else settles
		return false
	}
	return true
}

func (v *view) release(e entry) {
	v.released += e.amount
	v.moved(Release, e)
}

func (v *view) happened(e entry) { v.steps = append(v.steps, e) }

func (v *view) moved(m Motion, e entry) {
	terms := v.payment.terms
	v.movements = append(v.movements, Movement{
		At: e.at, Motion: m, Minor: e.amount, Currency: terms.Amount.Currency,
		Payment: v.payment.id, Reference: terms.Reference, Move: e.move, Key: e.key,
	})
}

// move returns the capture or refund of that name, to be changed.
func (v *view) move(id string) *move {
	for _, list := range [][]move{v.captures, v.refunds} {
		if i := slices.IndexFunc(list, func(m move) bool { return m.id == id }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// open is what is held and neither taken nor spoken for.
func (v *view) open() int64 { return max(0, v.authorized-v.captured-v.capturing-v.released) }

// capturable is the most that one more capture may take: what is open, and the
// tolerance on top of what was authorized.
func (v *view) capturable() int64 {
	if v.open() == 0 {
		return 0
	}
	return v.open() + tolerance(v.authorized)
}

// TolerancePercent is how much more than was authorized may be captured, rounded down.
const TolerancePercent = 15

func tolerance(authorized int64) int64 { return authorized * TolerancePercent / 100 } // at most 14 digits

// refundable is what was taken, not returned, and not being returned.
func (v *view) refundable() int64 { return v.captured - v.refunded - v.refunding }

// status is the provider's word.
func (v *view) status() string {
	switch {
	case v.phase != statusHeld:
		return v.phase
	case v.captured > 0 && v.open() > 0:
		return "partly_captured"
	case v.captured > 0:
		return "captured"
	case v.open() > 0:
		return "authorized"
	case v.capturing > 0:
		return "capturing"
	case v.expired:
		return "expired"
	}
	return "voided"
}
