package reference

import "github.com/connectorhost/connectorhost/sdk"

// stateTable is the one place that knows what a payment's status means, for answers,
// lookups and webhooks alike. What it does not list is UNKNOWN.
var stateTable = map[string]sdk.State{
	"awaiting_buyer":  sdk.StateRequiresAction,
	"in_review":       sdk.StateProcessing,
	"authorized":      sdk.StateAuthorized,
	"partly_captured": sdk.StatePartiallyCaptured,
	"capturing":       sdk.StateProcessing, // all of it, and none has arrived
	"captured":        sdk.StateCaptured,
	"voided":          sdk.StateVoided,
	"canceled":        sdk.StateCanceled,
	"declined":        sdk.StateDeclined,
	"lapsed":          sdk.StateExpired, // nobody approved in time
	"expired":         sdk.StateExpired,
}

func stateOf(status string) sdk.State {
	if state, ok := stateTable[status]; ok {
		return state
	}
	return sdk.StateUnknown
}

// moveTable is the one place that knows what the status of a capture or refund means.
var moveTable = map[string]sdk.MoveStatus{
	"accepted":  sdk.MovePending,
	"succeeded": sdk.MoveSucceeded,
	"failed":    sdk.MoveFailed,
	"reversed":  sdk.MoveReversed, // the money came back
}

func moveOf(status string) sdk.MoveStatus {
	if move, ok := moveTable[status]; ok {
		return move
	}
	return sdk.MoveUnknown
}
