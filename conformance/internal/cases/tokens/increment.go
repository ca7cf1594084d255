package tokens

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var raises = []sdk.Operation{sdk.OpAuthorize, sdk.OpIncrement}

func manual(m sdk.Manifest) bool { return slices.Contains(m.CaptureModes, sdk.CaptureManual) }

const manualText = "manual capture is not offered"

// raising is a request to raise a payment by an amount.
func raising(l *suite.Lane, p *suite.Payment, minor int64) sdk.IncrementRequest {
	return sdk.IncrementRequest{Call: l.Next(p.Request.Call), Order: p.Result.Order, Amount: p.Money(minor)}
}

var incrementRaises = suite.Case{
	ID: "increment/raises", Requirement: "PC-TOK-009", Profile: suite.DelayedCapture, Needs: raises, Sim: true, Uses: uses,
	When: manual, WhenText: manualText,
	Rule: "Raising an authorization holds exactly so much more, and the answer tells the new total.",
	Why:  "A hotel that raises a hold by the mini-bar has the room held twice; or captures what was never held.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		total, by := p.Request.Amount.Minor, p.Request.Amount.Minor/4
		for range 2 {
			total += by
			r, err := l.Remote.Increment(ctx, raising(l, p, by))
			if wrong := suite.Outcome("raising", r.Answer, err, sdk.OutcomeSucceeded); wrong != nil {
				return wrong
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			if err := errors.Join(
				suite.Amount("raising, the total that is told", r.Amount, p.Money(total)),
				suite.Equal("raising, what the provider holds", books.Sum(sim.Hold), total),
			); err != nil {
				return err
			}
		}
		return nil
	},
}

var incrementOnce = suite.Case{
	ID: "increment/once", Requirement: "PC-TOK-010", Profile: suite.DelayedCapture, Needs: raises, Sim: true, Uses: uses,
	When: func(m sdk.Manifest) bool {
		return manual(m) && m.Idempotency[sdk.OpIncrement].Mode == sdk.IdempotencyNative
	},
	WhenText: "manual capture with native idempotency of increments is not offered",
	Rule:     "One key raises an authorization once, however often it is sent, and the total that is told stays the same.",
	Why:      "Each retry of a lost answer holds more of the buyer's money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		by := p.Request.Amount.Minor / 4
		req := raising(l, p, by)
		for range 4 {
			r, err := l.Remote.Increment(ctx, req)
			if wrong := suite.Outcome("raising with one key", r.Answer, err, sdk.OutcomeSucceeded); wrong != nil {
				return wrong
			}
			if err := suite.Amount("raising with one key", r.Amount, p.Money(p.Request.Amount.Minor+by)); err != nil {
				return err
			}
			req.Call = suite.Again(req.Call)
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		return suite.Equal("raising with one key, what the provider holds", books.Sum(sim.Hold), p.Request.Amount.Minor+by)
	},
}

var incrementOfEnded = suite.Case{
	ID: "increment/ended", Requirement: "PC-TOK-011", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpIncrement, sdk.OpVoid}, Sim: true, Uses: uses,
	When: manual, WhenText: manualText,
	Rule: "An authorization that was released cannot be raised, and nothing is held.",
	Why:  "Money is held again for an order that was called off.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		if _, err := p.Void(ctx); err != nil {
			return fmt.Errorf("%w: releasing: %w", suite.ErrBlocked, err)
		}
		const step = "raising an authorization that was released"
		_, err = l.Remote.Increment(ctx, raising(l, p, p.Request.Amount.Minor/4))
		if wrong := suite.Refused(step, err); wrong != nil {
			return wrong
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		return suite.Equal(step+", what the provider holds", books.Sum(sim.Hold)-books.Sum(sim.Release), 0)
	},
}
