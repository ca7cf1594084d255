package sandbox

import (
	"errors"
	"net/http"
	"slices"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// order does fn with the lane's newest order that has a reference.
func (l *simMerchant) order(c *control, reference string, fn func(*book.Tx, *book.Order) error) (any, error) {
	if reference == "" {
		return nil, wrongField("reference", "must be the payment's")
	}
	err := error(simRefusal{http.StatusNotFound, "no payment of this lane has that reference"})
	l.do(c, func(tx *book.Tx) {
		if o, missing := tx.OrderByReference(reference); missing == nil {
			err = fn(tx, o)
		}
	})
	return nothing{}, err
}

// simBuyer lets a buyer act on the hosted page. To cancel there changes nothing: the
// order goes on waiting.
func (s *Server) simBuyer(c *control, l *simMerchant) (any, error) {
	b, err := strictly[simBuyer](c)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"approve", "decline", "cancel"}, b.Does) {
		return nil, wrongField("does", "must be approve, decline or cancel")
	}
	return l.order(c, b.Reference, func(tx *book.Tx, o *book.Order) error {
		if a := decideOrder(tx, o, o.Session, b.Does, false); a.status != http.StatusOK {
			return errors.New("cannot " + b.Does + " an order that is " + string(o.Status) + " or whose session has run out")
		}
		return nil
	})
}

// simDashboard does what the merchant's staff can. A capture of a part leaves the rest
// to be captured later.
func (s *Server) simDashboard(c *control, l *simMerchant) (any, error) {
	d, err := strictly[simDashboard](c)
	if err != nil {
		return nil, err
	}
	do := staff[d.Does]
	switch {
	case do == nil:
		return nil, wrongField("does", "must be capture, void, refund or expire")
	case d.Minor < 0:
		return nil, wrongField("minor", "must be more than 0, or 0 for all that there is")
	}
	return l.order(c, d.Reference, func(tx *book.Tx, o *book.Order) error { return do(tx, o, d.Minor) })
}

// staff is what can be done outside the API to an order; 0 yen are all that there are.
var staff = map[string]func(tx *book.Tx, o *book.Order, amount int64) error{
	"capture": func(tx *book.Tx, o *book.Order, amount int64) error {
		if amount == 0 {
			amount = o.Remaining()
		}
		id := o.ID.Text(book.KindOrder, tx.Merchant().Mode)
		_, err := tx.Capture(book.CaptureSpec{Order: id, Amount: amount, Currency: o.Currency, Keep: true})
		return err
	},
	"void": func(tx *book.Tx, o *book.Order, _ int64) error {
		_, err := tx.CancelOrder(o.ID.Text(book.KindOrder, tx.Merchant().Mode))
		return err
	},
	"expire": func(tx *book.Tx, o *book.Order, _ int64) error {
		if !tx.ExpireOrder(o) {
			return errors.New("an order that is " + string(o.Status) + " cannot expire")
		}
		return nil
	},
	"refund": refundOldest,
}

// refundOldest gives back what was captured, of the oldest capture first.
func refundOldest(tx *book.Tx, o *book.Order, amount int64) error {
	var left int64
	for _, p := range o.Payments {
		left += p.Amount - p.Refunded
	}
	if amount == 0 {
		amount = left
	}
	if amount > left || left == 0 {
		return &book.Refusal{Code: book.InsufficientAmount, Message: "more than can still be refunded"}
	}
	for _, p := range o.Payments {
		part := min(amount, p.Amount-p.Refunded)
		if part == 0 {
			continue
		}
		amount -= part
		if _, err := tx.Refund(book.RefundSpec{
			Payment: p.ID.Text(book.KindPayment, tx.Merchant().Mode), Amount: part, Currency: o.Currency,
			Reason: "requested_by_customer",
		}); err != nil {
			return err
		}
	}
	return nil
}

var errNoEndpoint = errors.New("the lane has no webhook endpoint")

// simEvent sends any event to every endpoint of the lane.
func (s *Server) simEvent(c *control, l *simMerchant) (any, error) {
	e, err := strictly[simEvent](c)
	if err != nil {
		return nil, err
	}
	if e.Type == "" {
		return nil, wrongField("type", "must be an event's")
	}
	if e.Data == nil {
		e.Data = map[string]any{}
	}
	sent := false
	l.do(c, func(tx *book.Tx) { sent = tx.Broadcast(book.EventType(e.Type), wire.Encode(e.Data)) })
	if !sent {
		return nil, errNoEndpoint
	}
	return nothing{}, nil
}

// simRotate gives every webhook endpoint of the lane another signing secret.
func (s *Server) simRotate(c *control, l *simMerchant) (any, error) {
	if _, err := strictly[nothing](c); err != nil {
		return nil, err
	}
	err := errNoEndpoint
	l.do(c, func(tx *book.Tx) {
		if len(tx.Endpoints(book.Newest, 1).Items) > 0 {
			err = l.endpoints(tx, func(id string) error { _, err := tx.RotateSecret(id); return err })
		}
	})
	return nothing{}, err
}
