// Package claims holds the mutants of what a connector claims: more than it does, less
// than it does, or something else each time.
package claims

import (
	"context"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	return slices.Concat(capabilities(), manifests(), outsides(), limits(), accounts())
}

const name = "reference"

// without hides an operation.
func without(d sdk.Description, op sdk.Operation) sdk.Description {
	d.Operations = slices.DeleteFunc(slices.Clone(d.Operations), func(x sdk.Operation) bool { return x == op })
	return d
}

func capabilities() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "overclaim", Fault: "offers zero_authorize and answers operation_unsupported",
			Killer: "capability/offered-works", Reason: "expected an answer, got reference.zero_authorize: operation_unsupported",
			Connector: twist(func(t *twisted, _ *reference.Connector) {
				t.zero = func(context.Context, sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
					return sdk.ZeroAuthorizeResult{}, sdk.Unsupported(name, sdk.OpZeroAuthorize)
				}
			}),
			Collateral: []string{"tokens/zero-holds-nothing", "tokens/zero-declines", "schema/zero_authorize-valid"},
		},
		{
			ID: "overclaim-cell", Fault: "offers wallet payments in Kuwaiti dinars with manual capture and does not take them",
			Killer: "capability/cells-complete", Reason: "wallet KWD KW manual: authorizing: expected outcome",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					if req.Method == "wallet" && req.Amount.Currency == "KWD" && req.CaptureMode == sdk.CaptureManual {
						return sdk.AuthorizeResult{}, sdk.Errorf("reference.Authorize", sdk.CodePaymentMethodUnsupported, "not here")
					}
					return right.Authorize(ctx, req)
				}
			}),
			Collateral: []string{"capability/cells-void", "capability/cells-refund"},
		},
		{
			ID: "overclaim-refund-cell", Fault: "offers payments in won and does not refund them",
			Killer: "capability/cells-refund", Reason: "card KRW KR automatic: refunding: expected outcome",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.refund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
					if req.Amount.Currency == "KRW" {
						return sdk.RefundResult{}, sdk.Errorf("reference.Refund", sdk.CodeInvalidState, "not in won")
					}
					return right.Refund(ctx, req)
				}
			}),
		},
		{
			ID: "overclaim-void-cell", Fault: "offers direct payments and does not void them",
			Killer: "capability/cells-void", Reason: "card BHD BH manual: voiding: expected outcome",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.void = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
					found, err := right.FindPayment(ctx, sdk.FindPaymentRequest{Call: req.Call, Order: req.Order})
					if err == nil && found.Payment != nil && found.Payment.Authorized != nil && found.Payment.Authorized.Currency == "BHD" {
						return sdk.VoidResult{}, sdk.Errorf("reference.Void", sdk.CodeInvalidState, "not in dinars")
					}
					return right.Void(ctx, req)
				}
			}),
		},
		{
			ID: "underclaim", Fault: "does not offer zero_authorize and does it all the same",
			Killer: "capability/undeclared-refused", Reason: "calling zero_authorize, which is not offered: expected a refusal",
			Remote:     describing(func(d sdk.Description, _ int64) sdk.Description { return without(d, sdk.OpZeroAuthorize) }),
			Collateral: []string{"capability/refusal-unheard"},
		},
		{
			ID: "refuse-after-call", Fault: "refuses zero_authorize, which it does not offer, once the provider has done it",
			Killer: "capability/refusal-unheard", Reason: "expected the provider to hear nothing",
			Remote: loosen(func(l *loose) {
				l.describe = func(d sdk.Description) sdk.Description { return without(d, sdk.OpZeroAuthorize) }
				l.zero = func(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
					_, _ = l.Remote.ZeroAuthorize(ctx, req) // that is the fault
					return sdk.ZeroAuthorizeResult{}, sdk.Unsupported(name, sdk.OpZeroAuthorize)
				}
			}),
		},
	}
}

func manifests() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "caps-vary", Fault: "offers delete_token to the first who asks, and then no more",
			Killer: "manifest/stable", Reason: "describing in",
			Remote: describing(func(d sdk.Description, n int64) sdk.Description {
				if n > 1 {
					return without(d, sdk.OpDeleteToken)
				}
				return d
			}),
			Collateral: []string{"manifest/no-account-s"},
		},
		{
			ID: "caps-by-account", Fault: "no longer offers increment once it has seen an account in live mode",
			Killer: "manifest/no-account-s", Reason: "describing after two accounts were served",
			Remote: loosen(func(l *loose) {
				var live atomicFlag
				l.describe = func(d sdk.Description) sdk.Description {
					if live.Load() {
						return without(d, sdk.OpIncrement)
					}
					return d
				}
				l.check = func(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
					if req.Call.Account.ID == "conformance-other" {
						live.Store(true)
					}
					return l.Remote.CheckCredentials(ctx, req)
				}
			}),
			Collateral: []string{"manifest/stable"},
		},
		{
			ID: "manifest-lie", Fault: "gives its version with a leading v",
			Killer: "manifest/schema", Reason: "/version",
			Collateral: []string{"process/by-hand-says-what"},
			Remote: describing(func(d sdk.Description, _ int64) sdk.Description {
				d.Manifest.Version = "v" + d.Manifest.Version
				return d
			}),
		},
		{
			ID: "unguarded-write", Fault: "offers refunds and declares nothing that keeps one from happening twice",
			Killer: "capability/closure", Reason: "refund moves money and declares no idempotency",
			Remote: describing(func(d sdk.Description, _ int64) sdk.Description {
				kept := map[sdk.Operation]sdk.Idempotency{}
				for op, fact := range d.Manifest.Idempotency {
					if op != sdk.OpRefund {
						kept[op] = fact
					}
				}
				d.Manifest.Idempotency = kept
				return d
			}),
		},
	}
}
