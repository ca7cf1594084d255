package sdk_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestMoneyPlus(t *testing.T) {
	tests := map[string]struct {
		a, b sdk.Money
		want sdk.Money
	}{
		"two amounts":              {sdk.JPY(1000), sdk.JPY(50), sdk.JPY(1050)},
		"nothing":                  {sdk.JPY(1000), sdk.JPY(0), sdk.JPY(1000)},
		"a negative":               {sdk.JPY(1000), sdk.JPY(-1500), sdk.JPY(-500)},
		"up to the largest":        {sdk.JPY(math.MaxInt64 - 1), sdk.JPY(1), sdk.JPY(math.MaxInt64)},
		"down to the smallest":     {sdk.JPY(math.MinInt64 + 1), sdk.JPY(-1), sdk.JPY(math.MinInt64)},
		"the largest and smallest": {sdk.JPY(math.MaxInt64), sdk.JPY(math.MinInt64), sdk.JPY(-1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := tt.a.Plus(tt.b); err != nil || got != tt.want {
				t.Errorf("%v + %v = %v, %v, want %v", tt.a, tt.b, got, err, tt.want)
			}
		})
	}
}

func TestMoneyPlusThatCannotBe(t *testing.T) {
	tests := map[string]struct{ a, b sdk.Money }{
		"two currencies":  {sdk.JPY(1), sdk.Money{Minor: 1, Currency: "EUR"}},
		"no currency":     {sdk.JPY(1), sdk.Money{Minor: 1}},
		"one too many":    {sdk.JPY(math.MaxInt64), sdk.JPY(1)},
		"one too few":     {sdk.JPY(math.MinInt64), sdk.JPY(-1)},
		"twice the most":  {sdk.JPY(math.MaxInt64), sdk.JPY(math.MaxInt64)},
		"twice the least": {sdk.JPY(math.MinInt64), sdk.JPY(math.MinInt64)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := tt.a.Plus(tt.b); err == nil {
				t.Errorf("%v + %v = %v, want an error", tt.a, tt.b, got)
			}
		})
	}
}

// TestMoneyPlusNeverWraps compares with arithmetic that cannot overflow.
func TestMoneyPlusNeverWraps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := sdk.JPY(a).Plus(sdk.JPY(b))
		switch {
		case exact.IsInt64() && (err != nil || got != sdk.JPY(exact.Int64())):
			t.Fatalf("%d + %d = %v, %v, want %v", a, b, got, err, exact)
		case !exact.IsInt64() && err == nil:
			t.Fatalf("%d + %d = %v, want an error", a, b, got)
		}
	})
}

func TestMoneyStringMovesNoDecimalPoint(t *testing.T) {
	tests := map[string]sdk.Money{
		"1050 JPY":                 sdk.JPY(1050),
		"1050 EUR":                 {Minor: 1050, Currency: "EUR"},
		"-1 JPY":                   sdk.JPY(-1),
		"9223372036854775807 JPY":  sdk.JPY(math.MaxInt64),
		"-9223372036854775808 JPY": sdk.JPY(math.MinInt64),
	}
	for want, m := range tests {
		if got := m.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
