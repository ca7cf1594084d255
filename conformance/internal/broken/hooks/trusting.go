package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// trusting are the mutants that believe too much.
func trusting() []broken.Mutant {
	seen, whole := newMemory(), newMemory()
	return []broken.Mutant{
		{
			ID: "webhook-nosig", Fault: "a delivery without a signature is believed",
			Killer: "hooks/missing-header", Reason: "expected the delivery to be refused, got believed",
			Collateral: []string{"hooks/any-bit", "hooks/every-bit", "hooks/other-form", "hooks/repeated-header", "hooks/unverified-says-nothing", "hooks/acknowledgement"},
			Connector: changing(func(req *sdk.WebhookRequest) {
				if len(proof(*req)) == 0 {
					prove(req, sign(*req, req.Now))
				}
			}),
		},
		{
			ID: "webhook-sig-prefix", Fault: "only the first 8 bytes of a signature are compared",
			Killer: "hooks/any-bit", Reason: "turned over: expected the delivery to be refused, got believed",
			Collateral: []string{"hooks/every-bit", "hooks/other-form"},
			Connector: changing(func(req *sdk.WebhookRequest) {
				at, ok := signedAt(*req)
				if right := sign(*req, at); ok && len(right) > 24 && strings.HasPrefix(proof(*req)[0], right[:24]) {
					prove(req, right)
				}
			}),
		},
		{
			ID: "webhook-unsigned-tail", Fault: "only the first kilobyte of a body is held against the signature",
			Killer: "hooks/raw-bytes", Reason: "expected the delivery to be refused, got believed",
			Collateral: []string{"hooks/unverified-says-nothing", "hooks/acknowledgement", "hooks/oversize"},
			Connector:  changing(func(req *sdk.WebhookRequest) { req.Body = bytes.TrimRight(req.Body, " \n") }),
		},
		{
			ID: "webhook-parsed", Fault: "the signature is held against the JSON written anew, not against the bytes that came",
			Killer: "hooks/raw-bytes", Reason: "indented: expected the delivery to be refused, got believed",
			Connector: changing(func(req *sdk.WebhookRequest) {
				var compact bytes.Buffer
				if json.Compact(&compact, req.Body) == nil && bytes.Contains(req.Body, []byte("\n ")) {
					req.Body = compact.Bytes()
				}
			}),
		},
		{
			ID: "webhook-replay", Fault: "a delivery is believed whenever it was signed",
			Killer: "hooks/too-old", Reason: "expected the delivery to be refused, got believed", Collateral: []string{"hooks/hosts-tolerance"},
			Connector: changing(func(req *sdk.WebhookRequest) {
				if at, ok := signedAt(*req); ok {
					req.Now = at
				}
			}),
		},
		{
			ID: "webhook-own-tolerance", Fault: "the tolerance is always five minutes",
			Killer: "hooks/hosts-tolerance", Reason: "expected the delivery to be refused, got believed",
			Connector: changing(func(req *sdk.WebhookRequest) { req.Tolerance = 5 * time.Minute }),
		},
		{
			ID: "webhook-first-value", Fault: "of a header that is there twice the first value counts",
			Killer: "hooks/repeated-header", Reason: "genuine first: expected the delivery to be refused, got believed",
			Connector: changing(func(req *sdk.WebhookRequest) {
				if values := req.Headers[provider.SignatureHeader]; len(values) > 1 {
					prove(req, values[0])
				}
			}),
		},
		{
			ID: "webhook-trims", Fault: "blanks around a signature are cut off",
			Killer: "hooks/other-form", Reason: "blank: expected the delivery to be refused, got believed",
			Connector: changing(func(req *sdk.WebhookRequest) {
				if values := proof(*req); len(values) == 1 {
					prove(req, strings.Trim(values[0], " "))
				}
			}),
		},
		{
			ID: "webhook-no-secret", Fault: "where no secret is configured, signatures are not checked",
			Killer: "hooks/no-secret", Reason: "expected the delivery to be refused, got believed",
			Collateral: []string{"hooks/unverified-says-nothing", "hooks/acknowledgement"},
			Connector: changing(func(req *sdk.WebhookRequest) {
				for _, s := range req.Secrets {
					if !s.Secret.Empty() {
						return
					}
				}
				req.Secrets = []sdk.SigningSecret{{Secret: sdk.NewSecret("changeme")}}
				prove(req, sign(*req, req.Now))
			}),
		},
		{
			ID: "webhook-half-secret", Fault: "signatures are believed that the first half of the secret fits",
			Killer: "hooks/other-secret", Reason: "its half: expected the delivery to be refused, got believed",
			Connector: reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
				whole.complete(&req)
				return right.ReadWebhook(ctx, req)
			}),
		},
		{
			ID: "webhook-all-accounts", Fault: "secrets of every account that was ever served are tried",
			Killer: "hooks/other-merchant", Reason: "expected the delivery to be refused, got believed",
			Connector: reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
				seen.recall(&req)
				seen.learn(req)
				return right.ReadWebhook(ctx, req)
			}),
		},
		{
			ID: "webhook-mode-blind", Fault: "events of the test environment are believed for live accounts",
			Killer: "hooks/other-environment", Reason: "expected the delivery to be refused, got believed",
			Connector: changing(func(req *sdk.WebhookRequest) { req.Call.Account.Mode = sdk.ModeTest }),
		},
	}
}
