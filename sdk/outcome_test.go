package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestOutcomeOf(t *testing.T) {
	var none *sdk.Error
	declined := &sdk.Error{Code: sdk.CodeDoNotHonor}
	tests := map[string]struct {
		says sdk.Outcome
		err  error
		want sdk.Outcome
	}{
		"success":                     {sdk.OutcomeSucceeded, nil, sdk.OutcomeSucceeded},
		"pending":                     {sdk.OutcomePending, nil, sdk.OutcomePending},
		"the buyer must act":          {sdk.OutcomeRequiresAction, nil, sdk.OutcomeRequiresAction},
		"nothing said":                {"", nil, sdk.OutcomeUnknown},
		"unknown":                     {sdk.OutcomeUnknown, nil, sdk.OutcomeUnknown},
		"declined without a reason":   {sdk.OutcomeDeclined, nil, sdk.OutcomeUnknown},
		"not tried without a reason":  {sdk.OutcomeNotAttempted, nil, sdk.OutcomeUnknown},
		"an outcome of tomorrow":      {"REVERSED", nil, sdk.OutcomeUnknown},
		"declined":                    {"", declined, sdk.OutcomeDeclined},
		"declined, wrapped":           {"", fmt.Errorf("x: %w", declined), sdk.OutcomeDeclined},
		"an error outranks an answer": {sdk.OutcomeSucceeded, declined, sdk.OutcomeDeclined},
		"refused by the schemas":      {"", &sdk.Error{Code: sdk.CodeMissingField}, sdk.OutcomeNotAttempted},
		"a key in use":                {"", &sdk.Error{Code: sdk.CodeKeyInProgress}, sdk.OutcomePending},
		"a timeout":                   {"", &sdk.Error{Code: sdk.CodeReadTimeout}, sdk.OutcomeUnknown},
		"an error of another type":    {sdk.OutcomeSucceeded, errors.New("eof"), sdk.OutcomeUnknown},
		"a deadline":                  {sdk.OutcomeSucceeded, context.DeadlineExceeded, sdk.OutcomeUnknown},
		"an error without a code":     {sdk.OutcomeSucceeded, &sdk.Error{}, sdk.OutcomeUnknown},
		"a code of tomorrow":          {sdk.OutcomeSucceeded, &sdk.Error{Code: "frozen"}, sdk.OutcomeUnknown},
		"a nil *Error":                {sdk.OutcomeSucceeded, none, sdk.OutcomeUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := sdk.OutcomeOf(sdk.Answer{Outcome: tt.says}, tt.err); got != tt.want {
				t.Errorf("OutcomeOf = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSettled(t *testing.T) {
	settled := map[sdk.Outcome]bool{
		sdk.OutcomeSucceeded: true, sdk.OutcomeDeclined: true, sdk.OutcomeNotAttempted: true,
		sdk.OutcomeUnknown: false, sdk.OutcomePending: false, sdk.OutcomeRequiresAction: false,
	}
	for name, value := range constants(t, "outcome.go", "Outcome") {
		want, ok := settled[sdk.Outcome(value)]
		if !ok {
			t.Errorf("%s: no test says whether it is settled", name)
		}
		if got := sdk.Outcome(value).Settled(); got != want {
			t.Errorf("%s: settled = %v, want %v", name, got, want)
		}
	}
	for _, o := range []sdk.Outcome{"", "REVERSED"} {
		if o.Settled() {
			t.Errorf("%q is settled, though nobody knows what it means", o)
		}
	}
}
