package connector

import "github.com/connectorhost/connectorhost/sdk"

// Answers that are about something else than was asked for are in doubt: the codes below
// have the outcome UNKNOWN, and the host looks before it does anything else.

// sameMoney fails if the answer tells another amount or currency. Where it tells none,
// nothing differs.
func sameMoney(op sdk.Op, asked sdk.Money, told *sdk.Money) error {
	switch {
	case told == nil:
		return nil
	case told.Currency != asked.Currency:
		return sdk.Errorf(op, sdk.CodeCurrencyMismatch, "asked for %s, the provider answered %s", asked, told)
	case told.Minor != asked.Minor:
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "asked for %s, the provider answered %s", asked, told)
	}
	return nil
}

// sameReference fails if the answer carries another name of ours.
func sameReference[N ~string](op sdk.Op, ours, told N) error {
	if ours == "" || told == "" || ours == told {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeReferenceMismatch, "our name for it is %q, the provider answered %q", string(ours), string(told))
}

// sameName fails if the answer is about another thing of the provider's.
func sameName(op sdk.Op, asked, told string) error {
	if asked == "" || told == "" || asked == told {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeIDMismatch, "asked about %s, the provider answered about %s", asked, told)
}

// unexpected is the error of a success whose status is none.
func unexpected(op sdk.Op, code sdk.Code, status string) error {
	e := sdk.Errorf(op, code, "the provider reports the status %q", status)
	e.Provider.Status = status
	return e
}
