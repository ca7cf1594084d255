package guard

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

// ignoreSpace compares schemas by what they say.
var ignoreSpace = cmp.Comparer(func(a, b json.RawMessage) bool { return compact(a) == compact(b) })

func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

func TestNewSaysWhatIsWrongWithAManifest(t *testing.T) {
	tests := map[string]struct {
		spoil func(*sdk.Manifest)
		want  string
	}{
		"no name":            {func(m *sdk.Manifest) { m.Name = "" }, "/manifest/name"},
		"a name in capitals": {func(m *sdk.Manifest) { m.Name = "Stub" }, "/manifest/name"},
		"a name too long":    {func(m *sdk.Manifest) { m.Name = strings.Repeat("a", 41) }, "/manifest/name"},
		"no version":         {func(m *sdk.Manifest) { m.Version = "" }, "/manifest/version"},
		"a version with a v": {func(m *sdk.Manifest) { m.Version = "v1.0.0" }, "/manifest/version"},
		"no contract":        {func(m *sdk.Manifest) { m.Contract = sdk.ContractRange{} }, "/manifest/contract"},
		"a contract to come": {
			func(m *sdk.Manifest) { m.Contract = sdk.ContractRange{Min: 2, Max: 3} },
			"/manifest/contract must include 1",
		},
		"a contract backwards": {
			func(m *sdk.Manifest) { m.Contract = sdk.ContractRange{Min: 2, Max: 1} },
			"/manifest/contract must include 1",
		},
		"no display name":     {func(m *sdk.Manifest) { m.DisplayName = "" }, "/manifest/display_name"},
		"no methods":          {func(m *sdk.Manifest) { m.Methods = nil }, "/manifest/methods"},
		"a flow that is none": {func(m *sdk.Manifest) { m.Methods[0].Flow = "magic" }, "/manifest/methods/0/flow"},
		"no countries":        {func(m *sdk.Manifest) { m.Countries = nil }, "/manifest/countries"},
		"a country in words":  {func(m *sdk.Manifest) { m.Countries = []string{"Japan"} }, "/manifest/countries/0"},
		"no currencies":       {func(m *sdk.Manifest) { m.Currencies = nil }, "/manifest/currencies"},
		"a currency of nowhere": {
			func(m *sdk.Manifest) { m.Currencies[0].Code = "XXJ" },
			"/manifest/currencies/0/code",
		},
		"no capture modes": {func(m *sdk.Manifest) { m.CaptureModes = nil }, "/manifest/capture_modes"},
		"an amount upside down": {
			func(m *sdk.Manifest) { m.Limits.MinAmount, m.Limits.MaxAmount = 2, 1 },
			"/manifest/limits/max_amount",
		},
		"a config schema that does not compile": {
			func(m *sdk.Manifest) {
				m.ConfigSchema = json.RawMessage(`{"type": "object", "properties": {"k": {"type": "string", "pattern": "("}}}`)
			}, "/config_schema",
		},
		"a config schema that is no JSON": {
			func(m *sdk.Manifest) { m.ConfigSchema = json.RawMessage(`{`) },
			"manifest",
		},
		"a request schema that does not compile": {
			func(m *sdk.Manifest) { m.RequestSchemas[sdk.OpRefund] = json.RawMessage(`{"type": 7}`) }, "/request_schemas/refund",
		},
		"a request schema that reaches out": {
			func(m *sdk.Manifest) {
				m.RequestSchemas[sdk.OpRefund] = json.RawMessage(`{"$ref": "https://example.com/x.json"}`)
			}, "/request_schemas/refund",
		},
		"no refund scope": {func(m *sdk.Manifest) { m.RefundScope = "" }, "/manifest/refund_scope"},
		"no webhook fact": {func(m *sdk.Manifest) { m.Webhook = nil }, "/manifest/webhook"},
		"an egress without a port": {
			func(m *sdk.Manifest) { m.Egress = []string{"api.stub.example"} }, "/manifest/egress/0",
		},
		"an idempotency that is none": {
			func(m *sdk.Manifest) { m.Idempotency[sdk.OpVoid] = sdk.Idempotency{Mode: "hope"} }, "/manifest/idempotency/void/mode",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := complete()
			tt.spoil(&s.manifest)
			_, err := New(s)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want an error about %s", err, tt.want)
			}
		})
	}
}

func TestNewWantsAnIdempotencyForEveryWrite(t *testing.T) {
	for op := range complete().manifest.Idempotency {
		t.Run(string(op), func(t *testing.T) {
			s := complete()
			delete(s.manifest.Idempotency, op)
			if _, err := New(s); err == nil || !strings.Contains(err.Error(), "/manifest/idempotency/"+string(op)) {
				t.Errorf("New: %v, want an error about %s", err, op)
			}
		})
	}
}

