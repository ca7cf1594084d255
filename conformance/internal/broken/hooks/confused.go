package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// confused are the mutants that believe rightly and understand wrongly.
func confused() []broken.Mutant {
	var read, told atomic.Int64
	return []broken.Mutant{
		{
			ID: "webhook-no-id", Fault: "readings have no event id",
			Killer: "hooks/genuine", Reason: "expected an event id and type", Collateral: []string{"hooks/same-event"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) { r.EventID = "" }),
		},
		{
			ID: "webhook-new-id", Fault: "every delivery of an event has an id of its own",
			Killer: "hooks/same-event", Reason: "reading one delivery", Collateral: []string{"hooks/any-order"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				if r.Refused == nil {
					r.EventID = fmt.Sprintf("delivery-%d", told.Add(1))
				}
			}),
		},
		{
			ID: "webhook-type-as-id", Fault: "the event's type is taken for its id",
			Killer: "hooks/same-event", Reason: "each to have an id of its own",
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) { r.EventID = r.EventType }),
		},
		{
			ID: "webhook-tells-forgery", Fault: "a forgery is refused, and its event id is told",
			Killer: "hooks/unverified-says-nothing", Reason: "expected nothing of what it says",
			Connector: retelling(func(r *sdk.WebhookReading, req sdk.WebhookRequest) {
				var event struct {
					ID string `json:"id"`
				}
				if r.Refused != nil && json.Unmarshal(req.Body, &event) == nil {
					r.EventID = event.ID
				}
			}),
		},
		{
			ID: "webhook-asks", Fault: "the payment is looked up before the delivery is verified",
			Killer: "hooks/asks-nobody", Reason: "expected the provider to hear nothing",
			Connector: reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
				_, _ = right.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: req.Call}) // the fault is that it asks at all
				return right.ReadWebhook(ctx, req)
			}),
		},
		{
			ID: "webhook-order", Fault: "what is read last is called the newest, so that a late event overwrites what is newer",
			Killer: "hooks/any-order", Reason: "the other way round", Collateral: []string{"hooks/same-event"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				for i := range r.Observations {
					r.Observations[i].Revision = read.Add(1)
				}
			}),
		},
		{
			ID: "webhook-other-table", Fault: "webhooks have a table of states of their own, in which captured is authorized",
			Killer: "hooks/agrees-with-lookup", Reason: "as the lookup has it", Collateral: []string{"hooks/any-order"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				for i := range r.Observations {
					if r.Observations[i].State == sdk.StateCaptured {
						r.Observations[i].State = sdk.StateAuthorized
					}
				}
			}),
		},
		{
			ID: "webhook-other-name", Fault: "a capture is named after the event that tells of it",
			Killer: "hooks/before-answer", Reason: "comparing the webhook with the answer",
			Collateral: []string{"hooks/agrees-with-lookup", "hooks/any-order"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				for i := range r.Observations {
					for j := range r.Observations[i].Captures {
						r.Observations[i].Captures[j].Ref = sdk.CaptureRef(r.EventID)
					}
				}
			}),
		},
	}
}
