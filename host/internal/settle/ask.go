package settle

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// ask builds the request that an operation makes. It depends on nothing but what is
// stored, so that a request sent again is the request that was sent.
func ask(rec *store.Record, op ledger.Operation, account sdk.Account) (any, error) {
	call := sdk.Call{
		OperationID: op.ID,
		Key:         op.Key,
		Attempt:     op.Attempt,
		PaymentID:   rec.Payment.ID,
		Reference:   rec.Payment.Reference,
		Account:     account,
	}
	order := rec.Truth.Order
	switch op.Kind {
	case sdk.OpAuthorize:
		var stored Request
		if err := json.Unmarshal(rec.Request, &stored); err != nil {
			return nil, fmt.Errorf("reading the stored request of payment %s: %w", rec.Payment.ID, err)
		}
		stored.Authorize.Call = call
		return stored.Authorize, nil
	case sdk.OpCapture:
		return sdk.CaptureRequest{Call: call, Order: order, Amount: op.Amount, Final: op.Final}, nil
	case sdk.OpVoid:
		return sdk.VoidRequest{Call: call, Order: order}, nil
	case sdk.OpCancel:
		return sdk.CancelRequest{Call: call, Order: order, Session: rec.Truth.Session}, nil
	case sdk.OpRefund:
		return sdk.RefundRequest{
			Call: call, Order: order, Capture: op.Capture, Amount: op.Amount,
			Reason: sdk.RefundRequested, Description: op.Reason,
		}, nil
	case sdk.OpIncrement, sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook,
		sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
	}
	return nil, fmt.Errorf("operation %s of payment %s cannot be sent", op.Kind, rec.Payment.ID)
}

// A reply is what came back from a connector for one send.
type reply struct {
	sdk.Answer
	err error

	order   sdk.OrderRef
	session string
	next    *sdk.Next
	ref     string // of the capture or refund
	// approvalPossible is a cancel's warning that the buyer can still approve.
	approvalPossible bool
	released         *sdk.Money
}

// send makes the one call that req asks for.
func send(ctx context.Context, remote sdk.Remote, req any) reply {
	switch req := req.(type) {
	case sdk.AuthorizeRequest:
		res, err := remote.Authorize(ctx, req)
		return reply{Answer: res.Answer, err: err, order: res.Order, session: res.Session, next: res.Next}
	case sdk.CaptureRequest:
		res, err := remote.Capture(ctx, req)
		return reply{Answer: res.Answer, err: err, ref: string(res.Capture), released: res.Released}
	case sdk.VoidRequest:
		res, err := remote.Void(ctx, req)
		return reply{Answer: res.Answer, err: err, released: res.Released}
	case sdk.CancelRequest:
		res, err := remote.Cancel(ctx, req)
		return reply{Answer: res.Answer, err: err, approvalPossible: res.ApprovalPossible}
	case sdk.RefundRequest:
		res, err := remote.Refund(ctx, req)
		return reply{Answer: res.Answer, err: err, ref: string(res.Refund)}
	}
	return reply{err: sdk.Errorf("settle.send", sdk.CodeOperationUnsupported, "%T is not a money operation", req)}
}
