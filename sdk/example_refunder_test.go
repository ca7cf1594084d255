package sdk_test

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Till stands for a provider that keeps what it refunded under the key it was given.
type Till struct {
	captured int64
	refunds  map[sdk.IdempotencyKey]int64
}

func (t *Till) left() int64 {
	left := t.captured
	for _, yen := range t.refunds {
		left -= yen
	}
	return left
}

// Refund is idempotent in the key, and refuses what was not captured or is gone. Both
// are the connector's to guarantee, whether or not the provider helps.
func (t *Till) Refund(_ context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	const op sdk.Op = "till.Refund"

	if _, again := t.refunds[req.Call.Key]; !again {
		if left := t.left(); req.Amount.Minor > left {
			return sdk.RefundResult{}, sdk.Errorf(op, sdk.CodeAmountExceedsRefundable, "%v left", sdk.JPY(left))
		}
		t.refunds[req.Call.Key] = req.Amount.Minor
	}
	done := sdk.JPY(t.refunds[req.Call.Key])
	return sdk.RefundResult{
		Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &done},
		Refund: sdk.RefundRef("refund-" + req.Call.Key),
	}, nil
}

// One key moves money once, and a refusal says that nothing happened.
func ExampleRefunder() {
	var till sdk.Refunder = &Till{captured: 1000, refunds: make(map[sdk.IdempotencyKey]int64)}

	for _, ask := range []struct {
		key sdk.IdempotencyKey
		yen int64
	}{{"k1", 600}, {"k1", 600}, {"k2", 600}, {"k3", 400}} {
		res, err := till.Refund(context.Background(), sdk.RefundRequest{
			Call: sdk.Call{Key: ask.key}, Amount: sdk.JPY(ask.yen), Reason: sdk.RefundRequested,
		})
		fmt.Println(ask.key, sdk.OutcomeOf(res.Answer, err), res.Refund, err)
	}

	// Output:
	// k1 SUCCEEDED refund-k1 <nil>
	// k1 SUCCEEDED refund-k1 <nil>
	// k2 NOT_ATTEMPTED  till.Refund: amount_exceeds_refundable: 400 JPY left
	// k3 SUCCEEDED refund-k3 <nil>
}
