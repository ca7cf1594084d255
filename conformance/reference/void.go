package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Void implements [sdk.Voider]. After a partial capture it releases the rest.
func (c *Connector) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	const op sdk.Op = "reference.Void"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.VoidResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var moved api.Moved
	err = merchant.Write(ctx, api.Path("v1", "payments", string(req.Order), "voids"), string(req.Call.Key),
		api.Order{Operation: string(req.Call.OperationID)}, &moved)
	if err != nil {
		return sdk.VoidResult{}, failure(op, err)
	}
	seen, err := aboutOrder(op, req.Order, req.Call.Reference, moved.Payment)
	if err != nil {
		return sdk.VoidResult{}, err
	}
	result := sdk.VoidResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}}
	if result.Released, err = minor(moved.Released); err != nil {
		return result, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "what was released: %w", err)
	}
	switch seen.State {
	case sdk.StateVoided, sdk.StateCaptured, sdk.StateProcessing:
		result.Outcome, result.Amount = sdk.OutcomeSucceeded, result.Released
		return result, nil
	case sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateAuthorized, sdk.StatePartiallyCaptured,
		sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired:
	}
	return result, unmapped(op, sdk.CodeUnmappedError, seen.Provider.Status)
}
