package gatekeep_test

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/google/go-cmp/cmp"
)

func TestEveryReasonIsACodeThatProvesNothingHappened(t *testing.T) {
	for _, reason := range schemas.Reasons() {
		code := sdk.Code(reason)
		if !code.Valid() || code.Meaning().Outcome != sdk.OutcomeNotAttempted {
			t.Errorf("%s: valid %v, outcome %s", code, code.Valid(), code.Meaning().Outcome)
		}
		if c := code.Meaning().Category; c != sdk.CategoryValidation && c != sdk.CategoryCapability {
			t.Errorf("%s is of category %s", code, c)
		}
	}
}

func TestGoodRequestsPass(t *testing.T) {
	g, requests := newGate(t), good()
	for _, op := range sdk.AllOperations() {
		if e := g.Check(op, requests[op]); e != nil {
			t.Errorf("%s: %v", op, e)
		}
	}
	req := authorize()
	if e := g.Check(sdk.OpAuthorize, &req); e != nil {
		t.Errorf("by pointer: %v", e)
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		change func(*sdk.AuthorizeRequest)
		want   string
	}{
		"another currency": {func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "USD" },
			"unsupported_currency\n/amount/currency must be JPY"},
		"a currency that is none": {func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "XXX" },
			"unsupported_currency\n/amount/currency must be JPY\n/amount/currency must be an ISO 4217 currency code such as JPY"},
		"no currency": {func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "" },
			"unsupported_currency\n/amount/currency must be JPY\n/amount/currency must be an ISO 4217 currency code such as JPY"},
		"another country": {func(r *sdk.AuthorizeRequest) { r.Country = "US" }, "country_unsupported\n/country must be JP"},
		"another capture mode": {func(r *sdk.AuthorizeRequest) { r.CaptureMode = sdk.CaptureAutomatic },
			"capture_method_unsupported\n/capture_mode must be manual"},
		"another method": {func(r *sdk.AuthorizeRequest) { r.Method = "card" },
			"payment_method_unsupported\n/method must be konbini"},
		"zero": {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 0 },
			"amount_out_of_range\n/amount/minor must be at least 1\n/amount/minor must be at least 10"},
		"negative": {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = -900 },
			"amount_out_of_range\n/amount/minor must be at least 1\n/amount/minor must be at least 10"},
		"one below the least": {func(r *sdk.AuthorizeRequest) { r.Amount.Minor, r.Cart = 9, nil },
			"amount_out_of_range\n/amount/minor must be at least 10"},
		"one above the most": {func(r *sdk.AuthorizeRequest) { r.Amount.Minor, r.Cart = 5001, nil },
			"amount_out_of_range\n/amount/minor must be at most 5000"},
		"the largest there is": {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = math.MaxInt64 },
			"amount_out_of_range\n/amount/minor must be at most 5000"},
		"a cart that comes to less": {func(r *sdk.AuthorizeRequest) { r.Cart = r.Cart[1:] },
			"invalid_field\n/cart_items must add up to /amount/minor"},
		"a cart that comes to more": {func(r *sdk.AuthorizeRequest) { r.Cart = r.Cart[:1] },
			"invalid_field\n/cart_items must add up to /amount/minor"},
		"a cart that does not fit": {func(r *sdk.AuthorizeRequest) { r.Cart[0].UnitAmount = math.MaxInt64 },
			"invalid_field\n/cart_items must add up to /amount/minor"},
		"a cart that would wrap around to the amount": {func(r *sdk.AuthorizeRequest) {
			r.Cart = []sdk.CartItem{{Name: "a", Quantity: 1 << 32, UnitAmount: 1 << 32}, {Name: "b", Quantity: 1, UnitAmount: 900}}
		}, "invalid_field\n/cart_items must add up to /amount/minor"},
		"too many lines": {func(r *sdk.AuthorizeRequest) { r.Cart = slices.Repeat(r.Cart, 2) },
			"invalid_field\n/cart_items must have at most 3 items, has 4"},
		"a line without a name": {func(r *sdk.AuthorizeRequest) { r.Cart[0].Name = "" },
			"invalid_field\n/cart_items/0/name must have at least 1 character, has 0"},
		"a description too long": {func(r *sdk.AuthorizeRequest) { r.Description = "日本のお茶" + "碗" },
			"field_too_long\n/description must have at most 5 characters, has 6"},
		"no billing": {func(r *sdk.AuthorizeRequest) { r.Billing = nil }, "missing_field\n/billing is required"},
		"no city": {func(r *sdk.AuthorizeRequest) { r.Billing.Address.City = "" },
			"missing_field\n/billing/address/city is required"},
		"billed elsewhere": {func(r *sdk.AuthorizeRequest) { r.Billing.Address.Country = "US" },
			"invalid_field\n/billing/address/country must be JP"},
		"several at once, all told": {func(r *sdk.AuthorizeRequest) {
			r.Billing.Email, r.Shipping.FirstName, r.Shipping.Address.City = "", "a\x00b", ""
		}, "missing_field\n/billing/email_address is required\n/shipping/address/city is required\n" +
			"/shipping/first_name must be one line of text without control characters"},
		"what cannot be done at all comes first": {func(r *sdk.AuthorizeRequest) { r.Country, r.Billing = "US", nil },
			"country_unsupported\n/billing is required\n/country must be JP"},
		"no key": {func(r *sdk.AuthorizeRequest) { r.Call.Key = "" },
			"missing_field\n/call/idempotency_key is required"},
		"no reference": {func(r *sdk.AuthorizeRequest) { r.Call.Reference = "" },
			"missing_field\n/call/reference is required"},
		"a secret that is missing": {func(r *sdk.AuthorizeRequest) { r.Call.Account.Secrets = nil },
			"missing_field\n/call/account/secrets/secret_key is required"},
		"a setting that is no more": {func(r *sdk.AuthorizeRequest) { r.Call.Account.Config["region"] = "north" },
			"invalid_field\n/call/account/config/region must be one of east, west"},
	}
	g := newGate(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := authorize()
			tt.change(&req)
			e := g.Check(sdk.OpAuthorize, req)
			if d := cmp.Diff(tt.want, say(e)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if e != nil && (e.Op != "willing.authorize" || e.Outcome() != sdk.OutcomeNotAttempted) {
				t.Errorf("op %q, outcome %s", e.Op, e.Outcome())
			}
			if d := cmp.Diff(tt.want, say(g.Check(sdk.OpAuthorize, &req))); d != "" {
				t.Errorf("by pointer (-want +got):\n%s", d)
			}
		})
	}
}

