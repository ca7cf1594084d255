package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestARequestThatTheSchemasForbidIsRefused(t *testing.T) {
	tests := map[string]struct {
		spoil  func(*sdk.AuthorizeRequest)
		code   sdk.Code
		fields []string
	}{
		"no amount": {
			func(r *sdk.AuthorizeRequest) { r.Amount = sdk.Money{} },
			sdk.CodeUnsupportedCurrency, []string{"/amount/currency", "/amount/minor"},
		},
		"zero yen": {
			func(r *sdk.AuthorizeRequest) { r.Amount = sdk.JPY(0) },
			sdk.CodeAmountOutOfRange, []string{"/amount/minor"},
		},
		"less than nothing": {
			func(r *sdk.AuthorizeRequest) { r.Amount = sdk.JPY(-1) },
			sdk.CodeAmountOutOfRange, []string{"/amount/minor"},
		},
		"a currency of none": {
			func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "JPX" },
			sdk.CodeUnsupportedCurrency, []string{"/amount/currency"},
		},
		"a narrowed country": {
			func(r *sdk.AuthorizeRequest) { r.Country = "US" },
			sdk.CodeCountryUnsupported, []string{"/country"},
		},
		"a narrowed-in buyer": {
			func(r *sdk.AuthorizeRequest) { r.Buyer = nil },
			sdk.CodeMissingField, []string{"/buyer"},
		},
		"no key": {
			func(r *sdk.AuthorizeRequest) { r.Call.Key = "" },
			sdk.CodeMissingField, []string{"/call/idempotency_key"},
		},
		"an unknown mode": {
			func(r *sdk.AuthorizeRequest) { r.CaptureMode = "later" },
			sdk.CodeCaptureMethodUnsupported, []string{"/capture_mode"},
		},
		"a name far too long": {
			func(r *sdk.AuthorizeRequest) { r.Description = strings.Repeat("字", 2049) },
			sdk.CodeFieldTooLong, []string{"/description"},
		},
		"two things at once": {
			func(r *sdk.AuthorizeRequest) { r.Buyer, r.Country = nil, "US" },
			sdk.CodeCountryUnsupported, []string{"/buyer", "/country"},
		},
		"a time beyond JSON": {
			func(r *sdk.AuthorizeRequest) { r.ApprovalExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
			sdk.CodeSchemaViolation, []string{""},
		},
		"a cart one yen short": {
			func(r *sdk.AuthorizeRequest) { r.Cart = []sdk.CartItem{{Name: "tea", Quantity: 1, UnitAmount: 999}} },
			sdk.CodeInvalidField, []string{"/cart_items"},
		},
		"a cart that overflows": {func(r *sdk.AuthorizeRequest) {
			r.Cart = []sdk.CartItem{{Name: "tea", Quantity: 1 << 32, UnitAmount: 1 << 32}, {Name: "tea", Quantity: 1, UnitAmount: 1000}}
		}, sdk.CodeInvalidField, []string{"/cart_items"}},
		"no configuration": {
			func(r *sdk.AuthorizeRequest) { r.Call.Account.Config = nil },
			sdk.CodeMissingField, []string{"/call/account/config/shop"},
		},
		"no secret": {
			func(r *sdk.AuthorizeRequest) { r.Call.Account.Secrets = nil },
			sdk.CodeMissingField, []string{"/call/account/secrets/key"},
		},
		"a bad secret": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Secrets = map[string]sdk.Secret{"key": sdk.NewSecret("pk_public-key")}
		}, sdk.CodeInvalidField, []string{"/call/account/secrets/key"}},
		"a secret too many": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Secrets["old_key"] = sdk.NewSecret("x")
		}, sdk.CodeSchemaViolation, []string{"/call/account/secrets/old_key"}},
		"a field too many": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Config = map[string]string{"shop": "1", "a/b": "x"}
		}, sdk.CodeSchemaViolation, []string{"/call/account/config/a~1b"}},
		"a secret in clear": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Config = map[string]string{"shop": "1", "key": key}
			r.Call.Account.Secrets = nil
		}, sdk.CodeInvalidField, []string{"/call/account/config/key"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := complete()
			req := authorization()
			tt.spoil(&req)
			res, err := guarded(t, s).Authorize(t.Context(), req)
			e := sdk.AsError(err)
			if e == nil || e.Code != tt.code || e.Op != "stub.authorize" {
				t.Fatalf("error = %v, want stub.authorize: %s", err, tt.code)
			}
			if res.Outcome != sdk.OutcomeNotAttempted {
				t.Errorf("outcome = %q, want it not attempted", res.Outcome)
			}
			var got []string // a field may be wrong in two ways
			for _, f := range e.Fields {
				if got = append(got, f.Pointer); slices.Index(e.Fields, f) != len(got)-1 {
					t.Errorf("%v is said twice", f)
				}
				if f.Message == "" {
					t.Errorf("%s: nothing says what would be right", f.Pointer)
				}
			}
			if diff := cmp.Diff(tt.fields, slices.Compact(got)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if len(s.calls) != 0 {
				t.Errorf("the author's code was called: %v", s.calls)
			}
		})
	}
}

