package reference

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindPayment implements [sdk.PaymentFinder]. References are unique to the host and
// not to the provider: two payments with one are an error, and not a finding.
func (c *Connector) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	const op sdk.Op = "reference.FindPayment"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	if req.Order == "" {
		return findByReference(ctx, op, merchant, req)
	}
	var payment api.Payment
	err = merchant.Read(ctx, api.Path("v1", "payments", string(req.Order)), nil, &payment)
	if notFound(err) {
		return sdk.PaymentFinding{Authoritative: true}, nil
	}
	if err != nil {
		return sdk.PaymentFinding{}, failure(op, err)
	}
	seen, err := aboutOrder(op, req.Order, req.Call.Reference, &payment)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	return sdk.PaymentFinding{Found: true, Authoritative: true, Payment: seen}, nil
}

func findByReference(
	ctx context.Context, op sdk.Op, merchant api.Client, req sdk.FindPaymentRequest,
) (sdk.PaymentFinding, error) {
	ours := string(req.Call.Reference)
	var list api.List[api.Payment]
	if err := merchant.Read(ctx, "/v1/payments", url.Values{"reference": {ours}}, &list); err != nil {
		return sdk.PaymentFinding{}, failure(op, err)
	}
	switch {
	case list.Items == nil:
		return sdk.PaymentFinding{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no list")
	case len(list.Items) == 0:
		return sdk.PaymentFinding{Authoritative: true}, nil
	case len(list.Items) > 1:
		return sdk.PaymentFinding{}, sdk.Errorf(op, sdk.CodeReferenceMismatch,
			"%d payments carry the reference %s", len(list.Items), ours)
	}
	seen, err := snapshot(op, &list.Items[0])
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	if err := renamed(op, ours, string(seen.Reference)); err != nil {
		return sdk.PaymentFinding{}, err
	}
	return sdk.PaymentFinding{Found: true, Authoritative: true, Payment: seen}, nil
}
