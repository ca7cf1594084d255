package money

import (
	"context"
	"errors"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var inTwo = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpRefund, sdk.OpFindPayment, sdk.OpFindRefund}

func scoped(scope sdk.RefundScope) func(sdk.Manifest) bool {
	return func(m sdk.Manifest) bool { return m.RefundScope == scope && multiple(m) && partialRefund(m) }
}

const (
	notByCapture = "refunds do not hang on captures, or a payment has only one"
	notByPayment = "refunds hang on captures, or a payment has only one"
)

// onTwo is a case about a payment that was captured by two captures: a quarter, and the
// rest.
func onTwo(
	story func(context.Context, *suite.Lane, *suite.Payment, [2]sdk.CaptureRef) error,
) func(context.Context, *suite.Lane) error {
	return onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		var captures [2]sdk.CaptureRef
		for i, minor := range []int64{all / 4, all - all/4} {
			result, err := p.Capture(ctx, minor, false)
			if wrong := suite.Done("capturing", result.Answer, err); wrong != nil {
				return suite.Blocking("capturing in two", wrong)
			}
			captures[i] = result.Capture
		}
		return story(ctx, l, p, captures)
	})
}

var refundOfOneCapture = suite.Case{
	ID: "refund/of-its-capture", Requirement: "PC-REF-010", Profile: suite.Refunds, Sim: true, Needs: inTwo,
	When: scoped(sdk.RefundCapture), WhenText: notByCapture,
	Rule: "Where refunds hang on captures, a refund hangs on the capture that was named, and a lookup says so.",
	Why:  "A refund of the wrong parcel leaves the other without a refund, and the books without an explanation.",
	Run: onTwo(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, captures [2]sdk.CaptureRef) error {
		part := p.Request.Amount.Minor / 4
		for i, capture := range []sdk.CaptureRef{captures[1], captures[0]} {
			result, err := give(ctx, p, capture, part, paid(p, int64(i+1)*part))
			if err != nil {
				return err
			}
			snapshot, err := p.Find(ctx)
			if err != nil {
				return err
			}
			hangs := sdk.CaptureRef("")
			for _, r := range snapshot.Refunds {
				if r.Ref == result.Refund {
					hangs = r.Capture
				}
			}
			if err := suite.Equal("looking up which capture was refunded", hangs, capture); err != nil {
				return err
			}
		}
		return nil
	}),
}

var refundBeyondItsCapture = suite.Case{
	ID: "refund/beyond-its-capture", Requirement: "PC-REF-010", Profile: suite.Refunds, Sim: true, Needs: inTwo,
	When: scoped(sdk.RefundCapture), WhenText: notByCapture,
	Rule: "Where refunds hang on captures, more than the named capture is refused, though the payment has more.",
	Why:  "A connector that splits refunds by itself makes two writes with one key.",
	Run: onTwo(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, captures [2]sdk.CaptureRef) error {
		_, err := p.Refund(ctx, captures[0], p.Request.Amount.Minor/4+1)
		return p.Stays(ctx, "refunding more than the capture that was named", err, paid(p, 0), sdk.CodeAmountExceedsRefundable)
	}),
}

var refundNeedsItsCapture = suite.Case{
	ID: "refund/needs-its-capture", Requirement: "PC-REF-010", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When:     func(m sdk.Manifest) bool { return m.RefundScope == sdk.RefundCapture },
	WhenText: "refunds do not hang on captures",
	Rule:     "Where refunds hang on captures, a refund without one is refused, naming the field, before the provider is asked.",
	Why:      "A connector that picks a capture picks the wrong one some day.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, _ sdk.CaptureRef) error {
		mark := l.Mark()
		_, err := p.Refund(ctx, "", p.Request.Amount.Minor)
		const step = "refunding without naming the capture"
		return errors.Join(suite.Named(step, err, "/capture"), l.Nothing(step, mark))
	}),
}

var refundAcrossCaptures = suite.Case{
	ID: "refund/across-captures", Requirement: "PC-REF-011", Profile: suite.Refunds, Sim: true, Needs: inTwo,
	When: scoped(sdk.RefundPayment), WhenText: notByPayment,
	Rule: "Where refunds hang on payments, one refund may return what several captures took.",
	Why:  "A host that counts on it does not split, and the buyer gets the larger parcel's price only.",
	Run: onTwo(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, _ [2]sdk.CaptureRef) error {
		all := p.Request.Amount.Minor
		_, err := give(ctx, p, "", all, paid(p, all))
		return err
	}),
}
