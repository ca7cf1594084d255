// Package bend bends the reference connector for mutants: what its writes say, under which
// keys it asks, and what it hears from its provider.
package bend

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Tripper is a function that sends requests.
type Tripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (t Tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// A Tape keeps what a request's body held, as far as it was sent, so that a mutant can
// send it again without having read it before it is sent.
type Tape struct{ text bytes.Buffer }

// Record is r with its body kept.
func (t *Tape) Record(r *http.Request) *http.Request {
	if r.Body == nil {
		return r
	}
	recorded := r.Clone(r.Context())
	recorded.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, &t.text), r.Body}
	return recorded
}

// Again is r with the body that was kept, and whether all of it was.
func (t *Tape) Again(r *http.Request) (*http.Request, bool) {
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(t.text.Bytes()))
	return again, int64(t.text.Len()) == r.ContentLength && t.text.Len() > 0
}

// A Bent is the reference connector with hooks around its writes. Hooks that are nil
// change nothing.
type Bent struct {
	*reference.Connector
	// Call changes the context and the call of every write before it is made.
	Call func(context.Context, sdk.Operation, sdk.Call) (context.Context, sdk.Call)
	// Said changes what every write says: its answer, or its error.
	Said func(sdk.Operation, *sdk.Answer, error) error
}

func (b *Bent) call(ctx context.Context, op sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
	if b.Call == nil {
		return ctx, call
	}
	return b.Call(ctx, op, call)
}

func (b *Bent) said(op sdk.Operation, a *sdk.Answer, err error) error {
	if b.Said == nil {
		return err
	}
	return b.Said(op, a, err)
}

// Authorize implements [sdk.Authorizer].
func (b *Bent) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpAuthorize, req.Call)
	a, err := b.Connector.Authorize(ctx, req)
	return a, b.said(sdk.OpAuthorize, &a.Answer, err)
}

// Capture implements [sdk.Capturer].
func (b *Bent) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpCapture, req.Call)
	a, err := b.Connector.Capture(ctx, req)
	return a, b.said(sdk.OpCapture, &a.Answer, err)
}

// Void implements [sdk.Voider].
func (b *Bent) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpVoid, req.Call)
	a, err := b.Connector.Void(ctx, req)
	return a, b.said(sdk.OpVoid, &a.Answer, err)
}

// Cancel implements [sdk.Canceler].
func (b *Bent) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpCancel, req.Call)
	a, err := b.Connector.Cancel(ctx, req)
	return a, b.said(sdk.OpCancel, &a.Answer, err)
}

// Refund implements [sdk.Refunder].
func (b *Bent) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpRefund, req.Call)
	a, err := b.Connector.Refund(ctx, req)
	return a, b.said(sdk.OpRefund, &a.Answer, err)
}

// Increment implements [sdk.Incrementer].
func (b *Bent) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpIncrement, req.Call)
	a, err := b.Connector.Increment(ctx, req)
	return a, b.said(sdk.OpIncrement, &a.Answer, err)
}

// Tokenize implements [sdk.Tokenizer].
func (b *Bent) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	ctx, req.Call = b.call(ctx, sdk.OpTokenize, req.Call)
	a, err := b.Connector.Tokenize(ctx, req)
	return a, b.said(sdk.OpTokenize, &a.Answer, err)
}

// Saying makes a connector whose writes say what said makes of it.
func Saying(said func(sdk.Operation, *sdk.Answer, error) error) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return &Bent{Connector: c, Said: said} }
}

// Coding makes a connector whose writes fail with another code where they fail with one.
func Coding(wrong sdk.Code, right ...sdk.Code) func(*reference.Connector) sdk.Connector {
	return Saying(func(_ sdk.Operation, _ *sdk.Answer, err error) error { return Recode(err, wrong, right...) })
}

// Recode gives an error another code if it has one of the given.
func Recode(err error, wrong sdk.Code, right ...sdk.Code) error {
	e := sdk.AsError(err)
	if e == nil {
		return err
	}
	for _, code := range right {
		if e.Code == code {
			bent := *e
			bent.Code, bent.RetryAfter = wrong, 0
			return &bent
		}
	}
	return err
}

// Calling makes a connector that makes its writes under another call.
func Calling(call func(context.Context, sdk.Operation, sdk.Call) (context.Context, sdk.Call)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return &Bent{Connector: c, Call: call} }
}

// Keying makes a connector that makes its writes under another key.
func Keying(key func(sdk.Operation, sdk.Call) sdk.IdempotencyKey) func(*reference.Connector) sdk.Connector {
	return Calling(func(ctx context.Context, op sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
		call.Key = key(op, call)
		return ctx, call
	})
}

// A Finder is the reference connector with another way to look payments up.
type Finder struct {
	*reference.Connector
	Find func(ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error)
}

// FindPayment implements [sdk.PaymentFinder].
func (f *Finder) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return f.Find(ctx, f.Connector, req)
}
