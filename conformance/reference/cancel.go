package reference

import (
	"cmp"
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cancel implements [sdk.Canceler]. The provider withdraws its page: once it has, no
// approval is possible.
func (c *Connector) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	const op sdk.Op = "reference.Cancel"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.CancelResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	order := sdk.OrderRef(cmp.Or(string(req.Order), req.Session)) // there is no session of its own
	var payment api.Payment
	err = merchant.Write(ctx, api.Path("v1", "payments", string(order), "cancellations"), string(req.Call.Key),
		api.Order{Operation: string(req.Call.OperationID)}, &payment)
	if err != nil {
		return sdk.CancelResult{ApprovalPossible: true}, failure(op, err)
	}
	seen, err := aboutOrder(op, order, req.Call.Reference, &payment)
	if err != nil {
		return sdk.CancelResult{ApprovalPossible: true}, err
	}
	result := sdk.CancelResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}}
	if seen.State != sdk.StateCanceled {
		result.ApprovalPossible = true
		return result, unmapped(op, sdk.CodeUnmappedError, payment.Status)
	}
	result.Outcome = sdk.OutcomeSucceeded
	return result, nil
}
