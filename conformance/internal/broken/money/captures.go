package money

import (
	"context"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A mutation is what a mutant does to the reference connector.
type mutation = func(*reference.Connector) sdk.Connector

// captureAs replaces captures.
func captureAs(
	do func(context.Context, *wrong.Double, sdk.CaptureRequest) (sdk.CaptureResult, error),
) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) { return do(ctx, d, req) }
	})
}

// captureAsking replaces captures by ones that ask for something else.
func captureAsking(change func(*sdk.CaptureRequest)) mutation {
	return captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
		change(&req)
		return d.Connector.Capture(ctx, req)
	})
}

// heldOf is what is held of a payment, 0 if that is not known.
func heldOf(ctx context.Context, d *wrong.Double, call sdk.Call, order sdk.OrderRef) int64 {
	f, err := d.Connector.FindPayment(ctx, sdk.FindPaymentRequest{Call: call, Order: order})
	if err != nil || f.Payment == nil || f.Payment.Authorized == nil {
		return 0
	}
	return f.Payment.Authorized.Minor
}

// captures are mutants that capture something else than was asked for.
func captures() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "capture-tells-no-amount", Fault: "Of a final capture of everything it does not tell the amount.",
			Killer: "capture/full", Reason: "in the answer: expected 2400 EUR, got no amount",
			Collateral: []string{"capture/too-much", "load/64-captures"},
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				result, err := d.Connector.Capture(ctx, req)
				if err == nil && req.Final && *result.Payment.Authorized == req.Amount {
					result.Amount = nil
				}
				return result, err
			}),
		},
		{
			ID: "over-capture", Fault: "Asked for more than may be captured it captures nothing and says that it has.",
			Killer: "capture/too-much", Reason: "expected a refusal with [amount_exceeds_capturable], got accepted",
			Collateral: []string{"capture/too-much-in-parts", "state/refused-capture"},
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				result, err := d.Connector.Capture(ctx, req)
				if wrong.Is(err, sdk.CodeAmountExceedsCapturable) {
					return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Capture: "cap_0"}, nil
				}
				return result, err
			}),
		},
		{
			ID: "capture-up-to-the-rest", Fault: "Asked for more than is left it captures the rest, and reports what was asked for.",
			Killer: "capture/too-much-in-parts", Reason: "got accepted",
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				asked := req.Amount
				result, err := d.Connector.Capture(ctx, req)
				if wrong.Is(err, sdk.CodeAmountExceedsCapturable) && asked.Minor == heldOf(ctx, d, req.Call, req.Order) {
					req.Amount.Minor /= 2
					result, err = d.Connector.Capture(ctx, req)
					result.Amount = &asked
				}
				return result, err
			}),
		},
		{
			ID: "full-capture-on-partial", Fault: "Asked for a final part it captures all.",
			Killer: "capture/partial", Reason: "in the provider's books: expected 2400 held, 600 taken",
			Collateral: []string{"capture/final-releases", "walk/*"},
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				asked := req.Amount
				if req.Final {
					req.Amount.Minor = max(asked.Minor, heldOf(ctx, d, req.Call, req.Order))
				}
				result, err := d.Connector.Capture(ctx, req)
				result.Amount = &asked
				return result, err
			}),
		},
		{
			ID: "partial-capture-closes-full", Fault: "Of a part it captures the part, and reports the whole.",
			Killer: "capture/partial", Reason: "in the answer: expected 600 EUR, got 2400 EUR",
			Collateral: []string{"capture/final-releases", "capture/most"},
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				result, err := d.Connector.Capture(ctx, req)
				if err == nil && req.Final {
					result.Amount = result.Payment.Authorized
				}
				return result, err
			}),
		},
		{
			ID: "every-capture-is-final", Fault: "It releases what a capture leaves, though more is to come.",
			Killer: "capture/keeps-the-rest", Reason: "1800 released",
			Collateral: []string{
				"capture/multiple", "capture/remainder-closes", "capture/one-short-stays-open",
				"capture/too-much-in-parts", "void/after-partial-capture", "refund/across-captures",
				"state/follows-the-books", "state/legal-path", "state/same-word", "lookup/equal-captures",
				"keys/two-keys", "keys/last-character", "keys/longest", "keys/case-and-punctuation",
				"load/captures-beyond-the-hold", "walk/*",
			},
			Connector: captureAsking(func(r *sdk.CaptureRequest) { r.Final = true }),
		},
		{
			ID: "no-capture-is-final", Fault: "It keeps what a final capture leaves.",
			Killer: "capture/final-releases", Reason: "1800 released, 0 returned, got 2400 held, 600 taken, 0 released",
			Collateral: []string{"capture/partial", "walk/*"},
			Connector:  captureAsking(func(r *sdk.CaptureRequest) { r.Final = false }),
		},
		{
			ID: "no-tolerance", Fault: "It refuses the over-capture that it claims.",
			Killer: "capture/most", Reason: "expected outcome [SUCCEEDED PENDING], got NOT_ATTEMPTED",
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				if held := heldOf(ctx, d, req.Call, req.Order); held > 0 && req.Amount.Minor > held {
					return sdk.CaptureResult{}, sdk.Errorf("reference.Capture", sdk.CodeAmountExceedsCapturable, "more than is held")
				}
				return d.Connector.Capture(ctx, req)
			}),
		},
		{
			ID: "equal-captures-are-one", Fault: "A second capture of the same amount it takes for the first, sent again.",
			Killer: "capture/multiple", Reason: "in the provider's books: expected 2400 held, 1200 taken",
			Collateral: []string{
				"capture/final-releases", "state/legal-path", "state/capture-after-capture",
				"state/capture-after-refund", "lookup/equal-captures", "keys/two-keys", "keys/last-character",
				"keys/longest", "keys/case-and-punctuation",
			},
			Connector: equalCapturesAreOne(),
		},
		{
			ID: "remainder-stays-open", Fault: "A payment that was captured in parts it never calls captured.",
			Killer: "capture/remainder-closes", Reason: "state: expected CAPTURED, got PARTIALLY_CAPTURED",
			Collateral: []string{"state/follows-the-books", "state/legal-path", "state/same-word"},
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if len(s.Captures) == 2 && s.State == sdk.StateCaptured && len(s.Refunds) == 0 {
					s.State = sdk.StatePartiallyCaptured
				}
			}),
		},
		{
			ID: "one-short-is-captured", Fault: "A payment of which one cent is left it calls captured.",
			Killer: "capture/one-short-stays-open", Reason: "state: expected PARTIALLY_CAPTURED, got CAPTURED",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if s.State == sdk.StatePartiallyCaptured && s.Captured.Minor+1 == s.Authorized.Minor {
					s.State = sdk.StateCaptured
				}
			}),
		},
		{
			ID: "captures-in-any-currency", Fault: "It captures the number in the payment's own currency, whatever currency was asked for.",
			Killer: "capture/other-currency", Reason: "got accepted",
			Connector: captureAs(func(ctx context.Context, d *wrong.Double, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
				f, err := d.Connector.FindPayment(ctx, sdk.FindPaymentRequest{Call: req.Call, Order: req.Order})
				if err == nil && f.Payment != nil && f.Payment.Authorized != nil {
					req.Amount.Currency = f.Payment.Authorized.Currency
				}
				return d.Connector.Capture(ctx, req)
			}),
		},
		{
			ID: "automatic-is-manual", Fault: "It asks for a hold where money was to be taken at once.",
			Killer: "capture/automatic", Reason: "0 taken",
			Collateral: []string{
				"money/missing-amount", "refund/automatic-capture", "state/sale", "capability/cells-*",
				"redirect/approved",
			},
			Connector: wrong.Asked(func(r *sdk.AuthorizeRequest) { r.CaptureMode = sdk.CaptureManual }),
		},
	}
}

func equalCapturesAreOne() mutation {
	return wrong.In(func(d *wrong.Double) {
		type same struct {
			order  sdk.OrderRef
			amount sdk.Money
		}
		var seen sync.Map // same -> result
		d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
			key := same{req.Order, req.Amount}
			if first, ok := seen.Load(key); ok {
				result, _ := first.(sdk.CaptureResult)
				return result, nil
			}
			result, err := d.Connector.Capture(ctx, req)
			if err == nil {
				seen.Store(key, result)
			}
			return result, err
		}
	})
}
