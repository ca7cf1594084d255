package claims

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// unheard is what a request that should have gone nowhere makes a case say.
const unheard = "expected the provider to hear nothing"

var (
	offered   = []sdk.Currency{"BHD", "EUR", "GBP", "JPY", "KRW", "KWD", "USD"}
	countries = []string{"BH", "DE", "FR", "GB", "JP", "KR", "KW", "US"}
)

// Limits of the reference connector's manifest.
const (
	maxItems    = 100
	maxDescribe = 255
)

func outsides() []broken.Mutant {
	mutant := func(id, fault, killer, reason string, pass func(sdk.AuthorizeRequest) bool) broken.Mutant {
		return broken.Mutant{
			ID: id, Fault: fault, Killer: killer, Reason: reason, Remote: lenient(pass),
			Collateral: []string{"schema/authorize-ill"}, // which tries every place
		}
	}
	foreign := func(r sdk.AuthorizeRequest) bool { return !slices.Contains(offered, r.Amount.Currency) }
	return []broken.Mutant{
		mutant("currency-lenient", "leaves it to the provider to refuse currencies", "authorize/foreign-currency", unheard, foreign),
		mutant("country-lenient", "takes payments for any country", "authorize/foreign-country", `authorizing for "AD"`,
			func(r sdk.AuthorizeRequest) bool { return r.Country != "" && !slices.Contains(countries, r.Country) }),
		mutant("mode-lenient", "takes a capture mode of tomorrow for one of today", "authorize/foreign-capture-mode", `in the capture mode "whenever"`,
			func(r sdk.AuthorizeRequest) bool {
				return r.CaptureMode == "whenever"
			}),
		mutant("method-lenient", "leaves it to the provider to refuse payment methods", "authorize/foreign-method", unheard,
			func(r sdk.AuthorizeRequest) bool { return r.Method == "barter" }),
		mutant("negative-amount", "leaves it to the provider to refuse negative amounts", "authorize/amount-not-positive", unheard,
			func(r sdk.AuthorizeRequest) bool { return r.Amount.Minor < 0 }),
		{
			ID: "zero-amount", Fault: "leaves it to the provider to refuse an amount of nothing",
			Killer: "limit/amount-below-least", Reason: unheard,
			Remote:     lenient(func(r sdk.AuthorizeRequest) bool { return r.Amount.Minor == 0 }),
			Collateral: []string{"authorize/amount-not-positive", "schema/authorize-ill"},
		},
		mutant("items-lenient", "leaves it to the provider to refuse long carts", "authorize/too-many-items", unheard,
			func(r sdk.AuthorizeRequest) bool { return len(r.Cart) > maxItems }),
		{
			ID: "description-lenient", Fault: "leaves it to the provider to refuse long descriptions",
			Killer: "limit/description-beyond", Reason: unheard,
			Remote:     lenient(func(r sdk.AuthorizeRequest) bool { return utf8.RuneCountInString(r.Description) > maxDescribe }),
			Collateral: []string{"schema/authorize-ill", "text/longest", "text/longest-description"},
		},
		{
			ID: "missing-lenient", Fault: "takes a payment for nowhere", Killer: "authorize/missing-field", Reason: "authorizing without /country",
			Remote:     lenient(func(r sdk.AuthorizeRequest) bool { return r.Country == "" }),
			Collateral: []string{"authorize/foreign-country", "schema/authorize-ill"},
		},
		{
			ID: "deadline-past", Fault: "takes payments that nobody waits for any more",
			Killer: "deadline/past", Reason: "calling after the deadline: expected a refusal, got accepted",
			Remote: loosen(func(l *loose) {
				l.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					if ctx.Err() != nil {
						ctx = context.WithoutCancel(ctx)
					}
					return l.Remote.Authorize(ctx, req)
				}
			}),
		},
		{
			ID: "capture-currency-lenient", Fault: "leaves it to the provider to refuse captures in another currency",
			Killer: "move/foreign-currency", Reason: `capture in "AED": expected the refusal to name /amount`,
			Remote: loosen(func(l *loose) {
				l.capture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					if !slices.Contains(offered, req.Amount.Currency) {
						return l.raw.Capture(ctx, req)
					}
					return l.Remote.Capture(ctx, req)
				}
			}),
			Collateral: []string{"capture/foreign-currency", "schema/capture-ill"},
		},
		{
			ID: "instrument-lenient", Fault: "checks instruments for any country",
			Killer: "instrument/foreign-cell", Reason: "checking an instrument for",
			Remote: loosen(func(l *loose) {
				l.zero = func(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
					if !slices.Contains(countries, req.Country) {
						return l.raw.ZeroAuthorize(ctx, req)
					}
					return l.Remote.ZeroAuthorize(ctx, req)
				}
			}),
			Collateral: []string{"schema/zero_authorize-ill"},
		},
	}
}

// refusing refuses payments of its own accord.
func refusing(field string, when func(sdk.AuthorizeRequest) bool) func(*reference.Connector) sdk.Connector {
	return twist(func(t *twisted, right *reference.Connector) {
		t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			if when(req) {
				return sdk.AuthorizeResult{}, &sdk.Error{
					Op: "reference.Authorize", Code: sdk.CodeInvalidField, Fields: []sdk.FieldError{{Pointer: field, Message: "is too much"}},
				}
			}
			return right.Authorize(ctx, req)
		}
	})
}

func limits() []broken.Mutant {
	const taken = "expected outcome [SUCCEEDED PENDING REQUIRES_ACTION], got NOT_ATTEMPTED"
	return []broken.Mutant{
		{
			ID: "items-short", Fault: "takes one cart item less than it says", Killer: "limit/cart-items-at", Reason: taken,
			Connector: refusing("/cart_items", func(r sdk.AuthorizeRequest) bool { return len(r.Cart) >= maxItems }),
		},
		{
			ID: "amount-tall", Fault: "does not take the smallest amount that it says it takes", Killer: "limit/amount-at-least", Reason: taken,
			Connector: refusing("/amount/minor", func(r sdk.AuthorizeRequest) bool { return r.Amount.Minor <= 1 }),
			Collateral: []string{
				"money/zero-decimals", "money/two-decimals", "money/three-decimals", "schema/authorize-valid",
			},
		},
		{
			ID: "description-bytes", Fault: "counts the bytes of a description instead of its characters",
			Killer: "limit/description-at", Reason: taken,
			Collateral: []string{"schema/authorize-valid", "text/longest", "text/longest-description"},
			Connector:  refusing("/description", func(r sdk.AuthorizeRequest) bool { return len(r.Description) > maxDescribe }),
		},
	}
}
