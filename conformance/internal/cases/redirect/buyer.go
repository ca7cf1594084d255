package redirect

import (
	"context"
	"errors"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// boast is a way back that says of itself that the buyer has paid.
const boast = "https://host.example/return/1/t/approved?status=succeeded&result=success&paid=true&amount=1"

var unapproved = suite.Case{
	ID: "redirect/unapproved", Requirement: "PC-REDIR-005", Profile: suite.Redirect, Needs: finds, Sim: true,
	Rule: "Until the provider says that the buyer approved, a lookup says that the buyer has to act, whatever the way back says.",
	Why:  "A buyer who types the return URL gets the goods.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := waiting(ctx, l, func(r *sdk.AuthorizeRequest) { r.ReturnURL = boast })
		if err != nil {
			return err
		}
		const step = "looking up a payment that nobody approved"
		seen, err := p.FindByReference(ctx)
		if err != nil {
			return suite.Brokenf(step, "the payment to be found", "%v", err)
		}
		for _, m := range []*sdk.Money{seen.Authorized, seen.Captured} {
			if m != nil && m.Minor > 0 {
				return suite.Brokenf(step, "no money", "%s", m)
			}
		}
		return errors.Join(state(ctx, step, p, sdk.StateRequiresAction), unpaid(ctx, step, p))
	},
}

var approved = suite.Case{
	ID: "redirect/approved", Requirement: "PC-REDIR-006", Profile: suite.Redirect, Needs: finds, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "A buyer who approves and closes the browser has paid: every lookup says so, and looking changes nothing.",
	Why:  "The money is gone and the shop waits for a visit that never comes.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := waiting(ctx, l, nil)
		if err != nil {
			return err
		}
		if err := p.Buyer(ctx, sim.Approve); err != nil {
			return err
		}
		want := sdk.StateAuthorized
		if p.Cell.Mode == sdk.CaptureAutomatic {
			want = sdk.StateCaptured
		}
		mark := l.Mark()
		for range 3 { // a page that is reloaded
			if err := state(ctx, "looking up a payment that the buyer approved", p, want); err != nil {
				return err
			}
		}
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		return errors.Join(
			suite.Equal("looking three times, what the provider holds", books.Sum(sim.Hold), p.Request.Amount.Minor),
			suite.Equal("looking three times, what was asked of the provider beside", len(l.Wrote(mark)), 0),
		)
	},
}

var declined = suite.Case{
	ID: "redirect/declined", Requirement: "PC-REDIR-006", Profile: suite.Redirect, Needs: finds, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "A buyer whom the provider declines has not paid: a lookup says declined, or that the buyer may try again.",
	Why:  "The shop holds goods for an order that was refused.",
	Run:  func(ctx context.Context, l *suite.Lane) error { return after(ctx, l, sim.Decline, sdk.StateDeclined) },
}

var left = suite.Case{
	ID: "redirect/left", Requirement: "PC-REDIR-006", Profile: suite.Redirect, Needs: finds, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "A buyer who leaves the page has not paid: a lookup says canceled, or that the buyer may come back.",
	Why:  "The shop holds goods for an order that nobody wants.",
	Run:  func(ctx context.Context, l *suite.Lane) error { return after(ctx, l, sim.Leave, sdk.StateCanceled) },
}

// after lets the buyer do something other than approving and looks the payment up.
func after(ctx context.Context, l *suite.Lane, does sim.Deed, end sdk.State) error {
	p, err := waiting(ctx, l, nil)
	if err != nil {
		return err
	}
	if err := p.Buyer(ctx, does); err != nil {
		return err
	}
	step := "looking up a payment whose buyer did: " + string(does)
	return errors.Join(state(ctx, step, p, end, sdk.StateRequiresAction), unpaid(ctx, step, p))
}

var timedOut = suite.Case{
	ID: "redirect/timed-out", Requirement: "PC-REDIR-006", Profile: suite.Redirect, Needs: finds, Sim: true, Uses: []sim.Ability{sim.CanClock},
	Alone: true,
	Rule:  "A buyer who lets the time pass has not paid: a lookup says that it ended, or that it still waits.",
	Why:   "A payment that nobody will make is called under way for ever.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := waiting(ctx, l, nil)
		if err != nil {
			return err
		}
		// A connector may count from its own clock, which the simulator's is ahead of.
		expires := p.Result.Next.ExpiresAt
		if err := l.Advance(ctx, max(time.Until(expires), expires.Sub(l.Now()))+time.Hour); err != nil {
			return err
		}
		const step = "looking up a payment whose time has passed"
		return errors.Join(
			state(ctx, step, p, sdk.StateExpired, sdk.StateCanceled, sdk.StateFailed, sdk.StateRequiresAction),
			unpaid(ctx, step, p),
		)
	},
}
