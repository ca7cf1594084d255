package claims

import (
	"context"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var otherNameIsTheSame = suite.Case{
	ID: "provider/by-another-name", Requirement: "PC-CAP-013", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "A payment goes as well when the provider's address is written in another way.",
	Why:  "A connector that behaves only where it recognises a test has proven nothing.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		a := copied(l.Account)
		renamed := false
		for name, value := range a.Config {
			a.Config[name] = strings.ReplaceAll(value, "127.0.0.1", "localhost")
			renamed = renamed || a.Config[name] != value
		}
		if !renamed {
			return suite.ErrNotTestable // no field of the account names the provider's address
		}
		l.Account = a
		p, _, err := paidIn(ctx, l)
		if err != nil {
			return err
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		if books.Sum(sim.Hold)+books.Sum(sim.Take) == 0 {
			return suite.Brokenf("reading the provider's books", "money to have moved", "%v", books.Movements)
		}
		return nil
	},
}

// paidIn is paid for the fixtures' own combination.
func paidIn(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, "", err
	}
	return paid(ctx, l, cell)
}
