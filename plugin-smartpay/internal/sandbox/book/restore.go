package book

import (
	"bufio"
	"container/heap"
	"fmt"
	"io"
	"slices"
	"strings"
	"unique"
)

// fold takes one entry into the books.
func (b *Book) fold(e entry) error {
	if e.Secret != "" {
		b.secret, b.seed = e.Secret, e.Seed
	}
	if ahead := e.Ahead - int64(b.clock.Ahead()); ahead > 0 {
		b.clock.ahead.Add(ahead)
	}
	if e.Merchant == "" {
		return nil
	}
	m := b.merchant(e.Merchant, e.Mode)
	for _, step := range []func(*Merchant, entry) error{foldSimple, foldOrders, foldMoney} {
		if err := step(m, e); err != nil {
			return err
		}
	}
	for _, line := range e.Moves {
		line.Merchant = m
		b.moves.add(line)
	}
	m.foldReplies(e)
	m.foldOwed(e)
	return nil
}

// update replaces what is known of an object but not the object itself, which
// others lead to. It gives the object that is now in the table.
func update[T any](t *table[T], id ID, object *T, relink func(old, now *T)) *T {
	old := t.byID[id]
	if old == nil {
		t.add(id, object)
		return object
	}
	relink(old, object)
	*old = *object
	return old
}

func foldSimple(m *Merchant, e entry) error {
	for _, t := range e.Tokens {
		update(&m.tokens, t.ID, t, func(old, now *Token) { now.Session = old.Session })
	}
	for _, endpoint := range e.Endpoints {
		update(&m.endpoints, endpoint.ID, endpoint, func(_, _ *Endpoint) {})
	}
	for _, c := range e.Coupons {
		update(&m.coupons, c.ID, c, func(_, _ *Coupon) {})
	}
	for _, row := range e.Promotions {
		coupon := m.coupons.byID[row.CouponID]
		if coupon == nil {
			return fmt.Errorf("a promotion code of a coupon that is not there: %x", row.CouponID)
		}
		row.Coupon = coupon
		p := update(&m.promotions, row.ID, row.PromotionCode, func(_, _ *PromotionCode) {})
		m.codes[strings.ToLower(p.Code)] = p
	}
	return nil
}

func foldOrders(m *Merchant, e entry) error {
	for _, row := range e.Orders {
		if row.Token = m.tokens.byID[row.TokenID]; row.Token == nil && row.TokenID != (ID{}) {
			return fmt.Errorf("an order of a token that is not there: %x", row.TokenID)
		}
		if row.Discount != nil {
			if row.Discount.PromotionCode = m.promotions.byID[row.PromotionID]; row.Discount.PromotionCode == nil {
				return fmt.Errorf("a discount of a promotion code that is not there: %x", row.PromotionID)
			}
		}
		update(&m.orders, row.Order.ID, row.Order, func(old, now *Order) {
			now.Payments, now.Session = old.Payments, old.Session
		})
	}
	for _, row := range e.Sessions {
		row.Order, row.Token = m.orders.byID[row.OrderID], m.tokens.byID[row.TokenID]
		s := update(&m.sessions, row.Session.ID, row.Session, func(_, _ *Session) {})
		switch {
		case s.Order != nil:
			s.Order.Session = s
		case s.Token != nil:
			s.Token.Session = s
		default:
			return fmt.Errorf("a session of nothing: %x", s.ID)
		}
	}
	return nil
}

func foldMoney(m *Merchant, e entry) error {
	for _, row := range e.Payments {
		order := m.orders.byID[row.OrderID]
		if order == nil {
			return fmt.Errorf("a payment of an order that is not there: %x", row.OrderID)
		}
		row.Order = order
		known := m.payments.byID[row.Payment.ID] != nil
		p := update(&m.payments, row.Payment.ID, row.Payment, func(old, now *Payment) { now.Refunds = old.Refunds })
		if !known {
			order.Payments = append(order.Payments, p)
		}
	}
	for _, row := range e.Refunds {
		payment := m.payments.byID[row.PaymentID]
		if payment == nil {
			return fmt.Errorf("a refund of a payment that is not there: %x", row.PaymentID)
		}
		row.Payment = payment
		known := m.refunds.byID[row.Refund.ID] != nil
		r := update(&m.refunds, row.Refund.ID, row.Refund, func(_, _ *Refund) {})
		if !known {
			payment.Refunds = append(payment.Refunds, r)
		}
	}
	return nil
}

