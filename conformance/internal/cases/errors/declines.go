package errors

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A refusal is a payment that the provider declined, and what the connector said.
type refusal struct {
	fixture suite.DeclineFixture
	step    string
	payment *suite.Payment
	err     error
	page    bool // it was declined on the provider's page, after the call
	answer  []byte
}

// decline has the provider decline each payment of the fixtures.
func decline(ctx context.Context, l *suite.Lane) ([]refusal, error) {
	fixtures := l.Fixtures().Declines
	if len(fixtures) == 0 {
		return nil, fmt.Errorf("%w: declines is missing", suite.ErrNotTestable)
	}
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, err
	}
	var all []refusal
	for _, f := range fixtures {
		req, err := l.Authorization(cell, l.Amount())
		if err != nil {
			return nil, err
		}
		if req, err = set(req, f.Set); err != nil {
			return nil, err
		}
		r := refusal{fixture: f, step: "a payment declined with " + f.Name}
		mark := l.Mark()
		r.payment, r.err = l.OpenAs(ctx, cell, req)
		if wrote := l.Wrote(mark); len(wrote) > 0 {
			r.answer = wrote[len(wrote)-1].Answer.Body
		}
		if r.err == nil && r.payment.Result.Outcome == sdk.OutcomeRequiresAction {
			r.page = true
			if err := r.payment.Buyer(ctx, sim.Decline); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	return all, nil
}

var declineUses = []sim.Ability{sim.CanBuyer}

var declineIsDecline = suite.Case{
	ID: "errors/decline-is-a-decline", Requirement: "PC-ERR-001", Profile: suite.Core, Needs: needs, Sim: true, Uses: declineUses,
	Rule: "What the provider declines is DECLINED, in the answer or in a lookup after its page, and no money has moved.",
	Why:  "Called a success, goods leave unpaid; called in doubt, every declined buyer waits for a lookup.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		all, err := decline(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, r := range all {
			wrong = append(wrong, isDeclined(ctx, l, r))
		}
		return errors.Join(wrong...)
	},
}

func isDeclined(ctx context.Context, l *suite.Lane, r refusal) error {
	ledger, err := l.Ledger(ctx)
	if err != nil {
		return err
	}
	for _, p := range ledger.Find(string(r.payment.Request.Call.Reference)) {
		if p.Sum(sim.Hold)+p.Sum(sim.Take) > 0 {
			return fmt.Errorf("%w: declines: %s: the provider moved money", suite.ErrNotTestable, r.fixture.Name)
		}
	}
	if !r.page {
		return suite.Outcome(r.step, r.payment.Result.Answer, r.err, sdk.OutcomeDeclined)
	}
	seen, err := r.payment.Find(ctx)
	if err != nil {
		return fmt.Errorf("%w: looking the payment up: %w", suite.ErrBlocked, err)
	}
	if seen.State != sdk.StateDeclined && seen.State != sdk.StateRequiresAction {
		return suite.Brokenf(r.step+" on the provider's page", "a lookup to say DECLINED, or that the buyer may try again", "%s", seen.State)
	}
	return nil
}

var declineCodes = suite.Case{
	ID: "errors/decline-codes", Requirement: "PC-ERR-002", Profile: suite.Core, Needs: needs, Sim: true, Uses: declineUses,
	Rule: "Each decline that the provider documents has the code that says what the buyer can do.",
	Why:  "A buyer whose card has expired is told to try again later, and does, and leaves.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		all, err := decline(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, r := range all {
			if !r.page {
				wrong = append(wrong, suite.Failed(r.step, r.err, r.fixture.Code))
			}
		}
		return errors.Join(wrong...)
	},
}

var networkWords = suite.Case{
	ID: "errors/network-words", Requirement: "PC-ERR-006", Profile: suite.Core, Needs: needs, Sim: true, Uses: declineUses,
	Rule: "What a card network said about a decline is told as it said it, and is absent where no network spoke.",
	Why:  "Schemes fine for retries against their advice: a merchant must have the very code, and not one that was made up.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		all, err := decline(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, r := range all {
			if r.err != nil {
				wrong = append(wrong, network(r, sdk.AsError(r.err).Network))
			}
		}
		return errors.Join(wrong...)
	},
}

func network(r refusal, told *sdk.Network) error {
	if told == nil {
		return nil
	}
	words := map[string]string{"scheme": told.Scheme, "decline code": told.DeclineCode, "advice code": told.AdviceCode}
	silent := true
	for what, word := range words {
		if word == "" {
			continue
		}
		silent = false
		if !says(r.answer, word) {
			return suite.Brokenf(r.step, "the network's own "+what, "%q, which the provider did not say", word)
		}
	}
	if silent {
		return suite.Brokenf(r.step, "no network where none spoke", "one that says nothing")
	}
	return nil
}
