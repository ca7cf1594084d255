package ledger

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// either returns the one that is known; of two, always the same.
func either[T ~string](a, b T) T {
	if a == "" || (b != "" && b < a) {
		return b
	}
	return a
}

// greater returns the larger of two amounts; absent is less than zero.
func greater(a, b *sdk.Money) *sdk.Money {
	switch {
	case a == nil:
		return b
	case b == nil || cmp.Or(cmp.Compare(a.Minor, b.Minor), cmp.Compare(a.Currency, b.Currency)) >= 0:
		return a
	}
	return b
}

// lasting is what a provider said of the thing itself, without what names the exchange
// in which it said so: that differs every time and would always look like news.
func lasting(p sdk.Provider) sdk.Provider {
	p.HTTPStatus, p.RequestID = 0, ""
	return p
}

func compareProviders(a, b sdk.Provider) int {
	return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
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
