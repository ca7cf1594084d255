package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases about two accounts run alone: what a connector shares, it shares with every case
// beside them as well.

const bleedWhy = "A process serves many merchants: what one's call leaves behind, another's must not find."

// beside plays with two accounts in one process, and closes the second.
func beside(ctx context.Context, l *suite.Lane, play func(other *suite.Lane) error) error {
	other, err := l.Neighbour(ctx)
	if err != nil {
		return err
	}
	err = play(other)
	if err == nil {
		err = errors.Join(other.Lawful(), other.Books(ctx))
	}
	return errors.Join(err, other.Close(context.WithoutCancel(ctx)))
}

// crowd is how many payments each of two accounts makes.
const crowd = 16

// interleaved has two accounts authorize in turns at the same time.
func interleaved(ctx context.Context, l, other *suite.Lane) (mine, theirs []*suite.Payment, err error) {
	err = each(2, func(i int) error {
		var err error
		if i == 0 {
			mine, err = opened(ctx, l, crowd, sdk.CaptureManual)
		} else {
			theirs, err = opened(ctx, other, crowd, sdk.CaptureManual)
		}
		return err
	})
	return mine, theirs, err
}

var twoAccounts = suite.Case{
	ID: "load/two-accounts", Requirement: "PC-CONC-002", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true, Alone: true,
	Rule: "Payments of two accounts at the same time are each made for their own account.", Why: bleedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return beside(ctx, l, func(other *suite.Lane) error {
			mine, theirs, err := interleaved(ctx, l, other)
			if err != nil {
				return err
			}
			return errors.Join(owns(ctx, "the one account", l, mine), owns(ctx, "the other account", other, theirs))
		})
	},
}

// owns checks that an account's books hold its own payments and nobody else's.
func owns(ctx context.Context, who string, l *suite.Lane, payments []*suite.Payment) error {
	ledger, err := l.Ledger(ctx)
	if err != nil {
		return err
	}
	step := "authorizing for two accounts at the same time: " + who
	wrong := []error{suite.Equal(step+": payments in its books", len(ledger.Payments), len(payments))}
	for _, p := range payments {
		if n := len(ledger.Find(string(p.Request.Call.Reference))); n != 1 {
			wrong = append(wrong, suite.Brokenf(step, "each of its payments once in its books", "%d times", n))
		}
	}
	return errors.Join(wrong...)
}

var secretsApart = suite.Case{
	ID: "load/secrets-apart", Requirement: "PC-CONC-002", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true, Alone: true,
	Rule: "No request for one account carries a secret of another.", Why: bleedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return beside(ctx, l, func(other *suite.Lane) error {
			mark, otherMark := l.Mark(), other.Mark()
			if _, _, err := interleaved(ctx, l, other); err != nil {
				return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
			}
			return errors.Join(
				foreign("the one account", l.Since(mark), l, other.Account),
				foreign("the other account", other.Since(otherMark), other, l.Account),
			)
		})
	},
}

// foreign looks for another account's secrets in what was sent for one.
func foreign(who string, sent proxy.Record, l *suite.Lane, other sdk.Account) error {
	if len(sent.Exchanges) == 0 {
		return suite.Brokenf("authorizing for "+who, "requests to the provider", "none")
	}
	for _, x := range sent.Exchanges {
		for name, secret := range other.Secrets {
			if own := l.Account.Secrets[name]; own.Reveal() == secret.Reveal() {
				continue // they share it
			}
			if form := l.Leaks(append(x.Request.Head, x.Request.Body...), secret.Reveal()); form != "" {
				return suite.Brokenf("authorizing for "+who, "its own credentials", "the %s of another account, %s", name, form)
			}
		}
	}
	return nil
}

var wrongBesideRight = suite.Case{
	ID: "load/wrong-credentials-beside-right", Requirement: "PC-CONC-002", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}, Sim: true,
	Rule: "An account whose credentials are refused does not spoil those of the others in its process, nor borrow them.", Why: bleedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		wrong, err := l.WrongAccount()
		if err != nil {
			return err
		}
		call := l.NewCall()
		call.Account = wrong
		stranger := sdk.FindPaymentRequest{Call: suite.Reading(call), Order: l.Fixtures().Order}
		return each(2*crowd, func(i int) error {
			if i%2 == 0 {
				cell, err := l.Cell(sdk.CaptureManual)
				if err != nil {
					return err
				}
				if _, err := l.Open(ctx, cell, l.Amount()); err != nil {
					return fmt.Errorf("authorizing beside an account with wrong credentials: %w", err)
				}
				return nil
			}
			_, err := l.Remote.FindPayment(ctx, stranger)
			const step = "looking up with wrong credentials beside an account with right ones"
			if err == nil || sdk.AsError(err).Category() != sdk.CategoryAuthentication {
				return suite.Brokenf(step, "an error of AUTHENTICATION", "%v", err)
			}
			return nil
		})
	},
}

var limitApart = suite.Case{
	ID: "load/limit-apart", Requirement: "PC-CONC-002", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true, Alone: true,
	Rule: "A limit that one account has met holds for that account alone.", Why: bleedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		return beside(ctx, l, func(other *suite.Lane) error {
			if err := l.Break(proxy.Fault{What: proxy.Instead, Reply: proxy.TooMany("3600")}); err != nil {
				return err
			}
			_, limited := opened(ctx, l, 4, sdk.CaptureManual)
			if limited == nil {
				return fmt.Errorf("%w: 429 came to success", suite.ErrBlocked)
			}
			_, err := opened(ctx, other, 4, sdk.CaptureManual)
			if err != nil {
				err = suite.Brokenf("authorizing beside an account that has met its limit", "success", "%v", err)
			}
			return errors.Join(err, l.Heal())
		})
	},
}
