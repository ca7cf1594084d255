package reference

import (
	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// differs is the INTEGRITY error of an answer in another amount or currency than
// asked for, or nil. Where the answer does not say, nothing differs.
func differs(op sdk.Op, asked sdk.Money, got *sdk.Money) error {
	switch {
	case got == nil:
		return nil
	case got.Currency != asked.Currency:
		return sdk.Errorf(op, sdk.CodeCurrencyMismatch, "asked for %s, the provider answered %s", asked, got)
	case got.Minor != asked.Minor:
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "asked for %s, the provider answered %s", asked, got)
	}
	return nil
}

// renamed is the INTEGRITY error of an answer that carries another name than ours, or
// nil. Where either is missing, nothing can be told.
func renamed(op sdk.Op, ours, theirs string) error {
	if ours == "" || theirs == "" || ours == theirs {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeReferenceMismatch, "our name for it is %q, the provider answered %q", ours, theirs)
}

// another is the INTEGRITY error of an answer about something else than was named, or
// nil. Where either is missing, nothing can be told.
func another(op sdk.Op, what, asked, got string) error {
	if asked == "" || got == "" || asked == got {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeIDMismatch, "asked about %s %s, the provider answered about %s", what, asked, got)
}

// sameMove checks that a capture or refund is the one that was asked for, and returns
// its amount.
func sameMove(op sdk.Op, call sdk.Call, order sdk.OrderRef, asked sdk.Money, m *api.Move) (*sdk.Money, error) {
	if m == nil || m.ID == "" {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer does not say what was made")
	}
	amount, err := minor(m.Amount)
	if err != nil {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "its amount: %w", err)
	}
	if err := another(op, "payment", string(order), m.Payment); err != nil {
		return nil, err
	}
	if err := renamed(op, string(call.OperationID), m.Operation); err != nil {
		return nil, err
	}
	return amount, differs(op, asked, amount)
}

// unmapped is the error of an answer whose status says something else than expected.
func unmapped(op sdk.Op, code sdk.Code, status string) error {
	e := sdk.Errorf(op, code, "the provider reports the status %q", status)
	e.Provider.Status = status
	return e
}
