package smartpay

import (
	"context"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Capture implements [sdk.Capturer].
//
// A capture is a payment under the order, and carries our operation id as its
// reference. Smartpay releases what a capture leaves unless it is told to keep it, so
// it always is told. The answer does not say what was released.
func (c *Connector) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	const op sdk.Op = "smartpay.Capture"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.CaptureResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	payment, err := merchant.CreatePayment(ctx, string(req.Call.Key), api.PaymentParams{
		Order:           api.OrderID(req.Order),
		Amount:          req.Amount.Minor,
		Currency:        string(req.Amount.Currency),
		CancelRemainder: remainder(req.Final),
		Reference:       string(req.Call.OperationID),
	})
	if err != nil {
		return sdk.CaptureResult{}, failure(op, err)
	}
	return captured(op, req, payment)
}

func remainder(final bool) api.Remainder {
	if final {
		return api.ReleaseRemainder
	}
	return api.KeepRemainder
}

// captured translates the answer. Where it is not the capture that was asked for, the
// result still says what it is.
func captured(op sdk.Op, req sdk.CaptureRequest, p *api.Payment) (sdk.CaptureResult, error) {
	if err := another(op, "order", string(req.Order), string(p.Order)); err != nil {
		return sdk.CaptureResult{}, err
	}
	if err := renamed(op, string(req.Call.OperationID), p.Reference); err != nil {
		return sdk.CaptureResult{}, err
	}
	seen := captureSnapshot(p, "")
	result := sdk.CaptureResult{
		Answer: sdk.Answer{
			Amount:   seen.Amount,
			Provider: seen.Provider,
			Payment:  &sdk.Snapshot{Order: req.Order, Captures: []sdk.CaptureSnapshot{seen}},
		},
		Capture: seen.Ref,
	}
	if err := differs(op, req.Amount, p.Amount, p.Currency); err != nil {
		return result, err
	}
	var err error
	result.Outcome, err = outcomeOf(op, "capture", seen.Status, p.Status)
	return result, err
}

// outcomeOf is what became of a write, by the status of the capture or refund that it
// made.
func outcomeOf(op sdk.Op, what string, move sdk.MoveStatus, status string) (sdk.Outcome, error) {
	switch move {
	case sdk.MoveSucceeded:
		return sdk.OutcomeSucceeded, nil
	case sdk.MovePending:
		return sdk.OutcomePending, nil
	case sdk.MoveFailed:
		e := sdk.Errorf(op, sdk.CodeUnmappedDecline, "Smartpay reports the %s as %q", what, status)
		e.Provider.Status = status
		return "", e
	case sdk.MoveUnknown, sdk.MoveCanceled, sdk.MoveReversed:
	}
	return "", unmapped(op, what, status)
}
