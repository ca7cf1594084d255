package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// ZeroAuthorize implements [sdk.ZeroAuthorizer]. The provider asks the buyer's bank
// and makes no payment of it.
func (c *Connector) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	const op sdk.Op = "reference.ZeroAuthorize"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.ZeroAuthorizeResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var check api.Check
	err = merchant.Write(ctx, "/v1/checks", string(req.Call.Key), api.Checking{
		Currency: string(req.Currency), Country: req.Country, Method: req.Method, Instrument: string(req.Token),
	}, &check)
	if err != nil {
		return sdk.ZeroAuthorizeResult{}, failure(op, err)
	}
	if check.Status != "good" {
		return sdk.ZeroAuthorizeResult{}, unmapped(op, sdk.CodeUnmappedError, check.Status)
	}
	return sdk.ZeroAuthorizeResult{Answer: sdk.Answer{
		Outcome: sdk.OutcomeSucceeded, Provider: sdk.Provider{Status: check.Status},
	}}, nil
}
