package reference

import (
	"cmp"
	"context"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// RegisterWebhook implements [sdk.WebhookRegistrar]. At the provider a URL is
// registered once however often it is asked for, and keeps its secret.
func (c *Connector) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	const op sdk.Op = "reference.RegisterWebhook"
	merchant, err := c.merchant(op, req.Call.Account)
	if err != nil {
		return sdk.WebhookRegistration{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	wanted := slices.Clone(req.Events)
	if len(wanted) == 0 {
		wanted = slices.Clone(events)
	}
	var hook api.Webhook
	err = merchant.Put(ctx, "/v1/webhooks", api.Registering{URL: req.URL, Events: wanted, Replaces: req.Current}, &hook)
	switch {
	case err != nil:
		return sdk.WebhookRegistration{}, failure(op, err)
	case hook.ID == "" || hook.Secret == "":
		return sdk.WebhookRegistration{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer lacks an id or a secret")
	case cmp.Or(hook.URL, req.URL) != req.URL:
		return sdk.WebhookRegistration{}, sdk.Errorf(op, sdk.CodeIDMismatch, "the answer is about another URL")
	}
	return sdk.WebhookRegistration{ID: hook.ID, Secret: sdk.NewSecret(hook.Secret)}, nil
}
