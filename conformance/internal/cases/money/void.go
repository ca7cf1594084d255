package money

import (
	"context"
	"errors"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var voiding = []sdk.Operation{sdk.OpAuthorize, sdk.OpVoid, sdk.OpFindPayment}

var releasing = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpFindPayment}

// letGo voids and checks that what is told of it is what the provider's books say.
func letGo(ctx context.Context, p *suite.Payment, step string, released int64, want suite.Sums) error {
	result, err := p.Void(ctx)
	if wrong := suite.Done(step, result.Answer, err); wrong != nil {
		return wrong
	}
	if err := p.Moved(ctx, step, want, result.Answer); err != nil {
		return err
	}
	if result.Released != nil {
		if err := suite.Equal(step+": released, in the answer", *result.Released, p.Money(released)); err != nil {
			return err
		}
	}
	return looks(ctx, p, "looking up after "+step, want)
}

var voidReleases = suite.Case{
	ID: "void/releases", Requirement: "PC-VOID-001", Profile: suite.DelayedCapture, Sim: true, Needs: voiding,
	Rule: "A void releases all that is held, and the payment is voided.",
	Why:  "A hold that nobody lets go blocks the buyer's money for a week.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		return letGo(ctx, p, "voiding", all, suite.Sums{Held: all, Released: all})
	}),
}

var voidAfterPart = suite.Case{
	ID: "void/after-partial-capture", Requirement: "PC-VOID-002", Profile: suite.DelayedCapture, Sim: true, Needs: releasing,
	When:     func(m sdk.Manifest) bool { return multiple(m) && m.Features.VoidAfterPartialCapture },
	WhenText: "to void after a partial capture is not claimed",
	Rule:     "A void after a partial capture releases the rest, and what was captured stays captured.",
	Why:      "A void that takes the first parcel's payment back, or keeps the rest on hold, costs somebody.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		if result, err := p.Capture(ctx, all/4, false); err != nil {
			return suite.Blocking("capturing a part", suite.Done("capturing", result.Answer, err))
		}
		return letGo(ctx, p, "voiding after a partial capture", all-all/4,
			suite.Sums{Held: all, Taken: all / 4, Released: all - all/4})
	}),
}

var voidTwice = suite.Case{
	ID: "void/twice", Requirement: "PC-VOID-003", Profile: suite.DelayedCapture, Sim: true, Needs: voiding,
	Rule: "A second void releases nothing: it is refused, or says that all is released already.",
	Why:  "What is counted twice is missing once.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		if result, err := p.Void(ctx); err != nil {
			return suite.Blocking("voiding", suite.Done("voiding", result.Answer, err))
		}
		result, err := p.Void(ctx)
		const step = "voiding again"
		if err := suite.Outcome(step, result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomeNotAttempted); err != nil {
			return err
		}
		return errors.Join(
			p.Moved(ctx, step, suite.Sums{Held: all, Released: all}),
			looks(ctx, p, "looking up after voiding twice", suite.Sums{Held: all, Released: all}))
	}),
}

var voidAfterOutsideCapture = suite.Case{
	ID: "void/captured-outside", Requirement: "PC-VOID-004", Profile: suite.DelayedCapture, Sim: true,
	Uses: []sim.Ability{sim.CanDashboard}, Needs: voiding,
	Rule: "A void of a payment that was captured meanwhile, outside, is refused, and nothing is said to be released.",
	Why:  "The merchant believes that the buyer keeps the money, and the buyer has paid.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		if err := l.Dashboard(ctx, sim.Dashboard{Reference: string(p.Request.Call.Reference), Does: "capture"}); err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		_, err := p.Void(ctx)
		return p.Stays(ctx, "voiding what was captured outside", err, suite.Sums{Held: all, Taken: all})
	}),
}

var voidAfterPartUnclaimed = suite.Case{
	ID: "void/after-partial-unclaimed", Requirement: "PC-VOID-005", Profile: suite.DelayedCapture, Sim: true, Needs: releasing,
	When:     func(m sdk.Manifest) bool { return multiple(m) && !m.Features.VoidAfterPartialCapture },
	WhenText: "to void after a partial capture is claimed, or multiple capture is not",
	Rule:     "Where a void after a partial capture is not claimed it is refused, and moves nothing.",
	Why:      "What works without being claimed escapes the host's limits.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		if result, err := p.Capture(ctx, all/4, false); err != nil {
			return suite.Blocking("capturing a part", suite.Done("capturing", result.Answer, err))
		}
		_, err := p.Void(ctx)
		const step = "voiding after a partial capture, which is not claimed"
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, suite.Sums{Held: all, Taken: all / 4}))
	}),
}
