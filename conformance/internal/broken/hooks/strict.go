package hooks

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// strict are the mutants that believe too little, or answer amiss.
func strict() []broken.Mutant {
	var registered atomic.Int64
	return []broken.Mutant{
		{
			ID: "webhook-case-sensitive", Fault: "headers are looked for in one spelling",
			Killer: "hooks/header-case", Reason: "expected the delivery to be believed, got refused",
			Connector: changing(func(req *sdk.WebhookRequest) {
				if len(req.Headers[provider.SignatureHeader]) == 0 {
					req.Headers = nil
				}
			}),
		},
		{
			ID: "webhook-one-secret", Fault: "of several secrets only the first is tried",
			Killer: "hooks/rotation", Reason: "expected the delivery to be believed, got refused",
			Connector: changing(func(req *sdk.WebhookRequest) { req.Secrets = req.Secrets[:min(1, len(req.Secrets))] }),
		},
		{
			ID: "webhook-always-200", Fault: "a forgery is acknowledged like the genuine",
			Killer: "hooks/acknowledgement", Reason: "expected a status of 4xx, got 200",
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) { r.Respond.Status = http.StatusOK }),
		},
		{
			ID: "webhook-unknown-400", Fault: "an unknown event is answered with 400, so that it is sent again for ever",
			Killer: "hooks/unknown-event", Reason: "expected a status of 2xx, got 400",
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				if r.Refused != nil && r.Refused.Code == sdk.CodeUnknownEvent {
					r.Respond.Status = http.StatusBadRequest
				}
			}),
		},
		{
			ID: "webhook-panic", Fault: "an unknown event crashes the connector",
			Killer: "hooks/unknown-event", Reason: "expected an answer",
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				if r.Refused != nil && r.Refused.Code == sdk.CodeUnknownEvent {
					panic("webhook-panic: no such event: " + r.EventType)
				}
			}),
		},
		{
			ID: "webhook-nil-payment", Fault: "an event without a payment crashes the connector",
			Killer: "hooks/odd-event", Reason: "expected an answer", Collateral: []string{"hooks/nested-event"},
			Connector: retelling(func(r *sdk.WebhookReading, _ sdk.WebhookRequest) {
				if r.Refused != nil && r.Refused.Code == sdk.CodeUnparseableSuccess {
					panic("webhook-nil-payment: " + r.Refused.Error())
				}
			}),
		},
		{
			ID: "webhook-deep", Fault: "a nested body is walked without end",
			Killer: "hooks/nested-event", Reason: "expected an answer", Collateral: []string{"hooks/oversize"},
			Connector: changing(func(req *sdk.WebhookRequest) { walk(req.Body, 0) }),
		},
		{
			ID: "webhook-unpacks", Fault: "a compressed body is unpacked without end before it is verified",
			Killer: "hooks/oversize", Reason: "expected a refusal in time",
			Connector: reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
				if len(req.Headers["Content-Encoding"]) > 0 {
					<-ctx.Done()
					return sdk.WebhookReading{}, ctx.Err()
				}
				return right.ReadWebhook(ctx, req)
			}),
		},
		{
			ID: "webhook-registers-anew", Fault: "each registration is a new one",
			Killer: "hooks/registered-once", Reason: "registering again", Collateral: []string{"keys/registration-again"},
			Connector: func(c *reference.Connector) sdk.Connector { return registrar{c, &registered} },
		},
	}
}

// walk goes into a body as deep as it goes, and no deeper than its author thought of.
func walk(body []byte, depth int) {
	if depth > 2000 {
		panic("webhook-deep: the stack is full")
	}
	for i, b := range body {
		switch b {
		case '{', '[':
			walk(body[i+1:], depth+1)
			return
		}
	}
}
