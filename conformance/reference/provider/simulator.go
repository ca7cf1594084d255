package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

// SimPath is where a provider speaks the simulator protocol, below the address at which
// it is served. It has every ability; webhooks go out while [Provider.Deliver] runs. A
// lane is an API key, of which its value "key" tells.
const SimPath = "/control/sim/v1"

// simVersion is what the provider calls itself in that protocol.
const simVersion = "1.0.0"

// A simulator is the provider as the suite asks it.
type simulator struct{ p *Provider }

var _ interface {
	skeleton.Handler
	skeleton.Buyer
	skeleton.Clock
	skeleton.Faulter
	skeleton.Staff
	skeleton.Announcer
	skeleton.Rotator
} = simulator{}

// Open implements [skeleton.Handler].
func (s simulator) Open(at string) (sim.Lane, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	key := "key_test_" + s.p.letters()
	l := sim.Lane{ID: s.p.id("lane"), URL: at, Values: map[string]string{"key": key}}
	s.p.lanes[l.ID] = s.p.merchant(key)
	return l, nil
}

// Close implements [skeleton.Handler]. The books stay, so that a connector which is not
// told yet finds what it knows.
func (s simulator) Close(id string) error {
	m, unlock := s.lane(id)
	defer unlock()
	m.behave()
	for _, d := range s.p.outbox {
		d.Done = d.Done || slices.Contains(m.hooks, d.hook)
	}
	m.hooks = nil
	delete(s.p.lanes, id)
	return nil
}

// lane takes the lock and returns a lane's merchant: one without books, if the lane was
// closed meanwhile. What is due has happened by the time the lock is let go.
func (s simulator) lane(id string) (m *merchant, unlock func()) {
	s.p.mu.Lock()
	if m = s.p.lanes[id]; m == nil {
		m = &merchant{}
	}
	return m, func() {
		s.p.collect()
		s.p.mu.Unlock()
	}
}

// Ledger implements [skeleton.Handler].
func (s simulator) Ledger(id string) (sim.Ledger, error) {
	m, unlock := s.lane(id)
	defer unlock()
	l := sim.Ledger{Requests: m.requests, Writes: m.writes}
	for _, x := range s.p.inOrder {
		if x.merchant == m {
			l.Payments = append(l.Payments, inProtocol(x.at(s.p.now())))
		}
	}
	return l, nil
}

// inProtocol is a payment in the protocol's words. What may be captured is what was
// authorized and the tolerance: nothing before the buyer has approved.
func inProtocol(v *view) sim.Payment {
	terms := v.payment.terms
	told := sim.Payment{
		Reference: terms.Reference, Order: v.payment.id, Currency: terms.Amount.Currency,
		Most: v.authorized + tolerance(v.authorized),
	}
	for _, m := range v.movements {
		told.Movements = append(told.Movements, sim.Movement{
			Motion: sim.Motion(m.Motion), Minor: m.Minor, Key: m.Key, Move: m.Move,
		})
	}
	return told
}

// newest is the lane's latest payment with a reference.
func (m *merchant) newest(reference string) (*payment, error) {
	list := m.byReference[reference]
	if len(list) == 0 {
		return nil, fmt.Errorf("payment %q: %w", reference, skeleton.ErrNotFound)
	}
	return list[len(list)-1], nil
}

// Buyer implements [skeleton.Buyer]. A stored instrument has no reference: its owner
// acts on it by its id.
func (s simulator) Buyer(id string, b sim.Buyer) error {
	m, unlock := s.lane(id)
	defer unlock()
	if i := m.instruments[b.Reference]; i != nil {
		if b.Does == sim.Approve && i.ready.IsZero() {
			i.ready = s.p.now()
		}
		return nil
	}
	x, err := m.newest(b.Reference)
	if err != nil {
		return err
	}
	switch before := x.at(s.p.now()).phase; {
	case before == statusAwaitingBuyer:
		s.p.decide(x, string(b.Does))
	case before != phaseAfter[b.Does]:
		return fmt.Errorf("a buyer cannot %s a payment that is %s", b.Does, x.at(s.p.now()).status())
	}
	return nil
}

