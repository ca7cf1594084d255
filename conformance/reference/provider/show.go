package provider

import "time"

// What the API shows. Times are RFC 3339, in UTC.
type (
	paymentShown struct {
		ID         string      `json:"id"`
		Reference  string      `json:"reference"`
		Status     string      `json:"status"`
		Revision   int         `json:"revision"` // grows with everything that happens to the payment
		Amount     amount      `json:"amount"`   // as asked for
		Authorized amount      `json:"authorized"`
		Captured   amount      `json:"captured"`
		Released   amount      `json:"released"`
		Refunded   amount      `json:"refunded"`
		Captures   []moveShown `json:"captures"`
		Refunds    []moveShown `json:"refunds"`
		Reason     string      `json:"reason,omitempty"` // of a decline
		Page       string      `json:"page,omitempty"`
		PageEnds   *time.Time  `json:"page_ends,omitempty"`
		HeldUntil  *time.Time  `json:"held_until,omitempty"`
		CreatedAt  time.Time   `json:"created_at"`
	}
	moveShown struct {
		ID        string    `json:"id"`
		Payment   string    `json:"payment"`
		Amount    amount    `json:"amount"`
		Status    string    `json:"status"`
		Operation string    `json:"operation,omitempty"`
		CreatedAt time.Time `json:"created_at"`
	}
	// moneyShown answers a write that moved money of a payment.
	moneyShown struct {
		Capture  *moveShown   `json:"capture,omitempty"`
		Refund   *moveShown   `json:"refund,omitempty"`
		Released *amount      `json:"released,omitempty"` // by this write
		Payment  paymentShown `json:"payment"`
	}
	instrumentShown struct {
		ID       string `json:"id"`
		Method   string `json:"method"`
		Status   string `json:"status"`
		Page     string `json:"page,omitempty"`
		PageEnds string `json:"page_ends,omitempty"`
	}
	checkShown struct {
		ID       string `json:"id"`
		Status   string `json:"status"`
		Currency string `json:"currency"`
	}
	listShown[T any] struct {
		Items []T `json:"items"`
	}
)

func showPayment(v *view) paymentShown {
	p := v.payment
	in := func(minor int64) amount { return amountOf(minor, p.terms.Amount.Currency) }
	shown := paymentShown{
		ID: p.id, Reference: p.terms.Reference, Status: v.status(), Revision: len(v.steps) + 1,
		Amount: in(p.minor), Authorized: in(v.authorized), Captured: in(v.captured),
		Released: in(v.released), Refunded: in(v.refunded),
		Captures: make([]moveShown, 0, len(v.captures)), Refunds: make([]moveShown, 0, len(v.refunds)),
		Reason: v.reason, CreatedAt: p.created,
	}
	for _, m := range v.captures {
		shown.Captures = append(shown.Captures, showMove(p, m))
	}
	for _, m := range v.refunds {
		shown.Refunds = append(shown.Refunds, showMove(p, m))
	}
	if v.phase == statusAwaitingBuyer {
		ends := p.terms.approveBefore
		shown.Page, shown.PageEnds = p.page, &ends
	}
	if v.phase == statusHeld {
		shown.HeldUntil = &v.until
	}
	return shown
}

func showMove(p *payment, m move) moveShown {
	return moveShown{
		ID: m.id, Payment: p.id, Amount: amountOf(m.amount, p.terms.Amount.Currency), Status: m.status,
		Operation: m.operation, CreatedAt: m.at,
	}
}

func showCapture(v *view, id string, released int64) moneyShown {
	shown := showMove(v.payment, *v.move(id))
	let := amountOf(released, v.payment.terms.Amount.Currency)
	return moneyShown{Capture: &shown, Released: &let, Payment: showPayment(v)}
}

func showReleased(v *view, released int64) moneyShown {
	let := amountOf(released, v.payment.terms.Amount.Currency)
	return moneyShown{Released: &let, Payment: showPayment(v)}
}

func showRefund(v *view, id string) moneyShown {
	shown := showMove(v.payment, *v.move(id))
	return moneyShown{Refund: &shown, Payment: showPayment(v)}
}

func showInstrument(i *instrument, now time.Time) instrumentShown {
	shown := instrumentShown{ID: i.id, Method: i.method, Status: "ready"}
	switch {
	case i.removed:
		shown.Status = "removed"
	case i.ready.IsZero() || i.ready.After(now):
		shown.Status, shown.Page = "awaiting_buyer", i.page
		shown.PageEnds = now.Add(approvalTime).Format(time.RFC3339Nano)
	}
	return shown
}
