package chaos

import (
	"fmt"
	"strings"
	"testing"
)

// trueBooks are books that agree: one payment captured in two parts and refunded in
// part, one voided, one that failed before it left, and one that was never taken on.
func trueBooks() Books {
	return Books{
		Asks: []Ask{
			{"a", Authorize, 2500, Succeeded}, {"a", Capture, 1500, Succeeded}, {"a", Capture, 700, Nothing}, {"a", Refund, 500, Succeeded},
			{"b", Authorize, 2500, Succeeded}, {"b", Void, 2500, Succeeded},
			{"c", Authorize, 2500, Failed},
			{"d", Authorize, 2500, Nothing},
		},
		Payments: []Payment{
			{
				ID: "pay-a", Name: "a", Reference: "ref-a", Status: "capture_succeeded",
				Authorized: 2500, Captured: 2200, Released: 300, Refunded: 500,
				Moves: []Move{
					{"op-2", Capture, 1500, "succeeded", "payment-1"}, {"op-3", Capture, 700, "succeeded", "payment-2"},
					{"op-4", Refund, 500, "succeeded", "refund-1"},
				},
				Operations: []Operation{
					{"op-1", Authorize, 2500, "REQUIRES_ACTION", nil}, {"op-2", Capture, 1500, "SUCCEEDED", []string{"succeeded"}},
					{"op-3", Capture, 700, "UNKNOWN", nil}, {"op-4", Refund, 500, "SUCCEEDED", []string{"succeeded"}},
				},
			},
			{
				ID: "pay-b", Name: "b", Reference: "ref-b", Status: "authorization_voided", Authorized: 2500, Released: 2500,
				Operations: []Operation{{"op-5", Authorize, 2500, "REQUIRES_ACTION", nil}, {"op-6", Void, 2500, "SUCCEEDED", []string{"succeeded"}}},
			},
			{ID: "pay-c", Name: "c", Reference: "ref-c", Status: "authorization_failed"},
		},
		Orders: []Order{{"order-a", "ref-a"}, {"order-b", "ref-b"}},
		Movements: []Movement{
			{"authorized", 2500, "ref-a", "", ""}, {"captured", 1500, "ref-a", "key-2", "payment-1"},
			{"captured", 700, "ref-a", "key-3", "payment-2"}, {"released", 300, "ref-a", "key-3", ""},
			{"refunded", 500, "ref-a", "key-4", "refund-1"},
			{"authorized", 2500, "ref-b", "", ""}, {"released", 2500, "ref-b", "key-6", ""},
		},
	}
}

func TestBooksThatAgreeAreClean(t *testing.T) {
	if v := Judge(trueBooks()); !v.Clean() || v.Payments != 4 {
		t.Errorf("verdict on books that agree: %+v", v)
	}
}

