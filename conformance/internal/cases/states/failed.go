package states

import (
	"context"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var refusedVoidChangesNothing = suite.Case{
	ID: "state/refused-void", Requirement: "PC-STATE-008", Profile: suite.DelayedCapture, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpFindPayment},
	Rule:  "A void that is refused leaves the payment in its state, and what was possible stays possible.",
	Why:   "A payment that is called failed because its void failed is never refunded.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := captured(ctx, l)
		if err != nil {
			return err
		}
		if _, err := p.Void(ctx); err == nil {
			return suite.Blocking("voiding what was captured", suite.Refused("voiding", err))
		}
		if err := derived(ctx, p, "looking up after a void was refused"); err != nil {
			return err
		}
		if !l.Description.Operations.Has(sdk.OpRefund) {
			return nil
		}
		all := p.Request.Amount.Minor
		result, err := p.Refund(ctx, capture, all)
		const step = "refunding after a void was refused"
		if err := suite.Done(step, result.Answer, err); err != nil {
			return err
		}
		return p.Moved(ctx, step, suite.Sums{Held: all, Taken: all, Returned: all}, result.Answer)
	},
}

var refusedCaptureChangesNothing = suite.Case{
	ID: "state/refused-capture", Requirement: "PC-STATE-008", Profile: suite.DelayedCapture, Sim: true, Needs: managing,
	Rule: "A capture that is refused leaves the hold as it is, and a right one succeeds.",
	Why:  "A payment that is given up because one capture failed is goods given away.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		if _, err := p.Capture(ctx, max(all, books.Most)+1, true); err == nil {
			return suite.Blocking("capturing too much", suite.Refused("capturing", err))
		}
		if err := derived(ctx, p, "looking up after a capture was refused"); err != nil {
			return err
		}
		result, err := p.Capture(ctx, all, true)
		const step = "capturing after a capture was refused"
		if err := suite.Done(step, result.Answer, err); err != nil {
			return err
		}
		return p.Moved(ctx, step, suite.Sums{Held: all, Taken: all}, result.Answer)
	},
}

var refusedRefundChangesNothing = suite.Case{
	ID: "state/refused-refund", Requirement: "PC-STATE-008", Profile: suite.Refunds, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpRefund, sdk.OpFindPayment},
	Rule:  "A refund that is refused leaves the payment captured, with nothing refunded and no refund that counts.",
	Why:   "A failed refund that is counted makes the right one fail.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := captured(ctx, l)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		if _, err := p.Refund(ctx, capture, all+1); err == nil {
			return suite.Blocking("refunding too much", suite.Refused("refunding", err))
		}
		if err := derived(ctx, p, "looking up after a refund was refused"); err != nil {
			return err
		}
		result, err := p.Refund(ctx, capture, all)
		const step = "refunding after a refund was refused"
		if err := suite.Done(step, result.Answer, err); err != nil {
			return err
		}
		return p.Moved(ctx, step, suite.Sums{Held: all, Taken: all, Returned: all}, result.Answer)
	},
}

var voidInDoubtChangesNothing = suite.Case{
	ID: "state/void-in-doubt", Requirement: "PC-STATE-008", Profile: suite.DelayedCapture, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpVoid, sdk.OpFindPayment},
	Rule:  "A void that nobody can tell the end of is in doubt; the lookup then tells the hold as it is.",
	Why:   "A hold that is called released blocks the buyer's money, and nobody looks.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		err = l.Break(proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.HTML(http.StatusBadGateway)})
		if err != nil {
			return err
		}
		result, err := p.Void(ctx)
		if err := suite.Outcome("voiding at a broken gateway", result.Answer, err, sdk.OutcomeUnknown); err != nil {
			return err
		}
		if err := l.Heal(); err != nil {
			return err
		}
		return derived(ctx, p, "looking up after a void in doubt")
	},
}
