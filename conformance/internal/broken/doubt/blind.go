package doubt

import (
	"context"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// finding makes a connector that looks payments up in another way.
func finding(
	find func(ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error),
) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return &bend.Finder{Connector: c, Find: find} }
}

// takenForNothing finds that there is no payment where a lookup fails in one way.
func takenForNothing(how func(*sdk.Error) bool) func(*reference.Connector) sdk.Connector {
	return finding(func(ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
		finding, err := right.FindPayment(ctx, req)
		if e := sdk.AsError(err); e != nil && how(e) {
			return sdk.PaymentFinding{Authoritative: true}, nil
		}
		return finding, err
	})
}

// blind do not see what is there, or do not say that they cannot see.
func blind() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "lookup-5xx-as-nothing", Fault: "takes a lookup that met a server error for one that found nothing",
			Killer: "doubt/lookup-server-error", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/server-error", "lookup/gateway-page"},
			Connector:  takenForNothing(func(e *sdk.Error) bool { return e.Provider.HTTPStatus/100 == 5 }),
		},
		{
			ID: "lookup-cut-as-nothing", Fault: "takes a lookup whose connection broke for one that found nothing",
			Killer: "doubt/lookup-breaks-off", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/truncated*", "lookup/reset"},
			Connector: takenForNothing(func(e *sdk.Error) bool {
				return e.Code == sdk.CodeConnectionReset || e.Code == sdk.CodeTruncatedBody || e.Code == sdk.CodeConnectRefused
			}),
		},
		{
			ID: "lookup-late-as-nothing", Fault: "takes a lookup that was not answered in time for one that found nothing",
			Killer: "doubt/lookup-hangs", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"load/cancelled-calls-leave-nothing"},
			Connector:  takenForNothing(func(e *sdk.Error) bool { return e.Code == sdk.CodeReadTimeout }),
		},
		{
			ID: "lookup-unread-as-nothing", Fault: "takes a lookup that it cannot read for one that found nothing",
			Killer: "doubt/lookup-unreadable", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/html", "lookup/empty", "lookup/null", "lookup/mistyped"},
			Connector:  takenForNothing(func(e *sdk.Error) bool { return e.Code == sdk.CodeUnparseableSuccess }),
		},
		{
			ID: "any-404-as-nothing", Fault: "takes anybody's 404 for the provider's",
			Killer: "doubt/foreign-not-found", Reason: "no proof of anything",
			Collateral: []string{"lookup/foreign-404"},
			Connector:  takenForNothing(func(e *sdk.Error) bool { return e.Provider.HTTPStatus == 404 }),
		},
		{
			ID: "remembers-nothing-found", Fault: "goes on saying that there is no payment once it has found none",
			Killer: "doubt/visible-after-its-delay", Reason: "expected the lookup to show",
			Collateral: []string{"keys/reads-use-none", "lookup/not-yet-visible"},
			Connector: func(c *reference.Connector) sdk.Connector {
				var none sync.Map
				return &bend.Finder{Connector: c, Find: func(
					ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest,
				) (sdk.PaymentFinding, error) {
					if _, known := none.Load(req.Call.Reference); known && req.Order == "" {
						return sdk.PaymentFinding{Authoritative: true}, nil
					}
					finding, err := right.FindPayment(ctx, req)
					if err == nil && !finding.Found {
						none.Store(req.Call.Reference, true)
					}
					return finding, err
				}}
			},
		},
		{
			ID: "reference-leads-nowhere", Fault: "finds a payment by our reference and does not say what the provider calls it",
			Killer: "doubt/found-by-our-reference-alone", Reason: "looking a payment up by our reference alone",
			Collateral: []string{
				"resilience/restarted-between-steps", "lookup/by-reference", "lookup/after-lost-answer",
				"process/remembers-nothing", "text/references", "text/references-by-case",
			},
			Connector: finding(func(ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
				finding, err := right.FindPayment(ctx, req)
				if req.Order == "" && finding.Payment != nil {
					finding.Payment.Order = ""
				}
				return finding, err
			}),
		},
		{
			ID: "late-success-unseen", Fault: "says of a payment that it first saw unapproved that it still is",
			Killer: "doubt/late-success", Reason: "expected AUTHORIZED or CAPTURED",
			Collateral: []string{
				"doubt/answer-dropped", "doubt/answer-cut-at-its-end", "doubt/answer-truncated", "doubt/answer-drips",
				"doubt/answer-never-comes", "doubt/server-error-after-acting", "doubt/success-has-wrong-types",
				"doubt/advice-followed", "lookup/by-reference", "resilience/killed-after-the-provider",
				"resilience/killed-between-calls",
			},
			Connector: finding(func(ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
				finding, err := right.FindPayment(ctx, req)
				if p := finding.Payment; p != nil && req.Order == "" && p.State == sdk.StateAuthorized {
					p.State, p.Authorized = sdk.StateRequiresAction, nil
				}
				return finding, err
			}),
		},
	}
}
