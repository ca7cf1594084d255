package connector

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindRefund implements [sdk.RefundFinder]: by the provider's name for the refund, or by
// our operation id, which is its label.
func (c *Connector) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	const op sdk.Op = "example-pay.FindRefund"
	client, err := c.client(op, req.Call.Account)
	if err != nil {
		return sdk.RefundFinding{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var refund api.Refund
	if req.Refund != "" {
		err = client.Get(ctx, "/v1/refunds/"+url.PathEscape(string(req.Refund)), nil, &refund)
	} else {
		refund, err = byLabel(ctx, op, client, req.Call.OperationID)
	}
	switch {
	case isNotFound(err):
		return sdk.RefundFinding{Authoritative: true}, nil
	case err != nil:
		return sdk.RefundFinding{}, failure(op, err)
	}
	seen, err := refundSnapshot(op, refund)
	if err != nil {
		return sdk.RefundFinding{}, err
	}
	if err := sameName(op, string(req.Refund), refund.ID); err != nil {
		return sdk.RefundFinding{}, err
	}
	if err := sameName(op, string(req.Order), refund.Charge); err != nil {
		return sdk.RefundFinding{}, err
	}
	return sdk.RefundFinding{Found: true, Authoritative: true, Refund: &seen}, nil
}

func byLabel(ctx context.Context, op sdk.Op, client api.Client, ours sdk.OperationID) (api.Refund, error) {
	var list api.Refunds
	err := client.Get(ctx, "/v1/refunds", url.Values{"label": {string(ours)}}, &list)
	switch {
	case err != nil:
		return api.Refund{}, err
	case list.Refunds == nil:
		return api.Refund{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no list of refunds")
	case len(list.Refunds) == 0:
		return api.Refund{}, errNone
	case len(list.Refunds) > 1:
		return api.Refund{}, sdk.Errorf(op, sdk.CodeReferenceMismatch, "%d refunds have the label %s", len(list.Refunds), ours)
	}
	return list.Refunds[0], nil
}
