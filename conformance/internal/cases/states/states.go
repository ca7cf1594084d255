// Package states holds the cases about what state a payment is in: that the state
// follows from what has moved, on whatever path it is learned; that what is impossible
// is refused and changes nothing; and that words of the provider which nobody has
// written down are doubted. Random walks hold all of it together.
//
// A refund that bounces cannot be asked of a simulator, so nothing here is about it.
package states

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		followsTheBooks, legalPath, saleIsCaptured, holdIsNotCaptured, sameWordSameState,

		captureBeforeApproval, voidBeforeApproval, refundBeforeApproval, refundBeforeCapture, captureAfterDecline,
		captureAfterVoid, refundAfterVoid, captureAfterCapture, voidAfterCapture, voidAfterRefund, captureAfterRefund,
		captureOfNobody, refundOfNobody, voidOfNobody,

		refusedVoidChangesNothing, refusedCaptureChangesNothing, refusedRefundChangesNothing, voidInDoubtChangesNothing,

		unknownStatusIsUnknown, unknownStatusOfAuthorization, unknownStatusOfCapture, unknownStatusOfVoid,
		unknownStatusOfRefund, documentedStatuses, olderIsNotNewer,

		expiredIsExpired, holdEndsInTime,

		walkCaptures, walkRefunds, walkLong,
	}
}

// derived checks the state and the totals that a lookup tells against the books.
func derived(ctx context.Context, p *suite.Payment, step string) error {
	sums, err := p.Sums(ctx)
	if err != nil {
		return err
	}
	snapshot, err := p.Find(ctx)
	if err != nil {
		return err
	}
	return suite.Shows(step, snapshot, p.Request.Amount.Currency, sums)
}

// done blocks where a write that other cases prove did not take effect.
func done(step string, a sdk.Answer, err error) error {
	return suite.Blocking(step, suite.Done(step, a, err))
}

// redirects reports whether there is a method whose buyer approves on a page.
func redirects(m sdk.Manifest) bool {
	_, ok := redirected(m)
	return ok
}

const noRedirect = "no method leaves the approval to the buyer"

func redirected(m sdk.Manifest) (sdk.PaymentMethod, bool) {
	for _, method := range m.Methods {
		if method.Flow == sdk.FlowRedirect {
			return method, true
		}
	}
	return sdk.PaymentMethod{}, false
}

// waiting is a payment whose buyer has not approved it.
func waiting(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	cell, err := l.Cell(sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	cell.Method, _ = redirected(l.Description.Manifest)
	p, err := l.Open(ctx, cell, l.Amount())
	if err != nil {
		return nil, suite.Blocking("authorizing", err)
	}
	if p.Result.Outcome != sdk.OutcomeRequiresAction {
		return nil, fmt.Errorf("%w: a payment that the buyer has to approve answers %s", suite.ErrBlocked, p.Result.Outcome)
	}
	if p.Result.Order == "" {
		snapshot, err := p.Find(ctx)
		if err != nil {
			return nil, suite.Blocking("looking the payment up", err)
		}
		p.Result.Order = snapshot.Order
	}
	return p, nil
}
