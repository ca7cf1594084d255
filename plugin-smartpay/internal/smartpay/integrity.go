package smartpay

import (
	"github.com/connectorhost/connectorhost/sdk"
)

// differs is the INTEGRITY error of an answer whose amount or currency is not what
// was asked for, or nil. What the answer leaves out differs from nothing.
func differs(op sdk.Op, asked sdk.Money, amount *int64, in string) error {
	switch {
	case in != "" && !said(in):
		return sdk.Errorf(op, sdk.CodeCurrencyMismatch, "asked for %s, Smartpay answered in %q", asked, in)
	case amount != nil && *amount != asked.Minor:
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "asked for %s, Smartpay answered %d", asked, *amount)
	}
	return nil
}

// renamed is the INTEGRITY error of an answer with another reference than ours, or
// nil. Where either is not there, nothing can be told.
func renamed(op sdk.Op, ours, theirs string) error {
	if ours == "" || theirs == "" || theirs == ours {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeReferenceMismatch, "our reference is %q, Smartpay answered %q", ours, theirs)
}

// another is the INTEGRITY error of an answer that hangs on something else than was
// named, or nil.
func another(op sdk.Op, what, asked, got string) error {
	if got == "" || got == asked {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeIDMismatch, "asked about %s %s, Smartpay answered about %s", what, asked, got)
}

// unmapped is the error of an answer whose status no table lists: in doubt, with the
// status kept.
func unmapped(op sdk.Op, what, status string) error {
	e := sdk.Errorf(op, sdk.CodeUnmappedError, "Smartpay reports the %s as %q, which says nothing here", what, status)
	e.Provider.Status = status
	return e
}
