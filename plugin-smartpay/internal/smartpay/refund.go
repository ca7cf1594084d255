package smartpay

import (
	"context"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Refund implements [sdk.Refunder].
//
// A refund hangs on one capture, wants a reason, carries our operation id as its
// reference, and is final. What exceeds the capture is refused with 403.
func (c *Connector) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	const op sdk.Op = "smartpay.Refund"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.RefundResult{}, err
	}
	if req.Capture == "" {
		return sdk.RefundResult{}, invalid(op, sdk.CodeMissingField, "/capture", "is required: a refund hangs on a capture")
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	refund, err := merchant.CreateRefund(ctx, string(req.Call.Key), api.RefundParams{
		Payment:     api.PaymentID(req.Capture),
		Amount:      req.Amount.Minor,
		Currency:    string(req.Amount.Currency),
		Reason:      reason(req.Reason),
		Reference:   string(req.Call.OperationID),
		Description: req.Description,
	})
	if err != nil {
		return sdk.RefundResult{}, failure(op, err)
	}
	return refunded(op, req, refund)
}

// reason is the host's reason in Smartpay's words, of which there are two.
func reason(r sdk.RefundReason) string {
	if r == sdk.RefundFraudulent {
		return api.Fraudulent
	}
	return api.RequestedByCustomer
}

// refunded translates the answer. Where it is not the refund that was asked for, the
// result still says what it is.
func refunded(op sdk.Op, req sdk.RefundRequest, r *api.Refund) (sdk.RefundResult, error) {
	if err := another(op, "capture", string(req.Capture), string(r.Payment)); err != nil {
		return sdk.RefundResult{}, err
	}
	if err := renamed(op, string(req.Call.OperationID), r.Reference); err != nil {
		return sdk.RefundResult{}, err
	}
	seen := refundSnapshot(r)
	result := sdk.RefundResult{
		Answer: sdk.Answer{
			Amount:   seen.Amount,
			Provider: seen.Provider,
			Payment:  &sdk.Snapshot{Order: req.Order, Refunds: []sdk.RefundSnapshot{seen}},
		},
		Refund: seen.Ref,
	}
	if err := differs(op, req.Amount, r.Amount, r.Currency); err != nil {
		return result, err
	}
	var err error
	result.Outcome, err = outcomeOf(op, "refund", seen.Status, r.Status)
	return result, err
}