func (m *Merchant) foldReplies(e entry) {
	if e.Forget {
		m.replies = replies{}
	}
	for _, row := range e.Replies {
		m.replies.add(row.Scope, &kept{at: row.At, body: row.Body, reply: Reply{
			Status: row.Status, Body: row.Text, Session: m.sessions.byID[row.SessionID], Base: unique.Make(row.Base).Value(),
		}})
	}
}

func (m *Merchant) foldOwed(e entry) {
	for _, d := range e.Owed {
		d.Merchant = m
		m.owed = append(m.owed, d)
		m.deliveries = max(m.deliveries, d.Seq)
	}
	for _, seq := range e.Settled {
		m.owed = slices.DeleteFunc(m.owed, func(d *Delivery) bool { return d.Seq == seq })
		m.deliveries = max(m.deliveries, seq)
	}
}

// restart lines up the authorisations that will end one day.
func (m *Merchant) restart() {
	for _, o := range m.orders.all {
		if o.Status == RequiresCapture {
			m.expiring = append(m.expiring, o)
		}
	}
	heap.Init(&m.expiring)
}

// dump writes the books as they are, nothing twice.
func (b *Book) dump(to io.Writer, epoch uint64) error {
	out := bufio.NewWriterSize(to, 1<<20)
	write := func(e entry) error {
		line, err := spell(e)
		if err == nil {
			_, err = out.Write(line)
		}
		return err
	}
	if err := write(entry{Seed: b.seed, Epoch: epoch, Secret: b.secret, Ahead: int64(b.clock.Ahead())}); err != nil {
		return err
	}
	for _, m := range b.Merchants() {
		if err := m.dump(write); err != nil {
			return err
		}
	}
	var failed error
	b.Movements(func(line Movement) bool {
		failed = write(entry{Merchant: line.Merchant.key, Mode: line.Merchant.Mode, Moves: []Movement{line}})
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return out.Flush()
}

// dump writes one merchant's books, what others lead to first.
func (m *Merchant) dump(write func(entry) error) error {
	one := func(object any) error {
		e := entry{Merchant: m.key, Mode: m.Mode}
		e.add(object)
		return write(e)
	}
	for _, err := range []error{
		each(m.tokens.all, one), each(m.endpoints.all, one), each(m.coupons.all, one), each(m.promotions.all, one),
		each(m.orders.all, one), each(m.sessions.all, one), each(m.payments.all, one), each(m.refunds.all, one),
	} {
		if err != nil {
			return err
		}
	}
	for _, hash := range m.replies.oldest {
		row := rowOfReply(hash, m.replies.byScope[hash])
		if err := write(entry{Merchant: m.key, Mode: m.Mode, Replies: []replyRow{row}}); err != nil {
			return err
		}
	}
	if m.deliveries == 0 {
		return nil
	}
	last := []int64{m.deliveries} // settled long ago: it only says how far the count is
	return write(entry{Merchant: m.key, Mode: m.Mode, Owed: m.owed, Settled: without(last, m.owed)})
}

// without leaves out what is still owed.
func without(settled []int64, owed []*Delivery) []int64 {
	return slices.DeleteFunc(settled, func(seq int64) bool {
		return seq == 0 || slices.ContainsFunc(owed, func(d *Delivery) bool { return d.Seq == seq })
	})
}

func each[T any](all []*T, do func(any) error) error {
	for _, object := range all {
		if err := do(object); err != nil {
			return err
		}
	}
	return nil
}
