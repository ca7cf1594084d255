package provider

import (
	"net/http"
	"time"
)

// An instrument is a stored way to pay.
type instrument struct {
	id        string
	method    string
	ready     time.Time // when the buyer approved; zero if not yet
	page      string
	removed   bool
	returnURL string
}

// storeOrder asks for an instrument to be stored.
type storeOrder struct {
	Method    string `json:"method"`
	ReturnURL string `json:"return_url"`
	CancelURL string `json:"cancel_url"`
}

// store keeps an instrument: POST /v1/instruments. A wallet's owner must approve it.
func (p *Provider) store(c *call) (int, any, *refusal) {
	var o storeOrder
	if r := c.read(&o); r != nil {
		return 0, nil, r
	}
	i := &instrument{id: p.id("ins"), method: o.Method, ready: p.now(), returnURL: o.ReturnURL}
	switch {
	case o.Method != "card" && o.Method != "wallet":
		return 0, nil, invalid("/method", "must be card or wallet")
	case o.Method == "wallet" && !absolute(o.ReturnURL):
		return 0, nil, invalid("/return_url", "must be an absolute URL")
	case o.Method == "wallet":
		i.ready, i.page = time.Time{}, c.origin+"/pay/"+i.id
		if after := p.options.ApproveAfter; after > 0 {
			i.ready = p.now().Add(after)
		}
	}
	c.merchant.instruments[i.id] = i
	return http.StatusCreated, showInstrument(i, p.now()), nil
}

// remove forgets an instrument: POST /v1/instruments/{id}/removals. One that is gone
// already stays gone.
func (p *Provider) remove(c *call) (int, any, *refusal) {
	i := c.merchant.instruments[c.id]
	if i == nil {
		return 0, nil, notFound("instrument")
	}
	i.removed = true
	return http.StatusCreated, showInstrument(i, p.now()), nil
}

// usable refuses an instrument that cannot pay. No instrument at all means the
// provider's test card.
func (m *merchant) usable(id string, now time.Time) *refusal {
	if id == "" || known(id) {
		return nil
	}
	i := m.instruments[id]
	switch {
	case i == nil || i.removed:
		return notFound("instrument")
	case i.ready.IsZero() || i.ready.After(now):
		return conflict("instrument_not_ready", "its owner has not approved it yet")
	}
	return nil
}

// checkOrder asks whether an instrument is good.
type checkOrder struct {
	Currency   string `json:"currency"`
	Country    string `json:"country"`
	Method     string `json:"method"`
	Instrument string `json:"instrument"`
}

// check asks the buyer's bank about an instrument and holds nothing: POST /v1/checks.
func (p *Provider) check(c *call) (int, any, *refusal) {
	var o checkOrder
	if r := c.read(&o); r != nil {
		return 0, nil, r
	}
	if _, ok := exponents[o.Currency]; !ok {
		return 0, nil, invalid("/currency", "%v", errCurrency)
	}
	if r := c.merchant.usable(o.Instrument, p.now()); r != nil {
		return 0, nil, r
	}
	if reason := declineFor(0, o.Instrument); reason != "" {
		return 0, nil, declined(reason)
	}
	return http.StatusCreated, checkShown{ID: p.id("chk"), Status: "good", Currency: o.Currency}, nil
}
