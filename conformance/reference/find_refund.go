package reference

import (
	"context"
	"net/url"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindRefund implements [sdk.RefundFinder]: by the provider's name, or by our
// operation, which the provider keeps on every refund and can be asked for.
func (c *Connector) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	const op sdk.Op = "reference.FindRefund"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.RefundFinding{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	var list api.List[api.Move]
	if req.Refund != "" {
		list.Items = make([]api.Move, 1)
		err = merchant.Read(ctx, api.Path("v1", "refunds", string(req.Refund)), nil, &list.Items[0])
	} else {
		err = merchant.Read(ctx, "/v1/refunds", url.Values{"operation": {string(req.Call.OperationID)}}, &list)
	}
	switch {
	case notFound(err):
		return sdk.RefundFinding{Authoritative: true}, nil
	case err != nil:
		return sdk.RefundFinding{}, failure(op, err)
	case list.Items == nil:
		return sdk.RefundFinding{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no list")
	case len(list.Items) == 0:
		return sdk.RefundFinding{Authoritative: true}, nil
	case len(list.Items) > 1:
		return sdk.RefundFinding{}, sdk.Errorf(op, sdk.CodeReferenceMismatch,
			"%d refunds carry the operation %s", len(list.Items), req.Call.OperationID)
	}
	return refundFound(op, req, list.Items[0])
}

func refundFound(op sdk.Op, req sdk.FindRefundRequest, m api.Move) (sdk.RefundFinding, error) {
	if m.ID == "" || m.Status == "" {
		return sdk.RefundFinding{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer has no refund with a status")
	}
	if err := another(op, "refund", string(req.Refund), m.ID); err != nil {
		return sdk.RefundFinding{}, err
	}
	if err := another(op, "payment", string(req.Order), m.Payment); err != nil {
		return sdk.RefundFinding{}, err
	}
	amount, err := minor(m.Amount)
	if err != nil {
		return sdk.RefundFinding{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the amount of refund %s: %w", m.ID, err)
	}
	return sdk.RefundFinding{Found: true, Authoritative: true, Refund: &sdk.RefundSnapshot{
		Ref: sdk.RefundRef(m.ID), Operation: sdk.OperationID(m.Operation), Amount: amount,
		Status: moveOf(m.Status), At: m.CreatedAt, Provider: sdk.Provider{Status: m.Status},
	}}, nil
}
