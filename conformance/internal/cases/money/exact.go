package money

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// awkward are amounts on which arithmetic with a point goes wrong: the smallest, those
// around a full unit, and those that a float does not hold (0.29, 1.15, 19.99, 1.001).
var awkward = []int64{1, 29, 115, 999, 1000, 1001, 1999, 123_456_789}

var zeroDecimals = exact("money/zero-decimals", "PC-MONEY-001", 0,
	"Every amount arrives at the provider as it was asked for in a currency without decimals.",
	"A thousand yen that arrive as ten, or as a hundred thousand, are refunded by hand, one by one.")

var twoDecimals = exact("money/two-decimals", "PC-MONEY-002", 2,
	"Every amount arrives at the provider as it was asked for in a currency with two decimals.",
	"A cent that is lost in a float is lost in every payment, and the books never close.")

var threeDecimals = exact("money/three-decimals", "PC-MONEY-003", 3,
	"Every amount arrives at the provider as it was asked for in a currency with three decimals.",
	"A dinar that is counted in hundredths costs the buyer ten times as much, or a tenth.")

// exact is the case that amounts in currencies with so many decimals are kept.
func exact(id, requirement string, exponent int, rule, why string) suite.Case {
	offered := func(m sdk.Manifest) []sdk.CurrencyFact {
		return slices.DeleteFunc(slices.Clone(m.Currencies), func(c sdk.CurrencyFact) bool { return c.Exponent != exponent })
	}
	return suite.Case{
		ID: id, Requirement: requirement, Profile: suite.Core, Rule: rule, Why: why, Sim: true,
		Needs:    []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
		When:     func(m sdk.Manifest) bool { return len(offered(m)) > 0 },
		WhenText: fmt.Sprintf("no currency with %d decimals is offered", exponent),
		Run: func(ctx context.Context, l *suite.Lane) error {
			cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
			if err != nil {
				return err
			}
			for _, currency := range offered(l.Description.Manifest) {
				at, err := inCurrency(l, cell, currency)
				if err != nil {
					return err
				}
				for _, minor := range within(l, awkward) {
					if err := arrives(ctx, l, at, minor); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
}

// inCurrency is the cell in another currency, with the country that goes with it.
func inCurrency(l *suite.Lane, cell suite.Cell, currency sdk.CurrencyFact) (suite.Cell, error) {
	for _, c := range l.Cells() {
		if c.Method == cell.Method && c.Currency == currency && c.Mode == cell.Mode {
			return c, nil
		}
	}
	return cell, fmt.Errorf("%w: no cell of the manifest is in %s", suite.ErrSuite, currency.Code)
}

// within keeps the amounts that the manifest's limits allow.
func within(l *suite.Lane, amounts []int64) []int64 {
	limits := l.Description.Manifest.Limits
	return slices.DeleteFunc(slices.Clone(amounts), func(minor int64) bool {
		return minor < limits.MinAmount || limits.MaxAmount > 0 && minor > limits.MaxAmount
	})
}

// arrives authorizes an amount and holds the provider's books and the lookup to it.
func arrives(ctx context.Context, l *suite.Lane, cell suite.Cell, minor int64) error {
	asked := sdk.Money{Minor: minor, Currency: cell.Currency.Code}
	step := "authorizing " + asked.String()
	p, err := l.Open(ctx, cell, minor)
	if err != nil {
		return suite.Outcome(step, p.Result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction)
	}
	if err := p.Finish(ctx); err != nil {
		return err
	}
	books, err := p.Books(ctx)
	if err != nil {
		return err
	}
	held := sdk.Money{Minor: suite.SumsOf(books).Held, Currency: sdk.Currency(books.Currency)}
	if err := suite.Equal(step+", in the provider's books", held, asked); err != nil {
		return err
	}
	snapshot, err := p.Find(ctx)
	if err != nil {
		return err
	}
	return suite.Amount(step+", in the lookup", snapshot.Authorized, asked)
}

var currencyIsKept = suite.Case{
	ID: "money/currency", Requirement: "PC-MONEY-004", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "A payment is made in the currency that was asked for, in every currency of the manifest.",
	Why:   "A connector that falls back to its home currency charges 1000 dollars for 1000 yen.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		for _, currency := range l.Description.Manifest.Currencies {
			at, err := inCurrency(l, cell, currency)
			if err != nil {
				return err
			}
			p, err := l.AuthorizedIn(ctx, at, l.Amount())
			if err != nil {
				return err
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			step := fmt.Sprintf("authorizing in %s, in the provider's books", currency.Code)
			if err := suite.Equal(step, books.Currency, string(currency.Code)); err != nil {
				return err
			}
		}
		return nil
	},
}

var largestAmount = suite.Case{
	ID: "money/largest", Requirement: "PC-MONEY-005", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	When:  func(m sdk.Manifest) bool { return m.Limits.MaxAmount > 0 }, WhenText: "no largest amount is claimed",
	Rule: "The manifest's largest amount arrives exactly, and one more is refused before anybody is asked.",
	Why:  "A limit that is off by one, or kept in a float, is found by the largest order of the year.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		most := l.Description.Manifest.Limits.MaxAmount
		if err := arrives(ctx, l, cell, most); err != nil {
			return err
		}
		if most == math.MaxInt64 {
			return nil
		}
		mark := l.Mark()
		_, err = l.Open(ctx, cell, most+1)
		step := fmt.Sprintf("authorizing %d, one more than the largest amount", most+1)
		return errors.Join(suite.Named(step, err, "/amount"), l.Nothing(step, mark))
	},
}

// huge are the amounts around what a float of 64 bits and an integer of 64 bits hold.
var huge = []int64{1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64}

var hugeAmounts = suite.Case{
	ID: "money/huge", Requirement: "PC-MONEY-005", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "Amounts that a float cannot hold are transmitted exactly or refused, never rounded.",
	Why:   "A rounded amount is a wrong amount that nobody looks for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		for _, minor := range huge {
			p, err := l.Open(ctx, cell, minor)
			step := fmt.Sprintf("authorizing %d", minor)
			if err == nil {
				if err := p.Finish(ctx); err != nil {
					return err
				}
				want := suite.Sums{Held: minor}
				if cell.Mode == sdk.CaptureAutomatic {
					want.Taken = minor
				}
				if err := p.Moved(ctx, step, want, p.Result.Answer); err != nil {
					return err
				}
				continue
			}
			if wrong := suite.Refused(step, err); wrong != nil {
				return wrong
			}
			ledger, wrong := l.Ledger(ctx)
			if wrong != nil {
				return wrong
			}
			found := len(ledger.Find(string(p.Request.Call.Reference)))
			if err := suite.Equal(step+", refused: payments in the provider's books", found, 0); err != nil {
				return err
			}
		}
		return nil
	},
}

var cartMustAddUp = suite.Case{
	ID: "money/cart-adds-up", Requirement: "PC-MONEY-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	When:     func(m sdk.Manifest) bool { return m.Features.CartMatchesAmount },
	WhenText: "it is not claimed that carts must add up to the amount",
	Rule:     "A cart that does not add up to the amount is refused, naming the cart, and never adjusted.",
	Why:      "A buyer who sees one total and pays another opens a dispute.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		var wrong []error
		for _, off := range []int64{-1, 1} {
			req, err := l.Authorization(cell, l.Amount())
			if err != nil {
				return err
			}
			req.Cart = []sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: req.Amount.Minor + off}}
			mark := l.Mark()
			_, err = l.OpenAs(ctx, cell, req)
			step := fmt.Sprintf("authorizing %s for a cart of %d", req.Amount, req.Amount.Minor+off)
			wrong = append(wrong, suite.Named(step, err, "/cart_items"), l.Nothing(step, mark))
		}
		return errors.Join(wrong...)
	},
}
