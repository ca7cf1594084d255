package sdk_test

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Hold stands for a provider's authorization of an amount of yen.
type Hold struct{ held int64 }

// Capture takes some of the hold. A final capture lets the rest go and says how much
// that was, so that the host can tell the money from the money that is still held.
func (h *Hold) Capture(_ context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if req.Amount.Minor > h.held {
		return sdk.CaptureResult{}, sdk.Errorf("hold.Capture", sdk.CodeAmountExceedsCapturable, "%v held", sdk.JPY(h.held))
	}
	h.held -= req.Amount.Minor
	res := sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}}
	if req.Final {
		released := sdk.JPY(h.held)
		h.held, res.Released = 0, &released
	}
	return res, nil
}

// A capture that is final releases what it leaves.
func ExampleCapturer() {
	var hold sdk.Capturer = &Hold{held: 1000}

	for _, req := range []sdk.CaptureRequest{
		{Amount: sdk.JPY(300)},
		{Amount: sdk.JPY(800)},
		{Amount: sdk.JPY(500), Final: true},
	} {
		res, err := hold.Capture(context.Background(), req)
		fmt.Println(sdk.OutcomeOf(res.Answer, err), "captured", res.Amount, "released", res.Released, err)
	}

	// Output:
	// SUCCEEDED captured 300 JPY released <nil> <nil>
	// NOT_ATTEMPTED captured <nil> released <nil> hold.Capture: amount_exceeds_capturable: 700 JPY held
	// SUCCEEDED captured 500 JPY released 200 JPY <nil>
}
