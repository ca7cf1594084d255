package money

import (
	"context"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/sdk"
)

// refundAs replaces refunds.
func refundAs(do func(context.Context, *wrong.Double, sdk.RefundRequest) (sdk.RefundResult, error)) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) { return do(ctx, d, req) }
	})
}

// lookAs replaces lookups of refunds.
func lookAs(do func(context.Context, *wrong.Double, sdk.FindRefundRequest) (sdk.RefundFinding, error)) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnLook = func(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
			return do(ctx, d, req)
		}
	})
}

// paidOf is a payment, nil if it cannot be looked up.
func paidOf(ctx context.Context, d *wrong.Double, call sdk.Call, order sdk.OrderRef) *sdk.Snapshot {
	f, err := d.Connector.FindPayment(ctx, sdk.FindPaymentRequest{Call: call, Order: order})
	if err != nil {
		return nil
	}
	return f.Payment
}

// refunds are mutants that return something else than was asked for.
func refunds() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "noop-refund", Fault: "Of a duplicate it says that it has refunded, and asks nobody.",
			Killer: "refund/reasons", Reason: "in the provider's books",
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				if req.Reason == sdk.RefundDuplicate {
					return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Refund: "ref_0"}, nil
				}
				return d.Connector.Refund(ctx, req)
			}),
		},
		{
			ID: "over-refund", Fault: "Asked for more than is left it refunds what is left, and says that all of it went back.",
			Killer: "refund/sum", Reason: "expected a refusal with [amount_exceeds_refundable], got accepted",
			Collateral: []string{"lookup/refunded-outside"},
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				result, err := d.Connector.Refund(ctx, req)
				paid := paidOf(ctx, d, req.Call, req.Order)
				if !wrong.Is(err, sdk.CodeAmountExceedsRefundable) || paid == nil || len(paid.Refunds) == 0 {
					return result, err
				}
				asked := req.Amount
				req.Amount.Minor = paid.Captured.Minor - paid.Refunded.Minor
				result, err = d.Connector.Refund(ctx, req)
				result.Amount = &asked
				return result, err
			}),
		},
		{
			ID: "refund-unchecked", Fault: "A refund that the provider refuses as too much it says is on its way.",
			Killer: "refund/too-much", Reason: "got accepted",
			Collateral: []string{
				"refund/sum", "state/refused-refund", "lookup/refunded-outside", "errors/documented-codes",
				"errors/provider-words",
			},
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				result, err := d.Connector.Refund(ctx, req)
				if wrong.Is(err, sdk.CodeAmountExceedsRefundable) {
					return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomePending}}, nil
				}
				return result, err
			}),
		},
		{
			ID: "refund-in-full", Fault: "A part, asked for first, it refunds as the whole.",
			Killer: "refund/partial", Reason: "in the provider's books",
			Collateral: []string{
				"refund/multiple", "refund/sum", "refund/reasons", "refund/found-by-operation", "lookup/equal-refunds",
				"lookup/many-refunds", "doubt/*", "keys/*", "resilience/*", "load/refunds-beyond-the-capture", "walk/*",
			},
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				asked := req.Amount
				if paid := paidOf(ctx, d, req.Call, req.Order); paid != nil && asked.Minor < paid.Captured.Minor {
					req.Amount = *paid.Captured
				}
				result, err := d.Connector.Refund(ctx, req)
				result.Amount = &asked
				return result, err
			}),
		},
		{
			ID: "refund-says-the-whole", Fault: "It says of every refund that all that was captured went back.",
			Killer: "refund/partial", Reason: "in the answer: expected 600 EUR, got 2400 EUR",
			Collateral: []string{"refund/multiple", "refund/sum"},
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				result, err := d.Connector.Refund(ctx, req)
				if err == nil && result.Payment != nil {
					result.Amount = result.Payment.Captured
				}
				return result, err
			}),
		},
		{
			ID: "equal-refunds-are-one", Fault: "A second refund of the same amount it takes for the first, sent again.",
			Killer: "refund/multiple", Reason: "in the provider's books: expected 2400 held, 2400 taken, 0 released, 1200 returned",
			Collateral: []string{
				"refund/sum", "refund/found-by-operation", "lookup/equal-refunds", "lookup/many-refunds",
				"keys/two-keys", "keys/last-character", "keys/longest", "keys/case-and-punctuation",
			},
			Connector: equalRefundsAreOne(),
		},
		{
			ID: "refund-has-no-name", Fault: "It does not tell the provider's name for a full refund.",
			Killer: "refund/full", Reason: "expected the provider's name for the refund, got none",
			Collateral: []string{
				"refund/too-much", "refund/across-captures", "refund/automatic-capture", "refund/found",
				"lookup/agrees-with-refund",
			},
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				result, err := d.Connector.Refund(ctx, req)
				if result.Payment != nil && *result.Payment.Captured == req.Amount {
					result.Refund = ""
				}
				return result, err
			}),
		},
		{
			ID: "refund-not-found", Fault: "It does not find a refund by the provider's name.",
			Killer: "refund/found", Reason: "expected it to be found, got not found",
			Collateral: []string{"capability/offered-works"},
			Connector: lookAs(func(ctx context.Context, d *wrong.Double, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
				if req.Refund != "" {
					return sdk.RefundFinding{Authoritative: true}, nil
				}
				return d.Connector.FindRefund(ctx, req)
			}),
		},
		{
			ID: "first-refund-for-any", Fault: "Asked for a refund by our operation it gives the payment's first.",
			Killer: "refund/found-by-operation", Reason: "looking the refund up by our operation: its name",
			Connector: lookAs(func(ctx context.Context, d *wrong.Double, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
				paid := paidOf(ctx, d, req.Call, req.Order)
				if req.Refund != "" || paid == nil || len(paid.Refunds) == 0 {
					return d.Connector.FindRefund(ctx, req)
				}
				return sdk.RefundFinding{Found: true, Refund: &paid.Refunds[0]}, nil
			}),
		},
		{
			ID: "refund-of-the-first-capture-only", Fault: "One refund returns no more than the largest capture took.",
			Killer: "refund/across-captures", Reason: "expected outcome [SUCCEEDED PENDING], got NOT_ATTEMPTED",
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				if paid := paidOf(ctx, d, req.Call, req.Order); paid != nil && len(paid.Captures) == 2 &&
					req.Amount.Minor > max(paid.Captures[0].Amount.Minor, paid.Captures[1].Amount.Minor) {
					return sdk.RefundResult{}, sdk.Errorf("reference.Refund", sdk.CodeAmountExceedsRefundable, "more than one capture")
				}
				return d.Connector.Refund(ctx, req)
			}),
		},
		{
			ID: "refunds-in-any-currency", Fault: "It refunds the number in the payment's own currency, whatever currency was asked for.",
			Killer: "refund/other-currency", Reason: "got accepted",
			Connector: refundAs(func(ctx context.Context, d *wrong.Double, req sdk.RefundRequest) (sdk.RefundResult, error) {
				if paid := paidOf(ctx, d, req.Call, req.Order); paid != nil && paid.Captured != nil {
					req.Amount.Currency = paid.Captured.Currency
				}
				return d.Connector.Refund(ctx, req)
			}),
		},
	}
}

func equalRefundsAreOne() mutation {
	return wrong.In(func(d *wrong.Double) {
		type same struct {
			order  sdk.OrderRef
			amount sdk.Money
			reason sdk.RefundReason
		}
		var seen sync.Map // same -> result
		d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
			key := same{req.Order, req.Amount, req.Reason}
			if first, ok := seen.Load(key); ok {
				result, _ := first.(sdk.RefundResult)
				return result, nil
			}
			result, err := d.Connector.Refund(ctx, req)
			if err == nil {
				seen.Store(key, result)
			}
			return result, err
		}
	})
}
