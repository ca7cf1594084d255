package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Increment implements [sdk.Incrementer]. The provider holds all of what is asked for
// or declines.
func (c *Connector) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	const op sdk.Op = "reference.Increment"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.IncrementResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var payment api.Payment
	err = merchant.Write(ctx, api.Path("v1", "payments", string(req.Order), "increments"), string(req.Call.Key),
		api.Order{Amount: decimal(req.Amount), Operation: string(req.Call.OperationID)}, &payment)
	if err != nil {
		return sdk.IncrementResult{}, failure(op, err)
	}
	seen, err := aboutOrder(op, req.Order, req.Call.Reference, &payment)
	if err != nil {
		return sdk.IncrementResult{}, err
	}
	result := sdk.IncrementResult{Answer: sdk.Answer{Amount: seen.Authorized, Provider: seen.Provider, Payment: seen}}
	switch held := seen.Authorized; {
	case held == nil:
		return result, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer does not say what is held now")
	case held.Currency != req.Amount.Currency:
		return result, sdk.Errorf(op, sdk.CodeCurrencyMismatch, "asked for %s more, %s is held now", req.Amount, held)
	case held.Minor < req.Amount.Minor:
		return result, sdk.Errorf(op, sdk.CodeAmountMismatch, "asked for %s more, only %s is held now", req.Amount, held)
	}
	result.Outcome = sdk.OutcomeSucceeded
	return result, nil
}
