package money

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var refunding = []sdk.Operation{sdk.OpAuthorize, sdk.OpRefund, sdk.OpFindPayment, sdk.OpFindRefund}

func partialRefund(m sdk.Manifest) bool { return m.Features.PartialRefund }

func multipleRefund(m sdk.Manifest) bool {
	return m.Features.PartialRefund && m.Features.MultipleRefund
}

const (
	noPartialRefund  = "partial refund is not claimed"
	noMultipleRefund = "multiple refund is not claimed"
)

// onPaid is a case about a payment that was captured whole, by one capture.
func onPaid(
	story func(context.Context, *suite.Lane, *suite.Payment, sdk.CaptureRef) error,
) func(context.Context, *suite.Lane) error {
	return func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		return story(ctx, l, p, capture)
	}
}

// paid are the sums of a payment captured whole, of which some was returned.
func paid(p *suite.Payment, returned int64) suite.Sums {
	return suite.Sums{Held: p.Request.Amount.Minor, Taken: p.Request.Amount.Minor, Returned: returned}
}

// give refunds and checks that the answer says what was returned, and that the
// provider's books then say what they must.
func give(
	ctx context.Context, p *suite.Payment, capture sdk.CaptureRef, minor int64, want suite.Sums,
) (sdk.RefundResult, error) {
	step := fmt.Sprintf("refunding %d", minor)
	result, err := p.Refund(ctx, capture, minor)
	if wrong := suite.Done(step, result.Answer, err); wrong != nil {
		return result, wrong
	}
	if result.Refund == "" {
		return result, suite.Brokenf(step, "the provider's name for the refund", "none")
	}
	return result, errors.Join(
		p.Moved(ctx, step, want, result.Answer),
		suite.Amount(step+", in the answer", result.Amount, p.Money(minor)))
}

var refundInFull = suite.Case{
	ID: "refund/full", Requirement: "PC-REF-001", Profile: suite.Refunds, Sim: true, Needs: refunding,
	Rule: "A refund of the whole amount returns the whole amount, and the payment stays captured.",
	Why:  "A refund that is reported and did not happen is a chargeback.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		all := p.Request.Amount.Minor
		if _, err := give(ctx, p, capture, all, paid(p, all)); err != nil {
			return err
		}
		return looks(ctx, p, "looking up after a full refund", paid(p, all))
	}),
}

var refundInPart = suite.Case{
	ID: "refund/partial", Requirement: "PC-REF-002", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: partialRefund, WhenText: noPartialRefund,
	Rule: "A refund of a part returns and reports that part, and no more.",
	Why:  "One shirt comes back, and the whole order is paid back.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		part := p.Request.Amount.Minor / 4
		if _, err := give(ctx, p, capture, part, paid(p, part)); err != nil {
			return err
		}
		return looks(ctx, p, "looking up after a partial refund", paid(p, part))
	}),
}

var refundInParts = suite.Case{
	ID: "refund/multiple", Requirement: "PC-REF-003", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "Refunds of parts add up, each under a name of its own, and of equal ones each counts.",
	Why:  "The second shirt that comes back costs as much as the first, and is paid back as well.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		quarter := p.Request.Amount.Minor / 4
		names := map[sdk.RefundRef]bool{}
		for i := range int64(4) {
			result, err := give(ctx, p, capture, quarter, paid(p, (i+1)*quarter))
			if err != nil {
				return err
			}
			names[result.Refund] = true
		}
		return errors.Join(
			suite.Equal("refunding four times: different names", len(names), 4),
			looks(ctx, p, "looking up after four refunds", paid(p, p.Request.Amount.Minor)))
	}),
}

var refundTooMuch = suite.Case{
	ID: "refund/too-much", Requirement: "PC-REF-004", Profile: suite.Refunds, Sim: true, Needs: refunding,
	Rule: "A refund of more than was captured is refused, returns nothing, and a right one then succeeds.",
	Why:  "Money that was never received is paid out.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		all := p.Request.Amount.Minor
		_, err := p.Refund(ctx, capture, all+1)
		step := fmt.Sprintf("refunding %d of %d", all+1, all)
		if err := p.Stays(ctx, step, err, paid(p, 0), sdk.CodeAmountExceedsRefundable); err != nil {
			return err
		}
		_, err = give(ctx, p, capture, all, paid(p, all))
		return err
	}),
}

