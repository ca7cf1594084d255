package money

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var lessThanAskedIsTold = suite.Case{
	ID: "money/approved-less", Requirement: "PC-MONEY-007", Profile: suite.Core, Sim: true,
	Uses:  []sim.Ability{sim.CanFault(sim.FaultLess)},
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	When:  func(m sdk.Manifest) bool { return m.Features.PartialAuthorization }, WhenText: "partial authorization is not claimed",
	Rule: "Where the provider approves less than was asked for, that amount is told, and not the one asked for.",
	Why:  "Goods for the whole amount are shipped for the part that was paid.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		less := l.Amount() / 2
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultLess, Minor: less}); err != nil {
			return err
		}
		p, err := l.AuthorizedIn(ctx, cell, l.Amount())
		if err != nil {
			return err
		}
		sums, err := p.Sums(ctx)
		if err != nil {
			return err
		}
		if sums.Held != less {
			return fmt.Errorf("%w: the simulator was to approve %d and approved %d", suite.ErrSuite, less, sums.Held)
		}
		if a := p.Result.Amount; a != nil && p.Result.Outcome == sdk.OutcomeSucceeded {
			if err := suite.Equal("authorizing, of which half is approved", *a, p.Money(less)); err != nil {
				return err
			}
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		return suite.Amount("looking up what is authorized", snapshot.Authorized, p.Money(less))
	},
}

// doubted checks that a write whose answer contradicts what was asked for is in doubt,
// for that reason.
func doubted(step string, a sdk.Answer, err error, code sdk.Code) error {
	if wrong := suite.Outcome(step, a, err, sdk.OutcomeUnknown); wrong != nil {
		return wrong
	}
	return suite.Failed(step, err, code)
}

var otherAmountIsDoubted = suite.Case{
	ID: "money/other-amount", Requirement: "PC-MONEY-008", Profile: suite.Core, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultAmount)}, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "An answer to an authorization that tells a larger amount than was asked for is in doubt, with amount_mismatch.",
	Why:  "A buyer is charged what nobody asked for, and the merchant's books say otherwise.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return contradicted(ctx, l, sim.Fault{Kind: sim.FaultAmount, Minor: l.Amount() + 1}, sdk.CodeAmountMismatch)
	},
}

var otherCurrencyIsDoubted = suite.Case{
	ID: "money/other-currency", Requirement: "PC-MONEY-008", Profile: suite.Core, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultCurrency)}, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "An answer to an authorization that tells another currency than was asked for is in doubt, with currency_mismatch.",
	Why:  "A number without its currency is believed to be money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		return contradicted(ctx, l, sim.Fault{Kind: sim.FaultCurrency, Value: otherThan(cell.Currency)}, sdk.CodeCurrencyMismatch)
	},
}

// otherThan is a currency with as many decimals as another, so that the answer can be
// read and only the currency is wrong.
func otherThan(c sdk.CurrencyFact) string {
	pairs := map[int][2]string{0: {"JPY", "KRW"}, 2: {"USD", "EUR"}, 3: {"KWD", "BHD"}}
	pair, known := pairs[c.Exponent]
	switch {
	case !known:
		return "XXX"
	case string(c.Code) == pair[0]:
		return pair[1]
	}
	return pair[0]
}

// contradicted authorizes while answers are wrong in one way, and expects doubt, also
// where the payment has been made.
func contradicted(ctx context.Context, l *suite.Lane, f sim.Fault, code sdk.Code) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	if err := l.Fault(ctx, f); err != nil {
		return err
	}
	p, err := l.Open(ctx, cell, l.Amount())
	step := fmt.Sprintf("authorizing %s, answered with another %s", p.Request.Amount, f.Kind)
	if wrong := doubted(step, p.Result.Answer, err, code); wrong != nil {
		return wrong
	}
	_, err = p.Books(ctx) // the request did reach the provider
	return err
}

var otherCaptureAmountIsDoubted = suite.Case{
	ID: "capture/other-amount", Requirement: "PC-MONEY-008", Profile: suite.DelayedCapture, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultAmount)}, Needs: []sdk.Operation{sdk.OpCapture, sdk.OpFindPayment},
	Rule: "An answer to a capture that tells another amount than was asked for is in doubt, with amount_mismatch.",
	Why:  "Money that was taken differently from what the books say is found at the end of the month.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		minor := p.Request.Amount.Minor
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultAmount, Minor: minor - 1}); err != nil {
			return err
		}
		result, err := p.Capture(ctx, minor, true)
		return errors.Join(
			doubted(fmt.Sprintf("capturing %d, answered with %d", minor, minor-1), result.Answer, err, sdk.CodeAmountMismatch),
			p.Moved(ctx, "capturing", suite.Sums{Held: minor, Taken: minor}))
	},
}

