package provider

import (
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// open starts a payment: POST /v1/payments.
func (p *Provider) open(c *call) (int, any, *refusal) {
	var t terms
	if r := c.read(&t); r != nil {
		return 0, nil, r
	}
	now := p.now()
	minor, r := t.check(now)
	if r != nil {
		return 0, nil, r
	}
	if r := c.merchant.usable(t.Instrument, now); r != nil {
		return 0, nil, r
	}
	x := &payment{id: p.id("pay"), created: now, terms: t, minor: minor, key: c.key, start: statusInReview}
	if t.Capture == "immediate" {
		x.capture = p.id("cap")
	}
	switch {
	case t.Method == "wallet" || minor == Challenged:
		p.await(c, x)
	case minor == ReviewedThenApproved:
		x.write(entry{at: now.Add(reviewTime), step: stepApproved, amount: minor, key: c.key})
	case minor == ReviewedThenDeclined:
		x.write(entry{at: now.Add(reviewTime), step: stepDeclined, reason: "fraud_suspected"})
	default:
		x.write(p.decision(c.merchant, x, now, c.key))
	}
	p.keep(c.merchant, x)
	v := x.at(now)
	c.about(x)
	shown := showPayment(v)
	if v.phase == statusDeclined {
		r := declined(v.reason)
		r.payment = &shown
		return 0, nil, r
	}
	return http.StatusCreated, shown, nil
}

// await leaves the decision to the buyer.
func (p *Provider) await(c *call, x *payment) {
	x.start = statusAwaitingBuyer
	x.page = c.origin + "/pay/" + x.id
	if after := p.options.ApproveAfter; after > 0 {
		x.write(p.decision(c.merchant, x, x.created.Add(after), ""))
	}
}

// decision is what the buyer's bank says, once it is asked.
func (p *Provider) decision(m *merchant, x *payment, at time.Time, key string) entry {
	if reason := declineFor(x.minor, x.terms.Instrument); reason != "" {
		return entry{at: at, step: stepDeclined, reason: reason}
	}
	granted := x.minor
	if granted == HalfApproved {
		granted /= 2
	}
	if f := p.fires(m, sim.FaultLess); f != nil {
		granted = min(granted, f.Minor)
	}
	return entry{at: at, step: stepApproved, amount: granted, key: key}
}

func (p *Provider) keep(m *merchant, x *payment) {
	x.merchant = m
	m.payments[x.id] = x
	m.byReference[x.terms.Reference] = append(m.byReference[x.terms.Reference], x)
	p.inOrder = append(p.inOrder, x)
}

// decide is the buyer's word on the page. It reports the status after it.
func (p *Provider) decide(x *payment, word string) string {
	now := p.now()
	if v := x.at(now); v.phase != statusAwaitingBuyer {
		return v.status()
	}
	switch word {
	case "approve":
		x.write(p.decision(x.merchant, x, now, ""))
	case "decline":
		x.write(entry{at: now, step: stepDeclined, reason: "authentication_failed"})
	case "cancel":
		x.write(entry{at: now, step: stepCanceled})
	}
	p.collectOne(x)
	return x.at(now).status()
}
