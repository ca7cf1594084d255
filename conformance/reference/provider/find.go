package provider

import "net/http"

// account tells a merchant that the API key works: GET /v1/account.
func (p *Provider) account(*call) (int, any, *refusal) {
	return http.StatusOK, map[string]string{"mode": "test"}, nil
}

// seen is a payment as lookups see it: as of the visibility delay, or of before what a
// fault still hides, or not at all.
func (p *Provider) seen(x *payment) *view {
	if x == nil {
		return nil
	}
	when := p.visible()
	for _, v := range x.veils {
		if before := v.from.Add(-tick); p.now().Before(v.until) && before.Before(when) {
			when = before
		}
	}
	if x.created.After(when) {
		return nil
	}
	return x.at(when)
}

// getPayment shows one payment: GET /v1/payments/{id}.
func (p *Provider) getPayment(c *call) (int, any, *refusal) {
	v := p.seen(c.merchant.payments[c.id])
	if v == nil {
		return 0, nil, notFound("payment")
	}
	c.about(v.payment)
	return http.StatusOK, showPayment(v), nil
}

// findPayments lists a reference's payments, oldest first: GET /v1/payments?reference=R.
func (p *Provider) findPayments(c *call) (int, any, *refusal) {
	wanted := c.one("reference")
	if wanted == "" {
		return 0, nil, invalid("/reference", "must be given once, in the query")
	}
	c.reference = wanted
	list := listShown[paymentShown]{Items: []paymentShown{}}
	for _, x := range c.merchant.byReference[wanted] {
		if v := p.seen(x); v != nil {
			list.Items = append(list.Items, showPayment(v))
		}
	}
	return http.StatusOK, list, nil
}

// getRefund shows one refund: GET /v1/refunds/{id}.
func (p *Provider) getRefund(c *call) (int, any, *refusal) {
	list := p.refunds(c, c.merchant.byRefund[c.id], func(m move) bool { return m.id == c.id })
	if len(list) == 0 {
		return 0, nil, notFound("refund")
	}
	return http.StatusOK, list[0], nil
}

// findRefunds lists what an operation returned: GET /v1/refunds?operation=O.
func (p *Provider) findRefunds(c *call) (int, any, *refusal) {
	wanted := c.one("operation")
	if wanted == "" {
		return 0, nil, invalid("/operation", "must be given once, in the query")
	}
	list := listShown[moveShown]{Items: []moveShown{}}
	for _, x := range c.merchant.byOperation[wanted] {
		list.Items = append(list.Items, p.refunds(c, x, func(m move) bool { return m.operation == wanted })...)
	}
	return http.StatusOK, list, nil
}

func (p *Provider) refunds(c *call, x *payment, match func(move) bool) []moveShown {
	v := p.seen(x)
	if v == nil {
		return nil
	}
	c.about(x)
	var list []moveShown
	for _, m := range v.refunds {
		if match(m) {
			list = append(list, showMove(x, m))
		}
	}
	return list
}

// one is a query parameter that is there once, or "".
func (c *call) one(name string) string {
	if values := c.query[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}
