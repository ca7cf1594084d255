package deed

import (
	"context"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A kind is one operation that shows in the provider's books.
type kind struct {
	op     sdk.Operation
	motion sim.Motion // of which it makes one; "" for an authorization, which makes a payment
	manual bool       // it needs money that is held and not taken
	ready  func(context.Context, *suite.Lane) (*Deed, error)
	send   func(context.Context, *Deed) Result
	// known reports whether a snapshot shows it.
	known func(*Deed, *sdk.Snapshot) bool
}

func (k kind) offered(d sdk.Description) bool {
	return d.Operations.Has(k.op) && (!k.manual || slices.Contains(d.Manifest.CaptureModes, sdk.CaptureManual))
}

var kinds = []kind{
	{op: sdk.OpAuthorize, ready: readyAuthorize, send: authorize, known: func(*Deed, *sdk.Snapshot) bool { return true }},
	{op: sdk.OpCapture, motion: sim.Take, manual: true, ready: readyCapture, send: capture, known: isCaptured},
	{op: sdk.OpVoid, motion: sim.Release, manual: true, ready: readyVoid, send: void, known: isVoided},
	{op: sdk.OpRefund, motion: sim.Return, ready: readyRefund, send: refund, known: isRefunded},
	{op: sdk.OpIncrement, motion: sim.Hold, manual: true, ready: readyIncrement, send: increment, known: isRaised},
}

func readyAuthorize(_ context.Context, l *suite.Lane) (*Deed, error) {
	since := l.Now()
	cell, err := l.Cell(sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	req, err := l.Authorization(cell, l.Amount())
	if err != nil {
		return nil, err
	}
	return &Deed{Call: req.Call, Minor: req.Amount.Minor, request: req, since: since}, nil
}

// held is a deed on a payment whose money is held.
func held(ctx context.Context, l *suite.Lane, minor int64) (*Deed, error) {
	since := l.Now()
	p, err := l.Authorized(ctx, sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	return &Deed{
		Call: l.Next(p.Request.Call), Minor: minor, request: p.Request, payment: p, since: since,
	}, nil
}

// part is what a deed moves: a quarter where several parts may be moved, else all.
func part(l *suite.Lane, partial, multiple bool) int64 {
	if partial && multiple {
		return l.Amount() / 4
	}
	return l.Amount()
}

func readyCapture(ctx context.Context, l *suite.Lane) (*Deed, error) {
	f := l.Description.Manifest.Features
	return held(ctx, l, part(l, f.PartialCapture, f.MultipleCapture))
}

func readyVoid(ctx context.Context, l *suite.Lane) (*Deed, error) { return held(ctx, l, l.Amount()) }

func readyIncrement(ctx context.Context, l *suite.Lane) (*Deed, error) {
	d, err := held(ctx, l, l.Amount()/4)
	if err == nil {
		d.before = 1
	}
	return d, err
}

func readyRefund(ctx context.Context, l *suite.Lane) (*Deed, error) {
	since := l.Now()
	p, captured, err := l.Captured(ctx)
	if err != nil {
		return nil, err
	}
	f := l.Description.Manifest.Features
	return &Deed{
		Call: l.Next(p.Request.Call), Minor: part(l, f.PartialRefund, f.MultipleRefund),
		request: p.Request, payment: p, capture: captured, since: since,
	}, nil
}

func authorize(ctx context.Context, d *Deed) Result {
	req := d.request
	req.Call, req.Amount = d.Call, d.Money()
	if len(req.Cart) > 0 {
		req.Cart = []sdk.CartItem{{Name: req.Cart[0].Name, Quantity: 1, UnitAmount: d.Minor}}
	}
	a, err := d.asked().Authorize(ctx, req)
	r := Result{Answer: a.Answer, Err: err, Ref: string(a.Order)}
	if a.Next != nil {
		r.Page = a.Next.RedirectURL
	}
	return r
}

func capture(ctx context.Context, d *Deed) Result {
	req := d.payment.Capturing(d.Minor, d.Minor == d.request.Amount.Minor)
	req.Call = d.Call
	a, err := d.asked().Capture(ctx, req)
	return Result{Answer: a.Answer, Err: err, Ref: string(a.Capture)}
}

func void(ctx context.Context, d *Deed) Result {
	req := d.payment.Voiding()
	req.Call = d.Call
	a, err := d.asked().Void(ctx, req)
	return Result{Answer: a.Answer, Err: err}
}

func refund(ctx context.Context, d *Deed) Result {
	req := d.payment.Refunding(d.capture, d.Minor)
	req.Call = d.Call
	a, err := d.asked().Refund(ctx, req)
	return Result{Answer: a.Answer, Err: err, Ref: string(a.Refund)}
}

func increment(ctx context.Context, d *Deed) Result {
	a, err := d.asked().Increment(ctx, sdk.IncrementRequest{Call: d.Call, Order: d.payment.Result.Order, Amount: d.Money()})
	return Result{Answer: a.Answer, Err: err}
}
