package reference_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// What is refused here is refused before anything is sent.
func TestRefusedBeforeItIsSent(t *testing.T) {
	b := newBench(t, provider.Options{})
	tests := map[string]struct {
		spoil   func(*sdk.AuthorizeRequest)
		pointer string
		code    sdk.Code
	}{
		"a currency of nobody's": {func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "CHF" }, "/amount/currency", sdk.CodeUnsupportedCurrency},
		"a country of nobody's":  {func(r *sdk.AuthorizeRequest) { r.Country = "AQ" }, "/country", sdk.CodeCountryUnsupported},
		"another method":         {func(r *sdk.AuthorizeRequest) { r.Method = "cheque" }, "/method", sdk.CodePaymentMethodUnsupported},
		"nothing":                {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 0 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"less than nothing":      {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = -1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"one unit too many":      {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1_000_000_000_000 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"beyond exact doubles":   {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1<<53 + 1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"all there is":           {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1<<63 - 1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"a wallet with no way back": {func(r *sdk.AuthorizeRequest) {
			r.Method, r.ReturnURL = "wallet", ""
		}, "/return_url", sdk.CodeMissingField},
		"a token that is none": {func(r *sdk.AuthorizeRequest) { r.Token = "../x" }, "/token", sdk.CodeInvalidField},
		"a cart of 101 lines": {func(r *sdk.AuthorizeRequest) {
			for range 101 {
				r.Cart = append(r.Cart, sdk.CartItem{Name: "x", Quantity: 1, UnitAmount: 10})
			}
		}, "/cart_items", sdk.CodeInvalidField},
		"a cart that does not add up": {func(r *sdk.AuthorizeRequest) {
			r.Cart = []sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: 1}}
		}, "/cart_items", sdk.CodeInvalidField},
		"a long description": {func(r *sdk.AuthorizeRequest) { r.Description = strings.Repeat("字", 256) }, "/description", sdk.CodeFieldTooLong},
		"no reference":       {func(r *sdk.AuthorizeRequest) { r.Call.Reference = "" }, "/call/reference", sdk.CodeMissingField},
		"no key":             {func(r *sdk.AuthorizeRequest) { r.Call.Key = "" }, "/call/idempotency_key", sdk.CodeMissingField},
		"no API key":         {func(r *sdk.AuthorizeRequest) { r.Call.Account.Secrets = nil }, "/call/account/secrets/api_key", sdk.CodeMissingField},
		"plain http abroad": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Config = map[string]string{"provider_url": "http://provider.example"}
		}, "/call/account/config/provider_url", sdk.CodeInvalidField},
		"a field that is none": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Config = map[string]string{"provider_uri": "https://provider.example"}
		}, "/call/account/config/provider_uri", ""},
		"a live account": {func(r *sdk.AuthorizeRequest) { r.Call.Account.Mode = sdk.ModeLive }, "", sdk.CodeEnvironmentMismatch},
		"a live key": {func(r *sdk.AuthorizeRequest) {
			r.Call.Account.Secrets = map[string]sdk.Secret{"api_key": sdk.NewSecret("key_live_0123456789")}
		}, "", sdk.CodeEnvironmentMismatch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := b.terms(eur(1000), sdk.CaptureManual)
			tt.spoil(&req)
			_, err := b.Authorize(t.Context(), req)
			e := sdk.AsError(err)
			if err == nil || e.Outcome() != sdk.OutcomeNotAttempted || tt.code != "" && e.Code != tt.code {
				t.Fatalf("%v, want %s", err, tt.code)
			}
			if tt.pointer != "" && (len(e.Fields) == 0 || e.Fields[0].Pointer != tt.pointer) {
				t.Errorf("names %v, want %s", e.Fields, tt.pointer)
			}
		})
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := b.Authorize(late, b.terms(eur(1000), sdk.CaptureManual)); sdk.AsError(err).Outcome() != sdk.OutcomeNotAttempted {
		t.Errorf("too late: %v", err)
	}
	if n := b.calls.Load(); n > 0 {
		t.Errorf("the provider was called %d times", n)
	}
}

