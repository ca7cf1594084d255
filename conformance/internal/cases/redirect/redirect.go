// Package redirect holds the cases about payments that a buyer approves on a page of the
// provider's: where the page is, what the provider is told of the way back, and that
// nothing counts but what the provider itself says.
//
// A connector never sees the buyer come back: the return visit is the host's. What these
// cases hold is that it makes no difference.
package redirect

import (
	"context"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		onePage, foreignPage, samePage, unmodified,
		unapproved, approved, declined, left, timedOut,
	}
}

var (
	opens = []sdk.Operation{sdk.OpAuthorize}
	finds = []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}
)

// request is a request for a payment that the buyer approves on a page.
func request(l *suite.Lane) (suite.Cell, sdk.AuthorizeRequest, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return cell, sdk.AuthorizeRequest{}, err
	}
	if cell.Method.Flow != sdk.FlowRedirect {
		at := slices.IndexFunc(l.Cells(), func(c suite.Cell) bool {
			return c.Method.Flow == sdk.FlowRedirect && c.Currency.Code == cell.Currency.Code && c.Mode == cell.Mode
		})
		if at < 0 {
			return cell, sdk.AuthorizeRequest{}, fmt.Errorf("%w: no redirect in %s", suite.ErrNotTestable, cell.Currency.Code)
		}
		cell = l.Cells()[at]
	}
	req, err := l.Authorization(cell, l.Amount())
	return cell, req, err
}

// waiting is a payment whose buyer has the page and has not acted.
func waiting(ctx context.Context, l *suite.Lane, change func(*sdk.AuthorizeRequest)) (*suite.Payment, error) {
	cell, req, err := request(l)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(&req)
	}
	p, err := l.OpenAs(ctx, cell, req)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: authorizing: %w", suite.ErrBlocked, err)
	case p.Result.Outcome != sdk.OutcomeRequiresAction:
		return nil, suite.Brokenf("authorizing by "+cell.Method.Name, "outcome REQUIRES_ACTION, as a redirect has", "%s", p.Result.Outcome)
	case p.Result.Next == nil:
		return nil, suite.Brokenf("authorizing by "+cell.Method.Name, "a page to go to", "none")
	}
	return p, nil
}

// unpaid checks that the provider's books show no money of the payment.
func unpaid(ctx context.Context, step string, p *suite.Payment) error {
	books, err := p.Books(ctx)
	if err != nil {
		return err
	}
	if n := books.Sum(sim.Hold) + books.Sum(sim.Take); n > 0 {
		return fmt.Errorf("%w: %s: the provider moved %d", suite.ErrBlocked, step, n)
	}
	return nil
}

// state looks the payment up, by the provider's name and by ours, and checks its state.
func state(ctx context.Context, step string, p *suite.Payment, allowed ...sdk.State) error {
	for name, find := range map[string]func(context.Context) (*sdk.Snapshot, error){
		"by the provider's name": p.Find, "by our reference": p.FindByReference,
	} {
		seen, err := find(ctx)
		if err != nil {
			return suite.Brokenf(step+", "+name, "the payment to be found", "%v", err)
		}
		if !slices.Contains(allowed, seen.State) {
			return suite.Brokenf(step+", "+name, fmt.Sprintf("a state of %v", allowed), "%s", seen.State)
		}
	}
	return nil
}
