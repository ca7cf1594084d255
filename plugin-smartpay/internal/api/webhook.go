package api

import (
	"context"
	"fmt"
)

// A WebhookEndpoint is where Smartpay notifies a merchant.
type WebhookEndpoint struct {
	ID                 WebhookEndpointID `json:"id"`
	Object             string            `json:"object"`
	Test               *bool             `json:"test"`
	Active             bool              `json:"active"`
	URL                string            `json:"url"`
	EventSubscriptions []string          `json:"eventSubscriptions"` // nil or empty means every event
	SigningSecret      SigningSecret     `json:"signingSecret"`
}

func (w *WebhookEndpoint) check(want subject) error {
	return KindWebhookEndpoint.identify(w.Object, string(w.ID), w.Test, want)
}

// A SigningSecret is what an endpoint's deliveries are signed with. Printing it shows
// a placeholder.
type SigningSecret string

// Format prints a placeholder for every verb.
func (SigningSecret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// WebhookEndpointParams describe a webhook endpoint.
type WebhookEndpointParams struct {
	URL                string   `json:"url"`
	EventSubscriptions []string `json:"eventSubscriptions,omitempty"` // none means every event
	// Active is for updates; a new endpoint is active.
	Active *bool `json:"active,omitempty"`
}

// CreateWebhookEndpoint adds an endpoint. Smartpay does not mind a second one for
// the same URL.
func (m Merchant) CreateWebhookEndpoint(
	ctx context.Context, key string, params WebhookEndpointParams,
) (*WebhookEndpoint, error) {
	return call[WebhookEndpoint](ctx, m, request{endpoint: CreateWebhookEndpoint, key: key, body: params})
}

// UpdateWebhookEndpoint changes an endpoint and leaves its secret as it is.
func (m Merchant) UpdateWebhookEndpoint(
	ctx context.Context, key string, id WebhookEndpointID, params WebhookEndpointParams,
) (*WebhookEndpoint, error) {
	r := request{endpoint: UpdateWebhookEndpoint, id: string(id), key: key, body: params}
	return call[WebhookEndpoint](ctx, m, r)
}

// WebhookEndpoint reads one endpoint, its signing secret included.
func (m Merchant) WebhookEndpoint(ctx context.Context, id WebhookEndpointID) (*WebhookEndpoint, error) {
	return call[WebhookEndpoint](ctx, m, request{endpoint: GetWebhookEndpoint, id: string(id)})
}

// WebhookEndpoints lists endpoints.
func (m Merchant) WebhookEndpoints(ctx context.Context, page PageRequest) (*Page[*WebhookEndpoint], error) {
	return call[Page[*WebhookEndpoint]](ctx, m, request{endpoint: ListWebhookEndpoints, query: page.query()})
}
