package claims

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// asks are the operations that cannot be answered without the provider. To read a
// webhook nobody is asked, and a token of the suite's own making may be refused by its
// form alone.
var asks = []sdk.Operation{
	sdk.OpCheckCredentials, sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund,
	sdk.OpFindRefund, sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpZeroAuthorize, sdk.OpIncrement,
}

var offeredWorks = suite.Case{
	ID: "capability/offered-works", Requirement: "PC-CAP-001", Profile: suite.Core,
	Rule: "An operation that is offered is never answered with operation_unsupported, and asks the provider.",
	Why:  "A host routes by what is offered: the payment is refused when nobody else can take it any more.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		if f := l.Fixtures(); f.Order == "" {
			return fmt.Errorf("%w: order is missing", suite.ErrNotTestable)
		}
		var wrong []error
		for _, op := range l.Description.Operations {
			step := fmt.Sprintf("calling %s, which is offered", op)
			mark := l.Mark()
			err := l.Invoke(ctx, op)
			switch {
			case errors.Is(err, suite.ErrNotTestable), errors.Is(err, suite.ErrSuite):
				return err
			case err != nil && sdk.AsError(err).Code == sdk.CodeOperationUnsupported:
				wrong = append(wrong, suite.Brokenf(step, "an answer", "%v", err))
			case sdk.Operations(asks).Has(op) && l.Heard(mark) == 0:
				wrong = append(wrong, suite.Brokenf(step, "the provider to be asked", "it heard nothing (%v)", err))
			}
		}
		return errors.Join(wrong...)
	},
}

// everyCell plays a story in each combination that the manifest offers.
func everyCell(ctx context.Context, l *suite.Lane, applies func(suite.Cell) bool,
	story func(context.Context, *suite.Lane, suite.Cell) error,
) error {
	var wrong []error
	for _, cell := range l.Cells() {
		if !applies(cell) {
			continue
		}
		if err := story(ctx, l, cell); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", cell, err))
		}
	}
	return errors.Join(wrong...)
}

func anyCell(suite.Cell) bool         { return true }
func manualCell(cell suite.Cell) bool { return cell.Mode == sdk.CaptureManual }

// paid takes a payment to its money: authorized, approved where a buyer has to, and
// captured where that is a step of its own. What it costs is for other cases to judge.
func paid(ctx context.Context, l *suite.Lane, cell suite.Cell) (*suite.Payment, sdk.CaptureRef, error) {
	p, err := l.Open(ctx, cell, l.Amount())
	if wrong := suite.Outcome("authorizing", p.Result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending,
		sdk.OutcomeRequiresAction); wrong != nil {
		return nil, "", wrong
	}
	if err := p.Finish(ctx); err != nil {
		return nil, "", err
	}
	if cell.Mode == sdk.CaptureAutomatic || !l.Description.Operations.Has(sdk.OpCapture) {
		return p, "", nil
	}
	result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
	return p, result.Capture, suite.Outcome("capturing", result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending)
}

var cellsComplete = suite.Case{
	ID: "capability/cells-complete", Requirement: "PC-CAP-001", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Sim: true, Uses: []sim.Ability{sim.CanBuyer}, Slow: true,
	Rule: "Every combination of method, currency, country and capture mode in the manifest takes a payment.",
	Why:  "A combination that is advertised and does not work is found by a buyer.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return everyCell(ctx, l, anyCell, func(ctx context.Context, l *suite.Lane, cell suite.Cell) error {
			p, _, err := paid(ctx, l, cell)
			if err != nil {
				return err
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			motion := sim.Take
			if cell.Mode == sdk.CaptureManual && !l.Description.Operations.Has(sdk.OpCapture) {
				motion = sim.Hold
			}
			if books.Sum(motion) == 0 {
				return suite.Brokenf("reading the provider's books", "money to have moved: "+string(motion), "%v", books.Movements)
			}
			return nil
		})
	},
}

var cellsRefund = suite.Case{
	ID: "capability/cells-refund", Requirement: "PC-CAP-001", Profile: suite.Refunds, Needs: []sdk.Operation{sdk.OpRefund},
	Sim: true, Uses: []sim.Ability{sim.CanBuyer}, Slow: true,
	Rule: "A payment in every combination in the manifest can be refunded.",
	Why:  "A refund that works for one method only leaves the others' buyers without their money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return everyCell(ctx, l, anyCell, func(ctx context.Context, l *suite.Lane, cell suite.Cell) error {
			p, capture, err := paid(ctx, l, cell)
			if err != nil {
				return errors.Join(suite.ErrBlocked, err)
			}
			if capture == "" {
				found, err := p.Find(ctx)
				if err != nil || len(found.Captures) == 0 {
					return errors.Join(fmt.Errorf("%w: no capture is found to refund", suite.ErrBlocked), err)
				}
				capture = found.Captures[0].Ref
			}
			result, err := p.Refund(ctx, capture, p.Request.Amount.Minor)
			return suite.Outcome("refunding", result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending)
		})
	},
}

var cellsVoid = suite.Case{
	ID: "capability/cells-void", Requirement: "PC-CAP-001", Profile: suite.DelayedCapture, Needs: []sdk.Operation{sdk.OpVoid},
	Sim: true, Uses: []sim.Ability{sim.CanBuyer}, Slow: true,
	Rule: "A payment in every combination in the manifest with manual capture can be voided.",
	Why:  "A hold that cannot be let go keeps a buyer from their own money for days.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return everyCell(ctx, l, manualCell, func(ctx context.Context, l *suite.Lane, cell suite.Cell) error {
			p, err := l.AuthorizedIn(ctx, cell, l.Amount())
			if err != nil {
				return err
			}
			result, err := p.Void(ctx)
			return suite.Outcome("voiding", result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending)
		})
	},
}
