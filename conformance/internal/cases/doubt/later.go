package doubt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// forsaken is an authorization that took effect and whose answer was lost.
func forsaken(ctx context.Context, l *suite.Lane) (*deed.Deed, error) {
	d, err := deed.One(ctx, l, sdk.OpAuthorize)
	if err != nil {
		return nil, err
	}
	if err := l.Break(writes(proxy.ActThenDrop)); err != nil {
		return nil, err
	}
	r := d.Do(ctx)
	if err := l.Heal(); err != nil {
		return nil, err
	}
	if r.Done() {
		return nil, fmt.Errorf("%w: an authorization whose answer was lost came to %s", suite.ErrBlocked, r)
	}
	return d, d.Took(ctx, "authorizing", 1)
}

var foundByReference = suite.Case{
	ID: "doubt/found-by-our-reference-alone", Requirement: "PC-TIME-008", Profile: suite.Core, Needs: finding, Sim: true,
	Rule: "A payment of which only our reference is known is found by it, with the provider's name, our reference and its state.",
	Why:  "After a lost answer the reference is all that the host has: without it the payment is in doubt for ever.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := forsaken(ctx, l)
		if err != nil {
			return err
		}
		seen, err := d.Look(ctx)
		const step = "looking a payment up by our reference alone"
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", step, err)
		case seen == nil:
			return suite.Brokenf(step, "it to be found", "not found")
		}
		ledger, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		truth := ledger.Find(string(d.Reference()))
		if len(truth) != 1 {
			return suite.Brokenf(step, "one payment in the provider's books", "%d", len(truth))
		}
		return errors.Join(
			suite.Equal(step, string(seen.Order), truth[0].Order),
			suite.Equal(step, seen.Reference, d.Reference()),
			someState(step, seen.State),
		)
	},
}

func someState(step string, s sdk.State) error {
	if s == "" || s == sdk.StateUnknown {
		return suite.Brokenf(step, "a state", "%q", s)
	}
	return nil
}

var lateSuccess = suite.Case{
	ID: "doubt/late-success", Requirement: "PC-TIME-009", Profile: suite.Core, Needs: finding, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	When: redirects, WhenText: "no method sends the buyer to a page",
	Rule: "A payment that is approved after its caller gave up is seen as approved by the next lookup, and the same key makes no second one.",
	Why:  "Late money that nobody sees is money taken for nothing.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := abandoned(ctx, l)
		if err != nil {
			return err
		}
		if err := p.Buyer(ctx, sim.Approve); err != nil {
			return err
		}
		seen, err := p.FindByReference(ctx)
		const step = "looking up what was approved late"
		if err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		if seen.State != sdk.StateAuthorized && seen.State != sdk.StateCaptured {
			return suite.Brokenf(step, "AUTHORIZED or CAPTURED", "%s", seen.State)
		}
		again := p.Request
		again.Call = suite.Again(again.Call)
		a, err := l.Remote.Authorize(ctx, again)
		r := deed.Result{Answer: a.Answer, Err: err}
		if !r.Done() {
			return suite.Brokenf("sending it again with the same key", "its own result", "%s", r)
		}
		_, err = p.Books(ctx)
		return err
	},
}

func redirects(m sdk.Manifest) bool { return suite.Redirect.Applies(sdk.Description{Manifest: m}) }

// abandoned is a payment that was opened and whose answer never came. One that needs no
// buyer says nothing about late approval.
func abandoned(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	cell, err := l.Cell(sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	if cell.Method.Flow != sdk.FlowRedirect {
		return nil, fmt.Errorf("%w: authorize is for a method without a page", suite.ErrNotTestable)
	}
	if err := l.Break(writes(proxy.ActThenDrop)); err != nil {
		return nil, err
	}
	p, openErr := l.Open(ctx, cell, l.Amount())
	if err := l.Heal(); err != nil {
		return nil, err
	}
	if openErr == nil || p == nil {
		return nil, errors.Join(fmt.Errorf("%w: an authorization whose answer was lost", suite.ErrBlocked), openErr)
	}
	return p, nil
}

var visibleAfterDelay = suite.Case{
	ID: "doubt/visible-after-its-delay", Requirement: "PC-TIME-010", Profile: suite.Core, Needs: finding, Sim: true, Alone: true,
	Uses: []sim.Ability{sim.CanClock, sim.CanFault(sim.FaultHidden)},
	When: func(m sdk.Manifest) bool { return m.VisibilityDelay > 0 }, WhenText: "lookups see every write at once",
	Rule: "A payment that lookups do not see at first is seen once the declared visibility delay has passed.",
	Why:  "A host takes what is not there after the delay for never made, and charges again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		delay := time.Duration(l.Description.Manifest.VisibilityDelay)
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultHidden, Milliseconds: delay.Milliseconds()}); err != nil {
			return err
		}
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		if r := d.Do(ctx); !r.Done() {
			return fmt.Errorf("%w: authorizing: %s", suite.ErrBlocked, r)
		}
		if seen, err := d.Look(ctx); err != nil || seen != nil {
			return fmt.Errorf("%w: the simulator hides nothing: %v %w", suite.ErrBlocked, seen, err)
		}
		if err := l.Advance(ctx, delay+time.Second); err != nil {
			return err
		}
		return d.Known(ctx, "looking after the visibility delay", true)
	},
}

var foreignNotFound = suite.Case{
	ID: "doubt/foreign-not-found", Requirement: "PC-TIME-007", Profile: suite.Core, Needs: finding, Sim: true,
	Rule: "A 404 that is not in the provider's own words does not prove that there is no payment.",
	Why:  "A balancer without a route says 404 to everything: taken at its word, every payment in doubt is charged again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, order, err := opened(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Break(reads(404, htmlType, page)); err != nil {
			return err
		}
		var wrong []error
		for name, o := range map[string]sdk.OrderRef{"the provider's name": order, "our reference": ""} {
			finding, err := l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{
				Call: suite.Reading(d.Call), Order: o, CreatedAt: l.Now().Add(-lookBack),
			})
			if err == nil && (finding.Found || finding.Authoritative) {
				wrong = append(wrong, suite.Brokenf("looking up by "+name+": a 404 of a page", "no proof of anything",
					"found %t, authoritative %t", finding.Found, finding.Authoritative))
			}
		}
		return errors.Join(append(wrong, l.Heal())...)
	},
}
