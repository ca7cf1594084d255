package wire

import (
	"strconv"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// A table pairs the values of a closed set of package sdk with their numbers. Neither
// side holds the value for "does not say", which is the empty string and 0.
type table[S ~string, N ~int32] []struct {
	name   S
	number N
}

var (
	outcomes = table[sdk.Outcome, pb.Outcome]{
		{sdk.OutcomeUnknown, pb.Outcome_OUTCOME_UNKNOWN},
		{sdk.OutcomeSucceeded, pb.Outcome_OUTCOME_SUCCEEDED},
		{sdk.OutcomePending, pb.Outcome_OUTCOME_PENDING},
		{sdk.OutcomeRequiresAction, pb.Outcome_OUTCOME_REQUIRES_ACTION},
		{sdk.OutcomeDeclined, pb.Outcome_OUTCOME_DECLINED},
		{sdk.OutcomeNotAttempted, pb.Outcome_OUTCOME_NOT_ATTEMPTED},
	}
	states = table[sdk.State, pb.State]{
		{sdk.StateUnknown, pb.State_STATE_UNKNOWN},
		{sdk.StateRequiresAction, pb.State_STATE_REQUIRES_ACTION},
		{sdk.StateProcessing, pb.State_STATE_PROCESSING},
		{sdk.StateAuthorized, pb.State_STATE_AUTHORIZED},
		{sdk.StatePartiallyCaptured, pb.State_STATE_PARTIALLY_CAPTURED},
		{sdk.StateCaptured, pb.State_STATE_CAPTURED},
		{sdk.StateVoided, pb.State_STATE_VOIDED},
		{sdk.StateCanceled, pb.State_STATE_CANCELED},
		{sdk.StateDeclined, pb.State_STATE_DECLINED},
		{sdk.StateFailed, pb.State_STATE_FAILED},
		{sdk.StateExpired, pb.State_STATE_EXPIRED},
	}
	moves = table[sdk.MoveStatus, pb.MoveStatus]{
		{sdk.MoveUnknown, pb.MoveStatus_MOVE_STATUS_UNKNOWN},
		{sdk.MovePending, pb.MoveStatus_MOVE_STATUS_PENDING},
		{sdk.MoveSucceeded, pb.MoveStatus_MOVE_STATUS_SUCCEEDED},
		{sdk.MoveFailed, pb.MoveStatus_MOVE_STATUS_FAILED},
		{sdk.MoveCanceled, pb.MoveStatus_MOVE_STATUS_CANCELED},
		{sdk.MoveReversed, pb.MoveStatus_MOVE_STATUS_REVERSED},
	}
)

// number returns name's number, or unknown for a name outside the set.
func (t table[S, N]) number(name S, unknown N) N {
	if name == "" {
		return 0
	}
	for _, row := range t {
		if row.name == name {
			return row.number
		}
	}
	return unknown
}

func (t table[S, N]) name(number N) (name S, ok bool) {
	for _, row := range t {
		if row.number == number {
			return row.name, true
		}
	}
	return "", number == 0
}

func toOutcome(o sdk.Outcome) pb.Outcome {
	return outcomes.number(o, pb.Outcome_OUTCOME_UNKNOWN)
}

// fromOutcome keeps a number that it does not know, in a form that is in doubt and
// still says what it was; [settle] makes it an error.
func fromOutcome(n pb.Outcome) sdk.Outcome {
	if o, ok := outcomes.name(n); ok {
		return o
	}
	return sdk.Outcome("OUTCOME_" + strconv.Itoa(int(n)))
}

func toState(s sdk.State) pb.State { return states.number(s, pb.State_STATE_UNKNOWN) }

// fromState gives only states of the closed set, so that no reader needs an arm for
// the states of tomorrow.
func fromState(n pb.State) sdk.State {
	if s, ok := states.name(n); ok {
		return s
	}
	return sdk.StateUnknown
}

func toMove(s sdk.MoveStatus) pb.MoveStatus {
	return moves.number(s, pb.MoveStatus_MOVE_STATUS_UNKNOWN)
}

// fromMove gives only statuses of the closed set. One that was not given is unknown.
func fromMove(n pb.MoveStatus) sdk.MoveStatus {
	if s, ok := moves.name(n); ok && s != "" {
		return s
	}
	return sdk.MoveUnknown
}
