package settle

import (
	"context"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// Capture takes held money. It refuses with a [*sdk.Error], [*BusyError] or
// [*store.KeyUsedError] before anything is sent; otherwise the outcome is in Done.
func (e *Engine) Capture(ctx context.Context, account string, id sdk.PaymentID, o CaptureOrder, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpCapture, externalID: o.ExternalID,
		plan: func(rec *store.Record, v ledger.View, r ledger.Rules, op *ledger.Operation) *sdk.Error {
			op.Amount = amount(rec, o.Amount, v.Open())
			op.Final = o.Final
			return v.Allow(sdk.OpCapture, op.Amount.Minor, o.Final, r)
		},
	}, idem)
}

// Void lets go of what is held and not captured.
func (e *Engine) Void(ctx context.Context, account string, id sdk.PaymentID, idem *store.Idempotency) (Done, error) {
	return e.void(ctx, account, id, "", idem)
}

func (e *Engine) void(ctx context.Context, account string, id sdk.PaymentID, reason string, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpVoid, reason: reason,
		plan: func(rec *store.Record, v ledger.View, r ledger.Rules, op *ledger.Operation) *sdk.Error {
			op.Amount = amount(rec, nil, v.Open())
			return v.Allow(sdk.OpVoid, 0, false, r)
		},
	}, idem)
}

// Cancel calls off a payment that the buyer has not approved. Where the provider
// cannot withdraw its page, a later approval is noticed and let go.
func (e *Engine) Cancel(ctx context.Context, account string, id sdk.PaymentID, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpCancel,
		plan: func(rec *store.Record, v ledger.View, r ledger.Rules, op *ledger.Operation) *sdk.Error {
			op.Amount = rec.Payment.Amount
			return v.Allow(sdk.OpCancel, 0, false, r)
		},
	}, idem)
}

// Refund gives captured money back.
func (e *Engine) Refund(ctx context.Context, account string, id sdk.PaymentID, o RefundOrder, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpRefund, externalID: o.ExternalID, reason: o.Reason,
		plan: func(rec *store.Record, v ledger.View, r ledger.Rules, op *ledger.Operation) *sdk.Error {
			op.Amount = amount(rec, o.Amount, v.Refundable())
			if err := v.Allow(sdk.OpRefund, op.Amount.Minor, false, r); err != nil {
				return err
			}
			ref, err := v.CaptureToRefund(op.Amount.Minor)
			op.Capture = ref
			return err
		},
	}, idem)
}

func amount(rec *store.Record, asked *int64, all int64) sdk.Money {
	if asked != nil {
		all = *asked
	}
	return sdk.Money{Minor: all, Currency: rec.Payment.Amount.Currency}
}
