package states

import (
	"context"
	"errors"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// An attempt is a write that must be refused.
type attempt func(context.Context, *suite.Lane, *suite.Payment, sdk.CaptureRef) error

func tryCapture(ctx context.Context, _ *suite.Lane, p *suite.Payment, _ sdk.CaptureRef) error {
	_, err := p.Capture(ctx, p.Request.Amount.Minor, true)
	return err
}

func tryVoid(ctx context.Context, _ *suite.Lane, p *suite.Payment, _ sdk.CaptureRef) error {
	_, err := p.Void(ctx)
	return err
}

// tryRefund refunds the capture; where there is none, the one that names nothing.
func tryRefund(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
	if capture == "" {
		capture = l.Fixtures().Capture
	}
	_, err := p.Refund(ctx, capture, p.Request.Amount.Minor)
	return err
}

// A stage is a payment that was brought into a state, and its capture if it has one.
type stage func(context.Context, *suite.Lane) (*suite.Payment, sdk.CaptureRef, error)

func unapproved(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	p, err := waiting(ctx, l)
	return p, "", err
}

func declined(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	p, err := waiting(ctx, l)
	if err != nil {
		return nil, "", err
	}
	return p, "", p.Buyer(ctx, sim.Decline)
}

func held(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	p, err := l.Authorized(ctx, sdk.CaptureManual)
	return p, "", err
}

func voided(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	p, err := l.Authorized(ctx, sdk.CaptureManual)
	if err != nil {
		return nil, "", err
	}
	result, err := p.Void(ctx)
	return p, "", done("voiding", result.Answer, err)
}

func captured(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	return l.Captured(ctx)
}

func refunded(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	p, capture, err := l.Captured(ctx)
	if err != nil {
		return nil, "", err
	}
	result, err := p.Refund(ctx, capture, p.Request.Amount.Minor)
	return p, capture, done("refunding", result.Answer, err)
}

// impossible is the case that an attempt on a stage is refused because of the payment's
// state, and leaves the payment and its money as they are.
func impossible(id, requirement string, profile suite.Profile, step, why string, from stage, try attempt, needs ...sdk.Operation) suite.Case {
	c := suite.Case{
		ID: id, Requirement: requirement, Profile: profile, Sim: true,
		Needs: append([]sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}, needs...),
		Rule:  "To " + step + " is refused as a matter of state, moves nothing, and leaves the payment as it is.",
		Why:   why,
		Run: func(ctx context.Context, l *suite.Lane) error {
			p, capture, err := from(ctx, l)
			if err != nil {
				return err
			}
			before, err := p.Sums(ctx)
			if err != nil {
				return err
			}
			was, err := p.Find(ctx)
			if err != nil {
				return suite.Blocking("looking the payment up", err)
			}
			if err := p.Stays(ctx, step, try(ctx, l, p, capture), before); err != nil {
				return err
			}
			is, err := p.Find(ctx)
			if err != nil {
				return err
			}
			return suite.Equal("looking up after trying to "+step, is.State, was.State)
		},
	}
	return c
}

// onRedirect makes a case apply only where buyers approve on a page.
func onRedirect(c suite.Case) suite.Case {
	c.When, c.WhenText = redirects, noRedirect
	return c
}

