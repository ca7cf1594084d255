package claims

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A feature that is not claimed is refused, by the connector or by its provider: what
// counts is that no money moves. Each of these cases applies to connectors without the
// feature; that one which is claimed works is for the areas of the operations.

// moved checks how much the provider's books say has moved in one way.
func moved(ctx context.Context, p *suite.Payment, motion sim.Motion, want int64) error {
	books, err := p.Books(ctx)
	if err != nil {
		return err
	}
	return suite.Equal("reading the provider's books: "+string(motion), books.Sum(motion), want)
}

var partialCaptureIsRefused = suite.Case{
	ID: "feature/partial-capture-refused", Requirement: "PC-CAP-007", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpCapture}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return !m.Features.PartialCapture },
	WhenText: "partial captures are claimed",
	Rule:     "Without partial_capture a smaller amount is refused, not silently captured in full.",
	Why:      "The buyer pays for what was not shipped.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		_, err = p.Capture(ctx, p.Request.Amount.Minor/2, true)
		return errors.Join(suite.Refused("capturing half", err), moved(ctx, p, sim.Take, 0))
	},
}

var multipleCaptureIsRefused = suite.Case{
	ID: "feature/multiple-capture-refused", Requirement: "PC-CAP-007", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpCapture}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return !m.Features.MultipleCapture },
	WhenText: "multiple captures are claimed",
	Rule:     "Without multiple_capture the second capture is refused and moves nothing.",
	Why:      "A host that lets go of the rest after the first capture is charged for a second.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		first := p.Request.Amount.Minor
		if l.Description.Manifest.Features.PartialCapture {
			first /= 2
		}
		if _, err := p.Capture(ctx, first, false); err != nil {
			return fmt.Errorf("%w: capturing once: %w", suite.ErrBlocked, err)
		}
		_, err = p.Capture(ctx, p.Request.Amount.Minor/4, false)
		return errors.Join(suite.Refused("capturing again", err), moved(ctx, p, sim.Take, first))
	},
}

var overCaptureIsRefused = suite.Case{
	ID: "feature/over-capture-refused", Requirement: "PC-CAP-007", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpCapture}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return !m.Features.OverCapture },
	WhenText: "capturing more than is held is claimed",
	Rule:     "Without over_capture one minor unit more than is held is refused and moves nothing.",
	Why:      "The buyer pays more than they agreed to.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		_, err = p.Capture(ctx, p.Request.Amount.Minor+1, true)
		return errors.Join(suite.Refused("capturing one more than is held", err), moved(ctx, p, sim.Take, 0))
	},
}

var overCaptureWorks = suite.Case{
	ID: "feature/over-capture-works", Requirement: "PC-CAP-008", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpCapture}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return m.Features.OverCapture },
	WhenText: "capturing more than is held is not claimed",
	Rule:     "With over_capture the provider's tolerance can be captured whole, and not one minor unit more.",
	Why:      "A tip that was promised cannot be taken, or one that was not is.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		if books.Most <= p.Request.Amount.Minor {
			return suite.Brokenf("reading the provider's books", "more than was authorized to be capturable", "%d", books.Most)
		}
		_, err = p.Capture(ctx, books.Most+1, true)
		if wrong := errors.Join(suite.Refused("capturing one more than is tolerated", err), moved(ctx, p, sim.Take, 0)); wrong != nil {
			return wrong
		}
		result, err := p.Capture(ctx, books.Most, true)
		if wrong := suite.Outcome("capturing all that is tolerated", result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending); wrong != nil {
			return wrong
		}
		return moved(ctx, p, sim.Take, books.Most)
	},
}

var partialRefundIsRefused = suite.Case{
	ID: "feature/partial-refund-refused", Requirement: "PC-CAP-007", Profile: suite.Refunds,
	Needs: []sdk.Operation{sdk.OpRefund}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return !m.Features.PartialRefund },
	WhenText: "partial refunds are claimed",
	Rule:     "Without partial_refund a smaller amount is refused, not silently refunded in full.",
	Why:      "The merchant gives back more than they meant to.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		_, err = p.Refund(ctx, capture, p.Request.Amount.Minor/2)
		return errors.Join(suite.Refused("refunding half", err), moved(ctx, p, sim.Return, 0))
	},
}

var multipleRefundIsRefused = suite.Case{
	ID: "feature/multiple-refund-refused", Requirement: "PC-CAP-007", Profile: suite.Refunds,
	Needs: []sdk.Operation{sdk.OpRefund}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When:     func(m sdk.Manifest) bool { return !m.Features.MultipleRefund },
	WhenText: "multiple refunds are claimed",
	Rule:     "Without multiple_refund the second refund is refused and moves nothing.",
	Why:      "The merchant pays twice.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		first := p.Request.Amount.Minor
		if l.Description.Manifest.Features.PartialRefund {
			first /= 2
		}
		if _, err := p.Refund(ctx, capture, first); err != nil {
			return fmt.Errorf("%w: refunding once: %w", suite.ErrBlocked, err)
		}
		_, err = p.Refund(ctx, capture, p.Request.Amount.Minor/4)
		return errors.Join(suite.Refused("refunding again", err), moved(ctx, p, sim.Return, first))
	},
}

var voidOfRestIsRefused = suite.Case{
	ID: "feature/void-after-partial-capture-refused", Requirement: "PC-CAP-007", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpCapture, sdk.OpVoid}, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When: func(m sdk.Manifest) bool {
		f := m.Features
		return !f.VoidAfterPartialCapture && f.PartialCapture && f.MultipleCapture
	},
	WhenText: "voiding the rest after a partial capture is claimed, or there is never a rest",
	Rule:     "Without void_after_partial_capture the rest of a partly captured payment cannot be voided.",
	Why:      "A host that believes the rest was let go captures no more of it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		if _, err := p.Capture(ctx, p.Request.Amount.Minor/2, false); err != nil {
			return fmt.Errorf("%w: capturing half: %w", suite.ErrBlocked, err)
		}
		_, err = p.Void(ctx)
		return errors.Join(suite.Refused("voiding the rest", err), moved(ctx, p, sim.Release, 0))
	},
}
