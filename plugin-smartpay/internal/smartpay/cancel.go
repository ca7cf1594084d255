package smartpay

import (
	"context"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cancel implements [sdk.Canceler].
//
// Smartpay cannot withdraw an order that the buyer has not approved: it refuses to
// cancel one. It does cancel an order that has been approved in the meantime, which
// would let go of a hold that nobody asked to let go of. So Cancel only reads. An
// order still unapproved is reported as called off with approval still possible; one
// that has been approved is refused with invalid_state.
func (c *Connector) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	const op sdk.Op = "smartpay.Cancel"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.CancelResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	order, err := orderToCancel(ctx, op, merchant, req)
	if err != nil {
		return sdk.CancelResult{}, nothingDone(failure(op, err))
	}
	return called(op, req, order)
}

// orderToCancel reads the order by its id, or by the id of its checkout.
func orderToCancel(ctx context.Context, op sdk.Op, merchant api.Merchant, req sdk.CancelRequest) (*api.Order, error) {
	if req.Order != "" {
		return merchant.Order(ctx, api.OrderID(req.Order))
	}
	if req.Session == "" {
		return nil, invalid(op, sdk.CodeMissingField, "/order", "is required where no session is given")
	}
	session, err := merchant.Session(ctx, api.SessionID(req.Session))
	switch {
	case err != nil:
		return nil, err
	case session.Order.Value != nil:
		return session.Order.Value, nil
	}
	return merchant.Order(ctx, api.OrderID(session.Order.ID))
}

// nothingDone turns a code that leaves open what happened into one that says that
// nothing did: a read changes nothing however it ends.
func nothingDone(err error) error {
	e := sdk.AsError(err)
	if e.Outcome() == sdk.OutcomeUnknown {
		e.Code = sdk.CodeMaintenance
	}
	return e
}

func called(op sdk.Op, req sdk.CancelRequest, order *api.Order) (sdk.CancelResult, error) {
	result := sdk.CancelResult{Answer: sdk.Answer{Provider: sdk.Provider{Status: order.Status}}}
	if err := renamed(op, string(req.Call.Reference), order.Reference); err != nil {
		return result, err
	}
	payment, err := holding{order: order}.snapshot(op)
	if err != nil {
		return result, err
	}
	result.Payment = payment
	switch state := stateOf(order); state {
	case sdk.StateRequiresAction:
		result.Outcome, result.ApprovalPossible = sdk.OutcomeSucceeded, true
		return result, nil
	case sdk.StateDeclined, sdk.StateVoided, sdk.StateExpired, sdk.StateCanceled, sdk.StateFailed:
		result.Outcome = sdk.OutcomeSucceeded
		return result, nil
	case sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured, sdk.StateProcessing, "":
		e := sdk.Errorf(op, sdk.CodeInvalidState, "the order is %s: the buyer has approved it", order.Status)
		e.Provider.Status = order.Status
		return result, e
	case sdk.StateUnknown:
	}
	return result, unmapped(op, "order", order.Status)
}
