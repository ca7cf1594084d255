package book

import "encoding/json"

// Payment is one capture.
type Payment struct {
	ID          ID
	Order       *Order `json:"-"`
	Created     int64
	Updated     int64
	Amount      int64
	Reference   string
	Description string
	LineItems   []string
	Metadata    json.RawMessage `json:",omitempty"`
	Refunds     []*Refund       `json:"-"` // oldest first
	Refunded    int64
}

// CaptureSpec is what a merchant says to capture.
type CaptureSpec struct {
	Order       string
	Amount      int64
	Currency    string
	Keep        bool // what is left stays capturable; otherwise it is released
	Reference   string
	Description string
	LineItems   []string
	Metadata    json.RawMessage `json:",omitempty"`
}

// Capture takes money that an order has authorised.
func (tx *Tx) Capture(spec CaptureSpec) (*Payment, error) {
	o, err := tx.Order(spec.Order)
	if err != nil {
		return nil, err
	}
	if o.Status != RequiresCapture {
		return nil, refuse(CannotCapture, "an order that is %s cannot be captured", o.Status)
	}
	if spec.Currency != o.Currency {
		return nil, refuse(RequestInvalid, "currency must be %s, the currency of the order", o.Currency)
	}
	if spec.Amount > o.Remaining() {
		return nil, refuse(ExcessiveAmount, "%d exceeds the %d that can still be captured", spec.Amount, o.Remaining())
	}
	on := CapturePartRelease
	switch {
	case spec.Amount == o.Remaining():
		on = CaptureWhole
	case spec.Keep:
		on = CapturePartKeep
	}
	if !tx.take(o, on, spec.Amount) {
		return nil, refuse(CannotCapture, "an order that is %s cannot be captured", o.Status)
	}
	p := o.Payments[len(o.Payments)-1]
	p.LineItems, p.Description = spec.LineItems, spec.Description
	if spec.Reference != "" {
		p.Reference = spec.Reference
	}
	if spec.Metadata != nil {
		p.Metadata = spec.Metadata
	}
	return p, nil
}

// pay writes a payment of an order. It carries the order's reference unless
// the merchant gives another [INF].
func (tx *Tx) pay(o *Order, amount int64) *Payment {
	p := &Payment{
		ID: tx.id(), Order: o, Created: tx.ms(), Updated: tx.ms(), Amount: amount, Reference: o.Reference,
	}
	o.Captured += amount
	o.Payments = append(o.Payments, p)
	insert(tx, &tx.m.payments, p.ID, p)
	tx.move(Captured, o, p.ID, ID{}, amount)
	return p
}

// Payment finds a payment.
func (tx *Tx) Payment(id string) (*Payment, error) {
	if p, ok := find(tx, &tx.m.payments, KindPayment, id); ok {
		return p, nil
	}
	return nil, missing(PaymentNotFound, id)
}

// Payments lists payments from a position, newest first.
func (tx *Tx) Payments(from, limit int) Page[Payment] {
	return tx.m.payments.page(from, limit, func(p *Payment) bool { return tx.shows(p.ID, true) })
}

// Note is what may be changed about a payment or a refund; nil leaves be.
type Note struct {
	Reference   *string
	Description *string
	Metadata    json.RawMessage `json:",omitempty"`
}

// NotePayment changes what is written about a payment.
func (tx *Tx) NotePayment(id string, note Note) (*Payment, error) {
	p, err := tx.Payment(id)
	if err != nil {
		return nil, err
	}
	set(&p.Reference, note.Reference)
	set(&p.Description, note.Description)
	if note.Metadata != nil {
		p.Metadata = note.Metadata
	}
	p.Updated = tx.ms()
	tx.touch(p)
	return p, nil
}

// Refund is captured money given back.
type Refund struct {
	ID          ID
	Payment     *Payment `json:"-"`
	Created     int64
	Updated     int64
	Amount      int64
	Reason      string
	Reference   string
	Description string
	LineItems   []string
	Metadata    json.RawMessage `json:",omitempty"`
}

// RefundSpec is what a merchant says to refund. Amount 0 means all that is left.
type RefundSpec struct {
	Payment     string
	Amount      int64
	Currency    string
	Reason      string
	Reference   string
	Description string
	LineItems   []string
	Metadata    json.RawMessage `json:",omitempty"`
}

// Refund gives captured money back. It never changes the order's status.
func (tx *Tx) Refund(spec RefundSpec) (*Refund, error) {
	p, err := tx.Payment(spec.Payment)
	if err != nil {
		return nil, err
	}
	if spec.Currency != p.Order.Currency {
		return nil, refuse(RequestInvalid, "currency must be %s, the currency of the payment", p.Order.Currency)
	}
	left := p.Amount - p.Refunded
	amount := spec.Amount
	if amount == 0 {
		amount = left
	}
	if amount > left || left == 0 {
		return nil, refuse(InsufficientAmount, "%d exceeds the %d that can still be refunded", amount, left)
	}
	r := &Refund{
		ID: tx.id(), Payment: p, Created: tx.ms(), Updated: tx.ms(), Amount: amount, Reason: spec.Reason,
		Reference: spec.Reference, Description: spec.Description, LineItems: spec.LineItems, Metadata: spec.Metadata,
	}
	p.Refunded += amount
	p.Refunds = append(p.Refunds, r)
	p.Updated = tx.ms()
	tx.touch(p)
	insert(tx, &tx.m.refunds, r.ID, r)
	tx.move(Refunded, p.Order, p.ID, r.ID, amount)
	tx.emit(RefundCreated, r)
	return r, nil
}

// RefundByID finds a refund.
func (tx *Tx) RefundByID(id string) (*Refund, error) {
	if r, ok := find(tx, &tx.m.refunds, KindRefund, id); ok {
		return r, nil
	}
	return nil, missing(RefundNotFound, id)
}

// Refunds lists refunds from a position, newest first.
func (tx *Tx) Refunds(from, limit int) Page[Refund] {
	return tx.m.refunds.page(from, limit, func(r *Refund) bool { return tx.shows(r.ID, true) })
}

// NoteRefund changes what is written about a refund.
func (tx *Tx) NoteRefund(id string, note Note) (*Refund, error) {
	r, err := tx.RefundByID(id)
	if err != nil {
		return nil, err
	}
	set(&r.Reference, note.Reference)
	set(&r.Description, note.Description)
	if note.Metadata != nil {
		r.Metadata = note.Metadata
	}
	r.Updated = tx.ms()
	tx.touch(r)
	return r, nil
}
