package smartpay

import (
	_ "embed" // the schemas
	"encoding/json"
	"math"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

const (
	name    = "smartpay"
	version = "0.1.0"
)

const (
	// keyLifetime is how long Smartpay keeps the result of an idempotency key, from its
	// first use.
	keyLifetime = 6 * time.Hour
	// holdLifetime is how long an authorization lasts: in a published example, 7 days
	// after the approval to the millisecond. [INF]
	holdLifetime = 7 * 24 * time.Hour
	// visibilityDelay is how long a write may stay invisible to a lookup. No source
	// says; this is what is allowed for. [UNK]
	visibilityDelay = 20 * time.Second
	// maxAmount is what Smartpay's own clients let pass: an unsigned 32-bit number.
	maxAmount = math.MaxUint32
	// descriptionLength is in Unicode code points. The documentation says 80 characters
	// and not how it counts them. [INF]
	descriptionLength = 80
)

//go:embed schemas/config.schema.json
var configSchema string

//go:embed schemas/authorize.schema.json
var authorizeSchema string

//go:embed schemas/capture.schema.json
var captureSchema string

//go:embed schemas/refund.schema.json
var refundSchema string

//go:embed schemas/find.schema.json
var findSchema string

// Describe implements [sdk.Connector].
func (c *Connector) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name:         name,
		Version:      version,
		Contract:     sdk.ContractRange{Min: 1, Max: 1},
		DisplayName:  "Smartpay",
		Methods:      []sdk.PaymentMethod{{Name: "smartpay", Flow: sdk.FlowRedirect}},
		Countries:    []string{"JP"},
		Currencies:   []sdk.CurrencyFact{{Code: currency, Exponent: 0}},
		CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
		Features: sdk.Features{
			PartialCapture:          true,
			PartialRefund:           true,
			MultipleCapture:         true, // with cancelRemainder "manual"; the last capture releases the rest
			MultipleRefund:          true,
			VoidAfterPartialCapture: true,
			CartMatchesAmount:       true,
			NotFoundAuthoritative:   true,
		},
		Limits: sdk.Limits{
			CartItems:             maxItems,
			MinAmount:             1,
			MaxAmount:             maxAmount,
			ApprovalTime:          sdk.Duration(approvalTime),
			AuthorizationLifetime: sdk.Duration(holdLifetime),
			DescriptionLength:     descriptionLength,
		},
		ConfigSchema:    json.RawMessage(configSchema),
		RequestSchemas:  requestSchemas(),
		Idempotency:     idempotency(),
		RefundScope:     sdk.RefundCapture,
		VisibilityDelay: sdk.Duration(visibilityDelay),
		Webhook: &sdk.WebhookFact{
			Scheme: "smartpay-hmac-sha256", Events: subscribed(), Tolerance: sdk.Duration(defaultTolerance),
		},
		Egress: []string{"api.smartpay.co:443"},
	}
}

func requestSchemas() map[sdk.Operation]json.RawMessage {
	return map[sdk.Operation]json.RawMessage{
		sdk.OpAuthorize:       json.RawMessage(authorizeSchema),
		sdk.OpFindPayment:     json.RawMessage(findSchema),
		sdk.OpCapture:         json.RawMessage(captureSchema),
		sdk.OpVoid:            json.RawMessage(captureSchema),
		sdk.OpCancel:          json.RawMessage(findSchema),
		sdk.OpRefund:          json.RawMessage(refundSchema),
		sdk.OpFindRefund:      json.RawMessage(findSchema),
		sdk.OpRegisterWebhook: json.RawMessage(findSchema),
	}
}

func idempotency() map[sdk.Operation]sdk.Idempotency {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative, KeyLifetime: sdk.Duration(keyLifetime)}
	lookup := sdk.Idempotency{Mode: sdk.IdempotencyLookup}
	return map[sdk.Operation]sdk.Idempotency{
		sdk.OpAuthorize:       native,
		sdk.OpCapture:         native,
		sdk.OpVoid:            native,
		sdk.OpRefund:          native,
		sdk.OpCancel:          lookup, // writes nothing
		sdk.OpRegisterWebhook: lookup, // by the URL
	}
}
