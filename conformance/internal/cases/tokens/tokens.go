// Package tokens holds the cases about stored payment instruments: what is stored can be
// paid with, by its owner and nobody else, until it is deleted; and whether it is good is
// found out without holding money. Raising an authorization is here too.
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

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		storedPays, storedOnce, unapprovedDoesNotPay, deletedDoesNotPay, deletedTwice, foreignDoesNotPay,
		zeroHoldsNothing, zeroDeclines,
		incrementRaises, incrementOnce, incrementOfEnded,
	}
}

var (
	stores  = []sdk.Operation{sdk.OpTokenize, sdk.OpAuthorize}
	deletes = []sdk.Operation{sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpAuthorize}
	uses    = []sim.Ability{sim.CanBuyer}
)

const (
	returnURL = "https://host.example/return/1/t/approved"
	cancelURL = "https://host.example/return/1/t/canceled"
)

// method is the first payment method of a flow.
func method(m sdk.Manifest, flow sdk.MethodFlow) (sdk.PaymentMethod, bool) {
	at := slices.IndexFunc(m.Methods, func(x sdk.PaymentMethod) bool { return x.Flow == flow })
	if at < 0 {
		return sdk.PaymentMethod{}, false
	}
	return m.Methods[at], true
}

// store asks for an instrument to be stored, as the connector answers it.
func store(ctx context.Context, l *suite.Lane, way sdk.PaymentMethod) (sdk.TokenizeRequest, sdk.TokenizeResult, error) {
	req := sdk.TokenizeRequest{Call: l.NewCall(), Method: way.Name, ReturnURL: returnURL, CancelURL: cancelURL}
	if sample := l.Fixtures().Authorize; sample != nil {
		req.Buyer, req.Billing = sample.Buyer, sample.Billing
	}
	result, err := l.Remote.Tokenize(ctx, req)
	return req, result, err
}

// stored is an instrument that can be paid with: of the first method that the buyer need
// not approve, or else approved. That it works is for storedPays to prove.
func stored(ctx context.Context, l *suite.Lane) (sdk.PaymentMethod, sdk.TokenRef, error) {
	way, ok := method(l.Description.Manifest, sdk.FlowDirect)
	if !ok {
		way = l.Description.Manifest.Methods[0]
	}
	_, result, err := store(ctx, l, way)
	switch {
	case err != nil:
		return way, "", fmt.Errorf("%w: storing: %w", suite.ErrBlocked, err)
	case result.Token == "":
		return way, "", fmt.Errorf("%w: storing: %s without a token", suite.ErrBlocked, result.Outcome)
	case result.Outcome == sdk.OutcomeRequiresAction:
		err = l.Buyer(ctx, string(result.Token), sim.Approve)
	}
	return way, result.Token, err
}

// pay authorizes with a token; where the method has a page, the buyer approves.
func pay(ctx context.Context, l *suite.Lane, way sdk.PaymentMethod, token sdk.TokenRef) (*suite.Payment, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, err
	}
	cell.Method = way
	req, err := l.Authorization(cell, l.Amount())
	if err != nil {
		return nil, err
	}
	req.Token = token
	p, err := l.OpenAs(ctx, cell, req)
	if err != nil {
		return p, err
	}
	return p, p.Finish(ctx)
}

// unusable expects a payment with a token to be refused, and the provider's books to show
// no money of it.
func unusable(ctx context.Context, l *suite.Lane, step string, way sdk.PaymentMethod, token sdk.TokenRef) error {
	p, err := pay(ctx, l, way, token)
	if p == nil {
		return err
	}
	ledger, ledgerErr := l.Ledger(ctx)
	if ledgerErr != nil {
		return ledgerErr
	}
	for _, found := range ledger.Find(string(p.Request.Call.Reference)) {
		if n := found.Sum(sim.Hold) + found.Sum(sim.Take); n > 0 {
			return suite.Brokenf(step, "no money to move", "%d", n)
		}
	}
	if err == nil {
		return suite.Brokenf(step, "a refusal", "%s", p.Result.Outcome)
	}
	if outcome := sdk.AsError(err).Outcome(); outcome != sdk.OutcomeNotAttempted && outcome != sdk.OutcomeDeclined {
		return suite.Brokenf(step, "a refusal", "%s (%v)", outcome, err)
	}
	return nil
}

var storedPays = suite.Case{
	ID: "tokens/pays", Requirement: "PC-TOK-001", Profile: suite.StoredCredentials, Needs: stores, Sim: true, Uses: uses,
	Rule: "An instrument that was stored pays, as often as is asked.",
	Why:  "A buyer who has stored a card finds at the second purchase that it was not kept.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, flow := range []sdk.MethodFlow{sdk.FlowDirect, sdk.FlowRedirect} {
			way, ok := method(l.Description.Manifest, flow)
			if !ok {
				continue
			}
			step := "paying with a stored " + way.Name
			_, result, err := store(ctx, l, way)
			if err != nil || result.Token == "" {
				return suite.Brokenf("storing a "+way.Name, "a token", "%q, %s, %v", result.Token, result.Outcome, err)
			}
			if result.Outcome == sdk.OutcomeRequiresAction {
				if err := l.Buyer(ctx, string(result.Token), sim.Approve); err != nil {
					return err
				}
			}
			for range 2 {
				p, err := pay(ctx, l, way, result.Token)
				if err != nil {
					return suite.Brokenf(step, "money to be held", "%v", err)
				}
				books, err := p.Books(ctx)
				if err != nil {
					return err
				}
				if err := suite.Equal(step, books.Sum(sim.Hold), p.Request.Amount.Minor); err != nil {
					return err
				}
			}
		}
		return nil
	},
}