// What the provider refuses has changed nothing.
func TestRefusedByTheProvider(t *testing.T) {
	tests := map[string]struct {
		before func(h held) error
		do     func(h held) error
		code   sdk.Code
	}{
		"a capture above the tolerance": {nil, func(h held) error { return captures(h, 1151) }, sdk.CodeAmountExceedsCapturable},
		"captures above it": {
			func(h held) error { return captures(h, 999) },
			func(h held) error { return captures(h, 152) }, sdk.CodeAmountExceedsCapturable,
		},
		"a capture of what was captured": {
			func(h held) error { return captures(h, 1000) },
			func(h held) error { return captures(h, 1) }, sdk.CodeAlreadyCaptured,
		},
		"a capture of what was voided": {
			func(h held) error { return after(nil, h.void) },
			func(h held) error { return captures(h, 1) }, sdk.CodeAlreadyVoided,
		},
		"a void of what was voided": {
			func(h held) error { return after(nil, h.void) },
			func(h held) error { return after(nil, h.void) }, sdk.CodeAlreadyVoided,
		},
		"a void of what was captured": {
			func(h held) error { return captures(h, 1000) },
			func(h held) error { return after(nil, h.void) }, sdk.CodeAlreadyCaptured,
		},
		"a capture of what has expired": {
			func(h held) error { h.b.provider.Advance(7 * 24 * time.Hour); return nil },
			func(h held) error { return captures(h, 1) }, sdk.CodeWindowClosed,
		},
		"a refund of what is held":    {nil, func(h held) error { return refunds(h, 1) }, sdk.CodeInvalidState},
		"a refund above the captures": {func(h held) error { return captures(h, 500) }, func(h held) error { return refunds(h, 501) }, sdk.CodeAmountExceedsRefundable},
		"refunds above the captures":  {func(h held) error { return join(captures(h, 500), refunds(h, 400)) }, func(h held) error { return refunds(h, 101) }, sdk.CodeAmountExceedsRefundable},
		"a refund of what went back":  {func(h held) error { return join(captures(h, 500), refunds(h, 500)) }, func(h held) error { return refunds(h, 1) }, sdk.CodeAlreadyRefunded},
		"a refund beside one under way": {
			func(h held) error {
				_, err := h.increment(99_000)
				return join(err, captures(h, 100_000), refunds(h, provider.SlowMove))
			},
			func(h held) error { return refunds(h, 22_700) }, sdk.CodeAmountExceedsRefundable,
		},
		"a capture beside one under way": {
			func(h held) error { _, err := h.increment(99_000); return join(err, captures(h, provider.SlowMove)) },
			func(h held) error { return captures(h, 37_700) }, sdk.CodeAmountExceedsCapturable,
		},
		"a cancellation of what is held": {nil, func(h held) error { _, err := h.cancel(); return err }, sdk.CodeInvalidState},
		"a rise of what was captured": {
			func(h held) error { return captures(h, 1000) },
			func(h held) error { _, err := h.increment(1); return err }, sdk.CodeAlreadyCaptured,
		},
		"a rise beyond all bounds": {nil, func(h held) error { _, err := h.increment(999_999_999_999); return err }, sdk.CodeInvalidField},
		"another currency":         {nil, func(h held) error { h.currency = "USD"; return captures(h, 1) }, sdk.CodeInvalidField},
		"a payment that is none":   {nil, func(h held) error { h.order = "pay_0"; return captures(h, 1) }, sdk.CodeNotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newBench(t, provider.Options{}).held(eur(1000))
			if tt.before != nil {
				if err := tt.before(h); err != nil {
					t.Fatal(err)
				}
			}
			before, moved := h.now(), len(h.b.provider.Ledger("", "").Movements)
			wantRefusal(t, tt.do(h), tt.code)
			if s := h.now(); amounts(s) != amounts(before) || s.State != before.State {
				t.Errorf("%s %v, was %s %v", s.State, amounts(s), before.State, amounts(before))
			}
			if n := len(h.b.provider.Ledger("", "").Movements); n != moved {
				t.Errorf("%d movements, were %d", n, moved)
			}
		})
	}
}

func TestEveryDeclineHasAMeaning(t *testing.T) {
	b := newBench(t, provider.Options{})
	unmapped := map[string]bool{"declined": true, "lunar_eclipse": true}
	for i, reason := range provider.DeclineReasons() {
		t.Run(reason, func(t *testing.T) {
			byAmount := b.terms(eur(provider.FirstDeclined+int64(i)), sdk.CaptureAutomatic)
			byToken := b.terms(eur(1000), sdk.CaptureManual)
			byToken.Token = sdk.TokenRef("ins_test_" + reason)
			for _, req := range []sdk.AuthorizeRequest{byAmount, byToken} {
				res, err := b.Authorize(t.Context(), req)
				e := sdk.AsError(err)
				if err == nil || e.Outcome() != sdk.OutcomeDeclined || e.Provider.Code != reason || res.Order == "" {
					t.Fatalf("%+v, %v", res, err)
				}
				if (e.Code == sdk.CodeUnmappedDecline) != unmapped[reason] {
					t.Errorf("is %s", e.Code)
				}
				if e.Network != nil && (e.Network.DeclineCode == "" || e.Network.Scheme == "") {
					t.Errorf("the network says %+v", e.Network)
				}
				h := held{b, req.Call.Reference, res.Order, "EUR"}
				if s := h.now(); s.State != sdk.StateDeclined || amounts(s) != [4]int64{} {
					t.Errorf("%s %v", s.State, amounts(s))
				}
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	b := newBench(t, provider.Options{})
	for key, want := range map[string]sdk.Code{
		apiKey: "", "key_test_revoked0": sdk.CodeCredentialsExpired, "key_test_restricted0": sdk.CodePermissionDenied,
		"key_test_closed00": sdk.CodeAccountInactive, "key_live_01234567": sdk.CodeEnvironmentMismatch,
	} {
		call := b.read("")
		call.Account.Secrets["api_key"] = sdk.NewSecret(key)
		check, err := b.CheckCredentials(t.Context(), sdk.CheckCredentialsRequest{Call: call})
		if err != nil || check.Valid != (want == "") || !strings.HasPrefix(check.Reason, string(want)) || strings.Contains(check.Reason, key) {
			t.Errorf("%s: %+v, %v; want %s", key, check, err, want)
		}
		if want == "" {
			continue
		}
		req := b.terms(eur(100), sdk.CaptureManual)
		req.Call.Account = call.Account
		_, err = b.Authorize(t.Context(), req)
		wantRefusal(t, err, want)
	}
	if n := len(b.provider.Ledger("", "").Movements); n > 0 {
		t.Errorf("%d movements", n)
	}
}

func TestAccountsAreApart(t *testing.T) {
	b := newBench(t, provider.Options{})
	h := b.held(eur(1000))
	other := b.read(h.reference)
	other.Account.Secrets["api_key"] = sdk.NewSecret("key_test_somebodyelse")
	for _, req := range []sdk.FindPaymentRequest{{Call: other}, {Call: other, Order: h.order}} {
		if found, err := b.FindPayment(t.Context(), req); err != nil || found.Found || !found.Authoritative {
			t.Errorf("%+v, %v", found, err)
		}
	}
}
