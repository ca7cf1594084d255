package tokens

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// checking is a request to check an instrument in the fixtures' combination.
func checking(l *suite.Lane, way sdk.PaymentMethod, token sdk.TokenRef) (sdk.ZeroAuthorizeRequest, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return sdk.ZeroAuthorizeRequest{}, err
	}
	return sdk.ZeroAuthorizeRequest{
		Call: l.NewCall(), Currency: cell.Currency.Code, Country: cell.Country, Method: way.Name, Token: token,
		Billing: l.Fixtures().Authorize.Billing,
	}, nil
}

var zeroHoldsNothing = suite.Case{
	ID: "tokens/zero-holds-nothing", Requirement: "PC-TOK-007", Profile: suite.StoredCredentials,
	Needs: []sdk.Operation{sdk.OpZeroAuthorize, sdk.OpTokenize}, Sim: true, Uses: uses,
	Rule: "Checking a good instrument asks the provider, succeeds, and holds no money.",
	Why:  "Buyers see a charge for having stored a card; or everything is called good, because nobody was asked.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		way, token, err := stored(ctx, l)
		if err != nil {
			return err
		}
		req, err := checking(l, way, token)
		if err != nil {
			return err
		}
		mark := l.Mark()
		r, err := l.Remote.ZeroAuthorize(ctx, req)
		const step = "checking a good instrument"
		if wrong := suite.Outcome(step, r.Answer, err, sdk.OutcomeSucceeded); wrong != nil {
			return wrong
		}
		if l.Heard(mark) == 0 {
			return suite.Brokenf(step, "the provider to be asked", "it heard nothing")
		}
		ledger, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		for _, p := range ledger.Payments {
			if n := p.Sum(sim.Hold) + p.Sum(sim.Take); n > 0 {
				return suite.Brokenf(step, "no money to be held", "%d", n)
			}
		}
		return nil
	},
}

var zeroDeclines = suite.Case{
	ID: "tokens/zero-declines", Requirement: "PC-TOK-008", Profile: suite.StoredCredentials,
	Needs: []sdk.Operation{sdk.OpZeroAuthorize}, Sim: true,
	Rule: "Checking an instrument that the provider declines is declined, with the code of the decline.",
	Why:  "A subscription is sold on a card that will never pay.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		tried := 0
		for _, f := range l.Fixtures().Declines {
			token, _ := f.Set["/token"].(string)
			if token == "" {
				continue
			}
			tried++
			way := l.Description.Manifest.Methods[0]
			if name, ok := f.Set["/method"].(string); ok {
				way.Name = name
			}
			req, err := checking(l, way, sdk.TokenRef(token))
			if err != nil {
				return err
			}
			r, err := l.Remote.ZeroAuthorize(ctx, req)
			step := "checking an instrument that is declined with " + f.Name
			if err := suite.Outcome(step, r.Answer, err, sdk.OutcomeDeclined); err != nil {
				wrong = append(wrong, err)
				continue
			}
			wrong = append(wrong, suite.Failed(step, err, f.Code))
		}
		if tried == 0 {
			return fmt.Errorf("%w: declines has none by /token", suite.ErrNotTestable)
		}
		return errors.Join(wrong...)
	},
}
