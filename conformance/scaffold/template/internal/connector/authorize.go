package connector

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Authorize implements [sdk.Authorizer]. A charge takes the money at once: automatic
// capture is all that the manifest offers.
func (c *Connector) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	const op sdk.Op = "example-pay.Authorize"
	client, err := c.client(op, req.Call.Account)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var charge api.Charge
	err = client.Post(ctx, "/v1/charges", string(req.Call.Key), api.Order{
		OrderNumber: string(req.Call.Reference), Amount: req.Amount.Minor, Currency: string(req.Amount.Currency),
		Country: req.Country, Customer: req.Buyer.ExternalID, Description: req.Description,
	}, &charge)
	if err != nil {
		return sdk.AuthorizeResult{}, failure(op, err)
	}
	return authorized(op, req, charge)
}

// authorized translates the answer. One that is about something else than was asked for
// is in doubt: nobody knows what became of what was.
func authorized(op sdk.Op, req sdk.AuthorizeRequest, charge api.Charge) (sdk.AuthorizeResult, error) {
	seen, err := snapshot(op, charge)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	result := sdk.AuthorizeResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}, Order: seen.Order}
	if err := sameReference(op, req.Call.Reference, seen.Reference); err != nil {
		return result, err
	}
	amount := money(charge.Amount, charge.Currency)
	if err := sameMoney(op, req.Amount, amount); err != nil {
		return result, err
	}
	switch seen.State {
	case sdk.StateCaptured:
		result.Outcome, result.Amount = sdk.OutcomeSucceeded, amount
		return result, nil
	case sdk.StateProcessing:
		result.Outcome = sdk.OutcomePending
		return result, nil
	case sdk.StateDeclined:
		return result, unexpected(op, sdk.CodeUnmappedDecline, charge.Status)
	default:
		return result, unexpected(op, sdk.CodeUnmappedError, charge.Status)
	}
}
