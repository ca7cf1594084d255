package sdk

import (
	"encoding/json"
	"time"
)

// ContractVersion is the version of the contract that this package speaks.
const ContractVersion = 1

// A Manifest holds the static facts about a connector: what its methods cannot say.
// It is made without I/O and is equal every time.
type Manifest struct {
	Name        string          `json:"name"`    // [a-z][a-z0-9-]*, at most 40 characters
	Version     string          `json:"version"` // semantic version, without a leading v
	Contract    ContractRange   `json:"contract"`
	DisplayName string          `json:"display_name"`
	Methods     []PaymentMethod `json:"methods"`
	Countries   []string        `json:"countries"` // ISO 3166-1 alpha-2
	Currencies  []CurrencyFact  `json:"currencies"`

	CaptureModes []CaptureMode `json:"capture_modes"`
	Features     Features      `json:"features"`
	Limits       Limits        `json:"limits"`

	// ConfigSchema is the JSON Schema of an account's fields, configuration and
	// secrets together in one flat object of strings. A secret has "writeOnly": true.
	ConfigSchema json.RawMessage `json:"config_schema"`
	// RequestSchemas narrow the generic schema of an operation's request. They apply
	// to the request's JSON form and may refer to nothing outside themselves.
	RequestSchemas map[Operation]json.RawMessage `json:"request_schemas,omitempty"`

	Idempotency map[Operation]Idempotency `json:"idempotency,omitempty"` // every write
	RefundScope RefundScope               `json:"refund_scope,omitempty"`
	// VisibilityDelay is how long after a write a lookup may still not find it.
	VisibilityDelay Duration     `json:"visibility_delay,omitempty"`
	Webhook         *WebhookFact `json:"webhook,omitempty"` // nil without webhooks
	Egress          []string     `json:"egress"`            // host:port that the connector calls
}

// A ContractRange is the inclusive range of contract versions that a connector speaks.
type ContractRange struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Includes reports whether version is in the range.
func (r ContractRange) Includes(version int) bool { return r.Min <= version && version <= r.Max }

// A PaymentMethod is one way to pay, under the name that merchants use.
type PaymentMethod struct {
	Name string     `json:"name"`
	Flow MethodFlow `json:"flow"`
}

// A MethodFlow says what the buyer goes through.
type MethodFlow string

// The flows.
const (
	FlowRedirect MethodFlow = "redirect" // the buyer approves on a page of the provider
	FlowDirect   MethodFlow = "direct"   // no step for the buyer
)

// A CurrencyFact is a currency and the number of decimals of its minor unit, as the
// provider counts.
type CurrencyFact struct {
	Code     Currency `json:"code"`
	Exponent int      `json:"exponent"`
}

// A CaptureMode says when authorized money is taken.
type CaptureMode string

// The capture modes.
const (
	CaptureAutomatic CaptureMode = "automatic"
	CaptureManual    CaptureMode = "manual"
)

// Features are the facts about operations that a method's presence cannot tell.
type Features struct {
	PartialCapture       bool `json:"partial_capture"`
	MultipleCapture      bool `json:"multiple_capture"`
	OverCapture          bool `json:"over_capture"`
	PartialAuthorization bool `json:"partial_authorization"`
	PartialRefund        bool `json:"partial_refund"`
	MultipleRefund       bool `json:"multiple_refund"`
	SettlementReporting  bool `json:"settlement_reporting"`
	// VoidAfterPartialCapture: Void releases the remainder of a partly captured payment.
	VoidAfterPartialCapture bool `json:"void_after_partial_capture"`
	// CartMatchesAmount: cart items, where given, must add up to the amount.
	CartMatchesAmount bool `json:"cart_matches_amount"`
	// NotFoundAuthoritative: a lookup that finds nothing after the visibility delay
	// proves that there is nothing.
	NotFoundAuthoritative bool `json:"not_found_authoritative"`
}

// Limits are the provider's limits. Zero means that none is known.
type Limits struct {
	CartItems             int      `json:"cart_items,omitempty"`
	MinAmount             int64    `json:"min_amount,omitempty"` // minor units
	MaxAmount             int64    `json:"max_amount,omitempty"`
	ApprovalTime          Duration `json:"approval_time,omitempty"` // how long the buyer has
	AuthorizationLifetime Duration `json:"authorization_lifetime,omitempty"`
	DescriptionLength     int      `json:"description_length,omitempty"` // Unicode code points
}

// Idempotency says how a write is kept from happening twice.
type Idempotency struct {
	Mode IdempotencyMode `json:"mode"`
	// KeyLifetime is how long the provider remembers a key; 0 means for ever.
	KeyLifetime Duration `json:"key_lifetime,omitempty"`
}

// An IdempotencyMode is a mechanism.
type IdempotencyMode string

// The modes. A connector with [IdempotencyNone] on a money operation cannot be certified.
const (
	IdempotencyNative IdempotencyMode = "native" // the provider deduplicates by our key
	IdempotencyLookup IdempotencyMode = "lookup" // a lookup by our reference tells
	IdempotencyNone   IdempotencyMode = "none"
)

// A RefundScope is the thing that a provider's refund hangs on.
type RefundScope string

// The scopes.
const (
	RefundPayment RefundScope = "payment"
	RefundCapture RefundScope = "capture" // the host splits one refund over captures
)

// A WebhookFact describes how the provider notifies.
type WebhookFact struct {
	Scheme    string   `json:"scheme"`              // name of the signature scheme, for people
	Events    []string `json:"events"`              // the events to subscribe to
	Tolerance Duration `json:"tolerance,omitempty"` // allowed clock difference
}

// A Duration is a time.Duration whose JSON form is a string such as "30m0s".
type Duration time.Duration

// MarshalText encodes d as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText decodes what time.ParseDuration accepts.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
