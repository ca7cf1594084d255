package simulator

import (
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// Customers that the documentation gives for tests: what they are asked to pay is
// declined, for these reasons. Everybody else pays.
var declines = map[string]string{
	"customer-without-funds": "insufficient_funds",
	"customer-blocked":       "account_blocked",
}

func (s *Simulator) postCharge(c *call) answer {
	var ask struct {
		Order       string `json:"order_number"`
		Amount      int64  `json:"amount"`
		Currency    string `json:"currency"`
		Country     string `json:"country"`
		Customer    string `json:"customer"`
		Description string `json:"description"`
	}
	if err := c.read(&ask); err != nil {
		return no(400, "bad_request", err.Error())
	}
	if ask.Order == "" || ask.Amount <= 0 || ask.Currency == "" || ask.Customer == "" {
		return no(400, "bad_request", "order_number, amount, currency and customer are required")
	}
	if code, ok := declines[ask.Customer]; ok {
		return no(402, code, "the customer's account was not charged")
	}
	made := &charge{
		ID: s.name("ch"), Order: ask.Order, Amount: ask.Amount, Currency: ask.Currency, Key: c.key,
		Created: s.now(), Hidden: c.hidden(s.now()),
	}
	c.charges = append(c.charges, made)
	m := c.merchant
	again := func() answer { return answer{status: 201, body: m.showCharge(made, time.Time{})} }
	c.uses[c.key] = &use{answer: again}
	return again()
}

func (s *Simulator) postRefund(c *call) answer {
	var ask struct {
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
		Reason   string `json:"reason"`
		Label    string `json:"label"`
	}
	if err := c.read(&ask); err != nil {
		return no(400, "bad_request", err.Error())
	}
	of := c.charge(c.id)
	switch {
	case of == nil:
		return no(404, "no_such_charge", "there is no charge "+c.id)
	case ask.Amount <= 0:
		return no(400, "bad_request", "amount must be more than 0")
	case ask.Currency != of.Currency:
		return no(422, "refund_currency", "the charge is in "+of.Currency)
	case ask.Amount > of.Amount-of.refunded():
		return no(422, "refund_too_large", fmt.Sprintf("%d can be refunded", of.Amount-of.refunded()))
	}
	made := &refund{
		ID: s.name("re"), Amount: ask.Amount, Label: ask.Label, Key: c.key, Created: s.now(), Hidden: c.hidden(s.now()),
	}
	of.Refunds = append(of.Refunds, made)
	m := c.merchant
	again := func() answer { return answer{status: 201, body: m.showRefund(of, made)} }
	c.uses[c.key] = &use{answer: again}
	return again()
}

func (s *Simulator) getCharge(c *call) answer {
	if found := c.charge(c.id); found != nil && !s.now().Before(found.Hidden) {
		return answer{status: 200, body: c.showCharge(found, s.now())}
	}
	return no(404, "no_such_charge", "there is no charge "+c.id)
}

func (s *Simulator) findCharges(c *call) answer {
	list := []object{}
	for _, x := range c.charges {
		if x.Order == c.query("order_number") && !s.now().Before(x.Hidden) {
			list = append(list, c.showCharge(x, s.now()))
		}
	}
	return answer{status: 200, body: object{"charges": list}}
}

func (s *Simulator) getRefund(c *call) answer {
	for _, x := range c.charges {
		for _, r := range x.Refunds {
			if r.ID == c.id && !s.now().Before(r.Hidden) {
				return answer{status: 200, body: c.showRefund(x, r)}
			}
		}
	}
	return no(404, "no_such_refund", "there is no refund "+c.id)
}

func (s *Simulator) findRefunds(c *call) answer {
	list := []object{}
	for _, x := range c.charges {
		for _, r := range x.Refunds {
			if r.Label == c.query("label") && !s.now().Before(r.Hidden) {
				list = append(list, c.showRefund(x, r))
			}
		}
	}
	return answer{status: 200, body: object{"refunds": list}}
}

func (m *merchant) charge(id string) *charge {
	for _, x := range m.charges {
		if x.ID == id {
			return x
		}
	}
	return nil
}

// showCharge is a charge as the API tells it, which is the truth unless a fault strikes.
// A read at a time does not see the refunds that are hidden until later.
func (m *merchant) showCharge(x *charge, at time.Time) object {
	refunds, refunded := []object{}, int64(0)
	for _, r := range x.Refunds {
		if !at.Before(r.Hidden) {
			refunds = append(refunds, m.truth(x, r))
			refunded += r.Amount
		}
	}
	return m.distort(object{
		"id": x.ID, "order_number": x.Order, "status": "paid", "amount": x.Amount, "currency": x.Currency,
		"refunded": refunded, "refunds": refunds, "created": x.Created.Format(time.RFC3339),
	})
}

func (m *merchant) showRefund(x *charge, r *refund) object { return m.distort(m.truth(x, r)) }

func (m *merchant) truth(x *charge, r *refund) object {
	return object{
		"id": r.ID, "charge": x.ID, "status": "paid_out", "amount": r.Amount, "currency": x.Currency,
		"label": r.Label, "created": r.Created.Format(time.RFC3339),
	}
}

// hidden is until when reads do not see what is made now; the zero time if they do.
func (m *merchant) hidden(now time.Time) time.Time {
	if f := m.strikes(sim.FaultHidden); f != nil {
		return now.Add(time.Duration(f.Milliseconds) * time.Millisecond)
	}
	return time.Time{}
}

// distort makes an answer read as the faults want it. The books stay true.
func (m *merchant) distort(o object) object {
	if f := m.strikes(sim.FaultStatus); f != nil {
		o["status"] = f.Value
	}
	if f := m.strikes(sim.FaultAmount); f != nil {
		o["amount"] = f.Minor
	}
	if f := m.strikes(sim.FaultCurrency); f != nil {
		o["currency"] = f.Value
	}
	return o
}
