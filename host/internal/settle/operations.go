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
		kind: sdk.OpCapture, final: o.Final, externalID: o.ExternalID,
		plan: func(_ *store.Record, v ledger.View, r ledger.Rules) ([]ledger.Leg, *sdk.Error) {
			amount := or(o.Amount, v.Open())
			return whole(amount), v.Allow(sdk.OpCapture, amount, o.Final, r)
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
		plan: func(_ *store.Record, v ledger.View, r ledger.Rules) ([]ledger.Leg, *sdk.Error) {
			return whole(v.Open()), v.Allow(sdk.OpVoid, 0, false, r)
		},
	}, idem)
}

// Cancel calls off a payment that the buyer has not approved. Where the provider
// cannot withdraw its page, a later approval is noticed and let go.
func (e *Engine) Cancel(ctx context.Context, account string, id sdk.PaymentID, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpCancel,
		plan: func(rec *store.Record, v ledger.View, r ledger.Rules) ([]ledger.Leg, *sdk.Error) {
			return whole(rec.Payment.Amount.Minor), v.Allow(sdk.OpCancel, 0, false, r)
		},
	}, idem)
}

// Refund gives captured money back. Where refunds hang on captures it is split over
// them, oldest first; Done then holds the first leg.
func (e *Engine) Refund(ctx context.Context, account string, id sdk.PaymentID, o RefundOrder, idem *store.Idempotency) (Done, error) {
	return e.drive(ctx, account, id, intent{
		kind: sdk.OpRefund, externalID: o.ExternalID, reason: o.Reason,
		plan: func(_ *store.Record, v ledger.View, r ledger.Rules) ([]ledger.Leg, *sdk.Error) {
			amount := or(o.Amount, v.Refundable())
			if err := v.Allow(sdk.OpRefund, amount, false, r); err != nil {
				return nil, err
			}
			return v.RefundLegs(amount, r)
		},
	}, idem)
}

// whole is an operation that is not split.
func whole(amount int64) []ledger.Leg { return []ledger.Leg{{Amount: amount}} }

func or(asked *int64, all int64) int64 {
	if asked != nil {
		return *asked
	}
	return all
}
