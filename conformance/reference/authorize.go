package reference

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Authorize implements [sdk.Authorizer].
//
// A card is decided at once, unless its bank wants the buyer to confirm on a page
// first; a wallet's owner always does. The provider may hold less than was asked for,
// which the manifest declares, and never more.
func (c *Connector) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	const op sdk.Op = "reference.Authorize"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var payment api.Payment
	if err := merchant.Write(ctx, "/v1/payments", string(req.Call.Key), termsOf(req), &payment); err != nil {
		return leftBehind(op, err), failure(op, err)
	}
	return authorized(op, merchant.Base, req, &payment)
}

// termsOf is the request in the provider's words. It depends on nothing but req, so
// that a request sent again is the request that was sent.
func termsOf(req sdk.AuthorizeRequest) api.Terms {
	terms := api.Terms{
		Reference: string(req.Call.Reference), Amount: *decimal(req.Amount), Country: req.Country,
		Capture: "immediate", Method: req.Method, Instrument: string(req.Token),
		Buyer: buyerOf(req.Buyer), Billing: personOf(req.Billing), Shipping: personOf(req.Shipping),
		Items: itemsOf(req.Cart), ReturnURL: req.ReturnURL, CancelURL: req.CancelURL,
		Locale: req.Locale, Description: req.Description, Metadata: req.Metadata,
	}
	if req.CaptureMode == sdk.CaptureManual {
		terms.Capture = "deferred"
	}
	if until := req.ApprovalExpiresAt.UTC(); !until.IsZero() {
		terms.ApproveBefore = &until
	}
	return terms
}

// leftBehind names the payment that a decline leaves at the provider.
func leftBehind(op sdk.Op, err error) sdk.AuthorizeResult {
	declined, ok := api.Declined(err)
	if !ok {
		return sdk.AuthorizeResult{}
	}
	seen, err := snapshot(op, declined)
	if err != nil {
		return sdk.AuthorizeResult{} // the decline itself is beyond doubt
	}
	return sdk.AuthorizeResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}, Order: seen.Order}
}

// authorized translates the answer. Where it is not about the payment that was asked
// for, the result still says what it is about, and gives no page to go to.
func authorized(op sdk.Op, base *url.URL, req sdk.AuthorizeRequest, p *api.Payment) (sdk.AuthorizeResult, error) {
	seen, err := snapshot(op, p)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	result := sdk.AuthorizeResult{Answer: sdk.Answer{Provider: seen.Provider, Payment: seen}, Order: seen.Order}
	if err := renamed(op, string(req.Call.Reference), string(seen.Reference)); err != nil {
		return result, err
	}
	asked, err := minor(p.Amount)
	if err != nil {
		return result, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "what was asked for: %w", err)
	}
	if err := differs(op, req.Amount, asked); err != nil {
		return result, err
	}
	if err := exceeds(op, req.Amount, seen.Authorized); err != nil {
		return result, err
	}
	switch seen.State {
	case sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured:
		result.Outcome, result.Amount = sdk.OutcomeSucceeded, seen.Authorized
		return result, nil
	case sdk.StateProcessing:
		result.Outcome = sdk.OutcomePending
		return result, nil
	case sdk.StateRequiresAction:
		result.Next, err = nextPage(op, base, p.Page, p.PageEnds)
		if err == nil {
			result.Outcome = sdk.OutcomeRequiresAction
		}
		return result, err
	case sdk.StateDeclined:
		return result, unmapped(op, sdk.CodeUnmappedDecline, p.Status)
	case sdk.StateUnknown, sdk.StateVoided, sdk.StateCanceled, sdk.StateFailed, sdk.StateExpired:
	}
	return result, unmapped(op, sdk.CodeUnmappedError, p.Status)
}

// exceeds is the INTEGRITY error of more money than was asked for, or of another
// currency. Less is a partial authorization, of which a hold of nothing is none.
func exceeds(op sdk.Op, asked sdk.Money, held *sdk.Money) error {
	if held != nil && held.Currency == asked.Currency && held.Minor < asked.Minor {
		return nil
	}
	return differs(op, asked, held)
}
