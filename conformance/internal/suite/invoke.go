package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Invoke calls one operation with a request that is well formed, on a payment that does
// not exist, and returns what became of it.
func (l *Lane) Invoke(ctx context.Context, op sdk.Operation) error {
	f, call, manifest := l.fixtures, l.NewCall(), l.Description.Manifest
	money := sdk.Money{Minor: 100, Currency: manifest.Currencies[0].Code}
	method, country, read := manifest.Methods[0].Name, manifest.Countries[0], Reading(call)
	const returnURL, cancelURL, hookURL = "https://host.example/r", "https://host.example/c", "https://host.example/webhooks/x"
	var err error
	switch op {
	case sdk.OpCheckCredentials:
		_, err = l.Remote.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: read})
	case sdk.OpAuthorize:
		cell, wrong := l.Cell(manifest.CaptureModes[0])
		if wrong != nil {
			return wrong
		}
		_, err = l.Open(ctx, cell, l.Amount())
	case sdk.OpFindPayment:
		_, err = l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{Call: read, Order: f.Order})
	case sdk.OpCapture:
		_, err = l.Remote.Capture(ctx, sdk.CaptureRequest{Call: call, Order: f.Order, Amount: money, Final: true})
	case sdk.OpVoid:
		_, err = l.Remote.Void(ctx, sdk.VoidRequest{Call: call, Order: f.Order})
	case sdk.OpCancel:
		_, err = l.Remote.Cancel(ctx, sdk.CancelRequest{Call: call, Order: f.Order})
	case sdk.OpRefund:
		req := sdk.RefundRequest{Call: call, Order: f.Order, Amount: money, Reason: sdk.RefundRequested}
		if manifest.RefundScope == sdk.RefundCapture {
			req.Capture = f.Capture
		}
		_, err = l.Remote.Refund(ctx, req)
	case sdk.OpFindRefund:
		_, err = l.Remote.FindRefund(ctx, sdk.FindRefundRequest{Call: read, Order: f.Order, Capture: f.Capture, Refund: f.Refund})
	case sdk.OpReadWebhook:
		_, err = l.Remote.ReadWebhook(ctx, sdk.WebhookRequest{
			Call: read, Method: "POST", URL: hookURL, Body: []byte(`{}`), Now: l.Now(), Tolerance: time.Minute,
		})
	case sdk.OpRegisterWebhook:
		_, err = l.Remote.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{Call: call, URL: hookURL})
	case sdk.OpTokenize:
		_, err = l.Remote.Tokenize(ctx, sdk.TokenizeRequest{Call: call, Method: method, ReturnURL: returnURL, CancelURL: cancelURL})
	case sdk.OpDeleteToken:
		_, err = l.Remote.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: call, Token: "token"})
	case sdk.OpZeroAuthorize:
		_, err = l.Remote.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{Call: call, Currency: money.Currency, Country: country, Method: method})
	case sdk.OpIncrement:
		_, err = l.Remote.Increment(ctx, sdk.IncrementRequest{Call: call, Order: f.Order, Amount: money})
	default:
		return fmt.Errorf("%w: no request for %s", ErrSuite, op)
	}
	return err
}
