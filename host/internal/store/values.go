package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// micros is a time as the database keeps it: microseconds since 1970 in UTC, and NULL
// for the zero time.
type micros time.Time

func (m micros) time() time.Time { return time.Time(m) }

// at returns t as a statement's argument.
func at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return number(t.UnixMicro())
}

// A number or word is written even where it is zero or empty, because its column tells
// that from nothing.
type (
	number int64
	word   string
)

// Scan implements [sql.Scanner].
func (m *micros) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*m = micros{}
	case int64:
		*m = micros(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("%T is not a time", value)
	}
	return nil
}

// asJSON is a value that the database keeps as JSON text, and as NULL while it is zero.
type asJSON[T any] struct{ to *T }

// Scan implements [sql.Scanner].
func (j asJSON[T]) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), j.to)
	case []byte:
		return json.Unmarshal(v, j.to)
	}
	return fmt.Errorf("%T is not JSON text", value)
}

func fromJSON[T any](to *T) asJSON[T] { return asJSON[T]{to} }

// toJSON returns v as JSON text for a statement's argument, deferring its error to
// where the argument is used.
func toJSON(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return bad{fmt.Errorf("encoding %T: %w", v, err)}
	}
	return string(text)
}

// listJSON returns a slice or map as JSON text, and NULL if it is nil.
func listJSON[T any, L ~[]T](list L) any {
	if list == nil {
		return nil
	}
	return toJSON(list)
}

// bad is an argument that could not be made. The database refuses the statement with
// its error, which undoes the change.
type bad struct{ err error }

// Value implements [driver.Valuer].
func (b bad) Value() (driver.Value, error) { return nil, b.err }

// flaw is the error of an argument that could not be made.
func (c changes) flaw() error {
	for i := range c {
		for _, arg := range c[i].args {
			if b, ok := arg.(bad); ok {
				return b.err
			}
		}
	}
	return nil
}

// bit returns b as a number.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// blob returns bytes as an argument that keeps nil and empty apart.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// asText is a word or a number as text.
type asText string

// Scan implements [sql.Scanner].
func (t *asText) Scan(value any) error {
	switch v := value.(type) {
	case string:
		*t = asText(v)
	case []byte:
		*t = asText(v)
	case int64:
		*t = asText(strconv.FormatInt(v, 10))
	default:
		return fmt.Errorf("%T is neither word nor number", value)
	}
	return nil
}

// keepTimes trims every time in rec to what the database keeps, and dates the events
// that have no time.
func keepTimes(rec *Record, now time.Time) {
	rec.Payment.ApprovalExpiresAt = ledger.Kept(rec.Payment.ApprovalExpiresAt)
	rec.Payment.CreatedAt = ledger.Kept(rec.Payment.CreatedAt)
	for i := range rec.Operations {
		op := &rec.Operations[i]
		op.CreatedAt, op.UpdatedAt = ledger.Kept(op.CreatedAt), ledger.Kept(op.UpdatedAt)
	}
	if rec.Closing != nil {
		rec.Closing = &ledger.Closing{Reason: rec.Closing.Reason, At: ledger.Kept(rec.Closing.At)}
	}
	for i := range rec.Added {
		if rec.Added[i].At.IsZero() {
			rec.Added[i].At = now
		}
		rec.Added[i].At = ledger.Kept(rec.Added[i].At)
	}
	rec.Truth.KeepTimes()
}
