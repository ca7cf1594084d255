package book

import (
	"container/heap"
	"encoding/json"
	"time"
)

// AuthorizationLifetime is how long an approved order can be captured
// (smartpay-api.md §6.1, from a published sample).
const AuthorizationLifetime = 7 * 24 * time.Hour

// SessionLifetime is how long a hosted page takes an answer. [UNK] at the real
// provider; a day is what comparable providers give.
const SessionLifetime = 24 * time.Hour

// Session is one visit to the hosted page: it carries an order or a token.
type Session struct {
	ID         ID
	Created    int64
	Updated    int64
	SuccessURL string
	CancelURL  string
	Locale     string
	Reference  string
	Metadata   json.RawMessage `json:",omitempty"`
	Customer   json.RawMessage `json:",omitempty"`
	Order      *Order          `json:"-"` // nil in token mode
	Token      *Token          `json:"-"` // nil unless in token mode
}

// Expires is when the hosted page stops taking an answer, in milliseconds.
func (s *Session) Expires() int64 { return s.Created + SessionLifetime.Milliseconds() }

// AsOpened is the session as it was when it was opened, whatever has become of
// its order or token since: everything that changes starts out the same.
func (s *Session) AsOpened() *Session {
	opened := *s
	if s.Order != nil {
		opened.Order = &Order{
			OrderSpec: s.Order.OrderSpec, ID: s.Order.ID, Created: s.Order.Created, Updated: s.Order.Created,
			Status: RequiresAuthorization, Session: &opened,
		}
	}
	if s.Token != nil {
		token := *s.Token
		token.Status, token.Updated = TokenWaiting, token.Created
		opened.Token = &token
	}
	return &opened
}

// Closed reports whether a session has run out. No session never does.
func (tx *Tx) Closed(s *Session) bool { return s != nil && tx.ms() >= s.Expires() }

// SessionSpec is what a merchant says to open a session. Order is nil in token mode.
type SessionSpec struct {
	SuccessURL, CancelURL string
	Locale, Reference     string
	Metadata, Customer    json.RawMessage
	Order                 *OrderSpec
}

// OrderSpec is what a merchant says of an order. Items are kept as given,
// normalised; ItemCount is how many there are.
type OrderSpec struct {
	Amount      int64
	Currency    string
	Manual      bool // capture is left to the merchant
	Reference   string
	Description string
	Metadata    json.RawMessage `json:",omitempty"`
	Items       json.RawMessage `json:",omitempty"`
	ItemCount   int
	Shipping    json.RawMessage `json:",omitempty"`
}

// Order is what a buyer is asked to pay, and what became of it.
type Order struct {
	OrderSpec
	ID       ID
	Created  int64
	Updated  int64
	Expires  int64 // 0 until authorised
	Status   Status
	Captured int64
	Discount *Discount
	Payments []*Payment `json:"-"` // oldest first
	Token    *Token     `json:"-"` // nil unless made with one
	Session  *Session   `json:"-"` // nil when made with a token
}

// Remaining is what can still be captured.
func (o *Order) Remaining() int64 { return o.Amount - o.Captured }

// OpenSession creates a session and, unless it is for a token, its order.
func (tx *Tx) OpenSession(spec SessionSpec) *Session {
	s := &Session{
		ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), SuccessURL: spec.SuccessURL, CancelURL: spec.CancelURL,
		Locale: spec.Locale, Reference: spec.Reference, Metadata: spec.Metadata, Customer: spec.Customer,
	}
	if spec.Order != nil {
		s.Order = tx.openOrder(*spec.Order, nil)
		s.Order.Session = s
	} else {
		s.Token = tx.openToken(spec.Reference, spec.Metadata)
		s.Token.Session = s
	}
	insert(tx, &tx.m.sessions, s.ID, s)
	return s
}

func (tx *Tx) openOrder(spec OrderSpec, token *Token) *Order {
	o := &Order{
		OrderSpec: spec, ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), Status: RequiresAuthorization, Token: token,
	}
	insert(tx, &tx.m.orders, o.ID, o)
	return o
}

// Session finds a session.
func (tx *Tx) Session(id string) (*Session, error) {
	if s, ok := find(tx, &tx.m.sessions, KindSession, id); ok {
		return s, nil
	}
	return nil, missing(SessionNotFound, id)
}

// Sessions lists sessions from a position, newest first.
func (tx *Tx) Sessions(from, limit int) Page[Session] {
	return tx.m.sessions.page(from, limit, func(s *Session) bool { return tx.shows(s.ID, true) })
}

