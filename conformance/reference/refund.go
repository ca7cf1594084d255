package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// reasons are the host's reasons in the provider's words.
var reasons = map[sdk.RefundReason]string{
	sdk.RefundRequested:  "asked_for",
	sdk.RefundFraudulent: "fraud",
	sdk.RefundDuplicate:  "duplicate",
}

// Refund implements [sdk.Refunder].
//
// Any number of refunds of any size may come to what was captured. A refund that was
// accepted may take a while, fail, or come back.
func (c *Connector) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	const op sdk.Op = "reference.Refund"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.RefundResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var moved api.Moved
	err = merchant.Write(ctx, api.Path("v1", "payments", string(req.Order), "refunds"), string(req.Call.Key), api.Order{
		Amount: decimal(req.Amount), Operation: string(req.Call.OperationID),
		Reason: reasons[req.Reason], Note: req.Description,
	}, &moved)
	if err != nil {
		return sdk.RefundResult{}, failure(op, err)
	}
	return refunded(op, req, moved)
}

func refunded(op sdk.Op, req sdk.RefundRequest, moved api.Moved) (sdk.RefundResult, error) {
	seen, err := aboutOrder(op, req.Order, req.Call.Reference, moved.Payment)
	if err != nil {
		return sdk.RefundResult{}, err
	}
	result := sdk.RefundResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}}
	if result.Amount, err = sameMove(op, req.Call, req.Order, req.Amount, moved.Refund); err != nil {
		return result, err
	}
	result.Refund = sdk.RefundRef(moved.Refund.ID)
	result.Outcome, err = outcomeOf(op, moved.Refund)
	return result, err
}
