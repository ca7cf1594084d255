package wire

import (
	"bytes"
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// Encode gives compact JSON in which Japanese, and <, > and &, stand as they are.
func Encode(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Only a value that no JSON can hold gets here, and this package makes none.
		panic("wire: " + err.Error())
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

// Plain gives the plain form of any object of the books, for the data of an event.
func Plain(mode book.Mode, subject any) json.RawMessage {
	switch s := subject.(type) {
	case *book.Order:
		return Encode(NewOrder(mode, s, false))
	case *book.Payment:
		return Encode(NewPayment(mode, s, false))
	case *book.Refund:
		return Encode(NewRefund(mode, s, false))
	case *book.Token:
		return Encode(NewToken(mode, s))
	case *book.Coupon:
		return Encode(NewCoupon(mode, s))
	case *book.PromotionCode:
		return Encode(NewPromotionCode(mode, s))
	default:
		panic("wire: no such kind of object")
	}
}

var (
	emptyObject = json.RawMessage("{}")
)

func orEmpty(raw, empty json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return empty
	}
	return raw
}

// head is what every object starts with.
type head struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Test      bool   `json:"test"`
	CreatedAt int64  `json:"createdAt"`
	UpdatedAt int64  `json:"updatedAt"`
}

func newHead(id string, object string, mode book.Mode, created, updated int64) head {
	return head{ID: id, Object: object, Test: mode == book.Test, CreatedAt: created, UpdatedAt: updated}
}
