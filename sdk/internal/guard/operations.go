package guard

import (
	"context"

	"github.com/connectorhost/connectorhost/sdk"
)

// CheckCredentials implements [sdk.CredentialChecker].
func (g *Guard) CheckCredentials(
	ctx context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	hidden := hide(req.Call)
	check, err := read(ctx, g, job[sdk.CredentialChecker, sdk.CheckCredentialsRequest, sdk.CredentialCheck]{
		sdk.OpCheckCredentials, req.Call, hidden, sdk.CredentialChecker.CheckCredentials,
	}, req)
	check.Reason = hidden.text(check.Reason)
	return check, err
}

// Authorize implements [sdk.Authorizer].
func (g *Guard) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return write(ctx, g, job[sdk.Authorizer, sdk.AuthorizeRequest, sdk.AuthorizeResult]{
		sdk.OpAuthorize, req.Call, hide(req.Call), sdk.Authorizer.Authorize,
	}, req, func(r *sdk.AuthorizeResult) *sdk.Answer { return &r.Answer })
}

// FindPayment implements [sdk.PaymentFinder].
func (g *Guard) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return read(ctx, g, job[sdk.PaymentFinder, sdk.FindPaymentRequest, sdk.PaymentFinding]{
		sdk.OpFindPayment, req.Call, hide(req.Call), sdk.PaymentFinder.FindPayment,
	}, req)
}

// Capture implements [sdk.Capturer].
func (g *Guard) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return write(ctx, g, job[sdk.Capturer, sdk.CaptureRequest, sdk.CaptureResult]{
		sdk.OpCapture, req.Call, hide(req.Call), sdk.Capturer.Capture,
	}, req, func(r *sdk.CaptureResult) *sdk.Answer { return &r.Answer })
}

// Void implements [sdk.Voider].
func (g *Guard) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return write(ctx, g, job[sdk.Voider, sdk.VoidRequest, sdk.VoidResult]{
		sdk.OpVoid, req.Call, hide(req.Call), sdk.Voider.Void,
	}, req, func(r *sdk.VoidResult) *sdk.Answer { return &r.Answer })
}

// Cancel implements [sdk.Canceler].
func (g *Guard) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	return write(ctx, g, job[sdk.Canceler, sdk.CancelRequest, sdk.CancelResult]{
		sdk.OpCancel, req.Call, hide(req.Call), sdk.Canceler.Cancel,
	}, req, func(r *sdk.CancelResult) *sdk.Answer { return &r.Answer })
}

// Refund implements [sdk.Refunder].
func (g *Guard) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return write(ctx, g, job[sdk.Refunder, sdk.RefundRequest, sdk.RefundResult]{
		sdk.OpRefund, req.Call, hide(req.Call), sdk.Refunder.Refund,
	}, req, func(r *sdk.RefundResult) *sdk.Answer { return &r.Answer })
}

// FindRefund implements [sdk.RefundFinder].
func (g *Guard) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return read(ctx, g, job[sdk.RefundFinder, sdk.FindRefundRequest, sdk.RefundFinding]{
		sdk.OpFindRefund, req.Call, hide(req.Call), sdk.RefundFinder.FindRefund,
	}, req)
}

// ReadWebhook implements [sdk.WebhookReader].
func (g *Guard) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	hidden := hide(req.Call, req.Secrets...)
	reading, err := read(ctx, g, job[sdk.WebhookReader, sdk.WebhookRequest, sdk.WebhookReading]{
		sdk.OpReadWebhook, req.Call, hidden, sdk.WebhookReader.ReadWebhook,
	}, req)
	if reading.Refused != nil {
		reading.Refused = hidden.error(g.op(sdk.OpReadWebhook), reading.Refused)
	}
	return reading, err
}

// RegisterWebhook implements [sdk.WebhookRegistrar].
func (g *Guard) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	return read(ctx, g, job[sdk.WebhookRegistrar, sdk.RegisterWebhookRequest, sdk.WebhookRegistration]{
		sdk.OpRegisterWebhook, req.Call, hide(req.Call), sdk.WebhookRegistrar.RegisterWebhook,
	}, req)
}

// Tokenize implements [sdk.Tokenizer].
func (g *Guard) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	return write(ctx, g, job[sdk.Tokenizer, sdk.TokenizeRequest, sdk.TokenizeResult]{
		sdk.OpTokenize, req.Call, hide(req.Call), sdk.Tokenizer.Tokenize,
	}, req, func(r *sdk.TokenizeResult) *sdk.Answer { return &r.Answer })
}

// DeleteToken implements [sdk.TokenDeleter].
func (g *Guard) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	return write(ctx, g, job[sdk.TokenDeleter, sdk.DeleteTokenRequest, sdk.DeleteTokenResult]{
		sdk.OpDeleteToken, req.Call, hide(req.Call), sdk.TokenDeleter.DeleteToken,
	}, req, func(r *sdk.DeleteTokenResult) *sdk.Answer { return &r.Answer })
}

// ZeroAuthorize implements [sdk.ZeroAuthorizer].
func (g *Guard) ZeroAuthorize(
	ctx context.Context, req sdk.ZeroAuthorizeRequest,
) (sdk.ZeroAuthorizeResult, error) {
	return write(ctx, g, job[sdk.ZeroAuthorizer, sdk.ZeroAuthorizeRequest, sdk.ZeroAuthorizeResult]{
		sdk.OpZeroAuthorize, req.Call, hide(req.Call), sdk.ZeroAuthorizer.ZeroAuthorize,
	}, req, func(r *sdk.ZeroAuthorizeResult) *sdk.Answer { return &r.Answer })
}

// Increment implements [sdk.Incrementer].
func (g *Guard) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	return write(ctx, g, job[sdk.Incrementer, sdk.IncrementRequest, sdk.IncrementResult]{
		sdk.OpIncrement, req.Call, hide(req.Call), sdk.Incrementer.Increment,
	}, req, func(r *sdk.IncrementResult) *sdk.Answer { return &r.Answer })
}

// Health implements [sdk.HealthReporter]. A connector that reports none is serving.
func (g *Guard) Health(ctx context.Context) (health sdk.Health, err error) {
	reporter, ok := g.connector.(sdk.HealthReporter)
	if !ok {
		return sdk.Health{Serving: true}, nil
	}
	op := g.op("health")
	if ctx.Err() != nil {
		return health, sdk.Errorf(op, sdk.CodeExpiredInQueue, "%w before the connector was asked", context.Cause(ctx))
	}
	defer func() {
		if p := recover(); p != nil {
			health, err = sdk.Health{}, survived(ctx, op, mask{}, p)
		}
	}()
	health, err = reporter.Health(ctx)
	if e := (mask{}).error(op, err); e != nil {
		return sdk.Health{}, e
	}
	return health, nil
}
