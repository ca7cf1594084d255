package deed

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// Effects counts how often the deed took effect, by the provider's books. Whatever moved
// must have moved in the deed's amount.
func (d *Deed) Effects(ctx context.Context) (int, error) {
	ledger, err := d.lane.Ledger(ctx)
	if err != nil {
		return 0, err
	}
	return d.EffectsIn(ledger)
}

// EffectsIn is Effects by books that were read already.
func (d *Deed) EffectsIn(ledger sim.Ledger) (int, error) {
	found := ledger.Find(string(d.Reference()))
	if d.kind.motion == "" {
		return len(found), nil
	}
	if len(found) != 1 {
		return 0, suite.Brokenf("reading the provider's books", "one payment with our reference", "%d", len(found))
	}
	effects := 0
	for _, m := range found[0].Movements {
		if m.Motion != d.kind.motion {
			continue
		}
		effects++
		if effects > d.before && m.Minor != d.Minor {
			return 0, suite.Brokenf("reading the provider's books", fmt.Sprintf("a %s of %d", m.Motion, d.Minor), "%d", m.Minor)
		}
	}
	return effects - d.before, nil
}

// Took checks how often the deed took effect.
func (d *Deed) Took(ctx context.Context, step string, want int) error {
	got, err := d.Effects(ctx)
	if err != nil {
		return err
	}
	if got != want {
		return suite.Brokenf(step, fmt.Sprintf("%d effects in the provider's books", want), "%d", got)
	}
	return nil
}

// Look asks the connector for the deed's payment, by our reference alone. A payment that
// is not found is nil.
func (d *Deed) Look(ctx context.Context) (*sdk.Snapshot, error) {
	finding, err := d.lane.Remote.FindPayment(ctx, sdk.FindPaymentRequest{
		Call: suite.Reading(d.request.Call), CreatedAt: d.since,
	})
	if err != nil || !finding.Found {
		return nil, err
	}
	if finding.Payment == nil {
		return nil, suite.Brokenf("looking the payment up", "what was found", "found, and nothing said about it")
	}
	return finding.Payment, nil
}

// Known checks that a lookup by our reference alone tells whether the deed was done.
func (d *Deed) Known(ctx context.Context, step string, want bool) error {
	seen, err := d.Look(ctx)
	if err != nil {
		return fmt.Errorf("%s: looking the payment up: %w", step, err)
	}
	if got := d.Shows(seen); got != want {
		return suite.Brokenf(step, fmt.Sprintf("the lookup to show that it was done: %t", want), "%t: %s", got, said(seen))
	}
	return nil
}

// Shows reports whether a snapshot, nil for none, shows that the deed was done.
func (d *Deed) Shows(seen *sdk.Snapshot) bool { return seen != nil && d.kind.known(d, seen) }

func said(s *sdk.Snapshot) string {
	if s == nil {
		return "not found"
	}
	return fmt.Sprintf("%s, authorized %s, captured %s, released %s, refunded %s",
		s.State, amount(s.Authorized), amount(s.Captured), amount(s.Released), amount(s.Refunded))
}

func amount(m *sdk.Money) string {
	if m == nil {
		return "unsaid"
	}
	return m.String()
}

func isCaptured(d *Deed, s *sdk.Snapshot) bool {
	if s.Captured != nil {
		return s.Captured.Minor >= d.Minor
	}
	for _, c := range s.Captures {
		if c.Operation == d.Call.OperationID || c.Amount != nil && c.Amount.Minor == d.Minor {
			return true
		}
	}
	return false
}

func isVoided(d *Deed, s *sdk.Snapshot) bool {
	return s.State == sdk.StateVoided || s.Released != nil && s.Released.Minor >= d.Minor
}

func isRefunded(d *Deed, s *sdk.Snapshot) bool {
	if s.Refunded != nil {
		return s.Refunded.Minor >= d.Minor
	}
	for _, r := range s.Refunds {
		if r.Operation == d.Call.OperationID || r.Amount != nil && r.Amount.Minor == d.Minor {
			return true
		}
	}
	return false
}

func isRaised(d *Deed, s *sdk.Snapshot) bool {
	return s.Authorized != nil && s.Authorized.Minor >= d.request.Amount.Minor+d.Minor
}
