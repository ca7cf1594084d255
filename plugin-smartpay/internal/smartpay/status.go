package smartpay

import (
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// An orderRow says what a status of an order means. Smartpay says "canceled" both of
// what a merchant let go and of what lapsed, and "requires_capture" both before and
// after a partial capture, so a row has a cell for each case.
type orderRow struct {
	status         string
	none           sdk.State // nothing is captured
	noneLapsed     sdk.State // nothing is captured and the authorization has run out
	captured       sdk.State // something is captured
	capturedLapsed sdk.State // something is captured and the authorization has run out
	because        string
}

// orderTable is the one place that knows what an order's status means, for answers,
// lookups and webhooks alike. Cells in which the status contradicts the captures are
// UNKNOWN.
var orderTable = []orderRow{
	{
		api.OrderRequiresAuthorization,
		sdk.StateRequiresAction, sdk.StateUnknown, sdk.StateUnknown, sdk.StateUnknown,
		"also after a soft decline: the buyer may try again",
	},
	{
		api.OrderRequiresCapture,
		sdk.StateAuthorized, sdk.StateExpired, sdk.StatePartiallyCaptured, sdk.StateCaptured,
		"no capture is possible once the authorization has run out",
	},
	{
		api.OrderSucceeded,
		sdk.StateProcessing, sdk.StateProcessing, sdk.StateCaptured, sdk.StateCaptured,
		"nothing is left to capture; while no capture can be seen, it is still on its way",
	},
	{
		api.OrderCanceled,
		sdk.StateVoided, sdk.StateExpired, sdk.StateUnknown, sdk.StateUnknown,
		"only an authorized order can be cancelled",
	},
	{
		api.OrderRejected,
		sdk.StateDeclined, sdk.StateDeclined, sdk.StateUnknown, sdk.StateUnknown,
		"a hard decline",
	},
	{
		api.OrderFailed,
		sdk.StateDeclined, sdk.StateDeclined, sdk.StateUnknown, sdk.StateUnknown,
		"named by three official clients, never seen",
	},
	{
		api.OrderPending,
		sdk.StateProcessing, sdk.StateProcessing, sdk.StateProcessing, sdk.StateProcessing,
		"named by one official client, never seen",
	},
}

// stateOf returns what an order's status means. It is empty where that depends on
// whether anything is captured and the answer does not say.
func stateOf(o *api.Order) sdk.State {
	row, ok := orderRowOf(o.Status)
	if !ok {
		return sdk.StateUnknown
	}
	none, captured := row.none, row.captured
	if lapsed(o) {
		none, captured = row.noneLapsed, row.capturedLapsed
	}
	switch {
	case len(o.Payments) > 0:
		return captured
	case o.Payments == nil && captured != none && captured != sdk.StateUnknown:
		return ""
	}
	return none
}

func orderRowOf(status string) (orderRow, bool) {
	for _, row := range orderTable {
		if row.status == status {
			return row, true
		}
	}
	return orderRow{}, false
}

// lapsed reports whether an order was last changed at or after the end of its
// authorization. Both times are Smartpay's, so that no clock of ours decides.
func lapsed(o *api.Order) bool { return o.ExpiresAt != 0 && o.UpdatedAt >= o.ExpiresAt }

// authorized reports whether the buyer's money has been held: Smartpay sets the
// expiry with the authorization, and the listed statuses are reached only through it.
func authorized(o *api.Order) bool {
	switch o.Status {
	case api.OrderRequiresCapture, api.OrderSucceeded, api.OrderCanceled:
		return true
	}
	return o.ExpiresAt != 0 || len(o.Payments) > 0
}

// A moveRow says what a status of a capture or of a refund means.
type moveRow struct {
	status  string
	move    sdk.MoveStatus
	because string
}

// captureTable is the one place that knows what a payment's status means.
var captureTable = []moveRow{
	{api.PaymentProcessed, sdk.MoveSucceeded, "the money was taken; part of it may have been refunded"},
	{api.PaymentRefunded, sdk.MoveSucceeded, "the money was taken; that all of it went back is told by the refunds"},
}

// refundTable is the one place that knows what a refund's status means.
var refundTable = []moveRow{
	{api.RefundSucceeded, sdk.MoveSucceeded, "final: Smartpay cannot take a refund back"},
	{api.RefundFailed, sdk.MoveFailed, ""},
}

func moveOf(table []moveRow, status string) sdk.MoveStatus {
	for _, row := range table {
		if row.status == status {
			return row.move
		}
	}
	return sdk.MoveUnknown
}
