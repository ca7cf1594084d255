package claims

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// words are all values of one of the contract's closed sets.
func words(set string) ([]string, error) {
	raw, err := schemas.Raw(set)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	var schema struct {
		Enum []string `json:"enum"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", suite.ErrSuite, set, err)
	}
	if len(schema.Enum) == 0 {
		return nil, fmt.Errorf("%w: %s is no closed set", suite.ErrSuite, set)
	}
	return schema.Enum, nil
}

// outside calls refuse with every word of a set that the manifest does not offer, with
// one that is in no set, and with an offered one in lower case, until one is accepted.
// In the end the provider must not have heard of any.
func outside(l *suite.Lane, set string, offered []string, refuse func(word string) error) error {
	mark := l.Mark()
	all, err := words(set)
	if err != nil {
		return err
	}
	for _, word := range append(all, "QQQ", "", strings.ToLower(offered[0])) {
		if slices.Contains(offered, word) {
			continue
		}
		if err := refuse(word); err != nil {
			return err
		}
	}
	return l.Nothing("all that is outside the manifest", mark)
}

func currenciesOf(m sdk.Manifest) []string {
	var codes []string
	for _, c := range m.Currencies {
		codes = append(codes, string(c.Code))
	}
	return codes
}

var foreignCurrencyIsRefused = suite.Case{
	ID: "authorize/foreign-currency", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Every currency outside the manifest is refused, naming the field, before the provider is called.",
	Why:  "A wrong currency is a wrong amount.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return outside(l, "currency", currenciesOf(l.Description.Manifest), func(word string) error {
			return spoiltOneOfMany(ctx, l, fmt.Sprintf("authorizing in %q", word), "/amount",
				func(r *sdk.AuthorizeRequest) { r.Amount.Currency = sdk.Currency(word) },
				sdk.CodeUnsupportedCurrency, sdk.CodeInvalidField, sdk.CodeMissingField, sdk.CodeSchemaViolation)
		})
	},
}

var foreignCountryIsRefused = suite.Case{
	ID: "authorize/foreign-country", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Every country outside the manifest is refused, naming the field, before the provider is called.",
	Why:  "The provider would refuse the buyer after the redirect.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return outside(l, "country", l.Description.Manifest.Countries, func(word string) error {
			return spoiltOneOfMany(ctx, l, fmt.Sprintf("authorizing for %q", word), "/country",
				func(r *sdk.AuthorizeRequest) { r.Country = word },
				sdk.CodeCountryUnsupported, sdk.CodeInvalidField, sdk.CodeMissingField, sdk.CodeSchemaViolation)
		})
	},
}

var foreignCaptureModeIsRefused = suite.Case{
	ID: "authorize/foreign-capture-mode", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Every capture mode outside the manifest is refused, also one of tomorrow.",
	Why:  "Money would be taken at the wrong time.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, mode := range []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual, "whenever", "Manual", ""} {
			if slices.Contains(l.Description.Manifest.CaptureModes, mode) {
				continue
			}
			if err := spoilt(ctx, l, fmt.Sprintf("authorizing in the capture mode %q", mode), "/capture_mode",
				func(r *sdk.AuthorizeRequest) { r.CaptureMode = mode }); err != nil {
				return err
			}
		}
		return nil
	},
}

var foreignMethodIsRefused = suite.Case{
	ID: "authorize/foreign-method", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "A payment method outside the manifest is refused, naming the field, before the provider is called.",
	Why:  "The buyer lands on a page for something else.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		first := l.Description.Manifest.Methods[0].Name
		for _, method := range []string{"barter", first + "-x", strings.ToUpper(first), ""} {
			if err := spoilt(ctx, l, fmt.Sprintf("authorizing by %q", method), "/method",
				func(r *sdk.AuthorizeRequest) { r.Method = method }); err != nil {
				return err
			}
		}
		return nil
	},
}

// refusedUnheard expects a call to be refused, naming the field, and the provider to
// have heard nothing of it so far.
func refusedUnheard(l *suite.Lane, step, pointer string, call func() error) error {
	mark := l.Mark()
	if err := suite.Named(step, call(), pointer); err != nil {
		return err
	}
	return soFarNothing(l, step, mark)
}

var foreignCurrencyOfMoveIsRefused = suite.Case{
	ID: "move/foreign-currency", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Captures, refunds and increments in a currency outside the manifest are refused, naming the field.",
	Why:  "A wrong currency is a wrong amount.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		f, d := l.Fixtures(), l.Description
		if f.Order == "" || f.Capture == "" {
			return fmt.Errorf("%w: order or capture is missing", suite.ErrNotTestable)
		}
		calls := map[sdk.Operation]func(sdk.Money) error{
			sdk.OpCapture: func(m sdk.Money) error {
				_, err := l.Remote.Capture(ctx, sdk.CaptureRequest{Call: l.NewCall(), Order: f.Order, Amount: m, Final: true})
				return err
			},
			sdk.OpRefund: func(m sdk.Money) error {
				_, err := l.Remote.Refund(ctx, sdk.RefundRequest{
					Call: l.NewCall(), Order: f.Order, Capture: f.Capture, Amount: m, Reason: sdk.RefundRequested,
				})
				return err
			},
			sdk.OpIncrement: func(m sdk.Money) error {
				_, err := l.Remote.Increment(ctx, sdk.IncrementRequest{Call: l.NewCall(), Order: f.Order, Amount: m})
				return err
			},
		}
		return outside(l, "currency", currenciesOf(d.Manifest), func(word string) error {
			for op, call := range calls {
				if !d.Operations.Has(op) {
					continue
				}
				if err := refusedUnheard(l, fmt.Sprintf("%s in %q", op, word), "/amount", func() error {
					return call(sdk.Money{Minor: 100, Currency: sdk.Currency(word)})
				}); err != nil {
					return err
				}
			}
			return nil
		})
	},
}

var foreignInstrumentIsRefused = suite.Case{
	ID: "instrument/foreign-cell", Requirement: "PC-CAP-006", Profile: suite.StoredCredentials,
	Needs: []sdk.Operation{sdk.OpZeroAuthorize},
	Rule:  "Instruments are not checked for a currency, country or method outside the manifest.",
	Why:   "An instrument is found good for a payment that cannot be made.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m := l.Description.Manifest
		good := sdk.ZeroAuthorizeRequest{Currency: m.Currencies[0].Code, Country: m.Countries[0], Method: m.Methods[0].Name}
		check := func(step, pointer string, req sdk.ZeroAuthorizeRequest) error {
			req.Call = l.NewCall()
			return refusedUnheard(l, step, pointer, func() error {
				_, err := l.Remote.ZeroAuthorize(ctx, req)
				return err
			})
		}
		err := outside(l, "currency", currenciesOf(m), func(word string) error {
			req := good
			req.Currency = sdk.Currency(word)
			return check(fmt.Sprintf("checking an instrument in %q", word), "/currency", req)
		})
		if err != nil {
			return err
		}
		err = outside(l, "country", m.Countries, func(word string) error {
			req := good
			req.Country = word
			return check(fmt.Sprintf("checking an instrument for %q", word), "/country", req)
		})
		if err != nil {
			return err
		}
		req := good
		req.Method = "barter"
		return check("checking an instrument of the method barter", "/method", req)
	},
}
