package smartpay

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// RegisterWebhook implements [sdk.WebhookRegistrar].
//
// Smartpay accepts any number of endpoints for one URL, so the one that there is gets
// looked up first, by its id or its URL, and is put right if it is switched off or
// listens to something else. Its signing secret stays the same; Smartpay shows it on
// every read.
func (c *Connector) RegisterWebhook(
	ctx context.Context, req sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	const op sdk.Op = "smartpay.RegisterWebhook"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.WebhookRegistration{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	have, err := registered(ctx, op, merchant, req)
	if err != nil {
		return sdk.WebhookRegistration{}, failure(op, err)
	}
	endpoint, err := putRight(ctx, merchant, req, have)
	if err != nil {
		return sdk.WebhookRegistration{}, failure(op, err)
	}
	if endpoint.SigningSecret == "" {
		return sdk.WebhookRegistration{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess,
			"webhook endpoint %s comes without its signing secret", endpoint.ID)
	}
	return sdk.WebhookRegistration{
		ID: string(endpoint.ID), Secret: sdk.NewSecret(string(endpoint.SigningSecret)),
	}, nil
}

// registered returns the endpoint to keep, or nil if there is none: the current one,
// or else one for the same URL, an active one rather than another.
func registered(
	ctx context.Context, op sdk.Op, merchant api.Merchant, req sdk.RegisterWebhookRequest,
) (*api.WebhookEndpoint, error) {
	if req.Current != "" {
		endpoint, err := merchant.WebhookEndpoint(ctx, api.WebhookEndpointID(req.Current))
		if !isNotFound(err, api.GetWebhookEndpoint) {
			return endpoint, err
		}
	}
	var found *api.WebhookEndpoint
	request := api.PageRequest{Max: pageSize}
	for range maxPages {
		page, err := merchant.WebhookEndpoints(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, endpoint := range page.Data {
			if endpoint.URL == req.URL && (found == nil || endpoint.Active && !found.Active) {
				found = endpoint
			}
		}
		if page.NextPageToken == "" {
			return found, nil
		}
		request.Token = page.NextPageToken
	}
	return nil, sdk.Errorf(op, sdk.CodeInvalidState,
		"there are more webhook endpoints than can be looked through: delete some in Smartpay's dashboard")
}

// putRight makes the one write that is needed, if any.
func putRight(
	ctx context.Context, merchant api.Merchant, req sdk.RegisterWebhookRequest, have *api.WebhookEndpoint,
) (*api.WebhookEndpoint, error) {
	events := req.Events
	if len(events) == 0 {
		events = subscribed()
	}
	want := api.WebhookEndpointParams{URL: req.URL, EventSubscriptions: events}
	key := string(req.Call.Key)
	if key == "" {
		// Registering is idempotent by the URL. A key made from it would have Smartpay
		// repeat a result of hours ago.
		key = rand.Text()
	}
	switch {
	case have == nil:
		return merchant.CreateWebhookEndpoint(ctx, key, want)
	case have.Active && have.URL == req.URL && hears(have.EventSubscriptions, events):
		return have, nil
	}
	active := true
	want.Active = &active
	return merchant.UpdateWebhookEndpoint(ctx, key, have.ID, want)
}

// hears reports whether a subscription is to exactly these events. An endpoint
// without a subscription hears everything, which is more than was asked for.
func hears(subscription, events []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(subscription)), slices.Sorted(slices.Values(events)))
}
