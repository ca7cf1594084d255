package ledger

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

func compare(a, b string) int { return cmp.Compare(a, b) }

// greater returns the larger of two amounts of one currency; absent is less than zero.
func greater(a, b *sdk.Money) *sdk.Money {
	switch {
	case a == nil:
		return b
	case b == nil || a.Currency != b.Currency || a.Minor >= b.Minor:
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (t *Truth) clone() Truth {
	c := *t
	c.Captures = slices.Clone(t.Captures)
	c.Refunds = slices.Clone(t.Refunds)
	return c
}

func (t *Truth) equal(o Truth) bool { return reflect.DeepEqual(*t, o) }

func field(op sdk.Operation, code sdk.Code, pointer, message string) *sdk.Error {
	return &sdk.Error{
		Op: "ledger." + sdk.Op(op), Code: code,
		Fields: []sdk.FieldError{{Pointer: pointer, Message: message}},
	}
}

func fieldf(op sdk.Operation, code sdk.Code, pointer, format string, args ...any) *sdk.Error {
	return field(op, code, pointer, fmt.Sprintf(format, args...))
}
