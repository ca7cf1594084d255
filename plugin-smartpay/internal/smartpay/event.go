package smartpay

import (
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Types of events that say something about a payment.
const (
	eventOrderAuthorized = "order.authorized"
	eventOrderRejected   = "order.rejected"
	eventOrderCanceled   = "order.canceled"
	eventPaymentCreated  = "payment.created"
	eventRefundCreated   = "refund.created"
)

// subscribed are the events to ask for: all that are about payments.
func subscribed() []string {
	return []string{
		eventOrderAuthorized, eventOrderRejected, eventOrderCanceled, eventPaymentCreated, eventRefundCreated,
	}
}

// elsewhere are the other events that Smartpay is documented to send. They say nothing
// about a payment, and are not asked for.
func elsewhere() []string {
	return []string{
		"token.created", "token.approved", "token.rejected", "token.deleted", "token.disabled", "token.enabled",
		"token.used", "payout.generated", "payout.paid", "coupon.created", "coupon.updated",
		"promotion_code.created", "promotion_code.updated", "merchant_user.created", "merchant_user.password_reset",
	}
}

// An event is a delivery whose signature has been verified.
type event struct {
	ID     string `json:"id"`
	Object string `json:"object"`
	Test   *bool  `json:"test"`
	Data   struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	} `json:"eventData"`

	order   *api.Order
	payment *api.Payment
	refund  *api.Refund
}

// parseEvent reads a verified body. It refuses what is no event, and an event of the
// other environment.
func parseEvent(op sdk.Op, body []byte, mode sdk.Mode) (*event, *sdk.Error) {
	if !utf8.Valid(body) {
		return nil, sdk.Errorf(op, sdk.CodeSchemaViolation, "the body is not UTF-8")
	}
	e := new(event)
	if err := json.Unmarshal(body, e); err != nil {
		return nil, sdk.Errorf(op, sdk.CodeSchemaViolation, "the body is no event: %w", err)
	}
	if e.Object != "event" || e.ID == "" || e.Data.Type == "" {
		return nil, sdk.Errorf(op, sdk.CodeSchemaViolation, "the body is no event: it lacks object, id or type")
	}
	if e.Test != nil && *e.Test != (mode == sdk.ModeTest) {
		return nil, sdk.Errorf(op, sdk.CodeEnvironmentMismatch, "the event is of the other environment than %q", mode)
	}
	if err := e.open(api.Mode(mode)); err != nil {
		return nil, sdk.Errorf(op, sdk.CodeUnknownResource, "event %s: %w", e.Data.Type, err)
	}
	return e, nil
}

// open reads what the event is about, if it is about a payment.
func (e *event) open(mode api.Mode) (err error) {
	switch e.Data.Type {
	case eventOrderAuthorized, eventOrderRejected, eventOrderCanceled:
		e.order, err = api.ReadOrder(e.Data.Data, mode)
	case eventPaymentCreated:
		e.payment, err = api.ReadPayment(e.Data.Data, mode)
	case eventRefundCreated:
		e.refund, err = api.ReadRefund(e.Data.Data, mode)
	}
	return err
}

// reading is what the event means to the host.
func (e *event) reading(op sdk.Op) sdk.WebhookReading {
	r := sdk.WebhookReading{EventID: e.ID, EventType: e.Data.Type, Respond: sdk.Respond{Status: http.StatusOK}}
	switch {
	case e.order != nil:
		seen, err := holding{order: e.order}.snapshot(op)
		if err != nil {
			// The event contradicts itself: the host reads the order for itself.
			seen = &sdk.Snapshot{Order: sdk.OrderRef(e.order.ID), Reference: referenceOf(e.order.Reference)}
		}
		r.Observations = []sdk.Snapshot{*seen}
	case e.payment != nil:
		r.Observations = []sdk.Snapshot{{
			Order: sdk.OrderRef(e.payment.Order), Captures: []sdk.CaptureSnapshot{captureSnapshot(e.payment, "")},
		}}
	case e.refund != nil:
		// The event names the capture, not the order.
		r.Observations = []sdk.Snapshot{{Refunds: []sdk.RefundSnapshot{refundSnapshot(e.refund)}}}
	case !slices.Contains(elsewhere(), e.Data.Type):
		r.Refused = sdk.Errorf(op, sdk.CodeUnknownEvent, "events of type %q are not known here", e.Data.Type)
	}
	r.ReadAgain = len(r.Observations) > 0
	return r
}
