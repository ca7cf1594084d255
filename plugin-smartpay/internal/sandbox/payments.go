package sandbox

import (
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

func (s *Server) createPayment(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	in.require("order", "amount", "currency")
	spec := book.CaptureSpec{
		Order: in.text("order", 1, maxText), Amount: in.integer("amount", 1, maxAmount),
		Currency: in.currency("currency"), Keep: in.manual("cancelRemainder"),
		Reference: in.text("reference", 1, maxText), Description: in.text("description", 0, maxText),
		LineItems: in.texts("lineItems", maxItems), Metadata: in.metadata("metadata"),
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		payment, err := tx.Capture(spec)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPayment(c.merchant.Mode, payment, false)), nil
	}, nil
}

func (s *Server) getPayment(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		payment, err := tx.Payment(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPayment(c.merchant.Mode, payment, c.expand())), nil
	}, nil
}

func (s *Server) listPayments(c *call) (action, error) {
	return list(c, (*book.Tx).Payments, func(p *book.Payment, expand bool) wire.Payment {
		return wire.NewPayment(c.merchant.Mode, p, expand)
	})
}

func (s *Server) updatePayment(c *call) (action, error) {
	note, err := c.note()
	if err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		payment, err := tx.NotePayment(c.target.params["id"], note)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPayment(c.merchant.Mode, payment, false)), nil
	}, nil
}

// note reads what may be changed about a payment or a refund.
func (c *call) note() (book.Note, error) {
	in, err := c.input()
	if err != nil {
		return book.Note{}, err
	}
	note := book.Note{
		Reference: in.textOrNil("reference", 0, maxText), Description: in.textOrNil("description", 0, maxText),
		Metadata: in.metadata("metadata"),
	}
	return note, in.err()
}

func (s *Server) createRefund(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	in.require("payment", "currency", "reason")
	spec := book.RefundSpec{
		Payment: in.text("payment", 1, maxText), Amount: in.integer("amount", 1, maxAmount),
		Currency: in.currency("currency"), Reason: in.choice("reason", "requested_by_customer", "fraudulent"),
		Reference: in.text("reference", 1, maxText), Description: in.text("description", 0, maxText),
		LineItems: in.texts("lineItems", maxItems), Metadata: in.metadata("metadata"),
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		refund, err := tx.Refund(spec)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewRefund(c.merchant.Mode, refund, false)), nil
	}, nil
}

func (s *Server) getRefund(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		refund, err := tx.RefundByID(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewRefund(c.merchant.Mode, refund, c.expand())), nil
	}, nil
}

func (s *Server) listRefunds(c *call) (action, error) {
	return list(c, (*book.Tx).Refunds, func(r *book.Refund, expand bool) wire.Refund {
		return wire.NewRefund(c.merchant.Mode, r, expand)
	})
}

func (s *Server) updateRefund(c *call) (action, error) {
	note, err := c.note()
	if err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		refund, err := tx.NoteRefund(c.target.params["id"], note)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewRefund(c.merchant.Mode, refund, false)), nil
	}, nil
}
