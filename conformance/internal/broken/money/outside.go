package money

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/sdk"
)

// A lenient is a connector without the checks that the SDK makes for those in Go: it
// mends what it should refuse.
type lenient struct {
	sdk.Remote
	open    func(*sdk.AuthorizeRequest)
	capture func(*sdk.CaptureRequest)
	refund  func(*sdk.RefundRequest)
}

// Authorize implements [sdk.Authorizer].
func (l lenient) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	if l.open != nil {
		l.open(&req)
	}
	return l.Remote.Authorize(ctx, req)
}

// Capture implements [sdk.Capturer].
func (l lenient) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if l.capture != nil {
		l.capture(&req)
	}
	return l.Remote.Capture(ctx, req)
}

// Refund implements [sdk.Refunder].
func (l lenient) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	if l.refund != nil {
		l.refund(&req)
	}
	return l.Remote.Refund(ctx, req)
}

// outside are mutants that take what lies outside the contract.
func outside() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "cart-is-adjusted", Fault: "It makes a cart add up that does not.",
			Killer: "money/cart-adds-up", Reason: "got accepted",
			Collateral: []string{"schema/authorize-ill"},
			Remote: func(r sdk.Remote) sdk.Remote {
				return lenient{Remote: r, open: func(req *sdk.AuthorizeRequest) {
					if total, err := sdk.CartTotal(req.Cart); err == nil && total != req.Amount.Minor && len(req.Cart) == 1 {
						req.Cart[0].UnitAmount = req.Amount.Minor
					}
				}}
			},
		},
		{
			ID: "capture-of-nothing", Fault: "Asked to capture nothing it captures the least there is.",
			Killer: "capture/amount-not-positive", Reason: "capturing 0: expected a refusal, got accepted",
			Collateral: []string{"schema/capture-ill"},
			Remote: func(r sdk.Remote) sdk.Remote {
				return lenient{Remote: r, capture: func(req *sdk.CaptureRequest) { req.Amount.Minor = max(1, req.Amount.Minor) }}
			},
		},
		{
			ID: "negative-refund", Fault: "It refunds the amount without its sign.",
			Killer: "refund/amount-not-positive", Reason: "refunding -1: expected a refusal, got accepted",
			Collateral: []string{"schema/refund-ill"},
			Remote: func(r sdk.Remote) sdk.Remote {
				return lenient{Remote: r, refund: func(req *sdk.RefundRequest) { req.Amount.Minor = max(req.Amount.Minor, -req.Amount.Minor) }}
			},
		},
		{
			ID: "capture-of-francs", Fault: "A currency that it does not have it takes for its own when it captures.",
			Killer: "capture/foreign-currency", Reason: "capturing in XAF: expected a refusal, got accepted",
			Collateral: []string{"move/foreign-currency"},
			Remote: func(r sdk.Remote) sdk.Remote {
				return lenient{Remote: r, capture: func(req *sdk.CaptureRequest) {
					if req.Amount.Currency == "XAF" {
						req.Amount.Currency = "EUR"
					}
				}}
			},
		},
		{
			ID: "refund-of-francs", Fault: "A currency that it does not have it takes for its own when it refunds.",
			Killer: "refund/foreign-currency", Reason: "refunding in XAF: expected a refusal, got accepted",
			Collateral: []string{"move/foreign-currency"},
			Remote: func(r sdk.Remote) sdk.Remote {
				return lenient{Remote: r, refund: func(req *sdk.RefundRequest) {
					if req.Amount.Currency == "XAF" {
						req.Amount.Currency = "EUR"
					}
				}}
			},
		},
	}
}
