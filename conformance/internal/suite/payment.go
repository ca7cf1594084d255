package suite

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Payment is one that a case works on.
type Payment struct {
	lane    *Lane
	Cell    Cell
	Request sdk.AuthorizeRequest
	Result  sdk.AuthorizeResult
}

// Open asks for an authorization and returns the payment as it then is, with the
// connector's own error.
func (l *Lane) Open(ctx context.Context, cell Cell, minor int64) (*Payment, error) {
	req, err := l.Authorization(cell, minor)
	if err != nil {
		return nil, err
	}
	return l.OpenAs(ctx, cell, req)
}

// OpenAs asks for an authorization as it is given.
func (l *Lane) OpenAs(ctx context.Context, cell Cell, req sdk.AuthorizeRequest) (*Payment, error) {
	p := &Payment{lane: l, Cell: cell, Request: req}
	var err error
	p.Result, err = l.Remote.Authorize(ctx, req)
	return p, err
}

// Authorized is a payment whose buyer has approved it: held in manual mode, taken in
// automatic. That it works is for other cases to prove: here a failure blocks.
func (l *Lane) Authorized(ctx context.Context, mode sdk.CaptureMode) (*Payment, error) {
	cell, err := l.Cell(mode)
	if err != nil {
		return nil, err
	}
	if cell.Mode != mode {
		return nil, fmt.Errorf("%w: capture mode %s is not offered", ErrNotTestable, mode)
	}
	return l.AuthorizedIn(ctx, cell, l.Amount())
}

// AuthorizedIn is Authorized for a cell and an amount.
func (l *Lane) AuthorizedIn(ctx context.Context, cell Cell, minor int64) (*Payment, error) {
	p, err := l.Open(ctx, cell, minor)
	if err != nil {
		return nil, blocked("authorizing", err)
	}
	if err := p.Finish(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// Finish has the buyer approve, if a buyer has to, and learns the provider's name for
// the payment if the answer did not tell it.
func (p *Payment) Finish(ctx context.Context) error {
	if p.Result.Outcome == sdk.OutcomeRequiresAction {
		if err := p.Buyer(ctx, sim.Approve); err != nil {
			return err
		}
	}
	if p.Result.Order == "" {
		snapshot, err := p.Find(ctx)
		if err != nil {
			return blocked("looking the payment up", err)
		}
		p.Result.Order = snapshot.Order
	}
	return nil
}

// Buyer lets the buyer do something on the provider's page.
func (p *Payment) Buyer(ctx context.Context, does sim.Deed) error {
	return p.lane.simulated(p.lane.sim.Buyer(ctx, p.lane.simLane, sim.Buyer{Reference: string(p.Request.Call.Reference), Does: does}))
}

// Captured is a payment whose money was taken, whole, and the capture.
func (l *Lane) Captured(ctx context.Context) (*Payment, sdk.CaptureRef, error) {
	if cell, err := l.Cell(sdk.CaptureManual); err != nil {
		return nil, "", err
	} else if cell.Mode == sdk.CaptureAutomatic {
		return l.taken(ctx)
	}
	p, err := l.Authorized(ctx, sdk.CaptureManual)
	if err != nil {
		return nil, "", err
	}
	result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
	if err != nil {
		return nil, "", blocked("capturing", err)
	}
	return p, result.Capture, nil
}

// taken is a payment that was captured with its authorization.
func (l *Lane) taken(ctx context.Context) (*Payment, sdk.CaptureRef, error) {
	p, err := l.Authorized(ctx, sdk.CaptureAutomatic)
	if err != nil {
		return nil, "", err
	}
	snapshot, err := p.Find(ctx)
	if err != nil {
		return nil, "", blocked("looking the payment up", err)
	}
	if len(snapshot.Captures) != 1 {
		return nil, "", fmt.Errorf("%w: a payment captured at once shows %d captures", ErrBlocked, len(snapshot.Captures))
	}
	return p, snapshot.Captures[0].Ref, nil
}

// Money is an amount in the payment's currency.
func (p *Payment) Money(minor int64) sdk.Money {
	return sdk.Money{Minor: minor, Currency: p.Request.Amount.Currency}
}

// Capturing is a request for a capture, under a new call.
func (p *Payment) Capturing(minor int64, final bool) sdk.CaptureRequest {
	return sdk.CaptureRequest{
		Call: p.lane.Next(p.Request.Call), Order: p.Result.Order, Amount: p.Money(minor), Final: final,
	}
}

// Capture asks for a capture, under a new call.
func (p *Payment) Capture(ctx context.Context, minor int64, final bool) (sdk.CaptureResult, error) {
	return p.lane.Remote.Capture(ctx, p.Capturing(minor, final))
}

// Voiding is a request for a release, under a new call.
func (p *Payment) Voiding() sdk.VoidRequest {
	return sdk.VoidRequest{Call: p.lane.Next(p.Request.Call), Order: p.Result.Order}
}

// Void asks for the hold to be released, under a new call.
func (p *Payment) Void(ctx context.Context) (sdk.VoidResult, error) {
	return p.lane.Remote.Void(ctx, p.Voiding())
}

// Refunding is a request for a refund, under a new call. The capture is given where
// refunds hang on captures.
func (p *Payment) Refunding(capture sdk.CaptureRef, minor int64) sdk.RefundRequest {
	req := sdk.RefundRequest{
		Call: p.lane.Next(p.Request.Call), Order: p.Result.Order, Amount: p.Money(minor), Reason: sdk.RefundRequested,
	}
	if p.lane.Description.Manifest.RefundScope == sdk.RefundCapture {
		req.Capture = capture
	}
	return req
}

// Refund asks for a refund, under a new call.
func (p *Payment) Refund(ctx context.Context, capture sdk.CaptureRef, minor int64) (sdk.RefundResult, error) {
	return p.lane.Remote.Refund(ctx, p.Refunding(capture, minor))
}

// Find looks the payment up by the provider's name, or by ours alone if it has none
// yet. Not finding it is an error here.
func (p *Payment) Find(ctx context.Context) (*sdk.Snapshot, error) {
	return p.find(ctx, p.Result.Order)
}

// FindByReference looks the payment up by our reference alone.
func (p *Payment) FindByReference(ctx context.Context) (*sdk.Snapshot, error) {
	return p.find(ctx, "")
}

func (p *Payment) find(ctx context.Context, order sdk.OrderRef) (*sdk.Snapshot, error) {
	req := sdk.FindPaymentRequest{Call: Reading(p.Request.Call), Order: order, CreatedAt: p.lane.opened}
	finding, err := p.lane.Remote.FindPayment(ctx, req)
	switch {
	case err != nil:
		return nil, err
	case !finding.Found || finding.Payment == nil:
		return nil, Brokenf("looking the payment up", "it to be found", "not found")
	}
	return finding.Payment, nil
}

// Books is what the simulator knows about the payment: there must be exactly one.
func (p *Payment) Books(ctx context.Context) (sim.Payment, error) {
	ledger, err := p.lane.Ledger(ctx)
	if err != nil {
		return sim.Payment{}, err
	}
	found := ledger.Find(string(p.Request.Call.Reference))
	if len(found) != 1 {
		return sim.Payment{}, Brokenf("reading the provider's books", "one payment with our reference", "%d", len(found))
	}
	return found[0], nil
}

// blocked marks the failure of something that other cases prove.
func blocked(step string, err error) error {
	if isOwn(err) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrBlocked, step, err)
}