// phaseAfter are the phases that deeds lead to, so that repeating one is no error.
var phaseAfter = map[sim.Deed]string{
	sim.Approve: statusHeld, sim.Decline: statusDeclined, sim.Leave: statusCanceled,
}

// Advance implements [skeleton.Clock].
func (s simulator) Advance(d time.Duration) (time.Time, error) {
	s.p.Advance(d)
	return s.p.Now(), nil
}

// Faults implements [skeleton.Faulter].
func (s simulator) Faults() []sim.FaultKind { return faultKinds }

// Fault implements [skeleton.Faulter].
func (s simulator) Fault(id string, f sim.Fault) error {
	m, unlock := s.lane(id)
	defer unlock()
	if f.Kind == sim.FaultForget {
		m.uses = map[string]*use{}
		return nil
	}
	m.faults = append(m.faults, &fault{Fault: f})
	return nil
}

// Behave implements [skeleton.Faulter].
func (s simulator) Behave(id string) error {
	m, unlock := s.lane(id)
	defer unlock()
	m.behave()
	return nil
}

// behave takes the faults back: nothing is hidden, and no key in progress, any more.
func (m *merchant) behave() {
	m.faults = nil
	for _, x := range m.payments {
		x.veils = nil
	}
	for _, u := range m.uses {
		u.busy = time.Time{}
	}
}

// Dashboard implements [skeleton.Staff].
func (s simulator) Dashboard(id string, d sim.Dashboard) error {
	m, unlock := s.lane(id)
	defer unlock()
	x, err := m.newest(d.Reference)
	if err != nil {
		return err
	}
	if refused := s.p.staff(&call{merchant: m, id: x.id}, x.at(s.p.now()), d); refused != nil {
		return refused
	}
	return nil
}

// staff does what the merchant's people do outside the API: as the API would, without a
// key. A capture of a part leaves the rest held.
func (p *Provider) staff(c *call, v *view, d sim.Dashboard) *refusal {
	do, minor := (*Provider).captureMoney, v.open()
	switch d.Does {
	case "void":
		do = (*Provider).voidHold
	case "refund":
		do, minor = (*Provider).refund, v.refundable()
	case "expire":
		if r := v.holds("expired"); r != nil {
			return r
		}
		v.payment.write(entry{at: p.now(), step: stepExpired})
		return nil
	}
	if d.Minor > 0 {
		minor = d.Minor
	}
	body, err := json.Marshal(order{Amount: amountOf(minor, v.payment.terms.Amount.Currency), Reason: "asked_for"})
	if err != nil { // impossible: it is made of strings and numbers
		return malformed(err.Error())
	}
	c.body = body
	_, _, r := do(p, c)
	return r
}

var errNoHook = errors.New("the lane has not subscribed to webhooks")

// Event implements [skeleton.Announcer]. Its data stand beside id, type, mode and time,
// where the payment stands in events of the provider's own.
func (s simulator) Event(id string, e sim.Event) error {
	m, unlock := s.lane(id)
	defer unlock()
	if len(m.hooks) == 0 {
		return errNoHook
	}
	body := map[string]any{}
	for name, value := range e.Data {
		body[name] = value
	}
	s.p.events++
	body["id"], body["type"] = fmt.Sprintf("evt_%d_%s", s.p.events, id), e.Type
	body["mode"], body["at"] = "test", s.p.now()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for _, h := range m.hooks {
		s.p.queue(h, text)
	}
	return nil
}

// Rotate implements [skeleton.Rotator].
func (s simulator) Rotate(id string) error {
	m, unlock := s.lane(id)
	defer unlock()
	if len(m.hooks) == 0 {
		return errNoHook
	}
	for _, h := range m.hooks {
		h.Secret = s.p.id("whsec")
	}
	return nil
}
