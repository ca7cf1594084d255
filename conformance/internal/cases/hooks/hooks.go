// Package hooks holds the cases about webhooks: what a connector believes, of whom, when,
// and what it makes of it.
//
// Nobody here can sign in a provider's name. Each case therefore begins with a delivery
// that the provider's simulator really sent and the connector believes, changes one thing,
// and expects the connector to stop believing: the genuine delivery is the witness.
package hooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		genuine, asksNobody, registeredOnce,
		anyBit, everyBit, missingHeader, repeatedHeader, otherForm, headerCase, rawBytes,
		noSecret, otherSecret, rotation,
		tooOld, hostsTolerance,
		saysNothing, acknowledged, oversize,
		sameEvent, agrees, anyOrder, beforeAnswer,
		unknownEvent, oddEvent, nestedEvent,
		otherMerchant, otherEnvironment,
	}
}

// arrival bounds the wait for a delivery of a simulator on the same machine.
const arrival = 5 * time.Second

// needs are what it takes to have a delivery.
var needs = []sdk.Operation{sdk.OpReadWebhook, sdk.OpRegisterWebhook, sdk.OpAuthorize}

var uses = []sim.Ability{sim.CanWebhooks, sim.CanBuyer}

// A letter is a genuine delivery, and what is known about it.
type letter struct {
	lane    *suite.Lane
	sub     *suite.Subscription
	payment *suite.Payment
	sent    suite.Delivery
	reading sdk.WebhookReading
	after   time.Time // it was signed between this and its arrival
}

// received subscribes, has a payment made, and returns the first delivery about it that
// the connector believes. That it does is for another case to prove: here it blocks.
func received(ctx context.Context, l *suite.Lane) (*letter, error) {
	sub, err := l.Subscribe(ctx)
	if err != nil {
		return nil, err
	}
	m := &letter{lane: l, sub: sub, after: l.Now()}
	if m.payment, err = pay(ctx, l); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	m.sent, m.reading, err = sub.Await(waiting, func(_ suite.Delivery, r sdk.WebhookReading) bool {
		return r.Refused == nil && len(r.Observations) > 0
	})
	if err != nil {
		return nil, fmt.Errorf("%w: awaiting a delivery that is believed: %w", suite.ErrBlocked, err)
	}
	return m, nil
}

// pay makes a payment that the buyer has approved.
func pay(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, err
	}
	return l.AuthorizedIn(ctx, cell, l.Amount())
}

// request is the delivery as a request of its own, with one thing changed.
func (m *letter) request(change func(*sdk.WebhookRequest)) sdk.WebhookRequest {
	req := m.sub.Reading(m.sent)
	req.Headers = maps.Clone(req.Headers)
	for name, values := range req.Headers {
		req.Headers[name] = slices.Clone(values)
	}
	req.Body, req.Secrets = slices.Clone(req.Body), slices.Clone(req.Secrets)
	if change != nil {
		change(&req)
	}
	return req
}

// refused reads the delivery with one thing changed and expects it not to be believed.
func (m *letter) refused(ctx context.Context, step string, change func(*sdk.WebhookRequest)) error {
	reading, err := m.lane.Remote.ReadWebhook(ctx, m.request(change))
	return unbelieved(step, reading, err)
}

// believed reads the delivery with one thing changed that must not matter.
func (m *letter) believed(ctx context.Context, step string, change func(*sdk.WebhookRequest)) error {
	reading, err := m.lane.Remote.ReadWebhook(ctx, m.request(change))
	switch {
	case err != nil:
		return suite.Brokenf(step, "the delivery to be believed", "%v", err)
	case reading.Refused != nil:
		return suite.Brokenf(step, "the delivery to be believed", "refused: %v", reading.Refused)
	}
	return nil
}

// unbelieved checks that a reading refuses a delivery that was not proven genuine.
func unbelieved(step string, r sdk.WebhookReading, err error) error {
	switch {
	case err != nil:
		return suite.Brokenf(step, "an answer that refuses", "no answer: %v", err)
	case r.Refused == nil:
		return suite.Brokenf(step, "the delivery to be refused", "believed: event %q of type %q", r.EventID, r.EventType)
	case r.Refused.Category() != sdk.CategoryWebhook:
		return suite.Brokenf(step, "a refusal of its signature or its time", "%s, which is %s: %v",
			r.Refused.Code, r.Refused.Category(), r.Refused)
	}
	return nil
}

// bearing are the headers without which the delivery is not believed: those that prove it.
func (m *letter) bearing(ctx context.Context) ([]string, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.sent.Headers)) {
		reading, err := m.lane.Process.ReadWebhook(ctx, m.request(func(r *sdk.WebhookRequest) { delete(r.Headers, name) }))
		if err != nil {
			return nil, suite.Brokenf("reading a delivery without "+name, "an answer", "%v", err)
		}
		if reading.Refused != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, suite.Brokenf("reading a delivery without one of its headers", "at least one of them to be missed",
			"believed without any of %v", slices.Sorted(maps.Keys(m.sent.Headers)))
	}
	return names, nil
}
