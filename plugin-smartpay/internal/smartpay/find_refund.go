package smartpay

import (
	"context"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindRefund implements [sdk.RefundFinder].
//
// A refund carries our operation id as its reference, and is found by it among the
// refunds of the capture, or of all of the order's captures.
func (c *Connector) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	const op sdk.Op = "smartpay.FindRefund"
	merchant, done, err := c.reader(op, req.Call)
	if err != nil {
		return sdk.RefundFinding{}, err
	}
	defer done()
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	refunds, complete, err := candidates(ctx, op, merchant, req)
	if isNotFound(err, api.GetRefund) || isNotFound(err, api.GetPayment) || isNotFound(err, api.GetOrder) {
		return sdk.RefundFinding{Authoritative: true}, nil
	}
	if err != nil {
		return sdk.RefundFinding{}, failure(op, err)
	}
	var found []*api.Refund
	for _, r := range refunds {
		if req.Refund != "" || r.Reference == string(req.Call.OperationID) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return sdk.RefundFinding{Authoritative: complete}, nil
	case 1:
		return refundFinding(op, req, found[0])
	}
	ids := make([]string, len(found))
	for i, r := range found {
		ids[i] = string(r.ID)
	}
	return sdk.RefundFinding{}, sdk.Errorf(op, sdk.CodeReferenceMismatch,
		"several refunds carry the reference %s: %s", req.Call.OperationID, strings.Join(ids, ", "))
}

// candidates returns the refunds among which the one asked for is, if it exists, and
// reports whether these are all.
func candidates(
	ctx context.Context, op sdk.Op, merchant reader, req sdk.FindRefundRequest,
) ([]*api.Refund, bool, error) {
	if req.Refund != "" {
		refund, err := merchant.Refund(ctx, api.RefundID(req.Refund))
		return []*api.Refund{refund}, true, err
	}
	if req.Call.OperationID == "" {
		return nil, false, invalid(op, sdk.CodeMissingField, "/call/operation_id", "is required where no refund is given")
	}
	if req.Capture != "" {
		payment, err := merchant.Payment(ctx, api.PaymentID(req.Capture))
		if err != nil {
			return nil, false, err
		}
		alone := &api.Order{Payments: []api.Ref[api.Payment]{{ID: string(payment.ID), Value: payment}}}
		return refundsOf(ctx, merchant, alone)
	}
	if req.Order == "" {
		return nil, false, invalid(op, sdk.CodeMissingField, "/capture", "is required where neither refund nor order is given")
	}
	h, err := read(ctx, merchant, api.OrderID(req.Order))
	return h.refunds, h.refundsKnown, err
}

func refundFinding(op sdk.Op, req sdk.FindRefundRequest, r *api.Refund) (sdk.RefundFinding, error) {
	if req.Capture != "" {
		if err := another(op, "capture", string(req.Capture), string(r.Payment)); err != nil {
			return sdk.RefundFinding{}, err
		}
	}
	if err := inYen(op, string(r.ID), r.Currency); err != nil {
		return sdk.RefundFinding{}, err
	}
	snapshot := refundSnapshot(r)
	return sdk.RefundFinding{Found: true, Refund: &snapshot}, nil
}
