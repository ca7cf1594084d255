package provider

import (
	"net/http"
	"slices"
	"time"
)

// order is what the writes on a payment ask for. Each reads the fields that it needs.
type order struct {
	Amount    amount `json:"amount"`
	Final     bool   `json:"final"`
	Operation string `json:"operation"`
	Reason    string `json:"reason"`
	Note      string `json:"note"`
}

const maxNote = 2048 // bytes

// begin finds the payment that a write is about, as it is now.
func (p *Provider) begin(c *call) (order, *view, *refusal) {
	var o order
	if r := c.read(&o); r != nil {
		return o, nil, r
	}
	x := c.merchant.payments[c.id]
	if x == nil {
		return o, nil, notFound("payment")
	}
	c.about(x)
	return o, x.at(p.now()), nil
}

// money reads an order's amount in the payment's currency.
func (o order) money(v *view) (int64, *refusal) {
	minor, err := o.Amount.minor()
	switch {
	case err != nil:
		return 0, invalid("/amount", "%v", err)
	case o.Amount.Currency != v.payment.terms.Amount.Currency:
		return 0, invalid("/amount/currency", "must be %s, as the payment's", v.payment.terms.Amount.Currency)
	}
	return minor, nil
}

// captureMoney takes held money: POST /v1/payments/{id}/captures.
func (p *Provider) captureMoney(c *call) (int, any, *refusal) {
	o, v, r := p.begin(c)
	if r != nil {
		return 0, nil, r
	}
	minor, r := o.money(v)
	if r != nil {
		return 0, nil, r
	}
	if r := v.holds("captured"); r != nil {
		return 0, nil, r
	}
	if minor > v.capturable() {
		return 0, nil, conflict("exceeds_capturable", "at most %d minor units can be captured", v.capturable())
	}
	e := entry{
		at: p.now(), step: stepCaptured, amount: minor, move: p.id("cap"), operation: o.Operation, key: c.key, final: o.Final,
	}
	v.payment.write(e, decided(e, stepCaptureSettled, stepCaptureFailed))
	after := v.payment.at(e.at)
	return http.StatusCreated, showCapture(after, e.move, after.released-v.released), nil
}

// decided is the entry by which a capture or refund ends.
func decided(e entry, settled, failed step) entry {
	end := entry{at: e.at, step: settled, move: e.move, key: e.key}
	switch e.amount {
	case SlowMove:
		end.at = e.at.Add(reviewTime)
	case FailingMove:
		end.at, end.step = e.at.Add(reviewTime), failed
	}
	return end
}

// holds refuses what needs money that is still held.
func (v *view) holds(participle string) *refusal {
	switch {
	case v.phase == statusHeld && v.open() > 0:
		return nil
	case v.expired:
		return conflict("authorization_expired", "the authorization ended at %s", v.until.Format(time.RFC3339))
	case v.captured+v.capturing > 0:
		return conflict("already_captured", "nothing is left to be %s", participle)
	case v.phase == statusHeld:
		return conflict("already_voided", "the authorization was voided")
	}
	return conflict("not_authorized", "a payment that is %s cannot be %s", v.status(), participle)
}

// voidHold lets go of what is held: POST /v1/payments/{id}/voids.
func (p *Provider) voidHold(c *call) (int, any, *refusal) {
	o, v, r := p.begin(c)
	if r != nil {
		return 0, nil, r
	}
	if r := v.holds("voided"); r != nil {
		return 0, nil, r
	}
	now, rest := p.now(), v.open()
	v.payment.write(entry{at: now, step: stepVoided, amount: rest, operation: o.Operation, key: c.key})
	return http.StatusCreated, showReleased(v.payment.at(now), rest), nil
}

// cancel withdraws an offer that nobody has accepted: POST /v1/payments/{id}/cancellations.
func (p *Provider) cancel(c *call) (int, any, *refusal) {
	_, v, r := p.begin(c)
	if r != nil {
		return 0, nil, r
	}
	if v.phase != statusAwaitingBuyer {
		return 0, nil, conflict("not_cancelable", "a payment that is %s cannot be canceled", v.status())
	}
	now := p.now()
	v.payment.write(entry{at: now, step: stepCanceled, key: c.key})
	return http.StatusCreated, showPayment(v.payment.at(now)), nil
}

// increment holds more: POST /v1/payments/{id}/increments.
func (p *Provider) increment(c *call) (int, any, *refusal) {
	o, v, r := p.begin(c)
	if r != nil {
		return 0, nil, r
	}
	minor, r := o.money(v)
	if r != nil {
		return 0, nil, r
	}
	if r := v.holds("raised"); r != nil {
		return 0, nil, r
	}
	if minor > maxMinor-v.authorized {
		return 0, nil, invalid("/amount", "would make the total more than %d minor units", int64(maxMinor))
	}
	if reason := declineFor(minor, v.payment.terms.Instrument); reason != "" {
		return 0, nil, declined(reason)
	}
	now := p.now()
	v.payment.write(entry{at: now, step: stepIncremented, amount: minor, operation: o.Operation, key: c.key})
	return http.StatusCreated, showPayment(v.payment.at(now)), nil
}

// refund returns money: POST /v1/payments/{id}/refunds.
func (p *Provider) refund(c *call) (int, any, *refusal) {
	o, v, r := p.begin(c)
	if r != nil {
		return 0, nil, r
	}
	minor, r := o.money(v)
	switch {
	case r != nil:
		return 0, nil, r
	case !slices.Contains([]string{"asked_for", "fraud", "duplicate"}, o.Reason):
		return 0, nil, invalid("/reason", "must be asked_for, fraud or duplicate")
	case len(o.Note) > maxNote:
		return 0, nil, invalid("/note", "must be at most %d bytes", maxNote)
	case v.captured == 0:
		return 0, nil, conflict("not_captured", "a payment that is %s has nothing to be refunded", v.status())
	case v.refundable() == 0:
		return 0, nil, conflict("already_refunded", "everything was refunded")
	case minor > v.refundable():
		return 0, nil, conflict("exceeds_refundable", "at most %d minor units can be refunded", v.refundable())
	}
	e := entry{at: p.now(), step: stepRefunded, amount: minor, move: p.id("ref"), operation: o.Operation, key: c.key}
	v.payment.write(e, decided(e, stepRefundSettled, stepRefundFailed))
	c.merchant.byRefund[e.move] = v.payment
	if list := c.merchant.byOperation[o.Operation]; o.Operation != "" && !slices.Contains(list, v.payment) {
		c.merchant.byOperation[o.Operation] = append(list, v.payment)
	}
	if minor == BouncingRefund {
		v.payment.write(entry{at: e.at.Add(reversalTime), step: stepRefundReversed, move: e.move})
	}
	return http.StatusCreated, showRefund(v.payment.at(e.at), e.move), nil
}