var (
	captureBeforeApproval = onRedirect(impossible("state/capture-before-approval", "PC-STATE-005", suite.DelayedCapture,
		"capture what nobody has approved", "Money is taken from a buyer who has not agreed.",
		unapproved, tryCapture, sdk.OpCapture))
	voidBeforeApproval = onRedirect(impossible("state/void-before-approval", "PC-STATE-005", suite.DelayedCapture,
		"void what nobody has approved", "The host believes that it is over, and the buyer approves.",
		unapproved, tryVoid, sdk.OpVoid))
	refundBeforeApproval = onRedirect(impossible("state/refund-before-approval", "PC-STATE-005", suite.Refunds,
		"refund what nobody has approved", "Money goes out that never came in.",
		unapproved, tryRefund, sdk.OpRefund))
	refundBeforeCapture = impossible("state/refund-before-capture", "PC-STATE-005", suite.DelayedCapture,
		"refund what was not captured", "Money goes out that never came in.",
		held, tryRefund, sdk.OpRefund)
	captureAfterDecline = onRedirect(impossible("state/capture-after-decline", "PC-STATE-006", suite.DelayedCapture,
		"capture what the buyer has declined", "Money is taken from a buyer who has said no.",
		declined, tryCapture, sdk.OpCapture))
	captureAfterVoid = impossible("state/capture-after-void", "PC-STATE-006", suite.DelayedCapture,
		"capture what was voided", "The buyer was told that nothing will be charged.",
		voided, tryCapture, sdk.OpCapture, sdk.OpVoid)
	refundAfterVoid = impossible("state/refund-after-void", "PC-STATE-006", suite.DelayedCapture,
		"refund what was voided", "Money goes out that never came in.",
		voided, tryRefund, sdk.OpRefund, sdk.OpVoid)
	captureAfterCapture = impossible("state/capture-after-capture", "PC-STATE-006", suite.DelayedCapture,
		"capture again what was captured in full", "The buyer pays twice.",
		captured, tryCapture, sdk.OpCapture)
	voidAfterCapture = impossible("state/void-after-capture", "PC-STATE-006", suite.DelayedCapture,
		"void what was captured in full", "The merchant believes that the buyer has the money back.",
		captured, tryVoid, sdk.OpCapture, sdk.OpVoid)
	voidAfterRefund = impossible("state/void-after-refund", "PC-STATE-006", suite.DelayedCapture,
		"void what was refunded in full", "What is counted twice is missing once.",
		refunded, tryVoid, sdk.OpCapture, sdk.OpVoid, sdk.OpRefund)
	captureAfterRefund = impossible("state/capture-after-refund", "PC-STATE-006", suite.DelayedCapture,
		"capture what was refunded in full", "The buyer pays for what was sent back.",
		refunded, tryCapture, sdk.OpCapture, sdk.OpRefund)
)

// absent is the case that an attempt on a payment that does not exist is refused.
func absent(id string, profile suite.Profile, try attempt, op sdk.Operation) suite.Case {
	return suite.Case{
		ID: id, Requirement: "PC-STATE-007", Profile: profile, Sim: true, Needs: []sdk.Operation{sdk.OpAuthorize, op},
		Rule: "A write on a payment that the provider does not have is refused with not_found, and makes none.",
		Why:  "A payment that appears out of nowhere has nobody who agreed to it.",
		Run: func(ctx context.Context, l *suite.Lane) error {
			cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
			if err != nil {
				return err
			}
			p, err := l.Open(ctx, cell, l.Amount()) // lends its request; the order is another
			if err != nil {
				return suite.Blocking("authorizing", err)
			}
			p.Result.Order = l.Fixtures().Order
			before, err := l.Ledger(ctx)
			if err != nil {
				return err
			}
			step := "calling " + string(op) + " for a payment that does not exist"
			if err := suite.Refused(step, try(ctx, l, p, ""), sdk.CodeNotFound); err != nil {
				return err
			}
			after, err := l.Ledger(ctx)
			if err != nil {
				return err
			}
			return errors.Join(
				suite.Equal(step+": payments", len(after.Payments), len(before.Payments)),
				suite.Equal(step+": movements", movements(after), movements(before)))
		},
	}
}

func movements(l sim.Ledger) int {
	n := 0
	for _, p := range l.Payments {
		n += len(p.Movements)
	}
	return n
}

var (
	captureOfNobody = absent("state/capture-not-found", suite.DelayedCapture, tryCapture, sdk.OpCapture)
	voidOfNobody    = absent("state/void-not-found", suite.DelayedCapture, tryVoid, sdk.OpVoid)
	refundOfNobody  = absent("state/refund-not-found", suite.Refunds, tryRefund, sdk.OpRefund)
)