var refundTooMuchInParts = suite.Case{
	ID: "refund/sum", Requirement: "PC-REF-004", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "The sum of refunds never exceeds what was captured: one more than is left is refused, exactly what is left is not.",
	Why:  "Each refund is within the limit, and all of them together are not.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		all := p.Request.Amount.Minor
		half := all / 2
		if _, err := give(ctx, p, capture, half, paid(p, half)); err != nil {
			return err
		}
		_, err := p.Refund(ctx, capture, half+1)
		step := fmt.Sprintf("refunding %d with %d left", half+1, half)
		if err := p.Stays(ctx, step, err, paid(p, half), sdk.CodeAmountExceedsRefundable); err != nil {
			return err
		}
		if _, err := give(ctx, p, capture, half, paid(p, all)); err != nil {
			return err
		}
		_, err = p.Refund(ctx, capture, 1)
		return p.Stays(ctx, "refunding 1 with nothing left", err, paid(p, all),
			sdk.CodeAmountExceedsRefundable, sdk.CodeAlreadyRefunded)
	}),
}

var refundOfPartUnclaimed = suite.Case{
	ID: "refund/partial-unclaimed", Requirement: "PC-REF-005", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: func(m sdk.Manifest) bool { return !partialRefund(m) }, WhenText: "partial refund is claimed",
	Rule: "Without partial refund a smaller amount is refused, and nothing is returned, least of all everything.",
	Why:  "Asked for a part, a connector that can only return all of it returns all of it.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		_, err := p.Refund(ctx, capture, p.Request.Amount.Minor/2)
		const step = "refunding a part without partial refund"
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, paid(p, 0)))
	}),
}

var refundAgainUnclaimed = suite.Case{
	ID: "refund/second-unclaimed", Requirement: "PC-REF-006", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When:     func(m sdk.Manifest) bool { return partialRefund(m) && !m.Features.MultipleRefund },
	WhenText: "multiple refund is claimed, or partial refund is not",
	Rule:     "Without multiple refund a second refund is refused, and returns nothing.",
	Why:      "What works without being claimed escapes the host's limits.",
	Run: onPaid(func(ctx context.Context, _ *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		quarter := p.Request.Amount.Minor / 4
		if result, err := p.Refund(ctx, capture, quarter); err != nil {
			return suite.Blocking("refunding", suite.Done("refunding", result.Answer, err))
		}
		_, err := p.Refund(ctx, capture, quarter)
		const step = "refunding a second time without multiple refund"
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, paid(p, quarter)))
	}),
}

var refundOfNothing = suite.Case{
	ID: "refund/amount-not-positive", Requirement: "PC-MONEY-010", Profile: suite.Refunds, Sim: true, Needs: refunding,
	Rule: "A refund of nothing or less is refused, naming the amount, before the provider is asked.",
	Why:  "A negative refund charges the buyer again.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		var wrong []error
		for _, minor := range notMoney {
			mark := l.Mark()
			_, err := p.Refund(ctx, capture, minor)
			step := fmt.Sprintf("refunding %d", minor)
			wrong = append(wrong, suite.Named(step, err, "/amount"), l.Nothing(step, mark))
		}
		return errors.Join(wrong...)
	}),
}

var refundInForeignCurrency = suite.Case{
	ID: "refund/foreign-currency", Requirement: "PC-MONEY-011", Profile: suite.Refunds, Sim: true, Needs: refunding,
	Rule: "A refund in a currency outside the manifest is refused, naming the amount, before the provider is asked.",
	Why:  "A number that is returned in the payment's own currency is another amount.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		req := p.Refunding(capture, p.Request.Amount.Minor)
		req.Amount.Currency = "XAF"
		mark := l.Mark()
		_, err := l.Remote.Refund(ctx, req)
		const step = "refunding in XAF"
		return errors.Join(suite.Named(step, err, "/amount"), l.Nothing(step, mark))
	}),
}

var refundInOtherCurrency = suite.Case{
	ID: "refund/other-currency", Requirement: "PC-MONEY-011", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: manyCurrencies, WhenText: oneCurrency,
	Rule: "A refund in another currency than the payment's is refused, and returns nothing.",
	Why:  "A number that is returned in the payment's own currency is another amount.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		req := p.Refunding(capture, p.Request.Amount.Minor)
		req.Amount.Currency = another(l, req.Amount.Currency)
		_, err := l.Remote.Refund(ctx, req)
		step := fmt.Sprintf("refunding %s of %s", req.Amount, p.Request.Amount)
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, paid(p, 0)))
	}),
}

