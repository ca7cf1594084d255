package suite

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// laws are held by every call, whatever case makes it. The errors name the law.
func (l *Lane) laws(op sdk.Operation, e Exchange, answer any, err error) []error {
	var broken []error
	if err == nil {
		broken = append(broken, matches(op, answer)...)
	} else {
		broken = append(broken, coherent(op, sdk.AsError(err))...)
	}
	told := append([]byte(e.Error), e.Answer...)
	if err != nil {
		told = append(told, spoken(sdk.AsError(err))...)
	}
	if reading, ok := answer.(sdk.WebhookReading); ok && reading.Refused != nil {
		told = append(told, spoken(reading.Refused)...)
	}
	for name, secret := range l.Account.Secrets {
		if form := l.Leaks(told, secret.Reveal()); form != "" {
			broken = append(broken, fmt.Errorf("law secret: %s tells the account's %s, %s", op, name, form))
		}
	}
	return broken
}

// spoken is everything that an error says to whoever reads it, as text.
func spoken(e *sdk.Error) []byte {
	text := []byte(e.Error())
	for _, part := range []any{e.Provider, e.Network, e.Fields} {
		raw, err := json.Marshal(part)
		if err != nil {
			continue // of these types, none can fail
		}
		text = append(text, raw...)
	}
	return text
}

// compiled keeps response schemas, which take a while to compile.
var compiled sync.Map // operation -> *schemas.Schema

func responseSchema(op sdk.Operation) (*schemas.Schema, error) {
	if s, ok := compiled.Load(op); ok {
		return s.(*schemas.Schema), nil //nolint:forcetypeassert // nothing else is stored
	}
	s, err := schemas.Compile(string(op) + ".response")
	if err == nil {
		compiled.Store(op, s)
	}
	return s, err
}

// matches holds an answer to its schema.
func matches(op sdk.Operation, answer any) []error {
	schema, err := responseSchema(op)
	if err != nil {
		return []error{fmt.Errorf("%w: %w", ErrSuite, err)}
	}
	var broken []error
	for _, v := range schema.ValidateValue(answer) {
		broken = append(broken, fmt.Errorf("law schema: the answer to %s at %q %s", op, v.Pointer, v.Message))
	}
	return broken
}

// coherent holds an error to what its code decides.
func coherent(op sdk.Operation, e *sdk.Error) []error {
	var broken []error
	if !e.Code.Valid() {
		broken = append(broken, fmt.Errorf("law code: %s fails with %q, which is not in the closed set", op, e.Code))
	}
	if e.RetryAfter < 0 {
		broken = append(broken, fmt.Errorf("law retry: %s asks to wait %s", op, e.RetryAfter))
	}
	if e.RetryAfter > 0 && e.Retry() != sdk.RetrySameKeyAfter {
		broken = append(broken, fmt.Errorf("law retry: %s fails with %s, whose advice is %s, and says when to try again", op, e.Code, e.Retry()))
	}
	if e.Category() == sdk.CategoryValidation && len(e.Fields) == 0 {
		broken = append(broken, fmt.Errorf("law fields: %s refuses with %s and names no field", op, e.Code))
	}
	return broken
}

// minSecret is the shortest secret that is looked for: shorter ones are in every text.
const minSecret = 8

// Leaks reports in which form a text tells a secret, "" if in none.
func (l *Lane) Leaks(text []byte, secret string) string {
	if len(secret) < minSecret {
		return ""
	}
	quoted, err := json.Marshal(secret)
	if err != nil {
		return ""
	}
	forms := map[string]string{
		"as it is":          secret,
		"in JSON":           string(bytes.Trim(quoted, `"`)),
		"in a URL":          url.QueryEscape(secret),
		"in a path":         url.PathEscape(secret),
		"in hexadecimal":    hex.EncodeToString([]byte(secret)),
		"as its first half": secret[:len(secret)/2+1],
		"as its last half":  secret[len(secret)/2-1:],
	}
	// Base64 of a text depends on where in the encoded whole it begins.
	for shift := range 3 {
		padded := append(bytes.Repeat([]byte("x"), shift), secret...)
		std, raw := base64.StdEncoding.EncodeToString(padded), base64.RawURLEncoding.EncodeToString(padded)
		forms[fmt.Sprintf("in base64 at %d", shift)] = inner(std, shift)
		forms[fmt.Sprintf("in base64 for URLs at %d", shift)] = inner(raw, shift)
	}
	for form, needle := range forms {
		if len(needle) >= minSecret && bytes.Contains(text, []byte(needle)) {
			return form
		}
	}
	return ""
}

// inner cuts off what the neighbours of an encoded text decide.
func inner(encoded string, shift int) string {
	from := (shift*8 + 5) / 6
	to := len(encoded) - 4
	if from >= to {
		return ""
	}
	return encoded[from:to]
}

// Books holds the simulator's books to arithmetic: whatever a case did, no money was
// taken that was not held, returned that was not taken, or moved twice by one key.
func (l *Lane) Books(ctx context.Context) error {
	if l.sim == nil {
		return nil
	}
	ledger, err := l.Ledger(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var broken []error
	for _, p := range ledger.Payments {
		if seen[p.Reference] {
			broken = append(broken, fmt.Errorf("law ledger: two payments with the reference %s", p.Reference))
		}
		seen[p.Reference] = true
		broken = append(broken, lawful(p)...)
	}
	return errors.Join(broken...)
}

func lawful(p sim.Payment) []error {
	var broken []error
	add := func(format string, args ...any) {
		broken = append(broken, fmt.Errorf("law ledger: payment %s: %s", p.Reference, fmt.Sprintf(format, args...)))
	}
	held, taken, returned := p.Sum(sim.Hold), p.Sum(sim.Take), p.Sum(sim.Return)-p.Sum(sim.Bounce)
	if most := max(held, p.Most); taken > most {
		add("%d taken of %d", taken, most)
	}
	if returned > taken {
		add("%d returned of %d taken", returned, taken)
	}
	byKey := map[string]int{}
	for _, m := range p.Movements {
		if m.Key == "" {
			continue
		}
		word := m.Key + " " + string(m.Motion)
		if byKey[word]++; byKey[word] == 2 {
			add("the key %s moved money twice: %s", m.Key, m.Motion)
		}
	}
	return broken
}
