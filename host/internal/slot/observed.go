package slot

import (
	"context"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// observed is a leased connector whose calls are counted.
type observed struct{ lease *Lease }

// call makes one call and takes note of it. Answer reads the answer to a write; it is
// nil for a read, which leaves nothing in doubt.
func call[Q, R any](
	ctx context.Context, o observed, f Flight, do func(context.Context, Q) (R, error), req Q, answer func(R) sdk.Answer,
) (R, error) {
	route := o.lease.route
	if err := o.lease.slot.refuseParked(f); err != nil {
		var none R
		return none, err
	}
	seat, began := route.aboard.board(&f), time.Now()
	res, err := do(ctx, req)
	outcome := sdk.OutcomeSucceeded
	if answer != nil {
		outcome = sdk.OutcomeOf(answer(res), err)
	}
	route.figures.count(f.Kind, outcome, err, time.Since(began))
	route.aboard.leave(seat, &f, err)
	return res, err
}

func (o observed) remote() sdk.Remote { return o.lease.route.Remote }

func flight(kind sdk.Operation, c sdk.Call) Flight {
	return Flight{Kind: kind, Operation: c.OperationID, Payment: c.PaymentID, Attempt: c.Attempt}
}

// Describe implements [sdk.Remote].
func (o observed) Describe(ctx context.Context) (sdk.Description, error) {
	return o.remote().Describe(ctx)
}

// Health implements [sdk.Remote].
func (o observed) Health(ctx context.Context) (sdk.Health, error) { return o.remote().Health(ctx) }

// Authorize implements [sdk.Remote].
func (o observed) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return call(ctx, o, flight(sdk.OpAuthorize, req.Call), o.remote().Authorize, req,
		func(r sdk.AuthorizeResult) sdk.Answer { return r.Answer })
}

// Capture implements [sdk.Remote].
func (o observed) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return call(ctx, o, flight(sdk.OpCapture, req.Call), o.remote().Capture, req,
		func(r sdk.CaptureResult) sdk.Answer { return r.Answer })
}

// Void implements [sdk.Remote].
func (o observed) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return call(ctx, o, flight(sdk.OpVoid, req.Call), o.remote().Void, req,
		func(r sdk.VoidResult) sdk.Answer { return r.Answer })
}

// Cancel implements [sdk.Remote].
func (o observed) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	return call(ctx, o, flight(sdk.OpCancel, req.Call), o.remote().Cancel, req,
		func(r sdk.CancelResult) sdk.Answer { return r.Answer })
}

// Refund implements [sdk.Remote].
func (o observed) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return call(ctx, o, flight(sdk.OpRefund, req.Call), o.remote().Refund, req,
		func(r sdk.RefundResult) sdk.Answer { return r.Answer })
}

// Increment implements [sdk.Remote].
func (o observed) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	return call(ctx, o, flight(sdk.OpIncrement, req.Call), o.remote().Increment, req,
		func(r sdk.IncrementResult) sdk.Answer { return r.Answer })
}

// ZeroAuthorize implements [sdk.Remote].
func (o observed) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	return call(ctx, o, flight(sdk.OpZeroAuthorize, req.Call), o.remote().ZeroAuthorize, req,
		func(r sdk.ZeroAuthorizeResult) sdk.Answer { return r.Answer })
}

// Tokenize implements [sdk.Remote].
func (o observed) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	return call(ctx, o, flight(sdk.OpTokenize, req.Call), o.remote().Tokenize, req,
		func(r sdk.TokenizeResult) sdk.Answer { return r.Answer })
}

// DeleteToken implements [sdk.Remote].
func (o observed) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	return call(ctx, o, flight(sdk.OpDeleteToken, req.Call), o.remote().DeleteToken, req,
		func(r sdk.DeleteTokenResult) sdk.Answer { return r.Answer })
}

// FindPayment implements [sdk.Remote].
func (o observed) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return call(ctx, o, flight(sdk.OpFindPayment, req.Call), o.remote().FindPayment, req, nil)
}

// FindRefund implements [sdk.Remote].
func (o observed) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return call(ctx, o, flight(sdk.OpFindRefund, req.Call), o.remote().FindRefund, req, nil)
}

// ReadWebhook implements [sdk.Remote].
func (o observed) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	f := flight(sdk.OpReadWebhook, req.Call)
	f.delivery = req.Body
	return call(ctx, o, f, o.remote().ReadWebhook, req, nil)
}

// RegisterWebhook implements [sdk.Remote].
func (o observed) RegisterWebhook(ctx context.Context, req sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	return call(ctx, o, flight(sdk.OpRegisterWebhook, req.Call), o.remote().RegisterWebhook, req, nil)
}

// CheckCredentials implements [sdk.Remote].
func (o observed) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return call(ctx, o, flight(sdk.OpCheckCredentials, req.Call), o.remote().CheckCredentials, req, nil)
}
