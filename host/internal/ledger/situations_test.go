package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

// A situation is what happened to a payment of 1000 yen.
type situation struct {
	automatic bool
	authorize Operation   // how the authorization ended
	then      []Operation // what was asked for afterwards
	seen      []sdk.Snapshot
	closed    ClosingReason
}

func (s situation) ledger() *Ledger {
	l := newLedger(s.then...)
	if s.automatic {
		l.Payment.Intent = sdk.CaptureAutomatic
	}
	a := &l.Operations[0]
	a.Outcome, a.Code, a.Processed, a.Provider = s.authorize.Outcome, s.authorize.Code, s.authorize.Processed, s.authorize.Provider
	if a.Outcome == sdk.OutcomeRequiresAction {
		l.Truth.Next = &sdk.Next{RedirectURL: "https://provider.example/approve"}
	}
	for _, seen := range s.seen {
		l.Truth.Fold(seen, start)
	}
	if s.closed != "" {
		l.Closing = &Closing{Reason: s.closed, At: start.Add(30 * time.Minute)}
	}
	return l
}

// A standing is how a payment stands.
type standing struct {
	State      sdk.State
	Status     Status
	Error      string
	Authorized int64
	Captured   int64
	Released   int64
	Refunded   int64
	Open       int64
	Refundable int64
	Unsettled  []sdk.OperationID
	Late       bool
	Can        []sdk.Operation
}

func standingOf(l *Ledger) standing {
	v := l.View()
	s := standing{
		State: v.State, Status: l.Status(v), Error: v.Reason.ErrorCode(), Authorized: v.Authorized, Captured: v.Captured,
		Released: v.Released, Refunded: v.Refunded, Open: v.Open(), Refundable: v.Refundable(),
		Unsettled: v.Unsettled, Late: v.LateApproval,
	}
	for _, a := range v.Actions(Rules{PartialCapture: true, PartialRefund: true}) {
		s.Can = append(s.Can, a.Operation)
	}
	return s
}

var (
	approving  = Operation{Outcome: sdk.OutcomeRequiresAction}
	authorized = sdk.Snapshot{State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}
)

func captured(op string, amount int64) sdk.Snapshot {
	return sdk.Snapshot{State: sdk.StateCaptured, Authorized: new(sdk.JPY(1000)), Captures: []sdk.CaptureSnapshot{
		{Ref: "cap_1", Operation: sdk.OperationID(op), Amount: new(sdk.JPY(amount)), Status: sdk.MoveSucceeded},
	}}
}

func asked(kind sdk.Operation, o sdk.Outcome, amount int64) Operation {
	return Operation{ID: sdk.OperationID(kind), Kind: kind, Outcome: o, Amount: sdk.JPY(amount), Final: kind == sdk.OpCapture}
}