func TestACartThatAddsUpPasses(t *testing.T) {
	req := authorization()
	req.Cart = []sdk.CartItem{
		{Name: "tea", Quantity: 2, UnitAmount: 600},
		{Name: "coupon", Quantity: 1, UnitAmount: 200, Kind: sdk.CartDiscount},
	}
	if _, err := guarded(t, complete()).Authorize(t.Context(), req); err != nil {
		t.Error(err)
	}
}

func TestACartNeedNotAddUpUnlessTheManifestSaysSo(t *testing.T) {
	s := complete()
	s.manifest.Features.CartMatchesAmount = false
	req := authorization()
	req.Cart = []sdk.CartItem{{Name: "tea", Quantity: 1, UnitAmount: 1}}
	if _, err := guarded(t, s).Authorize(t.Context(), req); err != nil {
		t.Error(err)
	}
}

func TestAConnectorWithoutAConfigSchemaTakesAnyAccount(t *testing.T) {
	s := complete()
	s.manifest.ConfigSchema = nil
	req := authorization()
	req.Call.Account.Config = map[string]string{"anything": "goes"}
	if _, err := guarded(t, s).Authorize(t.Context(), req); err != nil {
		t.Error(err)
	}
}

// TestEveryOperationJudgesTheAccount: credentials arrive with each call, so each call
// checks them.
func TestEveryOperationJudgesTheAccount(t *testing.T) {
	for op, do := range everyCall() {
		t.Run(string(op), func(t *testing.T) {
			s := complete()
			s.manifest.ConfigSchema = []byte(`{"type": "object", "properties": {}, "required": ["region"]}`)
			_, err := do(t.Context(), guarded(t, s))
			e := sdk.AsError(err)
			if e == nil || e.Code != sdk.CodeMissingField || e.Fields[0].Pointer != "/call/account/config/region" {
				t.Errorf("error = %v, want the missing region", err)
			}
		})
	}
}

// TestNoRefusalGivesAValueAway sends secrets that break the rules in every way.
func TestNoRefusalGivesAValueAway(t *testing.T) {
	g := guarded(t, complete())
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[!-~]{6,40}`).Draw(t, "secret")
		if strings.HasPrefix(secret, "sk_") {
			secret = "x" + secret
		}
		req := authorization()
		req.Call.Account.Secrets = map[string]sdk.Secret{"key": sdk.NewSecret(secret)}
		_, err := g.Authorize(context.Background(), req)
		if err == nil {
			t.Fatalf("%q passed", secret)
		}
		for _, said := range []string{err.Error(), fmt.Sprintf("%+v", sdk.AsError(err).Fields)} {
			if strings.Contains(said, secret) {
				t.Fatalf("%q is in %s", secret, said)
			}
		}
	})
}
