package schemas_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/google/go-cmp/cmp"
)

const manifest = `{
	"methods": [{"name": "smartpay"}, {"name": "konbini"}], "countries": ["JP"],
	"currencies": [{"code": "JPY"}, {"code": "EUR"}], "capture_modes": ["manual"],
	"limits": {"cart_items": 2, "min_amount": 10, "max_amount": 1000, "description_length": 3}
}`

func TestManifestFacts(t *testing.T) {
	tests := map[string]struct{ op, doc, want, reason string }{
		"all advertised": {"authorize",
			`{"amount": {"minor": 10, "currency": "JPY"}, "country": "JP", "capture_mode": "manual",
				"method": "konbini", "cart_items": [1, 2], "description": "日本語"}`,
			"", ""},
		"largest amount": {"authorize", `{"amount": {"minor": 1000}}`, "", ""},
		"amount too small": {"authorize", `{"amount": {"minor": 9}}`, "/amount/minor: minimum: must be at least 10",
			"amount_out_of_range"},
		"amount too large": {"authorize", `{"amount": {"minor": 1001}}`,
			"/amount/minor: maximum: must be at most 1000", "amount_out_of_range"},
		"currency": {"authorize", `{"amount": {"currency": "USD"}}`,
			"/amount/currency: enum: must be one of JPY, EUR", "unsupported_currency"},
		"country": {"authorize", `{"country": "US"}`, "/country: enum: must be JP", "country_unsupported"},
		"capture mode": {"authorize", `{"capture_mode": "automatic"}`, "/capture_mode: enum: must be manual",
			"capture_method_unsupported"},
		"method": {"authorize", `{"method": "card"}`, "/method: enum: must be one of smartpay, konbini",
			"payment_method_unsupported"},
		"cart": {"authorize", `{"cart_items": [1, 2, 3]}`, "/cart_items: maxItems: must have at most 2 items, has 3",
			"invalid_field"},
		"description": {"authorize", `{"description": "日本語だ"}`,
			"/description: maxLength: must have at most 3 characters, has 4", "field_too_long"},
		"currency to capture": {"capture", `{"amount": {"minor": 1, "currency": "USD"}}`,
			"/amount/currency: enum: must be one of JPY, EUR", "unsupported_currency"},
		"currency to refund": {"refund", `{"amount": {"minor": 1, "currency": "USD"}}`,
			"/amount/currency: enum: must be one of JPY, EUR", "unsupported_currency"},
		"currency to add": {"increment", `{"amount": {"minor": 1, "currency": "USD"}}`,
			"/amount/currency: enum: must be one of JPY, EUR", "unsupported_currency"},
		"method to store": {"tokenize", `{"method": "card"}`, "/method: enum: must be one of smartpay, konbini",
			"payment_method_unsupported"},
		"method to check": {"zero_authorize", `{"currency": "JPY", "country": "JP", "method": "card"}`,
			"/method: enum: must be one of smartpay, konbini", "payment_method_unsupported"},
		"country to check": {"zero_authorize", `{"country": "US"}`, "/country: enum: must be JP", "country_unsupported"},
		"currency to check": {"zero_authorize", `{"currency": "USD"}`, "/currency: enum: must be one of JPY, EUR",
			"unsupported_currency"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			facts, err := schemas.ManifestFacts(json.RawMessage(manifest))
			if err != nil {
				t.Fatal(err)
			}
			found := compileRaw(t, string(facts[tt.op])).Validate(decode(t, []byte(tt.doc)))
			if got := say(found); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := schemas.ReasonFor(found); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
		})
	}
}

func TestWhatIsNotAdvertisedIsRefused(t *testing.T) {
	facts, err := schemas.ManifestFacts(json.RawMessage(`{"methods": null, "countries": [], "limits": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	doc := `{"amount": {"minor": 1, "currency": "JPY"}, "country": "JP", "capture_mode": "manual",
		"method": "smartpay", "cart_items": [1, 2, 3], "description": "long"}`
	want := "/amount/currency: not: must not be given, as this connector advertises none\n" +
		"/capture_mode: not: must not be given, as this connector advertises none\n" +
		"/country: not: must not be given, as this connector advertises none\n" +
		"/method: not: must not be given, as this connector advertises none"
	found := compileRaw(t, string(facts["authorize"])).Validate(decode(t, []byte(doc)))
	if d := cmp.Diff(want, say(found)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got, want := schemas.ReasonFor(found), "payment_method_unsupported"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestManifestFactsOfNoManifest(t *testing.T) {
	for name, manifest := range map[string]any{
		"a list":     json.RawMessage(`[]`),
		"wrong type": json.RawMessage(`{"countries": "JP"}`),
		"no JSON":    make(chan int),
	} {
		t.Run(name, func(t *testing.T) {
			if facts, err := schemas.ManifestFacts(manifest); err == nil {
				t.Errorf("got %v, want an error", slices.Collect(maps.Keys(facts)))
			}
		})
	}
}

func TestRequiredPointers(t *testing.T) {
	tests := map[string]struct {
		name      string
		narrowing []string
		want      []string
	}{
		"the contract alone": {"void.request", nil, []string{
			"/call", "/call/account", "/call/account/id", "/call/account/mode", "/call/account/revision",
			"/call/idempotency_key", "/call/operation_id", "/order"}},
		"a connector adds some": {"health", []string{`{"required": ["billing"],
			"properties": {"billing": {"$ref": "#/$defs/person"}, "shipping": {"required": ["address"]}},
			"$defs": {"person": {"required": ["first_name", "address"], "properties": {"address": {"required": ["city"]}}}}}`},
			[]string{"/billing", "/billing/address", "/billing/address/city", "/billing/first_name", "/serving"}},
		"one requires what another describes": {"health",
			[]string{`{"required": ["a"]}`, `{"allOf": [{"properties": {"a": {"required": ["b/c"]}}}]}`},
			[]string{"/a", "/a/b~1c", "/serving"}},
		"conditions do not count": {"find_payment.response", nil, []string{"/found"}},
		"a schema that describes itself": {"health",
			[]string{`{"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}}`}, []string{"/serving"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, compile(t, tt.name, tt.narrowing...).RequiredPointers()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestEmptyNarrowingNarrowsNothing(t *testing.T) {
	s, err := schemas.Compile("health", nil, json.RawMessage(""), json.RawMessage(" null "))
	if err != nil {
		t.Fatal(err)
	}
	if found := s.Validate(map[string]any{"serving": true}); found != nil {
		t.Errorf("refused: %v", found)
	}
}
