package smartpay

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/connectorhost/connectorhost/sdk"
)

// unstable are the members that no test can foresee.
var unstable = cmp.Options{
	cmpopts.IgnoreFields(sdk.Snapshot{}, "ExpiresAt", "Revision"),
	cmpopts.IgnoreFields(sdk.CaptureSnapshot{}, "At"),
	cmpopts.IgnoreFields(sdk.RefundSnapshot{}, "At"),
}

func TestNewPaymentSendsTheBuyerToApprove(t *testing.T) {
	b := newBench(t)
	for _, mode := range []sdk.CaptureMode{sdk.CaptureManual, sdk.CaptureAutomatic} {
		reference := sdk.Reference("R" + mode)
		got := b.authorize(reference, 1000, mode)
		want := sdk.AuthorizeResult{
			Answer: sdk.Answer{
				Outcome: sdk.OutcomeRequiresAction, Amount: yen(1000), Provider: sdk.Provider{Status: "requires_authorization"},
				Payment: &sdk.Snapshot{
					Order: got.Order, Reference: reference, State: sdk.StateRequiresAction,
					Captured: yen(0), Refunded: yen(0), Provider: sdk.Provider{Status: "requires_authorization"},
				},
			},
			Order: got.Order, Session: got.Session, Next: got.Next,
		}
		if diff := cmp.Diff(want, got, unstable); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mode, diff)
		}
		if got.Order == "" || got.Session == "" || got.Next == nil || got.Next.RedirectURL == "" {
			t.Errorf("%s: no order, session or page: %+v", mode, got)
		}
		if left := time.Until(got.Next.ExpiresAt); left < 29*time.Minute || left > 30*time.Minute {
			t.Errorf("%s: the buyer has %v", mode, left)
		}
	}
}

func TestManualCaptureInPart(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rpart", 1000, sdk.CaptureManual)
	want := &sdk.Snapshot{
		Order: order, Reference: "Rpart", State: sdk.StateAuthorized,
		Authorized: yen(1000), Captured: yen(0), Refunded: yen(0), Provider: sdk.Provider{Status: "requires_capture"},
	}
	held := b.find(order)
	if diff := cmp.Diff(want, held, unstable); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if left := time.Until(held.ExpiresAt); left < 6*24*time.Hour || left > 7*24*time.Hour {
		t.Errorf("the hold lasts %v, want 7 days", left)
	}

	b.advance(time.Second) // so that no two changes share a millisecond
	taken, err := b.capture(order, 400, true)
	if err != nil {
		t.Fatalf("Capture: %v", err)
	}
	if taken.Outcome != sdk.OutcomeSucceeded || *taken.Amount != sdk.JPY(400) || taken.Payment.Captures[0].Ref != taken.Capture {
		t.Errorf("captured %+v", taken)
	}
	want.State, want.Captured, want.Released, want.Provider.Status = sdk.StateCaptured, yen(400), yen(600), "succeeded"
	want.Captures = []sdk.CaptureSnapshot{{
		Ref: taken.Capture, Operation: "op-2", Amount: yen(400), Status: sdk.MoveSucceeded,
		Provider: sdk.Provider{Status: "processed"},
	}}
	closed := b.find(order)
	if diff := cmp.Diff(want, closed, unstable); diff != "" {
		t.Errorf("captured (-want +got):\n%s", diff)
	}
	if closed.Revision <= held.Revision {
		t.Errorf("revision went from %d to %d", held.Revision, closed.Revision)
	}
	if _, err := b.capture(order, 1, true); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("a second capture: %v", err)
	}
	if got := b.ledger().ByReference["Rpart"]; got.Captured != 400 || got.Released != 600 {
		t.Errorf("the provider says %+v", got)
	}
}

func TestCaptureThatKeepsTheRemainder(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rkeep", 1000, sdk.CaptureManual)
	b.captured(order, 300, false)
	if got := b.find(order); got.State != sdk.StatePartiallyCaptured || *got.Captured != sdk.JPY(300) || got.Released != nil {
		t.Errorf("after one capture: %+v", got)
	}
	if _, err := b.capture(order, 701, true); refused(t, err).Code != sdk.CodeAmountExceedsCapturable {
		t.Errorf("capturing more than is left: %v", err)
	}
	b.captured(order, 300, false)
	voided, err := b.Void(t.Context(), sdk.VoidRequest{Call: b.call("Rkeep"), Order: order})
	if err != nil {
		t.Fatalf("Void: %v", err)
	}
	if voided.Outcome != sdk.OutcomeSucceeded || voided.Released == nil || *voided.Released != sdk.JPY(400) {
		t.Errorf("voided %+v", voided)
	}
	if got := b.find(order); got.State != sdk.StateCaptured || *got.Captured != sdk.JPY(600) || *got.Released != sdk.JPY(400) {
		t.Errorf("after the void: %+v", got)
	}
	if got := b.ledger().ByReference["Rkeep"]; got.Captured != 600 || got.Released != 400 {
		t.Errorf("the provider says %+v", got)
	}
}