var storedOnce = suite.Case{
	ID: "tokens/one-key-one-token", Requirement: "PC-TOK-002", Profile: suite.StoredCredentials, Needs: stores, Sim: true,
	When:     func(m sdk.Manifest) bool { return m.Idempotency[sdk.OpTokenize].Mode == sdk.IdempotencyNative },
	WhenText: "tokenize has no native idempotency",
	Rule:     "One key stores one instrument; another key stores another.",
	Why:      "A retry leaves a second copy of the card, which nobody knows of and nobody deletes.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		way := l.Description.Manifest.Methods[0]
		req, first, err := store(ctx, l, way)
		if err != nil {
			return fmt.Errorf("%w: storing: %w", suite.ErrBlocked, err)
		}
		for range 3 {
			req.Call = suite.Again(req.Call)
			again, err := l.Remote.Tokenize(ctx, req)
			if err != nil {
				return suite.Brokenf("storing again with the same key", "the same token", "%v", err)
			}
			if err := suite.Equal("storing again with the same key", again.Token, first.Token); err != nil {
				return err
			}
		}
		_, other, err := store(ctx, l, way)
		if err != nil || other.Token == first.Token {
			return suite.Brokenf("storing with another key", "another token", "%q, %v", other.Token, err)
		}
		return nil
	},
}

var unapprovedDoesNotPay = suite.Case{
	ID: "tokens/unapproved", Requirement: "PC-TOK-003", Profile: suite.StoredCredentials, Needs: stores, Sim: true, Uses: uses,
	When:     func(m sdk.Manifest) bool { _, ok := method(m, sdk.FlowRedirect); return ok },
	WhenText: "no method sends the buyer to a page",
	Rule:     "An instrument whose owner has to approve first is called that, has a page for it, and pays for nothing before.",
	Why:      "Somebody else's wallet pays.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		way, _ := method(l.Description.Manifest, sdk.FlowRedirect)
		_, result, err := store(ctx, l, way)
		switch {
		case err != nil:
			return fmt.Errorf("%w: storing: %w", suite.ErrBlocked, err)
		case result.Outcome != sdk.OutcomeRequiresAction || result.Next == nil || result.Next.RedirectURL == "":
			return suite.Brokenf("storing a "+way.Name, "REQUIRES_ACTION with a page", "%s with %v", result.Outcome, result.Next)
		}
		return unusable(ctx, l, "paying with an instrument that nobody approved", way, result.Token)
	},
}

var deletedDoesNotPay = suite.Case{
	ID: "tokens/deleted", Requirement: "PC-TOK-004", Profile: suite.StoredCredentials, Needs: deletes, Sim: true, Uses: uses,
	Rule: "An instrument that was deleted pays for nothing more.",
	Why:  "A buyer who has taken their card away is charged for the next month.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		way, token, err := stored(ctx, l)
		if err != nil {
			return err
		}
		r, err := l.Remote.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: l.NewCall(), Token: token})
		if wrong := suite.Outcome("deleting", r.Answer, err, sdk.OutcomeSucceeded); wrong != nil {
			return wrong
		}
		return unusable(ctx, l, "paying with an instrument that was deleted", way, token)
	},
}

var deletedTwice = suite.Case{
	ID: "tokens/deleted-twice", Requirement: "PC-TOK-005", Profile: suite.StoredCredentials, Needs: deletes, Sim: true, Uses: uses,
	Rule: "Deleting an instrument that is gone succeeds.",
	Why:  "A deletion whose answer was lost could never be finished.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		_, token, err := stored(ctx, l)
		if err != nil {
			return err
		}
		for _, step := range []string{"deleting", "deleting again", "deleting a third time"} {
			r, err := l.Remote.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: l.NewCall(), Token: token})
			if wrong := suite.Outcome(step, r.Answer, err, sdk.OutcomeSucceeded); wrong != nil {
				return wrong
			}
		}
		return nil
	},
}

var foreignDoesNotPay = suite.Case{
	ID: "tokens/of-another-account", Requirement: "PC-TOK-006", Profile: suite.StoredCredentials, Needs: stores, Sim: true, Uses: uses,
	Rule: "An instrument that was stored for one account pays for nothing on another.",
	Why:  "A merchant pays with another merchant's customers.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		way, token, err := stored(ctx, l)
		if err != nil {
			return err
		}
		other, err := l.Other(ctx)
		if err != nil {
			return err
		}
		err = unusable(ctx, other, "paying with an instrument of another account", way, token)
		if err = errors.Join(err, other.Lawful(), other.Close(ctx)); err != nil {
			return err
		}
		ledger, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		return suite.Equal("counting the payments of the account that stored it", len(ledger.Payments), 0)
	},
}