var refundReasons = suite.Case{
	ID: "refund/reasons", Requirement: "PC-REF-007", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "A refund is made for each of the contract's reasons, whatever words the provider has.",
	Why:  "A refund that fails because of its label is a buyer who waits.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		part := p.Request.Amount.Minor / 4
		for i, reason := range []sdk.RefundReason{sdk.RefundRequested, sdk.RefundFraudulent, sdk.RefundDuplicate} {
			req := p.Refunding(capture, part)
			req.Reason = reason
			result, err := l.Remote.Refund(ctx, req)
			step := "refunding as " + string(reason)
			if wrong := suite.Done(step, result.Answer, err); wrong != nil {
				return wrong
			}
			if err := p.Moved(ctx, step, paid(p, int64(i+1)*part), result.Answer); err != nil {
				return err
			}
		}
		return nil
	}),
}

var refundAtOnce = suite.Case{
	ID: "refund/automatic-capture", Requirement: "PC-REF-001", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: takesAtOnce, WhenText: "automatic capture is not offered",
	Rule: "A payment that was captured automatically can be refunded, by the capture that a lookup tells.",
	Why:  "Nobody was told the name of a capture that nobody asked for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureAutomatic)
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		if err := suite.Equal("looking up: captures", len(snapshot.Captures), 1); err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		_, err = give(ctx, p, snapshot.Captures[0].Ref, all, paid(p, all))
		return err
	},
}

func takesAtOnce(m sdk.Manifest) bool {
	for _, mode := range m.CaptureModes {
		if mode == sdk.CaptureAutomatic {
			return true
		}
	}
	return false
}

// refundFound checks what a lookup says of a refund that was made.
func refundFound(step string, f sdk.RefundFinding, err error, made sdk.RefundResult, amount sdk.Money) error {
	if err != nil {
		return suite.Brokenf(step, "a finding", "%v", err)
	}
	if !f.Found || f.Refund == nil {
		return suite.Brokenf(step, "it to be found", "not found")
	}
	if err := suite.Equal(step+": its name", f.Refund.Ref, made.Refund); err != nil {
		return err
	}
	return suite.Amount(step+": its amount", f.Refund.Amount, amount)
}

var refundIsFound = suite.Case{
	ID: "refund/found", Requirement: "PC-REF-008", Profile: suite.Refunds, Sim: true, Needs: refunding,
	Rule: "A refund is found by the provider's name for it, with its amount and status.",
	Why:  "What cannot be looked up cannot be answered for.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		result, err := p.Refund(ctx, capture, p.Request.Amount.Minor)
		if err != nil {
			return suite.Blocking("refunding", err)
		}
		const step = "looking the refund up by its name"
		finding, err := l.Remote.FindRefund(ctx, sdk.FindRefundRequest{
			Call: suite.Reading(p.Request.Call), Order: p.Result.Order, Capture: p.Refunding(capture, 1).Capture, Refund: result.Refund,
		})
		if err := refundFound(step, finding, err, result, p.Request.Amount); err != nil {
			return err
		}
		if result.Outcome != sdk.OutcomeSucceeded {
			return nil
		}
		return suite.Equal(step+": its status", finding.Refund.Status, sdk.MoveSucceeded)
	}),
}

var refundIsFoundByOperation = suite.Case{
	ID: "refund/found-by-operation", Requirement: "PC-REF-009", Profile: suite.Refunds, Sim: true, Needs: refunding,
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "Each of two equal refunds is found by our operation alone, and an operation that made none finds none.",
	Why:  "When an answer is lost, our operation is all that there is to ask by; the wrong one of two is worse than none.",
	Run: onPaid(func(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
		for range 2 {
			req := p.Refunding(capture, p.Request.Amount.Minor/4)
			result, err := l.Remote.Refund(ctx, req)
			if err != nil {
				return suite.Blocking("refunding", err)
			}
			finding, err := findByOperation(ctx, l, p, req)
			if err := refundFound("looking the refund up by our operation", finding, err, result, req.Amount); err != nil {
				return err
			}
		}
		finding, err := findByOperation(ctx, l, p, p.Refunding(capture, 1))
		if err != nil {
			return suite.Brokenf("looking up an operation that made no refund", "not found", "%v", err)
		}
		return suite.Equal("looking up an operation that made no refund: found", finding.Found, false)
	}),
}

func findByOperation(ctx context.Context, l *suite.Lane, p *suite.Payment, req sdk.RefundRequest) (sdk.RefundFinding, error) {
	call := req.Call
	call.Key = ""
	return l.Remote.FindRefund(ctx, sdk.FindRefundRequest{Call: call, Order: p.Result.Order, Capture: req.Capture})
}