func TestAutomaticCapture(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rauto", 1000, sdk.CaptureAutomatic)
	got := b.find(order)
	if got.State != sdk.StateCaptured || *got.Captured != sdk.JPY(1000) || *got.Released != sdk.JPY(0) || len(got.Captures) != 1 {
		t.Fatalf("captured %+v", got)
	}
	if got.Captures[0].Operation != "" {
		t.Errorf("a capture that the provider made is claimed by operation %q", got.Captures[0].Operation)
	}
	if _, err := b.Void(t.Context(), sdk.VoidRequest{Call: b.call("Rauto"), Order: order}); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("voiding what is captured: %v", err)
	}
}

func TestVoidOfAHold(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rvoid", 1000, sdk.CaptureManual)
	req := sdk.VoidRequest{Call: b.call("Rvoid"), Order: order}
	for range 3 {
		got, err := b.Void(t.Context(), req)
		if err != nil {
			t.Fatalf("Void: %v", err)
		}
		if got.Outcome != sdk.OutcomeSucceeded || *got.Released != sdk.JPY(1000) || got.Payment.State != sdk.StateVoided {
			t.Errorf("voided %+v", got)
		}
	}
	if got := b.find(order); got.State != sdk.StateVoided || *got.Released != sdk.JPY(1000) || *got.Captured != sdk.JPY(0) {
		t.Errorf("after the void: %+v", got)
	}
	if _, err := b.capture(order, 1000, true); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("capturing what was voided: %v", err)
	}
	if got := b.ledger().ByKey[string(req.Call.Key)]; got.Movements != 1 || got.Released != 1000 {
		t.Errorf("the provider says %+v under the key", got)
	}
}

func TestHoldThatLapses(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rlapse", 1000, sdk.CaptureManual)
	b.advance(7*24*time.Hour + time.Second)
	if got := b.find(order); got.State != sdk.StateExpired || *got.Released != sdk.JPY(1000) {
		t.Errorf("after seven days: %+v", got)
	}
	if _, err := b.capture(order, 1000, true); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("capturing what has lapsed: %v", err)
	}

	part := b.approved("Rlapse2", 1000, sdk.CaptureManual)
	b.captured(part, 100, false)
	b.advance(7*24*time.Hour + time.Second)
	if got := b.find(part); got.State != sdk.StateCaptured || *got.Captured != sdk.JPY(100) || *got.Released != sdk.JPY(900) {
		t.Errorf("a part captured, the rest lapsed: %+v", got)
	}
}

func TestDeclines(t *testing.T) {
	b := newBench(t)
	soft := b.authorize("Rsoft", 1000, sdk.CaptureManual).Order
	b.decide("Rsoft", "decline", `{"soft":true}`)
	if got := b.find(soft); got.State != sdk.StateRequiresAction {
		t.Errorf("after a soft decline: %+v", got)
	}
	b.decide("Rsoft", "approve", "")
	if got := b.find(soft); got.State != sdk.StateAuthorized {
		t.Errorf("approved after a soft decline: %+v", got)
	}
	hard := b.authorize("Rhard", 1000, sdk.CaptureManual).Order
	b.decide("Rhard", "decline", "")
	got := b.find(hard)
	if got.State != sdk.StateDeclined || got.Authorized != nil || got.Provider.Status != "rejected" {
		t.Errorf("after a hard decline: %+v", got)
	}
}

func TestRefundsHangOnTheirCapture(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rref", 1000, sdk.CaptureManual)
	first, second := b.captured(order, 300, false), b.captured(order, 300, true)

	back, err := b.refund(order, first, 200)
	if err != nil || back.Outcome != sdk.OutcomeSucceeded || *back.Amount != sdk.JPY(200) {
		t.Fatalf("Refund = %+v, %v", back, err)
	}
	before := b.find(order)
	if _, err := b.refund(order, first, 101); refused(t, err).Code != sdk.CodeAmountExceedsRefundable {
		t.Errorf("refunding more than is left of a capture: %v", err)
	}
	b.advance(time.Second)
	again, err := b.refund(order, first, 100)
	if err != nil {
		t.Fatalf("Refund: %v", err)
	}
	got := b.find(order)
	want := []sdk.RefundSnapshot{
		{Ref: back.Refund, Capture: first, Operation: "op-4", Amount: yen(200), Status: sdk.MoveSucceeded, Provider: sdk.Provider{Status: "succeeded"}},
		{Ref: again.Refund, Capture: first, Operation: "op-6", Amount: yen(100), Status: sdk.MoveSucceeded, Provider: sdk.Provider{Status: "succeeded"}},
	}
	if diff := cmp.Diff(want, got.Refunds, unstable); diff != "" {
		t.Errorf("refunds (-want +got):\n%s", diff)
	}
	if *got.Refunded != sdk.JPY(300) || got.State != sdk.StateCaptured || got.Revision <= before.Revision {
		t.Errorf("after refunds: %+v, was revision %d", got, before.Revision)
	}
	if got.Captures[1].Ref != second {
		t.Errorf("captures are %+v", got.Captures)
	}
	if _, err := b.refund(order, "payment_test_0000000000000000000000", 1); refused(t, err).Code != sdk.CodeNotFound {
		t.Errorf("refunding a capture that is not there: %v", err)
	}
}

