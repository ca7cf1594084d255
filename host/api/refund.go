package api

import (
	"net/http"
	"slices"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

type refundCreate struct {
	Amount             *int64 `json:"amount"`
	TargetType         string `json:"target_type"`
	Reason             string `json:"reason"`
	ExternalIdentifier string `json:"external_identifier"`
}

// refundTransaction gives captured money back.
func (s *server) refundTransaction(c *call) (answer, error) {
	return s.refundBy(c, "refund", func(rec store.Record, m ledger.Move) (answer, error) {
		return reply(http.StatusCreated, renderRefund(rec, m))
	})
}

// refundAll gives back all that is left. One payment has one instrument here, so it
// is one refund.
func (s *server) refundAll(c *call) (answer, error) {
	return s.refundBy(c, "refund-all", func(rec store.Record, m ledger.Move) (answer, error) {
		all := []refund{renderRefund(rec, m)}
		return reply(http.StatusCreated, page[refund]{Items: all, Limit: defaultLimit})
	})
}

func (s *server) refundBy(c *call, scope string, show func(store.Record, ledger.Move) (answer, error)) (answer, error) {
	id, err := c.payment()
	if err != nil {
		return answer{}, err
	}
	shape := s.shapes.refund
	if scope == "refund-all" {
		shape = s.shapes.refundAll
	}
	doc, err := c.body(shape)
	if err != nil {
		return answer{}, err
	}
	var o refundCreate
	if err := doc.into(&o); err != nil {
		return answer{}, err
	}
	if o.TargetType != "" && o.TargetType != targetMethod {
		return answer{}, invalid(detail{inBody, "/target_type",
			"must be payment-method: gift cards are not offered", string(sdk.CodeOperationUnsupported)})
	}
	order := settle.RefundOrder{Amount: o.Amount, Reason: o.Reason, ExternalID: o.ExternalIdentifier}
	return s.once(c, move{
		scope: scope + ":" + string(id),
		body:  doc.canonical,
		begin: func(idem *store.Idempotency) (store.Record, sdk.OperationID, error) {
			return begun(s.Engine.Refund(c.ctx, c.account, id, order, idem))
		},
		show: func(rec store.Record, op sdk.OperationID) (answer, error) {
			for _, m := range rec.View().WholeRefunds() {
				if m.Operation == op {
					return show(rec, m)
				}
			}
			return answer{}, unprocessed(http.StatusInternalServerError, nil)
		},
	})
}

// listRefunds lists a payment's refunds, newest first.
func (s *server) listRefunds(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	var all []refund
	for _, m := range slices.Backward(rec.View().WholeRefunds()) {
		all = append(all, renderRefund(rec, m))
	}
	return showPage(c, all, func(r refund) string { return r.ID })
}

// getRefund answers with one refund of the payment that the path names.
func (s *server) getRefund(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	return showRefund(rec, c.PathValue("rid"))
}

// findRefund answers with a refund of whichever payment has it. Only refunds that
// were asked for here are found so; others have to be looked for on their payment.
func (s *server) findRefund(c *call) (answer, error) {
	id := c.PathValue("rid")
	if !isUUID(id) {
		return answer{}, notFound()
	}
	rec, err := s.Store.PaymentByMove(c.ctx, sdk.OperationID(id))
	if err != nil {
		return answer{}, err
	}
	if rec.MerchantAccount != c.account {
		return answer{}, notFound()
	}
	return showRefund(rec, id)
}

func showRefund(rec store.Record, id string) (answer, error) {
	for _, m := range rec.View().WholeRefunds() {
		if r := renderRefund(rec, m); r.ID == id {
			return reply(http.StatusOK, r)
		}
	}
	return answer{}, notFound()
}

// listCaptures lists a payment's captures, newest first.
func (s *server) listCaptures(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	var all []capture
	for _, m := range slices.Backward(rec.View().Captures) {
		all = append(all, renderCapture(rec, m))
	}
	return showPage(c, all, func(x capture) string { return x.ID })
}

// getCapture answers with one capture of the payment that the path names.
func (s *server) getCapture(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	for _, m := range rec.View().Captures {
		if x := renderCapture(rec, m); x.ID == c.PathValue("cid") {
			return reply(http.StatusOK, x)
		}
	}
	return answer{}, notFound()
}
