package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// accepted sends the fixtures' authorize request, changed in one way, and expects the
// provider to have taken it.
func accepted(ctx context.Context, l *suite.Lane, step string, minor int64, change func(*sdk.AuthorizeRequest)) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	req, err := l.Authorization(cell, minor)
	if err != nil {
		return err
	}
	change(&req)
	p, err := l.OpenAs(ctx, cell, req)
	if wrong := suite.Outcome(step, p.Result.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction); wrong != nil {
		return wrong
	}
	_, err = p.Books(ctx)
	return err
}

func unchanged(*sdk.AuthorizeRequest) {}

var itemsAtLimit = suite.Case{
	ID: "limit/cart-items-at", Requirement: "PC-CAP-007", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	When: func(m sdk.Manifest) bool { return m.Limits.CartItems > 0 }, WhenText: "no limit of cart items is claimed",
	Rule: "A cart with exactly as many items as the manifest allows is taken.",
	Why:  "A limit that is one too low refuses what the merchant was promised.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		limit := l.Description.Manifest.Limits.CartItems
		minor := max(int64(limit), l.Description.Manifest.Limits.MinAmount)
		return accepted(ctx, l, fmt.Sprintf("authorizing %d cart items", limit), minor, func(r *sdk.AuthorizeRequest) {
			r.Cart = slices.Repeat([]sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: 1}}, limit)
			r.Cart[0].UnitAmount += minor - int64(limit)
		})
	},
}

var amountAtLeast = suite.Case{
	ID: "limit/amount-at-least", Requirement: "PC-CAP-007", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "Exactly the smallest amount of the manifest is taken; where it names none, one minor unit.",
	Why:  "A limit that is one too high refuses what the merchant was promised.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		least := max(1, l.Description.Manifest.Limits.MinAmount)
		return accepted(ctx, l, fmt.Sprintf("authorizing %d", least), least, unchanged)
	},
}

var amountBelowLeast = suite.Case{
	ID: "limit/amount-below-least", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "One minor unit less than the smallest amount of the manifest is refused, naming the field.",
	Why:  "A limit that is not enforced is found by the provider, at the till.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		below := max(1, l.Description.Manifest.Limits.MinAmount) - 1
		return spoilt(ctx, l, fmt.Sprintf("authorizing %d", below), "/amount", amounting(below))
	},
}

// amounting sets the amount, and a cart that comes to it.
func amounting(minor int64) func(*sdk.AuthorizeRequest) {
	return func(r *sdk.AuthorizeRequest) {
		r.Amount.Minor = minor
		if len(r.Cart) > 0 {
			r.Cart = []sdk.CartItem{{Name: r.Cart[0].Name, Quantity: 1, UnitAmount: minor}}
		}
	}
}

// Descriptions are tried with characters of one, three and four bytes in UTF-8, of which
// the last has two units in UTF-16: a limit is counted in code points.
var wideAndNarrow = []string{"x", "語", "😀"}

var descriptionAtLimit = suite.Case{
	ID: "limit/description-at", Requirement: "PC-CAP-007", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	When: func(m sdk.Manifest) bool { return m.Limits.DescriptionLength > 0 }, WhenText: "no limit of descriptions is claimed",
	Rule: "A description with exactly as many code points as the manifest allows is taken, whatever their bytes.",
	Why:  "Who counts bytes refuses a Japanese description at a third of its length.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		limit := l.Description.Manifest.Limits.DescriptionLength
		for _, char := range wideAndNarrow {
			step := fmt.Sprintf("authorizing with %d times %s as the description", limit, char)
			if err := accepted(ctx, l, step, l.Amount(), describing(strings.Repeat(char, limit))); err != nil {
				return err
			}
		}
		return nil
	},
}

var descriptionBeyondLimit = suite.Case{
	ID: "limit/description-beyond", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	When: func(m sdk.Manifest) bool { return m.Limits.DescriptionLength > 0 }, WhenText: "no limit of descriptions is claimed",
	Rule: "A description with one code point more than the manifest allows is refused, naming the field.",
	Why:  "A text that is cut without a word says something else.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		beyond := l.Description.Manifest.Limits.DescriptionLength + 1
		for _, char := range wideAndNarrow {
			step := fmt.Sprintf("authorizing with %d times %s as the description", beyond, char)
			if err := spoilt(ctx, l, step, "/description", describing(strings.Repeat(char, beyond))); err != nil {
				return err
			}
		}
		return nil
	},
}

func describing(text string) func(*sdk.AuthorizeRequest) {
	return func(r *sdk.AuthorizeRequest) { r.Description = text }
}