// Order finds an order.
func (tx *Tx) Order(id string) (*Order, error) {
	if o, ok := find(tx, &tx.m.orders, KindOrder, id); ok {
		return o, nil
	}
	return nil, missing(OrderNotFound, id)
}

// Orders lists orders from a position, newest first.
func (tx *Tx) Orders(from, limit int) Page[Order] {
	return tx.m.orders.page(from, limit, func(o *Order) bool { return tx.shows(o.ID, true) })
}

// ReferenceOf tells the reference of the order that the first of some
// identifiers, of whatever kind, leads to; "" when none does.
func (tx *Tx) ReferenceOf(ids ...string) string {
	for _, id := range ids {
		if s, ok := find(tx, &tx.m.sessions, KindSession, id); ok {
			return s.Reference
		}
		if o, ok := find(tx, &tx.m.orders, KindOrder, id); ok {
			return o.Reference
		}
		if p, ok := find(tx, &tx.m.payments, KindPayment, id); ok {
			return p.Order.Reference
		}
		if r, ok := find(tx, &tx.m.refunds, KindRefund, id); ok {
			return r.Payment.Order.Reference
		}
	}
	return ""
}

// OrderByReference finds the newest order that carries a merchant's reference.
func (tx *Tx) OrderByReference(reference string) (*Order, error) {
	page := tx.m.orders.page(Newest, 1, func(o *Order) bool { return o.Reference == reference })
	if len(page.Items) == 0 {
		return nil, missing(OrderNotFound, reference)
	}
	return page.Items[0], nil
}

// Approve is the buyer agreeing to pay. It reports false when the order is no
// longer waiting for that, or its session has run out; nothing changes then.
func (tx *Tx) Approve(o *Order) bool {
	if tx.Closed(o.Session) {
		return false
	}
	if o.Manual {
		return tx.take(o, ApproveManual, 0)
	}
	return tx.take(o, ApproveAutomatic, o.Amount)
}

// Decline is the buyer's means of payment saying no. A soft decline leaves the
// order open for another try; a hard one is final. It reports false when the
// order is no longer waiting, or its session has run out; nothing changes then.
func (tx *Tx) Decline(o *Order, soft bool) bool {
	if tx.Closed(o.Session) {
		return false
	}
	if soft {
		return tx.take(o, SoftDecline, 0)
	}
	return tx.take(o, HardDecline, 0)
}

// CancelOrder gives back what has not been captured.
func (tx *Tx) CancelOrder(id string) (*Order, error) {
	o, err := tx.Order(id)
	if err != nil {
		return nil, err
	}
	if !tx.take(o, Cancel, 0) {
		return nil, refuse(CannotCancel, "an order that is %s cannot be cancelled", o.Status)
	}
	return o, nil
}

// ExpireOrder ends an order's authorisation before its time. It reports false
// when there is none to end.
func (tx *Tx) ExpireOrder(o *Order) bool {
	if !tx.take(o, Expire, 0) {
		return false
	}
	o.Expires = tx.ms()
	tx.touch(o)
	heap.Init(&tx.m.expiring)
	return true
}

// take moves an order along the machine and does what the step says, paying
// amount where the step pays. It reports false where the machine has no rule.
func (tx *Tx) take(o *Order, on Trigger, amount int64) bool {
	step, ok := Next(o.Status, o.Captured > 0, on)
	if !ok {
		return false
	}
	if o.Status != step.To || step.Pays || step.Expires {
		o.Updated = tx.ms()
		tx.touch(o)
	}
	o.Status = step.To
	if step.Expires {
		o.Expires = tx.ms() + AuthorizationLifetime.Milliseconds()
		tx.move(Authorized, o, ID{}, ID{}, o.Amount)
		if step.To == RequiresCapture {
			heap.Push(&tx.m.expiring, o)
		}
	}
	var paid *Payment
	if step.Pays && amount > 0 {
		paid = tx.pay(o, amount)
	}
	if step.Releases {
		tx.move(Released, o, ID{}, ID{}, o.Remaining())
	}
	tx.tell(step, o, paid)
	return true
}

func (tx *Tx) tell(step Step, o *Order, paid *Payment) {
	for _, t := range step.Emits {
		switch {
		case t != PaymentCreated:
			tx.emit(t, o)
		case paid != nil:
			tx.emit(t, paid)
		}
	}
}
