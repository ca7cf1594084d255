package reference

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// currencies are those that the provider takes, with the decimals that it counts.
var currencies = []sdk.CurrencyFact{
	{Code: "JPY", Exponent: 0}, {Code: "KRW", Exponent: 0},
	{Code: "EUR", Exponent: 2}, {Code: "GBP", Exponent: 2}, {Code: "USD", Exponent: 2},
	{Code: "BHD", Exponent: 3}, {Code: "KWD", Exponent: 3},
}

func exponentOf(currency sdk.Currency) (int, bool) {
	for _, fact := range currencies {
		if fact.Code == currency {
			return fact.Exponent, true
		}
	}
	return 0, false
}

// decimal writes money as the provider does, in decimals of the major unit: 1050 EUR
// is "10.50" and 1050 JPY is "1050". It moves the point in the text and calculates
// nothing.
func decimal(m sdk.Money) *api.Amount {
	exponent, _ := exponentOf(m.Currency)
	digits := strconv.FormatInt(m.Minor, 10)
	if short := exponent + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	if exponent > 0 {
		digits = digits[:len(digits)-exponent] + "." + digits[len(digits)-exponent:]
	}
	return &api.Amount{Value: digits, Currency: string(m.Currency)}
}

var errDecimal = errors.New("is not a decimal number of the currency")

// minor reads what decimal writes. Nothing is nothing, never zero.
func minor(a *api.Amount) (*sdk.Money, error) {
	if a == nil {
		return nil, nil //nolint:nilnil // the provider did not say, and that is no error
	}
	currency := sdk.Currency(a.Currency)
	exponent, ok := exponentOf(currency)
	whole, fraction, point := strings.Cut(a.Value, ".")
	digits := whole + fraction
	wellFormed := point == (exponent > 0) && len(fraction) == exponent && whole != ""
	if !ok || !wellFormed || strings.Trim(digits, "0123456789") != "" {
		return nil, fmt.Errorf("%q %q %w", a.Value, a.Currency, errDecimal)
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q %q %w", a.Value, a.Currency, errDecimal)
	}
	return &sdk.Money{Minor: value, Currency: currency}, nil
}
