package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Capture implements [sdk.Capturer].
//
// Any number of captures may come to a little more than was authorized. The provider
// keeps our operation id on each, and says what a final one released.
func (c *Connector) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	const op sdk.Op = "reference.Capture"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.CaptureResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var moved api.Moved
	err = merchant.Write(ctx, api.Path("v1", "payments", string(req.Order), "captures"), string(req.Call.Key),
		api.Order{Amount: decimal(req.Amount), Final: req.Final, Operation: string(req.Call.OperationID)}, &moved)
	if err != nil {
		return sdk.CaptureResult{}, failure(op, err)
	}
	return captured(op, req, moved)
}

func captured(op sdk.Op, req sdk.CaptureRequest, moved api.Moved) (sdk.CaptureResult, error) {
	seen, err := aboutOrder(op, req.Order, req.Call.Reference, moved.Payment)
	if err != nil {
		return sdk.CaptureResult{}, err
	}
	result := sdk.CaptureResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}}
	if result.Amount, err = sameMove(op, req.Call, req.Order, req.Amount, moved.Capture); err != nil {
		return result, err
	}
	result.Capture = sdk.CaptureRef(moved.Capture.ID)
	if result.Released, err = minor(moved.Released); err != nil {
		return result, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "what was released: %w", err)
	}
	result.Outcome, err = outcomeOf(op, moved.Capture)
	return result, err
}