func TestSituations(t *testing.T) {
	const capture, refund, void, cancel = sdk.OpCapture, sdk.OpRefund, sdk.OpVoid, sdk.OpCancel
	const done, unknown, declined = sdk.OutcomeSucceeded, sdk.OutcomeUnknown, sdk.OutcomeDeclined
	tests := map[string]struct {
		situation
		want standing
	}{
		"the intent was written and the host died": {
			situation{},
			standing{State: sdk.StateUnknown, Status: StatusProcessing, Unsettled: []sdk.OperationID{"auth"}},
		},
		"the answer to the authorization was lost": {
			situation{authorize: Operation{Outcome: unknown, Code: sdk.CodeReadTimeout}},
			standing{State: sdk.StateUnknown, Status: StatusProcessing, Error: "service_network_error", Unsettled: []sdk.OperationID{"auth"}},
		},
		"the authorization was lost, and found waiting for the buyer, nobody knows where": {
			situation{authorize: Operation{Outcome: unknown, Code: sdk.CodeReadTimeout}, seen: []sdk.Snapshot{{State: sdk.StateRequiresAction}}},
			standing{State: sdk.StateRequiresAction, Status: StatusProcessing, Unsettled: []sdk.OperationID{"auth"}},
		},
		"the authorization was lost, and found approved": {
			situation{authorize: Operation{Outcome: unknown, Code: sdk.CodeReadTimeout}, seen: []sdk.Snapshot{authorized}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"nothing was sent, and never will be": {
			situation{authorize: Operation{Outcome: sdk.OutcomeNotAttempted, Code: sdk.CodeCredentialsInvalid}},
			standing{State: sdk.StateFailed, Status: StatusAuthorizationFailed, Error: "invalid_service_credentials"},
		},
		"the buyer has the page": {
			situation{authorize: approving},
			standing{State: sdk.StateRequiresAction, Status: StatusBuyerApprovalPending, Can: []sdk.Operation{cancel}},
		},
		"the provider has not decided": {
			situation{authorize: Operation{Outcome: sdk.OutcomePending}},
			standing{State: sdk.StateProcessing, Status: StatusProcessing, Can: []sdk.Operation{cancel}},
		},
		"declined at once": {
			situation{authorize: Operation{Outcome: declined, Code: sdk.CodeInsufficientFunds}},
			standing{State: sdk.StateDeclined, Status: StatusAuthorizationDeclined, Error: "insufficient_funds"},
		},
		"declined on the page": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateRequiresAction}, {State: sdk.StateDeclined}}},
			standing{State: sdk.StateDeclined, Status: StatusAuthorizationDeclined, Error: "other_decline"},
		},
		"a soft decline on the page leaves the buyer another try": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateRequiresAction, Provider: sdk.Provider{Status: "requires_authorization", Code: "declined"}}}},
			standing{State: sdk.StateRequiresAction, Status: StatusBuyerApprovalPending, Can: []sdk.Operation{cancel}},
		},
		"approved, to be captured later": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"approved, says a webhook that names no amount": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateAuthorized}}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"the provider approved less": {
			situation{authorize: Operation{Outcome: done, Processed: new(sdk.JPY(700))}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 700, Open: 700, Can: []sdk.Operation{capture, void}},
		},
		"automatic capture, approved and not yet captured": {
			situation{automatic: true, authorize: approving, seen: []sdk.Snapshot{authorized}},
			standing{State: sdk.StateAuthorized, Status: StatusCapturePending, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"automatic capture, captured": {
			situation{automatic: true, authorize: approving, seen: []sdk.Snapshot{captured("", 1000)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refundable: 1000, Can: []sdk.Operation{refund}},
		},
		"captured at the provider, but nobody said how much": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateCaptured}}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"captured in full": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(capture, done, 1000)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refundable: 1000, Can: []sdk.Operation{refund}},
		},
		"captured in part, which releases the rest": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(capture, done, 300)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 300, Released: 700, Refundable: 300, Can: []sdk.Operation{refund}},
		},
		"captured in part, the rest stays open": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{{ID: "c", Kind: capture, Outcome: done, Amount: sdk.JPY(300)}}},
			standing{State: sdk.StatePartiallyCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 300, Open: 700, Refundable: 300, Can: []sdk.Operation{refund}},
		},
		"captured in part, the rest voided": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{{ID: "c", Kind: capture, Outcome: done, Amount: sdk.JPY(300)}, asked(void, done, 0)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 300, Released: 700, Refundable: 300, Can: []sdk.Operation{refund}},
		},
		"the provider captured less than was asked": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{{ID: "c", Kind: capture, Outcome: done, Amount: sdk.JPY(900), Processed: new(sdk.JPY(700)), Final: true}}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 700, Released: 300, Refundable: 700, Can: []sdk.Operation{refund}},
		},
		"captured, and an older webhook comes late": {
			situation{authorize: approving, then: []Operation{{ID: "c", Kind: capture, Outcome: done, Amount: sdk.JPY(900), Processed: new(sdk.JPY(700)), Final: true}}, seen: []sdk.Snapshot{authorized, {
				Captures: []sdk.CaptureSnapshot{{Ref: "cap_1", Operation: "c", Amount: new(sdk.JPY(900)), Status: sdk.MovePending}},
			}}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 700, Released: 300, Refundable: 700, Can: []sdk.Operation{refund}},
		},
		"a capture was declined": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(capture, declined, 1000)}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{capture, void}},
		},
		"a capture was lost": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(capture, unknown, 1000)}},
			standing{State: sdk.StateAuthorized, Status: StatusCapturePending, Authorized: 1000, Open: 1000, Unsettled: []sdk.OperationID{"capture"}},
		},
		"a capture was begun and the host died": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(capture, "", 1000)}},
			standing{State: sdk.StateAuthorized, Status: StatusCapturePending, Authorized: 1000, Open: 1000, Unsettled: []sdk.OperationID{"capture"}},
		},
		"a capture was lost, and found at the provider under our name": {
			situation{authorize: approving, then: []Operation{asked(capture, unknown, 800)}, seen: []sdk.Snapshot{authorized, captured("capture", 800)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 800, Released: 200, Refundable: 800, Can: []sdk.Operation{refund}},
		},
		"one capture was asked for, and the provider made two": {
			situation{authorize: approving, then: []Operation{asked(capture, unknown, 400)}, seen: []sdk.Snapshot{captured("capture", 400), {
				Captures: []sdk.CaptureSnapshot{{Ref: "cap_2", Operation: "capture", Amount: new(sdk.JPY(400)), Status: sdk.MoveSucceeded}},
			}}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 800, Released: 200, Refundable: 800, Can: []sdk.Operation{refund}},
		},
		"two captures were asked for, and one capture claims to be both": {
			situation{authorize: approving, then: []Operation{
				{ID: "a", Kind: capture, Outcome: done, Amount: sdk.JPY(400), Ref: "cap_1"}, {ID: "b", Kind: capture, Outcome: unknown, Amount: sdk.JPY(400)},
			}, seen: []sdk.Snapshot{authorized, {Captures: []sdk.CaptureSnapshot{{Ref: "cap_1", Operation: "b", Amount: new(sdk.JPY(400)), Status: sdk.MoveSucceeded}}}}},
			standing{State: sdk.StatePartiallyCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 400, Open: 600, Refundable: 400, Unsettled: []sdk.OperationID{"b"}},
		},
		"more was captured than was held": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized, captured("", 1200)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1200, Captured: 1200, Refundable: 1200, Can: []sdk.Operation{refund}},
		},
		"somebody is capturing it in the dashboard": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized, {Captures: []sdk.CaptureSnapshot{{Ref: "x", Amount: new(sdk.JPY(1000)), Status: sdk.MovePending}}}}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationSucceeded, Authorized: 1000, Open: 1000, Can: []sdk.Operation{void}},
		},
		"refunded in part": {
			situation{authorize: approving, seen: []sdk.Snapshot{captured("", 1000)}, then: []Operation{asked(refund, done, 300)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refunded: 300, Refundable: 700, Can: []sdk.Operation{refund}},
		},
		"refunded in full": {
			situation{authorize: approving, seen: []sdk.Snapshot{captured("", 1000)}, then: []Operation{asked(refund, done, 1000)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refunded: 1000},
		},
		"refunded in the provider's dashboard": {
			situation{authorize: approving, seen: []sdk.Snapshot{captured("", 1000), {Refunds: []sdk.RefundSnapshot{{Ref: "re", Capture: "cap_1", Amount: new(sdk.JPY(400)), Status: sdk.MoveSucceeded}}}}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refunded: 400, Refundable: 600, Can: []sdk.Operation{refund}},
		},
		"a refund was lost": {
			situation{authorize: approving, seen: []sdk.Snapshot{captured("", 1000)}, then: []Operation{asked(refund, unknown, 300)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refundable: 700, Unsettled: []sdk.OperationID{"refund"}},
		},
		"a refund came back": {
			situation{authorize: approving, seen: []sdk.Snapshot{captured("", 1000), {Refunds: []sdk.RefundSnapshot{{Ref: "re", Operation: "refund", Status: sdk.MoveReversed}}}}, then: []Operation{asked(refund, done, 300)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refundable: 1000, Can: []sdk.Operation{refund}},
		},
		"voided": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(void, done, 0)}},
			standing{State: sdk.StateVoided, Status: StatusVoided, Authorized: 1000, Released: 1000},
		},
		"a void was lost": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(void, unknown, 0)}},
			standing{State: sdk.StateAuthorized, Status: StatusVoidPending, Authorized: 1000, Open: 1000, Unsettled: []sdk.OperationID{"void"}},
		},
		"a void was lost, and found done": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized, {State: sdk.StateVoided}}, then: []Operation{asked(void, unknown, 0)}},
			standing{State: sdk.StateVoided, Status: StatusVoided, Authorized: 1000, Released: 1000},
		},
		"the provider calls a released hold canceled": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized, {State: sdk.StateCanceled}}},
			standing{State: sdk.StateVoided, Status: StatusVoided, Authorized: 1000, Released: 1000},
		},
		"the hold lapsed": {
			situation{authorize: approving, seen: []sdk.Snapshot{authorized, {State: sdk.StateExpired}}},
			standing{State: sdk.StateExpired, Status: StatusVoided, Authorized: 1000, Released: 1000},
		},
		"the buyer's time ran out": {
			situation{authorize: approving, closed: ClosedExpired},
			standing{State: sdk.StateExpired, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval"},
		},
		"the provider's page expired before our time ran out": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateExpired}}},
			standing{State: sdk.StateExpired, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval"},
		},
		"the merchant called it off": {
			situation{authorize: approving, closed: ClosedByMerchant, then: []Operation{asked(cancel, done, 0)}},
			standing{State: sdk.StateCanceled, Status: StatusAuthorizationFailed, Error: "canceled"},
		},
		"the merchant's calling off was lost": {
			situation{authorize: approving, then: []Operation{asked(cancel, unknown, 0)}},
			standing{State: sdk.StateRequiresAction, Status: StatusBuyerApprovalPending, Unsettled: []sdk.OperationID{"cancel"}},
		},
		"the buyer went back to the shop": {
			situation{authorize: approving, closed: ClosedByBuyer},
			standing{State: sdk.StateCanceled, Status: StatusAuthorizationFailed, Error: "cancelled_buyer_approval"},
		},
		"the buyer called it off on the page": {
			situation{authorize: approving, seen: []sdk.Snapshot{{State: sdk.StateCanceled}}},
			standing{State: sdk.StateCanceled, Status: StatusAuthorizationFailed, Error: "cancelled_buyer_approval"},
		},
		"approved too late: held, and to be let go": {
			situation{authorize: approving, closed: ClosedExpired, seen: []sdk.Snapshot{authorized}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval", Authorized: 1000, Open: 1000, Late: true, Can: []sdk.Operation{capture, void}},
		},
		"approved too late: being let go": {
			situation{authorize: approving, closed: ClosedExpired, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(void, "", 0)}},
			standing{State: sdk.StateAuthorized, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval", Authorized: 1000, Open: 1000, Late: true, Unsettled: []sdk.OperationID{"void"}},
		},
		"approved too late: let go": {
			situation{authorize: approving, closed: ClosedExpired, seen: []sdk.Snapshot{authorized}, then: []Operation{asked(void, done, 0)}},
			standing{State: sdk.StateVoided, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval", Authorized: 1000, Released: 1000, Late: true},
		},
		"approved too late, and the hold lapsed": {
			situation{authorize: approving, closed: ClosedExpired, seen: []sdk.Snapshot{authorized, {State: sdk.StateExpired}}},
			standing{State: sdk.StateExpired, Status: StatusAuthorizationFailed, Error: "incomplete_buyer_approval", Authorized: 1000, Released: 1000, Late: true},
		},
		"approved too late, and captured by the provider": {
			situation{automatic: true, authorize: approving, closed: ClosedExpired, seen: []sdk.Snapshot{captured("", 1000)}},
			standing{State: sdk.StateCaptured, Status: StatusCaptureSucceeded, Authorized: 1000, Captured: 1000, Refundable: 1000, Late: true, Can: []sdk.Operation{refund}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, standingOf(tt.ledger())); diff != "" {
				t.Errorf("payment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhenThingsHappened(t *testing.T) {
	later := start.Add(time.Hour)
	voided := asked(sdk.OpVoid, sdk.OutcomeSucceeded, 0)
	voided.UpdatedAt = later
	taken := captured("", 1000)
	taken.Captures[0].At = later
	tests := map[string]struct {
		situation
		want View
	}{
		"approved":  {situation{authorize: approving, seen: []sdk.Snapshot{authorized}}, View{AuthorizedAt: start}},
		"captured":  {situation{authorize: approving, seen: []sdk.Snapshot{taken}}, View{AuthorizedAt: start, CapturedAt: later}},
		"voided":    {situation{authorize: approving, seen: []sdk.Snapshot{authorized}, then: []Operation{voided}}, View{AuthorizedAt: start, VoidedAt: later}},
		"timed out": {situation{authorize: approving, closed: ClosedExpired}, View{TimedOutAt: start.Add(30 * time.Minute)}},
		"canceled":  {situation{authorize: approving, closed: ClosedByMerchant}, View{CanceledAt: start.Add(30 * time.Minute)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := tt.ledger().View()
			got := View{
				AuthorizedAt: v.AuthorizedAt, CapturedAt: v.CapturedAt, VoidedAt: v.VoidedAt,
				CanceledAt: v.CanceledAt, TimedOutAt: v.TimedOutAt,
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
		})
	}
}