// TestNewWantsWhatIsPromised: each fact about an operation needs the operation.
func TestNewWantsWhatIsPromised(t *testing.T) {
	tests := map[string]struct {
		promise func(*sdk.Manifest)
		want    string
	}{
		"partial capture": {func(m *sdk.Manifest) { m.Features.PartialCapture = true }, "capture"},
		"multiple capture": {
			func(m *sdk.Manifest) { m.Features.MultipleCapture = true },
			"/manifest/features/multiple_capture",
		},
		"over-capture": {
			func(m *sdk.Manifest) { m.Features.OverCapture = true },
			"/manifest/features/over_capture",
		},
		"partial authorize": {
			func(m *sdk.Manifest) { m.Features.PartialAuthorization = true },
			"/manifest/features/partial_authorization",
		},
		"a cart that adds up": {
			func(m *sdk.Manifest) { m.Features.CartMatchesAmount = true },
			"/manifest/features/cart_matches_amount",
		},
		"partial refund": {
			func(m *sdk.Manifest) { m.Features.PartialRefund = true },
			"/manifest/features/partial_refund",
		},
		"multiple refund": {
			func(m *sdk.Manifest) { m.Features.MultipleRefund = true },
			"/manifest/features/multiple_refund",
		},
		"void after capture": {
			func(m *sdk.Manifest) { m.Features.VoidAfterPartialCapture = true },
			"/manifest/features/void_after_partial_capture",
		},
		"proof of absence": {
			func(m *sdk.Manifest) { m.Features.NotFoundAuthoritative = true },
			"/manifest/features/not_found_authoritative",
		},
		"manual capture": {
			func(m *sdk.Manifest) { m.CaptureModes = []sdk.CaptureMode{sdk.CaptureManual} },
			"manual capture",
		},
		"a refund scope": {
			func(m *sdk.Manifest) { m.RefundScope = sdk.RefundPayment },
			"/manifest/refund_scope",
		},
		"webhooks": {
			func(m *sdk.Manifest) { m.Webhook = &sdk.WebhookFact{Scheme: "hmac"} },
			"/manifest/webhook",
		},
		"an idempotent refund": {
			func(m *sdk.Manifest) { m.Idempotency = complete().manifest.Idempotency },
			"/manifest/idempotency/refund must not be there",
		},
		"a schema of refunds": {
			func(m *sdk.Manifest) {
				m.RequestSchemas = map[sdk.Operation]json.RawMessage{sdk.OpRefund: json.RawMessage(`{}`)}
			}, "/manifest/request_schemas/refund must not be there",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := onlyCredentials()
			if _, err := New(c); err != nil {
				t.Fatalf("without the promise: %v", err)
			}
			tt.promise(&c.manifest)
			if _, err := New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want an error about %s", err, tt.want)
			}
		})
	}
}

func TestNewWantsTheOperationsThatBelongTogether(t *testing.T) {
	s := complete()
	tests := map[string]struct {
		c    sdk.Connector
		want string
	}{
		"authorize without a lookup": {struct {
			sdk.Connector
			sdk.Authorizer
		}{s, s}, "find_payment"},
		"refund without a lookup": {struct {
			sdk.Connector
			sdk.Refunder
		}{s, s}, "find_refund"},
		"registration without reading": {struct {
			sdk.Connector
			sdk.WebhookRegistrar
		}{s, s}, "read_webhook"},
		"nothing at all": {struct{ sdk.Connector }{s}, "at least one operation"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want an error about %s", err, tt.want)
			}
		})
	}
}

func TestNewNamesEverythingAtOnce(t *testing.T) {
	s := complete()
	s.manifest.Version = "one"
	s.manifest.Webhook = nil
	s.manifest.Limits = sdk.Limits{MinAmount: 2, MaxAmount: 1}
	_, err := New(s)
	for _, want := range []string{`"stub"`, "/manifest/version", "/manifest/webhook", "/manifest/limits/max_amount"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want an error about %s", err, want)
		}
	}
}

type changing struct {
	*stub
	n int
}

func (c *changing) Describe() sdk.Manifest {
	c.n++
	c.manifest.Egress = []string{"api.stub.example:44" + string(rune('0'+c.n))}
	return c.manifest
}

type panicking struct{ *stub }

func (panicking) Describe() sdk.Manifest { panic("no configuration") }

func TestNewWantsAManifestThatStays(t *testing.T) {
	tests := map[string]struct {
		c    sdk.Connector
		want string
	}{
		"no connector":          {nil, "the value is nil"},
		"another every time":    {&changing{stub: complete()}, "equal manifests every time"},
		"a Describe that fails": {panicking{complete()}, "Describe panicked: no configuration"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want an error that says %q", err, tt.want)
			}
		})
	}
}
