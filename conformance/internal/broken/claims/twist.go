package claims

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A twisted connector is the reference connector with some of its methods replaced.
type twisted struct {
	*reference.Connector
	manifest func(*sdk.Manifest)

	authorize func(context.Context, sdk.AuthorizeRequest) (sdk.AuthorizeResult, error)
	check     func(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error)
	capture   func(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error)
	void      func(context.Context, sdk.VoidRequest) (sdk.VoidResult, error)
	refund    func(context.Context, sdk.RefundRequest) (sdk.RefundResult, error)
	zero      func(context.Context, sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error)
}

// twist makes a connector whose methods twist replaces, given the right one.
func twist(how func(t *twisted, right *reference.Connector)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector {
		t := &twisted{
			Connector: c, manifest: func(*sdk.Manifest) {}, authorize: c.Authorize, check: c.CheckCredentials, capture: c.Capture,
			void: c.Void, refund: c.Refund, zero: c.ZeroAuthorize,
		}
		how(t, c)
		return t
	}
}

// Describe implements [sdk.Connector].
func (t *twisted) Describe() sdk.Manifest {
	m := t.Connector.Describe()
	t.manifest(&m)
	return m
}

// Authorize implements [sdk.Authorizer].
func (t *twisted) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return t.authorize(ctx, req)
}

// CheckCredentials implements [sdk.CredentialChecker].
func (t *twisted) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return t.check(ctx, req)
}

// Capture implements [sdk.Capturer].
func (t *twisted) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return t.capture(ctx, req)
}

// Void implements [sdk.Voider].
func (t *twisted) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	return t.void(ctx, req)
}

// Refund implements [sdk.Refunder].
func (t *twisted) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return t.refund(ctx, req)
}

// ZeroAuthorize implements [sdk.ZeroAuthorizer].
func (t *twisted) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	return t.zero(ctx, req)
}

// A loose connector is one as a host sees it, with what no connector in Go can do wrong,
// for the SDK does it right. Raw is a connector that no guard stands before.
type loose struct {
	sdk.Remote
	raw      *reference.Connector
	describe func(sdk.Description) sdk.Description

	authorize func(context.Context, sdk.AuthorizeRequest) (sdk.AuthorizeResult, error)
	check     func(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error)
	capture   func(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error)
	zero      func(context.Context, sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error)
}

// loosen makes a connector some of whose methods are replaced, beyond the guard.
func loosen(how func(*loose)) func(sdk.Remote) sdk.Remote {
	return func(r sdk.Remote) sdk.Remote {
		l := &loose{
			Remote: r, raw: reference.New(reference.Options{Outside: &http.Transport{DisableKeepAlives: true}}),
			describe:  func(d sdk.Description) sdk.Description { return d },
			authorize: r.Authorize, check: r.CheckCredentials, capture: r.Capture, zero: r.ZeroAuthorize,
		}
		how(l)
		return l
	}
}

// lenient lets requests for a payment through to the raw connector.
func lenient(pass func(sdk.AuthorizeRequest) bool) func(sdk.Remote) sdk.Remote {
	return loosen(func(l *loose) {
		l.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			if pass(req) {
				return l.raw.Authorize(ctx, req)
			}
			return l.Remote.Authorize(ctx, req)
		}
	})
}

// describing changes what a connector says of itself, differently each time: n counts
// from 1 in all processes together.
func describing(change func(d sdk.Description, n int64) sdk.Description) func(sdk.Remote) sdk.Remote {
	var n atomic.Int64
	return loosen(func(l *loose) {
		l.describe = func(d sdk.Description) sdk.Description { return change(d, n.Add(1)) }
	})
}

// Describe implements part of [sdk.Remote].
func (l *loose) Describe(ctx context.Context) (sdk.Description, error) {
	d, err := l.Remote.Describe(ctx)
	return l.describe(d), err
}

// Authorize implements [sdk.Authorizer].
func (l *loose) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return l.authorize(ctx, req)
}

// CheckCredentials implements [sdk.CredentialChecker].
func (l *loose) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return l.check(ctx, req)
}

// Capture implements [sdk.Capturer].
func (l *loose) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return l.capture(ctx, req)
}

// ZeroAuthorize implements [sdk.ZeroAuthorizer].
func (l *loose) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	return l.zero(ctx, req)
}
