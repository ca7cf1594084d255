package wire

import (
	"encoding/json"
	"testing"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

func TestEncodeIsCompactAndLeavesTextAlone(t *testing.T) {
	got := string(Encode(map[string]any{"名": "<山田> & \"\u2028\"", "n": 1}))
	if want := `{"n":1,"名":"<山田> & \"\u2028\""}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPlainFormsSayWhatTheyAre looks at what every event carries.
func TestPlainFormsSayWhatTheyAre(t *testing.T) {
	order := &book.Order{OrderSpec: book.OrderSpec{Items: json.RawMessage(`[]`)}}
	payment := &book.Payment{Order: order, Amount: 5}
	for object, subject := range map[string]any{
		"order": order, "payment": payment, "refund": &book.Refund{Payment: payment}, "token": &book.Token{},
		"coupon": &book.Coupon{}, "promotionCode": &book.PromotionCode{Coupon: &book.Coupon{}},
	} {
		for mode, test := range map[book.Mode]bool{book.Test: true, book.Live: false} {
			var got struct {
				Object   string
				Test     bool
				Metadata json.RawMessage
			}
			if err := json.Unmarshal(Plain(mode, subject), &got); err != nil {
				t.Fatal(err)
			}
			if got.Object != object || got.Test != test || string(got.Metadata) != "{}" {
				t.Errorf("%s in %s: %+v", object, mode, got)
			}
		}
	}
}

func TestAPaymentIsRefundedWhenAllOfItIs(t *testing.T) {
	for refunded, want := range map[int64]string{0: "processed", 4: "processed", 5: "refunded"} {
		p := &book.Payment{Order: &book.Order{}, Amount: 5, Refunded: refunded}
		if got := NewPayment(book.Test, p, false).Status; got != want {
			t.Errorf("%d of 5: %s, want %s", refunded, got, want)
		}
	}
}
