package sdk

import (
	"fmt"
	"strconv"
)

// A Currency is an ISO 4217 alphabetic code in upper case, such as "JPY".
type Currency string

// Money is an amount in the minor unit of its currency: 1050 EUR is €10.50, and
// 1050 JPY is ¥1,050 because the yen has no minor unit. The zero Money is no money
// in no currency, and is never valid in a request.
type Money struct {
	Minor    int64    `json:"minor"`
	Currency Currency `json:"currency"`
}

// JPY returns an amount in Japanese yen.
func JPY(yen int64) Money { return Money{Minor: yen, Currency: "JPY"} }

// String formats m for people and logs, as "1050 JPY". It never moves a decimal
// point, so it cannot be wrong about a currency's exponent.
func (m Money) String() string {
	return strconv.FormatInt(m.Minor, 10) + " " + string(m.Currency)
}

// Plus returns the sum of m and n, or an error if their currencies differ or the
// sum does not fit an int64.
func (m Money) Plus(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return Money{}, fmt.Errorf("adding %s to %s: currencies differ", n, m)
	}
	sum := m.Minor + n.Minor
	if (sum > m.Minor) != (n.Minor > 0) {
		return Money{}, fmt.Errorf("adding %s to %s: the sum does not fit", n, m)
	}
	return Money{Minor: sum, Currency: m.Currency}, nil
}
