package story

import (
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/sdk"
)

// Scales says how many decimals the currencies have that connectors know.
type Scales map[sdk.Currency]int

// ScalesOf reads the scales out of what connectors say of themselves.
func ScalesOf(all ...sdk.Description) Scales {
	s := Scales{}
	for _, d := range all {
		for _, c := range d.Manifest.Currencies {
			s[c.Code] = c.Exponent
		}
	}
	return s
}

// symbols stand before an amount; other currencies' codes stand behind it.
var symbols = map[sdk.Currency]string{"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "KRW": "₩"}

// Show writes an amount as people do: ¥2,500. An amount in a currency whose decimals
// nobody has told is shown in minor units, and says so: it is never guessed.
func (s Scales) Show(m sdk.Money) string {
	text, sign := digits(m.Minor), ""
	if m.Minor < 0 {
		sign = "−"
	}
	scale, known := s[m.Currency]
	if !known {
		return sign + grouped(text) + " minor units of " + string(m.Currency)
	}
	if missing := scale + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	whole, decimals := text[:len(text)-scale], text[len(text)-scale:]
	text = grouped(whole)
	if decimals != "" {
		text += "." + decimals
	}
	if symbol := symbols[m.Currency]; symbol != "" {
		return sign + symbol + text
	}
	return sign + text + " " + string(m.Currency)
}

// digits is a number without its sign.
func digits(n int64) string { return strings.TrimPrefix(strconv.FormatInt(n, 10), "-") }

// grouped puts a comma between thousands.
func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
