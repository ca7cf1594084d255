package connector

import (
	_ "embed" // the schemas
	"encoding/json"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

//go:embed schemas/config.schema.json
var configSchema string

//go:embed schemas/authorize.schema.json
var authorizeSchema string

//go:embed schemas/names.schema.json
var namesSchema string

// Facts of the provider, from its documentation. Say where you found each.
const (
	maxAmount         = 99_999_999 // minor units
	descriptionLength = 255
	keyLifetime       = 24 * time.Hour
)

// Describe implements [sdk.Connector]. Promise what is true today and no more: the suite
// tries every combination of what is listed here.
func (c *Connector) Describe() sdk.Manifest {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative, KeyLifetime: sdk.Duration(keyLifetime)}
	return sdk.Manifest{
		Name: "example-pay", Version: "0.1.0", DisplayName: "Example Pay",
		Contract:     sdk.ContractRange{Min: 1, Max: sdk.ContractVersion},
		Methods:      []sdk.PaymentMethod{{Name: "account", Flow: sdk.FlowDirect}},
		Countries:    []string{"DE", "JP"},
		Currencies:   []sdk.CurrencyFact{{Code: "EUR", Exponent: 2}, {Code: "JPY", Exponent: 0}},
		CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic},
		Features:     sdk.Features{PartialRefund: true, MultipleRefund: true, NotFoundAuthoritative: true},
		Limits:       sdk.Limits{MinAmount: 1, MaxAmount: maxAmount, DescriptionLength: descriptionLength},
		ConfigSchema: json.RawMessage(configSchema),
		RequestSchemas: map[sdk.Operation]json.RawMessage{
			sdk.OpAuthorize:   json.RawMessage(authorizeSchema),
			sdk.OpFindPayment: json.RawMessage(namesSchema),
			sdk.OpRefund:      json.RawMessage(namesSchema),
			sdk.OpFindRefund:  json.RawMessage(namesSchema),
		},
		Idempotency: map[sdk.Operation]sdk.Idempotency{sdk.OpAuthorize: native, sdk.OpRefund: native},
		RefundScope: sdk.RefundPayment,
		Egress:      []string{"api.example-pay.example:443"},
	}
}
