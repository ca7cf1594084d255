package provider

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestAmountsAreSpelledOneWay(t *testing.T) {
	tests := map[string]struct {
		amount amount
		minor  int64
		err    error
	}{
		"yen":                      {amount{"1050", "JPY"}, 1050, nil},
		"euros":                    {amount{"10.50", "EUR"}, 1050, nil},
		"dinars":                   {amount{"1.050", "KWD"}, 1050, nil},
		"a cent":                   {amount{"0.01", "EUR"}, 1, nil},
		"the most":                 {amount{"9999999999.99", "EUR"}, maxMinor, nil},
		"more than that":           {amount{"10000000000.00", "EUR"}, 0, errRange},
		"more than an int64":       {amount{"99999999999999999999.00", "EUR"}, 0, errRange},
		"nothing":                  {amount{"0.00", "EUR"}, 0, errRange},
		"yen with decimals":        {amount{"1050.00", "JPY"}, 0, errDecimals},
		"yen with a point":         {amount{"1050.", "JPY"}, 0, errDecimals},
		"euros without decimals":   {amount{"10", "EUR"}, 0, errDecimals},
		"euros with one":           {amount{"10.5", "EUR"}, 0, errDecimals},
		"dinars with two":          {amount{"1.05", "KWD"}, 0, errDecimals},
		"no whole part":            {amount{".50", "EUR"}, 0, errDecimals},
		"a sign":                   {amount{"-1.00", "EUR"}, 0, errDecimals},
		"a leading zero":           {amount{"01.00", "EUR"}, 0, errDecimals},
		"an exponent":              {amount{"1e2.00", "EUR"}, 0, errDecimals},
		"two points":               {amount{"1.0.0", "EUR"}, 0, errDecimals},
		"a currency of nobody's":   {amount{"1.00", "CHF"}, 0, errCurrency},
		"a currency in lower case": {amount{"1.00", "eur"}, 0, errCurrency},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if minor, err := tt.amount.minor(); minor != tt.minor || !errors.Is(err, tt.err) {
				t.Errorf("%d, %v; want %d, %v", minor, err, tt.minor, tt.err)
			}
		})
	}
}

func TestAmountsSurviveTheirSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(1, maxMinor).Draw(t, "minor")
		currency := rapid.SampledFrom([]string{"JPY", "KRW", "EUR", "GBP", "USD", "BHD", "KWD"}).Draw(t, "currency")
		if got, err := amountOf(minor, currency).minor(); err != nil || got != minor {
			t.Fatalf("%v is %d, %v; want %d", amountOf(minor, currency), got, err, minor)
		}
	})
}
