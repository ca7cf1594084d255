package text

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// alphabet are references of the greatest length that use every character there may be.
var alphabet = []string{"0123456789ABCDEFGHIJKL", "MNOPQRSTUVWXYZabcdefgh", "ijklmnopqrstuvwxyz9876"}

// lookBack is how old a payment may be that a case looks up.
const lookBack = time.Minute

var authorizingAndFinding = []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}

// open authorizes under a reference.
func open(ctx context.Context, l *suite.Lane, reference string) (*suite.Payment, error) {
	cell, req, err := asked(l)
	if err != nil {
		return nil, err
	}
	req.Call.Reference = sdk.Reference(reference)
	return l.OpenAs(ctx, cell, req)
}

var references = suite.Case{
	ID: "text/references", Requirement: "PC-TEXT-007", Profile: suite.Core, Sim: true, Needs: authorizingAndFinding,
	Rule: "References of every allowed character, at their greatest length, reach the provider and are found again.",
	Why:  "A reference that is cut or changed on its way finds nothing when it is needed.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, reference := range alphabet {
			p, err := open(ctx, l, reference)
			if err != nil {
				return suite.Brokenf("authorizing under "+reference, "it to be taken", "%v", err)
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			snapshot, err := p.FindByReference(ctx)
			if err != nil {
				return err
			}
			if err := suite.Equal("looking up by "+reference+": order", string(snapshot.Order), books.Order); err != nil {
				return err
			}
			if snapshot.Reference != "" && string(snapshot.Reference) != reference {
				return suite.Brokenf("looking up by "+reference, "our reference", "%s", snapshot.Reference)
			}
		}
		return nil
	},
}

var referenceTooLong = suite.Case{
	ID: "text/reference-too-long", Requirement: "PC-TEXT-007", Profile: suite.Core, Sim: true, Needs: authorizing,
	Rule: "A reference with a character too many, or one that is not allowed, is refused by its name before the provider is asked.",
	Why:  "Two references that are cut to one are one payment.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		for _, reference := range []string{alphabet[0] + "M", "abc-def", "abc def", "名", ""} {
			mark := l.Mark()
			_, err := open(ctx, l, reference)
			step := "authorizing under the reference " + shown(reference)
			wrong = append(wrong, suite.Named(step, err, "/call/reference"), l.Nothing(step, mark))
		}
		return errors.Join(wrong...)
	},
}

var referencesByCase = suite.Case{
	ID: "text/references-by-case", Requirement: "PC-TEXT-007", Profile: suite.Core, Sim: true, Needs: authorizingAndFinding,
	Rule: "Two references that differ in case only are two payments, and each finds its own.",
	Why:  "A provider's or a connector's lower case makes two buyers one.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		orders := map[string]sdk.OrderRef{}
		for _, reference := range []string{"conformanceCASEofLETTR", strings.ToLower("conformanceCASEofLETTR")} {
			p, err := open(ctx, l, reference)
			if err != nil {
				return suite.Blocking("authorizing under "+reference, err)
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			orders[reference] = sdk.OrderRef(books.Order)
		}
		for reference, order := range orders {
			call := l.NewCall()
			call.Reference = sdk.Reference(reference)
			finding, err := l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{Call: suite.Reading(call), CreatedAt: l.Now().Add(-lookBack)})
			if err != nil || !finding.Found || finding.Payment == nil {
				return suite.Brokenf("looking up by "+reference, "it to be found", "found %t, %v", finding.Found, err)
			}
			if err := suite.Equal("looking up by "+reference+": order", finding.Payment.Order, order); err != nil {
				return err
			}
		}
		return nil
	},
}
