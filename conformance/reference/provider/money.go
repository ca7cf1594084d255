package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// exponents are the currencies that the provider takes, and the decimals of each.
var exponents = map[string]int{
	"JPY": 0, "KRW": 0,
	"EUR": 2, "GBP": 2, "USD": 2,
	"BHD": 3, "KWD": 3,
}

// maxMinor is the largest amount: twelve digits, as in card messages.
const maxMinor = 999_999_999_999

// An amount is money as the API writes it: a decimal string of the major unit, with
// exactly as many decimals as the currency has.
type amount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

var (
	errCurrency = errors.New("is not a currency that this provider takes")
	errDecimals = errors.New("must be digits, with exactly the decimals that the currency has")
	errRange    = fmt.Errorf("must be more than 0 and at most %d minor units", int64(maxMinor))
)

// minor reads an amount in minor units. It accepts one spelling of each number.
func (a amount) minor() (int64, error) {
	exponent, ok := exponents[a.Currency]
	if !ok {
		return 0, errCurrency
	}
	whole, fraction, point := strings.Cut(a.Value, ".")
	digits := whole + fraction
	switch {
	case point != (exponent > 0), len(fraction) != exponent, whole == "", len(whole) > 1 && whole[0] == '0',
		strings.Trim(digits, "0123456789") != "":
		return 0, errDecimals
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || minor < 1 || minor > maxMinor {
		return 0, errRange
	}
	return minor, nil
}

// amountOf writes minor units as the API does.
func amountOf(minor int64, currency string) amount {
	exponent := exponents[currency]
	digits := fmt.Sprintf("%0*d", exponent+1, minor)
	if exponent == 0 {
		return amount{Value: digits, Currency: currency}
	}
	point := len(digits) - exponent
	return amount{Value: digits[:point] + "." + digits[point:], Currency: currency}
}
