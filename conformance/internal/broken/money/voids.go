package money

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/sdk"
)

// voidAs replaces voids by ones whose result is another.
func voidAs(change func(sdk.VoidResult, error) (sdk.VoidResult, error)) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
			return change(d.Connector.Void(ctx, req))
		}
	})
}

// voidOn replaces the refusals of voids that have a code by a success.
func voidOn(code sdk.Code) mutation {
	return voidAs(func(r sdk.VoidResult, err error) (sdk.VoidResult, error) {
		if wrong.Is(err, code) {
			return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
		}
		return r, err
	})
}

// voids are mutants that release something else than they say.
func voids() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "noop-void", Fault: "It says that it has voided, and asks nobody.",
			Killer: "void/releases", Reason: "in the provider's books: expected 2400 held, 0 taken, 2400 released",
			Collateral: []string{
				"capability/offered-works", "void/after-partial-capture", "void/twice", "void/captured-outside",
				"state/*", "lookup/agrees-with-void", "lookup/after-lost-void", "increment/ended",
				"doubt/*", "keys/*", "resilience/*", "load/capture-against-void", "walk/*",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnVoid = func(context.Context, sdk.VoidRequest) (sdk.VoidResult, error) {
					return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
				}
			}),
		},
		{
			ID: "void-after-capture-ok", Fault: "It says that it has voided what was captured meanwhile.",
			Killer: "void/captured-outside", Reason: "expected a refusal, got accepted",
			Collateral: []string{
				"state/void-after-capture", "state/void-after-refund", "state/refused-void",
				"load/capture-against-void",
			}, Connector: voidOn(sdk.CodeAlreadyCaptured),
		},
		{
			ID: "void-says-the-whole", Fault: "Of a void after a partial capture it says that all was released.",
			Killer: "void/after-partial-capture", Reason: "released, in the answer: expected 1800 EUR, got 2400 EUR",
			Connector: voidAs(func(r sdk.VoidResult, err error) (sdk.VoidResult, error) {
				if err == nil && r.Payment != nil {
					r.Released = r.Payment.Authorized
				}
				return r, err
			}),
		},
		{
			ID: "second-void-in-doubt", Fault: "Of what is voided already it says that nobody can know.",
			Killer: "void/twice", Reason: "expected outcome [SUCCEEDED NOT_ATTEMPTED], got UNKNOWN",
			Connector: voidAs(func(r sdk.VoidResult, err error) (sdk.VoidResult, error) {
				if wrong.Is(err, sdk.CodeAlreadyVoided) {
					return r, sdk.Errorf("reference.Void", sdk.CodeUnmappedError, "already voided")
				}
				return r, err
			}),
		},
	}
}
