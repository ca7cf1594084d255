package smartpay

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// currency is the only one that Smartpay has.
const currency sdk.Currency = "JPY"

// A holding is what was read about one payment: an order, and its refunds if all of
// them are known.
type holding struct {
	order        *api.Order
	refunds      []*api.Refund
	refundsKnown bool
}

// snapshot reduces a holding to the contract's one shape. Totals are there only if
// everything that makes them up is. It fails with an INTEGRITY code if the order
// contradicts itself, or is in another currency.
func (h holding) snapshot(op sdk.Op) (*sdk.Snapshot, error) {
	o := h.order
	s := &sdk.Snapshot{
		Order:     sdk.OrderRef(o.ID),
		Reference: referenceOf(o.Reference),
		State:     stateOf(o),
		ExpiresAt: o.ExpiresAt.Time(),
		Revision:  h.revision(),
		Provider:  sdk.Provider{Status: o.Status},
	}
	if err := h.checkCurrencies(op); err != nil {
		return nil, err
	}
	for _, p := range o.Payments {
		if p.Value != nil {
			s.Captures = append(s.Captures, captureSnapshot(p.Value, o.Reference))
		}
	}
	for _, r := range h.refunds {
		s.Refunds = append(s.Refunds, refundSnapshot(r))
	}
	return s, h.addTotals(op, s)
}

// addTotals fills in the amounts that are certain.
func (h holding) addTotals(op sdk.Op, s *sdk.Snapshot) error {
	o := h.order
	captured, capturesKnown := h.captured()
	refunded, refundsSummed := h.refunded()
	switch {
	case capturesKnown && o.Amount != nil && captured > *o.Amount:
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "order %s: %d captured of %d", o.ID, captured, *o.Amount)
	case capturesKnown && refundsSummed && refunded > captured:
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "order %s: %d refunded of %d captured", o.ID, refunded, captured)
	}
	if capturesKnown {
		s.Captured = yen(captured)
	}
	if refundsSummed {
		s.Refunded = yen(refunded)
	}
	if o.Amount == nil || !authorized(o) || !said(o.Currency) {
		return nil
	}
	s.Authorized = yen(*o.Amount)
	closed := o.Status == api.OrderSucceeded || o.Status == api.OrderCanceled
	if closed && capturesKnown {
		s.Released = yen(*o.Amount - captured)
	}
	return nil
}

// captured is what was taken in total, if that is known. A succeeded order with no
// capture in it is one whose capture cannot be seen yet, not one of 0 yen.
func (h holding) captured() (total int64, known bool) {
	o := h.order
	if o.Payments == nil || o.Status == api.OrderSucceeded && len(o.Payments) == 0 {
		return 0, false
	}
	for _, p := range o.Payments {
		switch {
		case p.Value == nil, p.Value.Amount == nil, !said(p.Value.Currency):
			return 0, false
		case moveOf(captureTable, p.Value.Status) != sdk.MoveSucceeded:
			return 0, false
		}
		total += *p.Value.Amount
	}
	return total, true
}

// refunded is what went back in total, if that is known.
func (h holding) refunded() (total int64, known bool) {
	if h.order.Payments != nil && len(h.order.Payments) == 0 && h.order.Status != api.OrderSucceeded {
		return 0, true
	}
	if !h.refundsKnown {
		return 0, false
	}
	for _, r := range h.refunds {
		switch moveOf(refundTable, r.Status) {
		case sdk.MoveSucceeded:
			if r.Amount == nil || !said(r.Currency) {
				return 0, false
			}
			total += *r.Amount
		case sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed:
		case sdk.MoveUnknown, sdk.MovePending:
			return 0, false
		}
	}
	return total, true
}

// revision is the time of the newest change that the holding shows. A refund does not
// change its order, so the order's own time would not tell two lookups apart.
func (h holding) revision() int64 {
	newest := h.order.UpdatedAt
	for _, p := range h.order.Payments {
		if p.Value != nil {
			newest = max(newest, p.Value.UpdatedAt)
		}
	}
	for _, r := range h.refunds {
		newest = max(newest, r.UpdatedAt)
	}
	return max(0, int64(newest))
}

func (h holding) checkCurrencies(op sdk.Op) error {
	err := inYen(op, string(h.order.ID), h.order.Currency)
	for _, p := range h.order.Payments {
		if err == nil && p.Value != nil {
			err = inYen(op, p.ID, p.Value.Currency)
		}
	}
	for _, r := range h.refunds {
		if err == nil {
			err = inYen(op, string(r.ID), r.Currency)
		}
	}
	return err
}

func inYen(op sdk.Op, id, in string) error {
	if in == "" || said(in) {
		return nil
	}
	return sdk.Errorf(op, sdk.CodeCurrencyMismatch, "%s is in %q, want %s", id, in, currency)
}

func captureSnapshot(p *api.Payment, orderReference string) sdk.CaptureSnapshot {
	s := sdk.CaptureSnapshot{
		Ref:      sdk.CaptureRef(p.ID),
		Amount:   moneyOf(p.Amount, p.Currency),
		Status:   moveOf(captureTable, p.Status),
		At:       p.CreatedAt.Time(),
		Provider: sdk.Provider{Status: p.Status},
	}
	// A capture that Smartpay made by itself carries the order's reference. [INF]
	if p.Reference != orderReference {
		s.Operation = operationOf(p.Reference)
	}
	return s
}

func refundSnapshot(r *api.Refund) sdk.RefundSnapshot {
	return sdk.RefundSnapshot{
		Ref:       sdk.RefundRef(r.ID),
		Capture:   sdk.CaptureRef(r.Payment),
		Operation: operationOf(r.Reference),
		Amount:    moneyOf(r.Amount, r.Currency),
		Status:    moveOf(refundTable, r.Status),
		At:        r.CreatedAt.Time(),
		Provider:  sdk.Provider{Status: r.Status},
	}
}

// said reports whether text names our currency. The documentation asks for upper
// case and shows lower case as well.
func said(text string) bool { return strings.EqualFold(text, string(currency)) }

func yen(n int64) *sdk.Money { return &sdk.Money{Minor: n, Currency: currency} }

// moneyOf is an amount that Smartpay said, or nil if it did not say all of it.
func moneyOf(amount *int64, in string) *sdk.Money {
	if amount == nil || !said(in) {
		return nil
	}
	return yen(*amount)
}

var referenceForm = regexp.MustCompile(`^[0-9A-Za-z]{1,22}$`)

// referenceOf is a reference on an order if it can be one of the host's. Orders made
// elsewhere may carry anything.
func referenceOf(text string) sdk.Reference {
	if !referenceForm.MatchString(text) {
		return ""
	}
	return sdk.Reference(text)
}

const maxOperationID = 64

// operationOf is a reference on a capture or refund if it can be an operation id of
// the host's. Those made in Smartpay's dashboard may carry anything.
func operationOf(text string) sdk.OperationID {
	if utf8.RuneCountInString(text) > maxOperationID || strings.ContainsFunc(text, unicode.IsControl) ||
		strings.ContainsRune(text, utf8.RuneError) {
		return ""
	}
	return sdk.OperationID(text)
}
