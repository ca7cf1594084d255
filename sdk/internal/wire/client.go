package wire

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Client is a connector at the other end of a gRPC connection. It is safe for
// concurrent use. Every error that it returns is an [*sdk.Error], and the outcome in
// the answer to a write is always the one that [sdk.OutcomeOf] gives.
type Client struct {
	conn grpc.ClientConnInterface
	// name is what the connector called itself in Describe; "" before.
	name atomic.Value
	// watched is true once a call left evidence, which shows that the connection was
	// dialled with DialOptions.
	watched atomic.Bool
}

var _ sdk.Remote = (*Client)(nil)

// NewClient returns a Client that calls over conn. A connection dialled without
// [DialOptions] gives no evidence of what was sent, so that every failure on it
// counts as in doubt. The connection stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{conn: conn}
}

// op is where an error of op arises, in the form of [sdk.Unsupported].
func (c *Client) op(op sdk.Operation) sdk.Op {
	if name, ok := c.name.Load().(string); ok {
		return sdk.Op(name + "." + string(op))
	}
	return sdk.Op("connector." + string(op))
}

// invoke makes one call, and never a second. With an error, a write's result still
// carries its outcome and what else the connector said.
func invoke[Req, Res any, In, Out proto.Message](
	ctx context.Context, c *Client, m method[Req, Res, In, Out], req Req,
) (Res, error) {
	op := c.op(m.op)
	out, e := exchange(ctx, c, op, m, req)
	if e != nil {
		return m.failed(e), e
	}
	res, e := m.fromResponse(out)
	if m.answer != nil {
		e = settle(op, m.answer(&res), e)
	} else if e == nil && m.flaw != nil {
		if flaw := m.flaw(res); flaw != "" {
			e = sdk.Errorf(op, sdk.CodePluginMalformed, "%s", flaw)
		}
	}
	if e == nil {
		return res, nil
	}
	if e.Op == "" {
		e.Op = op
	}
	if m.answer == nil {
		res = m.failed(e)
	}
	return res, e
}

// exchange sends the request and returns a response that can be converted.
func exchange[Req, Res any, In, Out proto.Message](
	ctx context.Context, c *Client, op sdk.Op, m method[Req, Res, In, Out], req Req,
) (Out, *sdk.Error) {
	var none Out
	if ctx.Err() != nil {
		return none, sdk.Errorf(op, sdk.CodeExpiredInQueue, "%w before anything was sent", context.Cause(ctx))
	}
	in := m.toRequest(req)
	if bad := faults(in); bad != nil {
		return none, &sdk.Error{Op: op, Code: sdk.CodeInvalidField, Fields: bad}
	}
	var t trail
	out := m.newResponse()
	err := c.conn.Invoke(context.WithValue(ctx, trailKey{}, &t), m.name, in, out, grpc.StaticMethod())
	if t.watched.Load() {
		c.watched.Store(true)
	}
	if err != nil {
		return none, failure(ctx, op, t.sent.Load() || !c.watched.Load(), err)
	}
	if bad := faults(out); bad != nil {
		return none, &sdk.Error{Op: op, Code: sdk.CodePluginMalformed, Fields: bad}
	}
	return out, nil
}

// Describe implements [sdk.Remote].
func (c *Client) Describe(ctx context.Context) (sdk.Description, error) {
	d, err := invoke(ctx, c, describeMethod, struct{}{})
	if err == nil {
		c.name.Store(d.Manifest.Name)
	}
	return d, err
}

// Health implements [sdk.HealthReporter].
func (c *Client) Health(ctx context.Context) (sdk.Health, error) {
	return invoke(ctx, c, healthMethod, struct{}{})
}

// CheckCredentials implements [sdk.CredentialChecker].
func (c *Client) CheckCredentials(
	ctx context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	return invoke(ctx, c, checkCredentialsMethod, req)
}

// Authorize implements [sdk.Authorizer].
func (c *Client) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return invoke(ctx, c, authorizeMethod, req)
}

// FindPayment implements [sdk.PaymentFinder].
func (c *Client) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	return invoke(ctx, c, findPaymentMethod, req)
}

// Capture implements [sdk.Capturer].
func (c *Client) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return invoke(ctx, c, captureMethod, req)
}

// Void implements [sdk.Voider].
func (c *Client) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return invoke(ctx, c, voidMethod, req)
}

// Cancel implements [sdk.Canceler].
func (c *Client) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	return invoke(ctx, c, cancelMethod, req)
}

// Refund implements [sdk.Refunder].
func (c *Client) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return invoke(ctx, c, refundMethod, req)
}

// FindRefund implements [sdk.RefundFinder].
func (c *Client) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return invoke(ctx, c, findRefundMethod, req)
}

// ReadWebhook implements [sdk.WebhookReader].
func (c *Client) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return invoke(ctx, c, readWebhookMethod, req)
}

// RegisterWebhook implements [sdk.WebhookRegistrar].
func (c *Client) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	return invoke(ctx, c, registerWebhookMethod, req)
}

// Tokenize implements [sdk.Tokenizer].
func (c *Client) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	return invoke(ctx, c, tokenizeMethod, req)
}

// DeleteToken implements [sdk.TokenDeleter].
func (c *Client) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	return invoke(ctx, c, deleteTokenMethod, req)
}

// ZeroAuthorize implements [sdk.ZeroAuthorizer].
func (c *Client) ZeroAuthorize(
	ctx context.Context, req sdk.ZeroAuthorizeRequest,
) (sdk.ZeroAuthorizeResult, error) {
	return invoke(ctx, c, zeroAuthorizeMethod, req)
}

// Increment implements [sdk.Incrementer].
func (c *Client) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	return invoke(ctx, c, incrementMethod, req)
}
