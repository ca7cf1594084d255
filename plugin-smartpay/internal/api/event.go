package api

import (
	"encoding/json"
	"fmt"
)

// ReadOrder reads an order that came by another way than a call, such as a webhook. It
// is as strict as a call.
func ReadOrder(text []byte, mode Mode) (*Order, error) { return readObject[Order](text, mode) }

// ReadPayment reads a payment that came by another way than a call.
func ReadPayment(text []byte, mode Mode) (*Payment, error) { return readObject[Payment](text, mode) }

// ReadRefund reads a refund that came by another way than a call.
func ReadRefund(text []byte, mode Mode) (*Refund, error) { return readObject[Refund](text, mode) }

func readObject[T any, P interface {
	*T
	answer
}](text []byte, mode Mode) (P, error) {
	object := P(new(T))
	if err := json.Unmarshal(text, object); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if err := object.check(subject{mode: mode}); err != nil {
		return nil, err
	}
	return object, nil
}