func TestRefusalsOfOtherOperations(t *testing.T) {
	usd := sdk.Money{Minor: 100, Currency: "USD"}
	tests := map[string]struct {
		op   sdk.Operation
		req  any
		want string
	}{
		"capture in another currency": {sdk.OpCapture, sdk.CaptureRequest{Call: call(), Order: "o", Amount: usd},
			"unsupported_currency\n/amount/currency must be JPY"},
		"capture of nothing": {sdk.OpCapture, sdk.CaptureRequest{Call: call(), Order: "o", Amount: sdk.JPY(0)},
			"amount_out_of_range\n/amount/minor must be at least 1"},
		"refund in another currency": {sdk.OpRefund,
			sdk.RefundRequest{Call: call(), Order: "o", Amount: usd, Reason: sdk.RefundDuplicate},
			"unsupported_currency\n/amount/currency must be JPY"},
		"negative refund": {sdk.OpRefund,
			sdk.RefundRequest{Call: call(), Order: "o", Amount: sdk.JPY(-1), Reason: sdk.RefundDuplicate},
			"amount_out_of_range\n/amount/minor must be at least 1"},
		"refund for a reason of its own": {sdk.OpRefund,
			sdk.RefundRequest{Call: call(), Order: "o", Amount: sdk.JPY(1), Reason: "goodwill"},
			"invalid_field\n/reason must be one of requested_by_customer, fraudulent, duplicate"},
		"void of no order": {sdk.OpVoid, sdk.VoidRequest{Call: call()},
			"invalid_field\n/order must have at least 1 character, has 0"},
		"cancel of nothing": {sdk.OpCancel, sdk.CancelRequest{Call: call()},
			"missing_field\n/order is required, or /session instead"},
		"a token of another method": {sdk.OpTokenize, sdk.TokenizeRequest{Call: call(), Method: "card"},
			"payment_method_unsupported\n/method must be konbini"},
		"the request of another operation": {sdk.OpVoid, sdk.CheckCredentialsRequest{Call: call()},
			"missing_field\n/order is required"},
		"no request": {sdk.OpVoid, nil, "invalid_field\n must be a request of package sdk\n must be an object"},
		"a pointer to nothing": {sdk.OpAuthorize, (*sdk.AuthorizeRequest)(nil),
			"invalid_field\n must be a request of package sdk\n must be an object"},
		"not a request": {sdk.OpVoid, map[string]any{"order": "o"},
			"missing_field\n must be a request of package sdk\n/call is required"},
	}
	g := newGate(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Split(say(g.Check(tt.op, tt.req)), "\n")
			want := strings.Split(tt.want, "\n")
			slices.Sort(got[1:])
			slices.Sort(want[1:])
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestOperationsThatAreNotOffered(t *testing.T) {
	requests := good()
	for _, op := range sdk.AllOperations() {
		g := newGate(t, func(d *sdk.Description) {
			d.Operations = slices.DeleteFunc(d.Operations, func(o sdk.Operation) bool { return o == op })
		})
		got, want := g.Check(op, requests[op]), sdk.Unsupported("willing", op)
		if got == nil || got.Error() != want.Error() || got.Code != want.Code {
			t.Errorf("%s: %v, want %v", op, got, want)
		}
		if p := g.RequiredPointers(op); p != nil {
			t.Errorf("%s: required %v", op, p)
		}
	}
	if e := newGate(t).Check("split_payout", authorize()); e == nil || e.Code != sdk.CodeOperationUnsupported {
		t.Errorf("an operation of tomorrow: %v", e)
	}
}

func TestACartNeedsNotMatchWhereTheProviderDoesNotMind(t *testing.T) {
	g := newGate(t, func(d *sdk.Description) { d.Manifest.Features.CartMatchesAmount = false })
	req := authorize()
	req.Cart = req.Cart[:1]
	if e := g.Check(sdk.OpAuthorize, req); e != nil {
		t.Error(e)
	}
}

func TestRequiredPointersAreTheContractsAndTheConnectors(t *testing.T) {
	want := []string{
		"/amount", "/amount/currency", "/amount/minor", "/billing", "/billing/address", "/billing/address/city",
		"/billing/address/country", "/billing/email_address", "/billing/first_name", "/call", "/call/account",
		"/call/account/id",
		"/call/account/mode", "/call/account/revision", "/call/idempotency_key", "/call/operation_id", "/call/reference",
		"/capture_mode", "/country", "/method", "/shipping", "/shipping/address", "/shipping/address/city",
		"/shipping/address/country", "/shipping/first_name",
	}
	if d := cmp.Diff(want, newGate(t).RequiredPointers(sdk.OpAuthorize)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestManifestsThatMakeNoGate(t *testing.T) {
	tests := map[string]struct {
		change func(*sdk.Manifest)
		want   string
	}{
		"no name":                 {func(m *sdk.Manifest) { m.Name = "" }, "/name"},
		"no version":              {func(m *sdk.Manifest) { m.Version = "v1" }, "/version must be a semantic version"},
		"a currency that is none": {func(m *sdk.Manifest) { m.Currencies[0].Code = "YEN" }, "/currencies/0/code"},
		"a narrowing that reaches out": {func(m *sdk.Manifest) {
			m.RequestSchemas[sdk.OpCapture] = json.RawMessage(`{"$ref": "http://127.0.0.1/x"}`)
		}, "may refer only to itself"},
		"a narrowing that is no schema": {func(m *sdk.Manifest) {
			m.RequestSchemas[sdk.OpCapture] = json.RawMessage(`{"type": "money"}`)
		}, "capture.request"},
		"a config that reaches out": {func(m *sdk.Manifest) {
			m.ConfigSchema = json.RawMessage(`{"type": "object", "properties": {"a": {"type": "string", "$ref": "file:///etc/passwd"}}}`)
		}, "config schema"},
		"a config that is not flat": {func(m *sdk.Manifest) {
			m.ConfigSchema = json.RawMessage(`{"type": "object", "properties": {"a": {"type": "object"}}}`)
		}, "/config_schema/properties/a/type must be string"},
		"a config that is no JSON": {func(m *sdk.Manifest) { m.ConfigSchema = json.RawMessage(`{`) },
			"must have a JSON form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := describe()
			d.Manifest.RequestSchemas = maps.Clone(d.Manifest.RequestSchemas)
			tt.change(&d.Manifest)
			g, err := gatekeep.New(d)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v, want an error with %q", g, err, tt.want)
			}
		})
	}
}
