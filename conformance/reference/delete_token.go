package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// DeleteToken implements [sdk.TokenDeleter]. A token that the provider does not know
// is gone.
func (c *Connector) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	const op sdk.Op = "reference.DeleteToken"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.DeleteTokenResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var instrument api.Instrument
	err = merchant.Write(ctx, api.Path("v1", "instruments", string(req.Token), "removals"), string(req.Call.Key),
		struct{}{}, &instrument)
	switch {
	case notFound(err):
		return sdk.DeleteTokenResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
	case err != nil:
		return sdk.DeleteTokenResult{}, failure(op, err)
	case instrument.ID != string(req.Token):
		return sdk.DeleteTokenResult{}, sdk.Errorf(op, sdk.CodeIDMismatch, "the answer is about another instrument")
	case instrument.Status != "removed":
		return sdk.DeleteTokenResult{}, unmapped(op, sdk.CodeUnmappedError, instrument.Status)
	}
	return sdk.DeleteTokenResult{Answer: sdk.Answer{
		Outcome: sdk.OutcomeSucceeded, Provider: sdk.Provider{Status: instrument.Status},
	}}, nil
}
