package ledger

import "github.com/connectorhost/connectorhost/sdk"

// Rules are the connector's facts that decide which operations are legal.
type Rules struct {
	PartialCapture          bool
	MultipleCapture         bool
	OverCapture             bool
	PartialRefund           bool
	VoidAfterPartialCapture bool
	RefundPerCapture        bool // a refund hangs on one capture
}

// RulesOf reads the rules out of a manifest.
func RulesOf(m sdk.Manifest) Rules {
	f := m.Features
	return Rules{
		PartialCapture:          f.PartialCapture,
		MultipleCapture:         f.MultipleCapture,
		OverCapture:             f.OverCapture,
		PartialRefund:           f.PartialRefund,
		VoidAfterPartialCapture: f.VoidAfterPartialCapture,
		RefundPerCapture:        m.RefundScope == sdk.RefundCapture,
	}
}

// An Action is an operation that may start now. Max is the largest amount it may be
// for; for a void, what it would release. Where a connector over-captures, a capture may
// exceed Max by as much as the provider lets it.
type Action struct {
	Operation sdk.Operation
	Max       int64
}

// Actions lists what may start now. It is empty while an operation is in doubt.
func (v View) Actions(r Rules) []Action {
	if len(v.InDoubt) > 0 {
		return nil
	}
	var actions []Action
	for _, op := range []sdk.Operation{sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund} {
		if v.legal(op, r) == nil {
			actions = append(actions, Action{Operation: op, Max: v.limit(op)})
		}
	}
	return actions
}

// Allow says whether op may start for the given amount in minor units, ignoring
// operations that are in doubt: whoever starts one has to check [View.InDoubt]
// first. Amount is not looked at for a void or cancel. The error names the field
// "/amount" where the amount is at fault.
func (v View) Allow(op sdk.Operation, amount int64, final bool, r Rules) *sdk.Error {
	if err := v.legal(op, r); err != nil {
		return err
	}
	switch op {
	case sdk.OpCapture:
		return v.allowCapture(amount, final, r)
	case sdk.OpRefund:
		return v.allowRefund(amount, r)
	case sdk.OpAuthorize, sdk.OpVoid, sdk.OpCancel, sdk.OpIncrement, sdk.OpCheckCredentials,
		sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook,
		sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
	}
	return nil
}

func (v View) limit(op sdk.Operation) int64 {
	switch op {
	case sdk.OpCapture:
		return v.capturable()
	case sdk.OpVoid:
		return v.Open()
	case sdk.OpRefund:
		return v.Refundable()
	case sdk.OpAuthorize, sdk.OpCancel, sdk.OpIncrement, sdk.OpCheckCredentials, sdk.OpFindPayment,
		sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook, sdk.OpTokenize,
		sdk.OpDeleteToken, sdk.OpZeroAuthorize:
	}
	return 0
}

// legal is the table of which operation may start in which state.
func (v View) legal(op sdk.Operation, r Rules) *sdk.Error {
	illegal := func(code sdk.Code, format string, args ...any) *sdk.Error {
		return sdk.Errorf("ledger."+sdk.Op(op), code, format, args...)
	}
	switch op {
	case sdk.OpCapture:
		switch {
		case v.Open() > 0 && v.capturable() <= 0:
			return illegal(sdk.CodeInvalidState, "everything that is authorized is being captured")
		case v.State == sdk.StateAuthorized:
			return nil
		case v.State == sdk.StatePartiallyCaptured && r.MultipleCapture:
			return nil
		case v.Captured > 0:
			return illegal(sdk.CodeAlreadyCaptured, "the payment has been captured")
		case v.State == sdk.StateVoided:
			return illegal(sdk.CodeAlreadyVoided, "the authorization has been voided")
		case v.State == sdk.StateExpired && v.Authorized > 0:
			return illegal(sdk.CodeWindowClosed, "the authorization has expired")
		}
		return illegal(sdk.CodeInvalidState, "only an authorized payment can be captured, this one is %s", v.State)
	case sdk.OpVoid:
		switch {
		case v.State == sdk.StateAuthorized:
			return nil
		case v.State == sdk.StatePartiallyCaptured && r.VoidAfterPartialCapture:
			return nil
		case v.State == sdk.StateVoided:
			return illegal(sdk.CodeAlreadyVoided, "the authorization has been voided")
		case v.Captured > 0:
			return illegal(sdk.CodeAlreadyCaptured, "the payment has been captured; refund it instead")
		}
		return illegal(sdk.CodeInvalidState, "only an authorized payment can be voided, this one is %s", v.State)
	case sdk.OpCancel:
		if v.State == sdk.StateRequiresAction || v.State == sdk.StateProcessing {
			return nil
		}
		return illegal(sdk.CodeInvalidState, "only a payment awaiting approval can be canceled, this one is %s", v.State)
	case sdk.OpRefund:
		switch {
		case v.Captured == 0:
			return illegal(sdk.CodeInvalidState, "only captured money can be refunded, this payment is %s", v.State)
		case v.Refundable() <= 0:
			return illegal(sdk.CodeAlreadyRefunded, "everything captured has been refunded")
		}
		return nil
	case sdk.OpAuthorize, sdk.OpIncrement, sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund,
		sdk.OpReadWebhook, sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
	}
	return illegal(sdk.CodeInvalidState, "%s does not apply to a payment that exists", op)
}

func (v View) allowCapture(amount int64, final bool, r Rules) *sdk.Error {
	open := v.capturable()
	switch {
	case amount <= 0:
		return field(sdk.OpCapture, sdk.CodeAmountOutOfRange, "/amount", "must be greater than zero")
	case amount > open && !r.OverCapture:
		return fieldf(sdk.OpCapture, sdk.CodeAmountExceedsCapturable, "/amount",
			"must be at most %d, what is authorized and not captured", open)
	case amount < open && !r.PartialCapture:
		return fieldf(sdk.OpCapture, sdk.CodeAmountOutOfRange, "/amount",
			"must be %d: this connector captures in full only", open)
	case !final && !r.MultipleCapture:
		return field(sdk.OpCapture, sdk.CodeOperationUnsupported, "/final",
			"must be true: this connector captures once")
	}
	return nil
}

func (v View) allowRefund(amount int64, r Rules) *sdk.Error {
	left := v.Refundable()
	switch {
	case amount <= 0:
		return field(sdk.OpRefund, sdk.CodeAmountOutOfRange, "/amount", "must be greater than zero")
	case amount > left:
		return fieldf(sdk.OpRefund, sdk.CodeAmountExceedsRefundable, "/amount",
			"must be at most %d, what is captured and not refunded", left)
	case amount < left && !r.PartialRefund:
		return fieldf(sdk.OpRefund, sdk.CodeAmountOutOfRange, "/amount",
			"must be %d: this connector refunds in full only", left)
	}
	return nil
}