func TestRefundFoundByIDOrByOperation(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rfind", 1000, sdk.CaptureAutomatic)
	capture := b.find(order).Captures[0].Ref
	req := sdk.RefundRequest{
		Call: b.call(""), Order: order, Capture: capture, Amount: sdk.JPY(100), Reason: sdk.RefundDuplicate, Description: "二重請求",
	}
	made, err := b.Refund(t.Context(), req)
	if err != nil {
		t.Fatalf("Refund: %v", err)
	}
	call := sdk.Call{OperationID: req.Call.OperationID, Account: b.account}
	tests := map[string]struct {
		req   sdk.FindRefundRequest
		found bool
	}{
		"by its id":                        {sdk.FindRefundRequest{Call: b.read(""), Refund: made.Refund}, true},
		"by the operation, of the capture": {sdk.FindRefundRequest{Call: call, Capture: capture}, true},
		"by the operation, of the order":   {sdk.FindRefundRequest{Call: call, Order: order}, true},
		"an id that is not there":          {sdk.FindRefundRequest{Call: call, Refund: "refund_test_0"}, false},
		"an operation that made none": {
			sdk.FindRefundRequest{Call: sdk.Call{OperationID: "op-none", Account: b.account}, Capture: capture}, false,
		},
		"a capture that is not there": {sdk.FindRefundRequest{Call: call, Capture: "payment_test_0"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := b.FindRefund(t.Context(), tt.req)
			if err != nil {
				t.Fatalf("FindRefund: %v", err)
			}
			if got.Found != tt.found || got.Authoritative == tt.found {
				t.Fatalf("found %+v", got)
			}
			if tt.found && (got.Refund.Ref != made.Refund || got.Refund.Capture != capture || *got.Refund.Amount != sdk.JPY(100)) {
				t.Errorf("found %+v", got.Refund)
			}
		})
	}
}

func TestCancelNeverLetsGoOfAHold(t *testing.T) {
	b := newBench(t)
	open := b.authorize("Ropen", 1000, sdk.CaptureManual)
	for name, req := range map[string]sdk.CancelRequest{
		"by order":   {Call: b.call("Ropen"), Order: open.Order},
		"by session": {Call: b.call("Ropen"), Session: open.Session},
	} {
		got, err := b.Cancel(t.Context(), req)
		if err != nil || got.Outcome != sdk.OutcomeSucceeded || !got.ApprovalPossible {
			t.Errorf("cancelling an open order %s: %+v, %v", name, got, err)
		}
	}
	b.decide("Ropen", "approve", "")
	_, err := b.Cancel(t.Context(), sdk.CancelRequest{Call: b.call("Ropen"), Order: open.Order})
	if refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("cancelling an approved order: %v", err)
	}
	if got := b.find(open.Order); got.State != sdk.StateAuthorized {
		t.Errorf("the hold is now %+v", got)
	}

	gone := b.authorize("Rgone", 1000, sdk.CaptureManual)
	b.decide("Rgone", "decline", "")
	got, err := b.Cancel(t.Context(), sdk.CancelRequest{Call: b.call("Rgone"), Order: gone.Order})
	if err != nil || got.ApprovalPossible {
		t.Errorf("cancelling a rejected order: %+v, %v", got, err)
	}
	for _, r := range b.ledger().Requests {
		if r.Method == "PUT" {
			t.Errorf("a cancel sent %s %s", r.Method, r.Path)
		}
	}
}

func TestStateErrorsMoveNothing(t *testing.T) {
	b := newBench(t)
	open := b.authorize("Rnot", 1000, sdk.CaptureManual).Order
	if _, err := b.capture(open, 1000, true); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("capturing before approval: %v", err)
	}
	if _, err := b.Void(t.Context(), sdk.VoidRequest{Call: b.call("Rnot"), Order: open}); refused(t, err).Code != sdk.CodeInvalidState {
		t.Errorf("voiding before approval: %v", err)
	}
	if _, err := b.capture("order_test_0", 1000, true); refused(t, err).Code != sdk.CodeNotFound {
		t.Errorf("capturing an order that is not there: %v", err)
	}
	if got := b.ledger().ByReference["Rnot"]; got.Movements != 0 {
		t.Errorf("the provider says %+v", got)
	}
}
