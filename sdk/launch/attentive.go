package launch

import (
	"context"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/logs"
)

// attentive is a Remote that remembers which secrets went to the connector, so that
// they can be masked wherever the connector prints them.
type attentive struct {
	sdk.Remote
	redactor *logs.Redactor
}

func (a attentive) learn(call sdk.Call) {
	for _, secret := range call.Account.Secrets {
		a.redactor.Learn(secret.Reveal())
	}
}

func (a attentive) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	a.learn(req.Call)
	return a.Remote.CheckCredentials(ctx, req)
}

func (a attentive) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	a.learn(req.Call)
	return a.Remote.Authorize(ctx, req)
}

func (a attentive) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	a.learn(req.Call)
	return a.Remote.FindPayment(ctx, req)
}

func (a attentive) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	a.learn(req.Call)
	return a.Remote.Capture(ctx, req)
}

func (a attentive) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	a.learn(req.Call)
	return a.Remote.Void(ctx, req)
}

func (a attentive) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	a.learn(req.Call)
	return a.Remote.Cancel(ctx, req)
}

func (a attentive) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	a.learn(req.Call)
	return a.Remote.Refund(ctx, req)
}

func (a attentive) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	a.learn(req.Call)
	return a.Remote.FindRefund(ctx, req)
}

// ReadWebhook learns the signing secrets too.
func (a attentive) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	a.learn(req.Call)
	for _, signing := range req.Secrets {
		a.redactor.Learn(signing.Secret.Reveal())
	}
	return a.Remote.ReadWebhook(ctx, req)
}

// RegisterWebhook learns the new secret as soon as it is known, which is after the
// connector has seen it.
func (a attentive) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	a.learn(req.Call)
	registration, err := a.Remote.RegisterWebhook(ctx, req)
	a.redactor.Learn(registration.Secret.Reveal())
	return registration, err
}

func (a attentive) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	a.learn(req.Call)
	return a.Remote.Tokenize(ctx, req)
}

func (a attentive) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	a.learn(req.Call)
	return a.Remote.DeleteToken(ctx, req)
}

func (a attentive) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	a.learn(req.Call)
	return a.Remote.ZeroAuthorize(ctx, req)
}

func (a attentive) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	a.learn(req.Call)
	return a.Remote.Increment(ctx, req)
}
