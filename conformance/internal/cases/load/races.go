package load

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// racers is how many ask for the same money.
const racers = 8

func someRefunds(m sdk.Manifest) bool { return m.Features.PartialRefund && m.Features.MultipleRefund }
func someCaptures(m sdk.Manifest) bool {
	return m.Features.PartialCapture && m.Features.MultipleCapture
}

var refundsBeyond = suite.Case{
	ID: "load/refunds-beyond-the-capture", Requirement: "PC-CONC-003", Profile: suite.Refunds, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpRefund}, Sim: true,
	When: someRefunds, WhenText: "a capture is refunded once and whole",
	Rule: "Of refunds at the same time that come to more than was captured, no more is done than was captured, and each caller is told which it was.",
	Why:  "Two clerks who click refund must not pay the buyer twice.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		part := p.Request.Amount.Minor / 4
		requests := make([]sdk.RefundRequest, racers)
		for i := range requests {
			requests[i] = p.Refunding(capture, part)
		}
		return raced(ctx, p, sim.Return, part, 4, func(i int) error {
			a, err := l.Remote.Refund(ctx, requests[i])
			return outcome(a.Answer, err)
		})
	},
}

var capturesBeyond = suite.Case{
	ID: "load/captures-beyond-the-hold", Requirement: "PC-CONC-003", Profile: suite.DelayedCapture, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture}, Sim: true,
	When: someCaptures, WhenText: "a payment is captured once and whole",
	Rule: "Of captures at the same time that come to more than may be taken, no more is done than may be, and each caller is told which it was.",
	Why:  "Two parcels that are shipped at once must not take more than the buyer agreed to.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		part := p.Request.Amount.Minor / 4
		requests := make([]sdk.CaptureRequest, racers)
		for i := range requests {
			requests[i] = p.Capturing(part, false)
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		return raced(ctx, p, sim.Take, part, int(books.Most/part), func(i int) error {
			a, err := l.Remote.Capture(ctx, requests[i])
			return outcome(a.Answer, err)
		})
	},
}

var errLost = errors.New("refused")

// outcome is nil for a write that was done, errLost for one that was refused because of
// what the others did, and else what is wrong with it.
func outcome(a sdk.Answer, err error) error {
	if o := sdk.OutcomeOf(a, err); o == sdk.OutcomeSucceeded || o == sdk.OutcomePending {
		return nil
	}
	if e := sdk.AsError(err); e != nil && e.Category() == sdk.CategoryState {
		return errLost
	}
	return suite.Brokenf("asking at the same time", "success, or a refusal because of the state", "%s (%v)", sdk.OutcomeOf(a, err), err)
}

// raced has everybody ask for a part at the same time, and holds what they were told to
// the books.
func raced(ctx context.Context, p *suite.Payment, motion sim.Motion, part int64, room int, ask func(i int) error) error {
	results := make([]error, racers)
	if err := each(racers, func(i int) error {
		if results[i] = ask(i); errors.Is(results[i], errLost) {
			return nil
		}
		return results[i]
	}); err != nil {
		return err
	}
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		}
	}
	books, err := p.Books(ctx)
	if err != nil {
		return err
	}
	step := fmt.Sprintf("asking %d times at once for a quarter", racers)
	return errors.Join(
		suite.Equal(step+": what was done, by the provider's books", books.Sum(motion), part*int64(done)),
		suite.Equal(step+": how many were told that it was done", done, room),
	)
}

// contest has two writes compete for the same money, round after round.
func contest(ctx context.Context, l *suite.Lane, rounds int, ready func() (*suite.Payment, []func() error, error), judge func(p *suite.Payment, won []bool) error) error {
	for range rounds {
		p, sides, err := ready()
		if err != nil {
			return err
		}
		won := make([]bool, len(sides))
		if err := each(len(sides), func(i int) error {
			err := sides[i]()
			won[i] = err == nil
			if errors.Is(err, errLost) {
				return nil
			}
			return err
		}); err != nil {
			return err
		}
		if err := errors.Join(judge(p, won), l.Books(ctx)); err != nil {
			return err
		}
	}
	return nil
}

var captureAgainstVoid = suite.Case{
	ID: "load/capture-against-void", Requirement: "PC-CONC-004", Profile: suite.DelayedCapture,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid}, Sim: true,
	Rule: "Of a capture in full and a void at the same time exactly one is done, and the other is told so.",
	Why:  "Goods that go out while the money goes back are a gift.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		ready := func() (*suite.Payment, []func() error, error) {
			p, err := l.Authorized(ctx, sdk.CaptureManual)
			if err != nil {
				return nil, nil, err
			}
			capturing, voiding := p.Capturing(p.Request.Amount.Minor, true), p.Voiding()
			return p, []func() error{
				func() error { a, err := l.Remote.Capture(ctx, capturing); return outcome(a.Answer, err) },
				func() error { a, err := l.Remote.Void(ctx, voiding); return outcome(a.Answer, err) },
			}, nil
		}
		return contest(ctx, l, 4, ready, func(p *suite.Payment, won []bool) error {
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			const step = "capturing and voiding at the same time"
			if won[0] == won[1] {
				return suite.Brokenf(step, "one of them to be done", "captured %t, voided %t", won[0], won[1])
			}
			want := map[bool][]int64{true: {p.Request.Amount.Minor, 0}, false: {0, p.Request.Amount.Minor}}[won[0]]
			if got := []int64{books.Sum(sim.Take), books.Sum(sim.Release)}; !slices.Equal(got, want) {
				return suite.Brokenf(step, fmt.Sprintf("%v taken and released", want), "%v", got)
			}
			return nil
		})
	},
}

var captureAgainstRefund = suite.Case{
	ID: "load/two-refunds-in-full", Requirement: "PC-CONC-004", Profile: suite.Refunds, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpRefund}, Sim: true,
	Rule: "Of two refunds in full at the same time exactly one is done, and the other is told so.",
	Why:  "A refund that is asked for in the shop and in the back office is one refund.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		ready := func() (*suite.Payment, []func() error, error) {
			p, capture, err := l.Captured(ctx)
			if err != nil {
				return nil, nil, err
			}
			one, two := p.Refunding(capture, p.Request.Amount.Minor), p.Refunding(capture, p.Request.Amount.Minor)
			return p, []func() error{
				func() error { a, err := l.Remote.Refund(ctx, one); return outcome(a.Answer, err) },
				func() error { a, err := l.Remote.Refund(ctx, two); return outcome(a.Answer, err) },
			}, nil
		}
		return contest(ctx, l, 3, ready, func(p *suite.Payment, won []bool) error {
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			const step = "refunding in full twice at the same time"
			if won[0] == won[1] {
				return suite.Brokenf(step, "one of them to be done", "%v", won)
			}
			return suite.Equal(step+": what was returned", books.Sum(sim.Return), p.Request.Amount.Minor)
		})
	},
}
