package connector

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// reasons are the contract's reasons in the provider's words.
var reasons = map[sdk.RefundReason]string{
	sdk.RefundRequested:  "customer_request",
	sdk.RefundFraudulent: "fraud",
	sdk.RefundDuplicate:  "duplicate",
}

// Refund implements [sdk.Refunder]. The provider keeps our operation id as the refund's
// label, by which a refund whose answer was lost is found again.
func (c *Connector) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	const op sdk.Op = "example-pay.Refund"
	client, err := c.client(op, req.Call.Account)
	if err != nil {
		return sdk.RefundResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var refund api.Refund
	err = client.Post(ctx, "/v1/charges/"+url.PathEscape(string(req.Order))+"/refunds", string(req.Call.Key), api.RefundOrder{
		Amount: req.Amount.Minor, Currency: string(req.Amount.Currency), Reason: reasons[req.Reason],
		Label: string(req.Call.OperationID),
	}, &refund)
	if err != nil {
		return sdk.RefundResult{}, failure(op, err)
	}
	return refunded(op, req, refund)
}

func refunded(op sdk.Op, req sdk.RefundRequest, refund api.Refund) (sdk.RefundResult, error) {
	seen, err := refundSnapshot(op, refund)
	if err != nil {
		return sdk.RefundResult{}, err
	}
	result := sdk.RefundResult{Answer: sdk.Answer{Provider: seen.Provider, Amount: seen.Amount}, Refund: seen.Ref}
	if err := sameName(op, string(req.Order), refund.Charge); err != nil {
		return result, err
	}
	if err := sameReference(op, req.Call.OperationID, seen.Operation); err != nil {
		return result, err
	}
	if err := sameMoney(op, req.Amount, seen.Amount); err != nil {
		return result, err
	}
	switch seen.Status {
	case sdk.MoveSucceeded:
		result.Outcome = sdk.OutcomeSucceeded
		return result, nil
	case sdk.MovePending:
		result.Outcome = sdk.OutcomePending
		return result, nil
	case sdk.MoveFailed:
		return result, unexpected(op, sdk.CodeUnmappedDecline, refund.Status)
	default:
		return result, unexpected(op, sdk.CodeUnmappedError, refund.Status)
	}
}
