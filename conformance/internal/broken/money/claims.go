package money

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/sdk"
)

// claims are mutants that do more than they claim to.
func claims() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "partial-capture-unclaimed", Fault: "It captures parts, and does not claim to.",
			Killer: "capture/partial-unclaimed", Reason: "expected a refusal, got accepted",
			Connector: wrong.Claiming(func(m *sdk.Manifest) { m.Features.PartialCapture = false }),
		},
		{
			ID: "second-capture-unclaimed", Fault: "It captures a second time, and does not claim to.",
			Killer: "capture/second-unclaimed", Reason: "expected a refusal, got accepted",
			Collateral: []string{"capture/partial", "capture/final-releases", "walk/*"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.Manifest = func(m sdk.Manifest) sdk.Manifest {
					m.Features.MultipleCapture = false
					return m
				}
				d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					req.Final = false
					return d.Connector.Capture(ctx, req)
				}
			}),
		},
		{
			ID: "void-after-partial-unclaimed", Fault: "It voids after a partial capture, and does not claim to.",
			Killer: "void/after-partial-unclaimed", Reason: "expected a refusal, got accepted",
			Collateral: []string{"walk/*"},
			Connector:  wrong.Claiming(func(m *sdk.Manifest) { m.Features.VoidAfterPartialCapture = false }),
		},
		{
			ID: "partial-refund-unclaimed", Fault: "It refunds parts, and does not claim to.",
			Killer: "refund/partial-unclaimed", Reason: "expected a refusal, got accepted",
			Connector: wrong.Claiming(func(m *sdk.Manifest) { m.Features.PartialRefund = false }),
		},
		{
			ID: "second-refund-unclaimed", Fault: "It refunds a second time, and does not claim to.",
			Killer: "refund/second-unclaimed", Reason: "expected a refusal, got accepted",
			Connector: wrong.Claiming(func(m *sdk.Manifest) { m.Features.MultipleRefund = false }),
		},
		{
			ID: "refund-ignores-its-capture", Fault: "It claims that refunds hang on captures, and takes no notice of the one that is named.",
			Killer: "refund/of-its-capture", Reason: "looking up which capture was refunded",
			Collateral: []string{"refund/beyond-its-capture", "refund/needs-its-capture"},
			Connector:  wrong.Claiming(func(m *sdk.Manifest) { m.RefundScope = sdk.RefundCapture }),
		},
	}
}
