package reference

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Tokenize implements [sdk.Tokenizer]. A card is stored at once. A wallet's owner must
// approve on a page; the token has its name before, and cannot be used before.
func (c *Connector) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	const op sdk.Op = "reference.Tokenize"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.TokenizeResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var instrument api.Instrument
	err = merchant.Write(ctx, "/v1/instruments", string(req.Call.Key),
		api.Storing{Method: req.Method, ReturnURL: req.ReturnURL, CancelURL: req.CancelURL}, &instrument)
	if err != nil {
		return sdk.TokenizeResult{}, failure(op, err)
	}
	if instrument.ID == "" {
		return sdk.TokenizeResult{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer does not name the instrument")
	}
	result := sdk.TokenizeResult{
		Answer: sdk.Answer{Provider: sdk.Provider{Status: instrument.Status}}, Token: sdk.TokenRef(instrument.ID),
	}
	switch instrument.Status {
	case "ready":
		result.Outcome = sdk.OutcomeSucceeded
		return result, nil
	case "awaiting_buyer":
		result.Next, err = nextPage(op, merchant.Base, instrument.Page, instrument.PageEnds)
		if err == nil {
			result.Outcome = sdk.OutcomeRequiresAction
		}
		return result, err
	}
	return result, unmapped(op, sdk.CodeUnmappedError, instrument.Status)
}
