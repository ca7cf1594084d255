package connector

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindPayment implements [sdk.PaymentFinder]: by the provider's name for the charge, or
// by our reference alone, which is how an answer that was lost is made up for.
func (c *Connector) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	const op sdk.Op = "example-pay.FindPayment"
	client, err := c.client(op, req.Call.Account)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var charge api.Charge
	if req.Order != "" {
		err = client.Get(ctx, "/v1/charges/"+url.PathEscape(string(req.Order)), nil, &charge)
	} else {
		charge, err = c.byReference(ctx, op, client, req.Call.Reference)
	}
	switch {
	case isNotFound(err):
		return sdk.PaymentFinding{Authoritative: true}, nil
	case err != nil:
		return sdk.PaymentFinding{}, failure(op, err)
	}
	seen, err := snapshot(op, charge)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	if err := sameName(op, string(req.Order), string(seen.Order)); err != nil {
		return sdk.PaymentFinding{}, err
	}
	if err := sameReference(op, req.Call.Reference, seen.Reference); err != nil {
		return sdk.PaymentFinding{}, err
	}
	return sdk.PaymentFinding{Found: true, Authoritative: true, Payment: seen}, nil
}

// byReference finds the one charge with our reference. Two are an error and no finding:
// whichever was picked could be the wrong one.
func (c *Connector) byReference(ctx context.Context, op sdk.Op, client api.Client, ours sdk.Reference) (api.Charge, error) {
	var list api.Charges
	err := client.Get(ctx, "/v1/charges", url.Values{"order_number": {string(ours)}}, &list)
	switch {
	case err != nil:
		return api.Charge{}, err
	case list.Charges == nil:
		return api.Charge{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no list of charges")
	case len(list.Charges) == 0:
		return api.Charge{}, errNone
	case len(list.Charges) > 1:
		return api.Charge{}, sdk.Errorf(op, sdk.CodeReferenceMismatch, "%d charges have the order number %s", len(list.Charges), ours)
	}
	return list.Charges[0], nil
}
