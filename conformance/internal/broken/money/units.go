package money

import (
	"context"
	"regexp"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/sdk"
)

var (
	yenAsked = regexp.MustCompile(`"value":"(\d+)","currency":"JPY"`)
	yenTold  = regexp.MustCompile(`"value":"(\d+)00","currency":"JPY"`)
)

// units are mutants that count in the wrong unit.
func units() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "jpy-times-100", Fault: "It counts yen in hundredths, both when it asks and when it reads.",
			Killer: "money/zero-decimals", Reason: "in the provider's books: expected 1 JPY, got 100 JPY",
			Transport: wrong.On(
				func(asked []byte) []byte {
					return yenAsked.ReplaceAll(asked, []byte(`"value":"${1}00","currency":"JPY"`))
				},
				func(w *wrong.Way) { w.Body = yenTold.ReplaceAll(w.Body, []byte(`"value":"$1","currency":"JPY"`)) }),
		},
		{
			ID: "float-money", Fault: "It counts cents in a float, and loses one of 29.",
			Killer: "money/two-decimals", Reason: "expected 29 EUR, got 28 EUR",
			Connector: wrong.Asked(func(r *sdk.AuthorizeRequest) {
				if r.Amount.Currency == "EUR" && r.Amount.Minor < 1000 {
					r.Amount.Minor = int64(float64(r.Amount.Minor) / 100 * 100)
				}
			}),
		},
		{
			ID: "kwd-truncate", Fault: "It drops the third decimal of a dinar.",
			Killer: "money/three-decimals", Reason: "KWD, got 1000 KWD",
			Connector: wrong.Asked(func(r *sdk.AuthorizeRequest) {
				if r.Amount.Currency == "KWD" && r.Amount.Minor > 1000 {
					r.Amount.Minor -= r.Amount.Minor % 10
				}
			}),
		},
		{
			ID: "currency-default", Fault: "It asks for dollars where won were asked for.",
			Killer: "money/currency", Reason: "expected KRW, got USD", Collateral: []string{"money/zero-decimals", "capability/cells-*"},
			Connector: wrong.Asked(func(r *sdk.AuthorizeRequest) {
				if r.Amount.Currency == "KRW" {
					r.Amount.Currency = "USD"
				}
			}),
		},
		{
			ID: "largest-in-a-float", Fault: "It counts large amounts in a float of 32 bits.",
			Killer: "money/largest", Reason: "authorizing 999999999999 EUR",
			Connector: wrong.Asked(func(r *sdk.AuthorizeRequest) {
				if r.Amount.Minor > 1_000_000_000_00 {
					r.Amount.Minor = int64(float32(r.Amount.Minor)) / 10
				}
			}),
		},
		{
			ID: "huge-is-rounded", Fault: "It takes amounts that it cannot hold, and asks for a rounder one.",
			Killer: "money/huge", Reason: "in the provider's books: expected 9007199254740991 held", Collateral: []string{"money/largest"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.Manifest = func(m sdk.Manifest) sdk.Manifest {
					m.Limits.MaxAmount = 1<<63 - 1
					return m
				}
				d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					req.Amount.Minor = min(req.Amount.Minor, 999_999_999_999)
					return d.Connector.Authorize(ctx, req)
				}
			}),
		},
	}
}
