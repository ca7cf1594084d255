package smartpay

import (
	"context"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Void implements [sdk.Voider].
//
// Smartpay calls it cancelling the order. With nothing captured the order becomes
// canceled; after a partial capture it becomes succeeded, because nothing is left to
// capture. Cancelling again succeeds and changes nothing. An order that has nothing to
// release is refused: not approved yet, or captured in full.
func (c *Connector) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	const op sdk.Op = "smartpay.Void"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.VoidResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	order, err := merchant.CancelOrder(ctx, string(req.Call.Key), api.OrderID(req.Order))
	if err != nil {
		return sdk.VoidResult{}, failure(op, err)
	}
	return voided(op, req, c.inFull(ctx, merchant, order))
}

// inFull returns what is to be known about an order that was just cancelled. The
// answer to that names captures without their amounts, and what was released is what
// they leave; so they are read. Where that fails, what was released stays unsaid: the
// release itself is certain.
func (c *Connector) inFull(ctx context.Context, merchant api.Merchant, order *api.Order) holding {
	h := holding{order: order}
	if _, known := h.captured(); known || len(order.Payments) == 0 {
		return h
	}
	full, err := merchant.Order(ctx, order.ID)
	if err != nil || full.Status != order.Status {
		return h
	}
	return holding{order: full}
}

func voided(op sdk.Op, req sdk.VoidRequest, h holding) (sdk.VoidResult, error) {
	result := sdk.VoidResult{Answer: sdk.Answer{Provider: sdk.Provider{Status: h.order.Status}}}
	if err := renamed(op, string(req.Call.Reference), h.order.Reference); err != nil {
		return result, err
	}
	payment, err := h.snapshot(op)
	if err != nil {
		return result, err
	}
	result.Payment = payment
	switch h.order.Status {
	case api.OrderCanceled, api.OrderSucceeded:
		result.Outcome = sdk.OutcomeSucceeded
		result.Released = payment.Released
		result.Amount = payment.Released
		return result, nil
	}
	return result, unmapped(op, "cancelled order", h.order.Status)
}