// An oracle that cannot complain proves nothing.
func TestDoctoredBooksAreNoticed(t *testing.T) {
	without := func(b *Books, i int) { b.Movements = append(b.Movements[:i:i], b.Movements[i+1:]...) }
	tests := map[string]struct {
		doctor                 func(*Books)
		lost, doubled, unknown string // what the sentences must say; empty for no such sentence
	}{
		"a capture that never reached the provider": {func(b *Books) { without(b, 1) }, "capture of 1500 took effect 0 times", "", ""},
		"a refund that never reached the provider":  {func(b *Books) { without(b, 4) }, "refund of 500 took effect 0 times", "", ""},
		"a void that never reached the provider":    {func(b *Books) { without(b, 6) }, "void of 2500 took effect 0 times", "", ""},
		"a capture that took effect twice": {func(b *Books) {
			b.Movements = append(b.Movements, Movement{"captured", 1500, "ref-a", "key-9", "payment-9"})
		}, "took effect 2 times, the host says 1", "took effect 2 times, and was asked for 1", ""},
		"a capture that took effect twice, and both sides say so": {func(b *Books) {
			b.Movements = append(b.Movements, Movement{"captured", 1500, "ref-a", "key-9", "payment-9"})
			b.Payments[0].Moves = append(b.Payments[0].Moves, Move{"op-9", Capture, 1500, "succeeded", "payment-9"})
			b.Payments[0].Captured += 1500
		}, "", "took effect 2 times, and was asked for 1", ""},
		"one key that worked twice": {func(b *Books) {
			b.Movements[1].Key = "key-3"
		}, "", "key key-3: captured 2 times", ""},
		"two orders for one payment": {func(b *Books) { b.Orders = append(b.Orders, Order{"order-x", "ref-a"}) },
			"", "the provider has 2 orders for it", ""},
		"one request that became two payments": {func(b *Books) {
			b.Payments = append(b.Payments, Payment{ID: "pay-x", Name: "c", Reference: "ref-x", Status: "authorization_failed"})
		}, "", "asked for once, and the host has 2", ""},
		"a payment that nobody asked for": {func(b *Books) {
			b.Payments = append(b.Payments, Payment{ID: "pay-x", Name: "x", Reference: "ref-x", Status: "authorization_failed"})
		}, "", "no merchant asked for it", ""},
		"an order that only the provider knows": {func(b *Books) { b.Orders = append(b.Orders, Order{"order-x", "ref-x"}) },
			"order-x, ref-x: the provider has it and the host does not", "", ""},
		"a hold that only the provider knows": {func(b *Books) {
			b.Movements = append(b.Movements, Movement{"authorized", 900, "ref-x", "", ""})
		}, "900 authorized for ref-x", "", ""},
		"a payment that the provider has never heard of": {func(b *Books) {
			b.Orders, b.Movements = b.Orders[:1], b.Movements[:5]
			b.Payments[1] = Payment{ID: "pay-b", Name: "b", Reference: "ref-b", Status: "buyer_approval_pending"}
			b.Asks[5].Told = Nothing
		}, "never heard of it", "", ""},
		"a payment that the host forgot": {func(b *Books) { b.Payments = b.Payments[:2] }, "payment c: the merchant was told of it", "", ""},
		"a failure that was told of what took effect": {func(b *Books) {
			b.Asks[1].Told = Failed
		}, "the merchant was told of 0 successes and 1 failures", "", ""},
		"a success that was told of what did not": {func(b *Books) {
			b.Asks = append(b.Asks, Ask{"a", Refund, 1, Succeeded})
		}, "refund of 1 took effect 0 times, the merchant was told of 1", "", ""},
		"a failure at the host of what took effect": {func(b *Books) { b.Payments[0].Moves[1].Status = "failed" },
			"capture of 700 took effect 1 times, the host says 0", "", ""},
		"another amount at the provider": {func(b *Books) { b.Movements[4].Amount = 501 },
			"500 is refunded, the provider says 501", "refund of 501 took effect 1 times, and was asked for 0", ""},
		"another name at the provider": {func(b *Books) { b.Movements[4].Ref = "refund-9" }, "none of that name and amount", "", ""},
		"an operation that merchants do not see": {func(b *Books) {
			b.Payments[0].Moves, b.Payments[0].Refunded = b.Payments[0].Moves[:2], 0
			b.Movements, b.Asks[3].Told = append(b.Movements[:4:4], b.Movements[5:]...), Nothing
		}, "merchants see refund of 500 0 times", "", ""},
		"an operation with two ends": {func(b *Books) { b.Payments[0].Operations[1].Ends = []string{"failed", "succeeded"} },
			`ended as ["failed" "succeeded"]`, "", ""},
		"an operation without an end": {func(b *Books) { b.Payments[0].Unsettled = 1 }, "", "", "1 operations are unsettled"},
		"a refund without an end": {func(b *Books) {
			b.Payments[0].Moves[2].Status = "processing"
		}, "refund of 500 took effect 1 times, the host says 0", "", "refund of 500 is still processing"},
		"a payment without an end": {func(b *Books) { b.Payments[2].Status = "processing" },
			"never heard of it", "", "is still processing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := trueBooks()
			tt.doctor(&b)
			v := Judge(b)
			for class, x := range map[string]struct {
				got  []string
				want string
			}{"lost": {v.Lost, tt.lost}, "doubled": {v.Doubled, tt.doubled}, "unknown": {v.Unknown, tt.unknown}} {
				text := strings.Join(x.got, "\n")
				if (x.want == "") != (text == "") || !strings.Contains(text, x.want) {
					t.Errorf("%s: %q, want it to say %q", class, text, x.want)
				}
			}
		})
	}
}

func TestVerdictLine(t *testing.T) {
	v := Verdict{Payments: 3, Lost: []string{"x"}, Doubled: []string{"y", "z"}}
	const want = "payments 3 faults 7 lost 1 doubled 2 unknown 0 seed 42"
	if got := fmt.Sprint(v.Line(7, 42)); got != want || v.Clean() {
		t.Errorf("line is %q, want %q", got, want)
	}
}