var otherRefundAmountIsDoubted = suite.Case{
	ID: "refund/other-amount", Requirement: "PC-MONEY-008", Profile: suite.Refunds, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultAmount)}, Needs: []sdk.Operation{sdk.OpRefund, sdk.OpFindPayment},
	Rule: "An answer to a refund that tells another amount than was asked for is in doubt, with amount_mismatch.",
	Why:  "A buyer who is told of a refund that did not happen so asks the merchant, who does not know.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		minor := p.Request.Amount.Minor
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultAmount, Minor: minor - 1}); err != nil {
			return err
		}
		result, err := p.Refund(ctx, capture, minor)
		return errors.Join(
			doubted(fmt.Sprintf("refunding %d, answered with %d", minor, minor-1), result.Answer, err, sdk.CodeAmountMismatch),
			p.Moved(ctx, "refunding", suite.Sums{Held: minor, Taken: minor, Returned: minor}))
	},
}

var missingAmountIsNotZero = suite.Case{
	ID: "money/missing-amount", Requirement: "PC-MONEY-009", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "An amount that the provider's answer leaves out is absent or an error, never 0.",
	Why:   "A zero that nobody said turns a full capture into a partial one, or into none.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := odd(ctx, l)
		if err != nil {
			return err
		}
		mark := l.Mark()
		if _, err := p.Find(ctx); err != nil {
			return suite.Blocking("looking the payment up", err)
		}
		if err := repeatWithout(l, l.Since(mark).Reads(), p.Request.Amount); err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return notFoundIs(err)
		}
		return noZero("looking up an answer without amounts", snapshot)
	},
}

// oddPart is added to amounts so that nothing else in an answer is likely to equal them.
const oddPart = 8_017

// odd is a payment that is taken, if it can be, and whose amount is an odd one.
func odd(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	mode := l.Description.Manifest.CaptureModes[0]
	cell, err := l.Cell(mode)
	if err != nil {
		return nil, err
	}
	p, err := l.AuthorizedIn(ctx, cell, l.Amount()+oddPart)
	if err != nil || cell.Mode == sdk.CaptureAutomatic || !l.Description.Operations.Has(sdk.OpCapture) {
		return p, err
	}
	result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
	return p, suite.Blocking("capturing", suite.Done("capturing", result.Answer, err))
}

// repeatWithout has reads answered as they were, but for members that say the amount.
func repeatWithout(l *suite.Lane, reads []proxy.Exchange, amount sdk.Money) error {
	removed := 0
	for _, x := range reads {
		body, n := without(x.Answer.Body, amount.Minor)
		removed += n
		target := x.Request.Target
		err := l.Break(proxy.Fault{
			What: proxy.Instead, Only: proxy.Reads, Match: func(r proxy.Request) bool { return r.Target == target },
			Reply: proxy.Reply{Status: x.Answer.Status, Body: body},
		})
		if err != nil {
			return err
		}
	}
	if removed == 0 {
		return fmt.Errorf("%w: no answer to a lookup says the amount %s in JSON", suite.ErrBlocked, amount)
	}
	return nil
}

// notFoundIs passes an error on only if it says that the payment is not there: any other
// error is an honest answer to an answer without amounts.
func notFoundIs(err error) error {
	if broken, ok := errors.AsType[*suite.Broken](err); ok && strings.Contains(broken.Actual, "not found") {
		return err
	}
	return nil
}

// noZero checks that no amount of a snapshot is 0 but that of what never happened.
func noZero(step string, s *sdk.Snapshot) error {
	var wrong []error
	check := func(name string, m *sdk.Money) {
		if m != nil && m.Minor == 0 {
			wrong = append(wrong, suite.Brokenf(step, "no "+name+" amount, or the true one", "%s", m))
		}
	}
	check("authorized", s.Authorized)
	check("captured", s.Captured)
	for _, c := range s.Captures {
		check("capture's", c.Amount)
	}
	return errors.Join(wrong...)
}
