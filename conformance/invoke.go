package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// call is a call context with the fixtures' account.
func (b *Bench) call() sdk.Call {
	return sdk.Call{
		OperationID: "0b9f3a52-6d1c-4e8a-9a77-1f5f3f0c2d11", Key: "0b9f3a52-6d1c-4e8a-9a77-1f5f3f0c2d11", Attempt: 1,
		PaymentID: "6f0f6f86-52c0-4c2e-8a5a-6e6f2f9f4a10", Reference: "3hA9kQz7LmN0pRs2TuVwXy", Account: b.account(),
	}
}

// authorize is the fixtures' request, ready to be sent or to be spoilt.
func (b *Bench) authorize() (sdk.AuthorizeRequest, error) {
	if b.options.Fixtures.Authorize == nil {
		return sdk.AuthorizeRequest{}, fmt.Errorf("%w: authorize is missing", errNoFixture)
	}
	req := *b.options.Fixtures.Authorize
	req.Call = b.call()
	req.ApprovalExpiresAt = time.Now().Add(10 * time.Minute)
	return req, nil
}

// invoke calls one operation with a well-formed request.
func (b *Bench) invoke(ctx context.Context, op sdk.Operation) error {
	f, call := b.options.Fixtures, b.call()
	money := sdk.Money{Minor: 100, Currency: b.plugin.Description().Manifest.Currencies[0].Code}
	read := call
	read.Key = ""
	var err error
	switch op {
	case sdk.OpCheckCredentials:
		_, err = b.plugin.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: read})
	case sdk.OpAuthorize:
		req, fixtureErr := b.authorize()
		if fixtureErr != nil {
			return fixtureErr
		}
		_, err = b.plugin.Authorize(ctx, req)
	case sdk.OpFindPayment:
		_, err = b.plugin.FindPayment(ctx, sdk.FindPaymentRequest{Call: read, Order: f.Order})
	case sdk.OpCapture:
		_, err = b.plugin.Capture(ctx, sdk.CaptureRequest{Call: call, Order: f.Order, Amount: money, Final: true})
	case sdk.OpVoid:
		_, err = b.plugin.Void(ctx, sdk.VoidRequest{Call: call, Order: f.Order})
	case sdk.OpCancel:
		_, err = b.plugin.Cancel(ctx, sdk.CancelRequest{Call: call, Order: f.Order})
	case sdk.OpRefund:
		_, err = b.plugin.Refund(ctx, sdk.RefundRequest{Call: call, Order: f.Order, Capture: f.Capture, Amount: money, Reason: sdk.RefundRequested})
	case sdk.OpFindRefund:
		_, err = b.plugin.FindRefund(ctx, sdk.FindRefundRequest{Call: read, Order: f.Order, Capture: f.Capture, Refund: f.Refund})
	case sdk.OpReadWebhook:
		_, err = b.plugin.ReadWebhook(ctx, sdk.WebhookRequest{Call: read, Method: "POST", URL: "https://host.example/webhooks/x", Body: []byte(`{}`), Now: time.Now(), Tolerance: time.Minute})
	case sdk.OpRegisterWebhook:
		_, err = b.plugin.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{Call: call, URL: "https://host.example/webhooks/x"})
	case sdk.OpTokenize:
		_, err = b.plugin.Tokenize(ctx, sdk.TokenizeRequest{Call: call, Method: b.method(), ReturnURL: "https://host.example/r", CancelURL: "https://host.example/c"})
	case sdk.OpDeleteToken:
		_, err = b.plugin.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: call, Token: "token"})
	case sdk.OpZeroAuthorize:
		_, err = b.plugin.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{Call: call, Currency: money.Currency, Country: "JP", Method: b.method()})
	case sdk.OpIncrement:
		_, err = b.plugin.Increment(ctx, sdk.IncrementRequest{Call: call, Order: f.Order, Amount: money})
	default:
		return fmt.Errorf("%w: no request for %s", errSuite, op)
	}
	return err
}

func (b *Bench) method() string { return b.plugin.Description().Manifest.Methods[0].Name }
