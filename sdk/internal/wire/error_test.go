package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func TestAnErrorReadsTheSameOnBothSides(t *testing.T) {
	left := &sdk.Error{
		Op:       "smartpay.Refund",
		Code:     sdk.CodeAmountExceedsRefundable,
		Provider: sdk.Provider{Code: "amount.insufficient"},
		Err:      fmt.Errorf("refunding 500 JPY: %w", errors.New("500 left")),
	}
	if got := fromError(toError(left)).Error(); got != left.Error() {
		t.Errorf("got  %s\nwant %s", got, left.Error())
	}
}

func TestACodeFromTheFutureIsKeptAndInDoubt(t *testing.T) {
	e := fromError(&pb.Error{Code: "wallet_frozen"})
	if e.Code != "wallet_frozen" {
		t.Errorf("code = %q, want what was sent", e.Code)
	}
	if e.Outcome() != sdk.OutcomeUnknown || e.Retry() != sdk.RetryReconcileFirst {
		t.Errorf("it means %v and %v, want in doubt", e.Outcome(), e.Retry())
	}
}

func TestNoErrorIsNoError(t *testing.T) {
	if got := toError(nil); got != nil {
		t.Errorf("toError(nil) = %v", got)
	}
	if got := fromError(nil); got != nil {
		t.Errorf("fromError(nil) = %v", got)
	}
}
