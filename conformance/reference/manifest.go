package reference

import (
	_ "embed" // the schemas
	"encoding/json"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Facts of the provider, from its description.
const (
	name              = "reference"
	version           = "0.1.0"
	maxAmount         = 999_999_999_999 // twelve digits in minor units
	maxItems          = 100
	descriptionLength = 255
	approvalTime      = 30 * time.Minute
	holdLifetime      = 7 * 24 * time.Hour
	keyLifetime       = 24 * time.Hour
	visibilityDelay   = 5 * time.Second // at most; most of its installations have none
)

//go:embed schemas/config.schema.json
var configSchema string

//go:embed schemas/authorize.schema.json
var authorizeSchema string

//go:embed schemas/tokenize.schema.json
var tokenizeSchema string

//go:embed schemas/order.schema.json
var orderSchema string

// Describe implements [sdk.Connector].
//
// Egress is empty: a connector with the provider inside calls nobody, and one outside
// is wherever the account says.
func (c *Connector) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name: name, Version: version, Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Reference",
		Methods: []sdk.PaymentMethod{
			{Name: "card", Flow: sdk.FlowDirect}, {Name: "wallet", Flow: sdk.FlowRedirect},
		},
		Countries:    []string{"BH", "DE", "FR", "GB", "JP", "KR", "KW", "US"},
		Currencies:   slices.Clone(currencies),
		CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
		Features: sdk.Features{
			PartialCapture: true, MultipleCapture: true, OverCapture: true, PartialAuthorization: true,
			PartialRefund: true, MultipleRefund: true, VoidAfterPartialCapture: true,
			CartMatchesAmount: true, NotFoundAuthoritative: true,
		},
		Limits: sdk.Limits{
			CartItems: maxItems, MinAmount: 1, MaxAmount: maxAmount, ApprovalTime: sdk.Duration(approvalTime),
			AuthorizationLifetime: sdk.Duration(holdLifetime), DescriptionLength: descriptionLength,
		},
		ConfigSchema:    json.RawMessage(configSchema),
		RequestSchemas:  requestSchemas(),
		Idempotency:     idempotency(),
		RefundScope:     sdk.RefundPayment,
		VisibilityDelay: sdk.Duration(visibilityDelay),
		Webhook: &sdk.WebhookFact{
			Scheme: "reference-hmac-sha256", Events: slices.Clone(events), Tolerance: sdk.Duration(tolerance),
		},
		Egress: []string{},
	}
}

func requestSchemas() map[sdk.Operation]json.RawMessage {
	schemas := map[sdk.Operation]json.RawMessage{
		sdk.OpAuthorize: json.RawMessage(authorizeSchema),
		sdk.OpTokenize:  json.RawMessage(tokenizeSchema),
	}
	for _, op := range []sdk.Operation{
		sdk.OpFindPayment, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund, sdk.OpFindRefund,
		sdk.OpDeleteToken, sdk.OpZeroAuthorize, sdk.OpIncrement,
	} {
		schemas[op] = json.RawMessage(orderSchema)
	}
	return schemas
}

func idempotency() map[sdk.Operation]sdk.Idempotency {
	facts := map[sdk.Operation]sdk.Idempotency{
		sdk.OpRegisterWebhook: {Mode: sdk.IdempotencyLookup}, // by the URL
	}
	for _, op := range []sdk.Operation{
		sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund, sdk.OpIncrement,
		sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize,
	} {
		facts[op] = sdk.Idempotency{Mode: sdk.IdempotencyNative, KeyLifetime: sdk.Duration(keyLifetime)}
	}
	return facts
}
