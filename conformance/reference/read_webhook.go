package reference

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	maxDelivery = 1 << 20
	tolerance   = 5 * time.Minute
)

// events are what the provider can tell.
var events = []string{
	"payment.authorized", "payment.declined", "payment.canceled", "payment.lapsed", "payment.expired",
	"payment.incremented", "payment.voided", "capture.accepted", "capture.succeeded", "capture.failed",
	"refund.accepted", "refund.succeeded", "refund.failed", "refund.reversed",
}

// ReadWebhook implements [sdk.WebhookReader].
//
// An event carries the whole payment with its revision, signed, so there is no need to
// read it again. The provider takes any 2xx for received and sends everything else
// again. An event that is unknown here is authentic, and acknowledged; the reason for
// ignoring it is unknown_event.
func (c *Connector) ReadWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	const op sdk.Op = "reference.ReadWebhook"
	if err := verify(op, req); err != nil {
		return refused(err, http.StatusUnauthorized), nil
	}
	event, why := parseEvent(op, req)
	if why != nil {
		return refused(why, http.StatusBadRequest), nil
	}
	if !slices.Contains(events, event.Type) {
		reading := refused(sdk.Errorf(op, sdk.CodeUnknownEvent, "events of this type are of no concern"), http.StatusNoContent)
		reading.EventID, reading.EventType = event.ID, event.Type
		return reading, nil
	}
	seen, wrong := snapshot(op, event.Payment)
	if wrong != nil {
		return refused(sdk.AsError(wrong), http.StatusBadRequest), nil
	}
	return sdk.WebhookReading{
		EventID: event.ID, EventType: event.Type, Observations: []sdk.Snapshot{*seen},
		Respond: sdk.Respond{Status: http.StatusNoContent},
	}, nil
}

// parseEvent reads a body that has been verified.
func parseEvent(op sdk.Op, req sdk.WebhookRequest) (event api.Event, why *sdk.Error) {
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return event, sdk.Errorf(op, sdk.CodeSchemaViolation, "the delivery is no event: %w", err)
	}
	if event.ID == "" {
		return event, sdk.Errorf(op, sdk.CodeSchemaViolation, "the delivery has no id")
	}
	if event.Mode != string(req.Call.Account.Mode) {
		return event, sdk.Errorf(op, sdk.CodeEnvironmentMismatch, "the event is of another mode than the account")
	}
	return event, nil
}

// refused is the reading of what is not to be believed, or not to be acted on.
func refused(why *sdk.Error, status int) sdk.WebhookReading {
	return sdk.WebhookReading{Refused: why, Respond: sdk.Respond{Status: status}}
}
