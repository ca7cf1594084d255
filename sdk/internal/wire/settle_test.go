package wire

import (
	"errors"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

const refundOp sdk.Op = "test.refund"

var allOutcomes = []sdk.Outcome{
	"", sdk.OutcomeUnknown, sdk.OutcomeSucceeded, sdk.OutcomePending,
	sdk.OutcomeRequiresAction, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted, "OUTCOME_99",
}

// TestSettleWithoutAnError: only an outcome that needs no error may come without one.
func TestSettleWithoutAnError(t *testing.T) {
	for _, claimed := range allOutcomes {
		t.Run("claims "+string(claimed), func(t *testing.T) {
			a := sdk.Answer{Outcome: claimed}
			e := settle(refundOp, &a, nil)
			switch claimed {
			case sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction:
				if e != nil || a.Outcome != claimed {
					t.Errorf("settle = %v with outcome %q, want it left alone", e, a.Outcome)
				}
			default:
				if e == nil || e.Code != sdk.CodePluginMalformed || a.Outcome != sdk.OutcomeUnknown {
					t.Errorf("settle = %v with outcome %q, want it in doubt", e, a.Outcome)
				}
			}
		})
	}
}

// TestSettleWithAnError goes through every code with every outcome that it can come
// with: the error stands if the outcome agrees or says nothing, and the answer is in
// doubt if it contradicts.
func TestSettleWithAnError(t *testing.T) {
	for code, meaning := range sdk.Codes() {
		for _, claimed := range allOutcomes {
			a := sdk.Answer{Outcome: claimed}
			sent := &sdk.Error{Op: refundOp, Code: code}
			e := settle(refundOp, &a, sent)
			if claimed == "" || claimed == meaning.Outcome {
				if e != sent || a.Outcome != meaning.Outcome {
					t.Errorf("%s claiming %q: settle = %v with outcome %q", code, claimed, e, a.Outcome)
				}
				continue
			}
			if e.Code != sdk.CodePluginMalformed || a.Outcome != sdk.OutcomeUnknown {
				t.Errorf("%s claiming %q: settle = %v with outcome %q, want it in doubt", code, claimed, e, a.Outcome)
			}
			if !errors.Is(e, sent) {
				t.Errorf("%s claiming %q: %v does not say what was sent", code, claimed, e)
			}
		}
	}
}

// TestSettleWithACodeFromTheFuture keeps the code, whatever outcome came with it.
func TestSettleWithACodeFromTheFuture(t *testing.T) {
	for _, code := range []sdk.Code{"", "wallet_frozen"} {
		for _, claimed := range allOutcomes {
			a := sdk.Answer{Outcome: claimed}
			sent := &sdk.Error{Code: code}
			if e := settle(refundOp, &a, sent); e != sent || a.Outcome != sdk.OutcomeUnknown {
				t.Errorf("%q claiming %q: settle = %v with outcome %q", code, claimed, e, a.Outcome)
			}
		}
	}
}

// TestSettleAgreesWithOutcomeOf is what lets a caller read either.
func TestSettleAgreesWithOutcomeOf(t *testing.T) {
	codes := []sdk.Code{"", "wallet_frozen"}
	for code := range sdk.Codes() {
		codes = append(codes, code)
	}
	for _, claimed := range allOutcomes {
		for _, code := range codes {
			a := sdk.Answer{Outcome: claimed}
			e := settle(refundOp, &a, &sdk.Error{Code: code})
			if want := sdk.OutcomeOf(a, e); a.Outcome != want {
				t.Errorf("%s claiming %q: outcome %q, OutcomeOf %q", code, claimed, a.Outcome, want)
			}
		}
	}
}
