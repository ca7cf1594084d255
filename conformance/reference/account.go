package reference

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Names of an account's fields, as in the config schema.
const (
	fieldAPIKey      = "api_key"
	fieldProviderURL = "provider_url"
)

// insideURL is what a provider in the same process is called. Nothing resolves it.
const insideURL = "https://reference-provider.example"

// merchant returns the provider's API as the account sees it. It does no I/O.
func (c *Connector) merchant(op sdk.Op, account sdk.Account) (api.Client, error) {
	key := account.Secrets[fieldAPIKey].Reveal()
	if account.Mode != sdk.ModeTest || !strings.HasPrefix(key, "key_test_") {
		return api.Client{}, sdk.Errorf(op, sdk.CodeEnvironmentMismatch,
			"mode and API key must both be for test: there is no live provider")
	}
	way, address := c.options.Outside, account.Field(fieldProviderURL)
	if address == "" {
		way, address = c.options.Inside, insideURL
	}
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || way == nil {
		return api.Client{}, &sdk.Error{Op: op, Code: sdk.CodeMissingField, Fields: []sdk.FieldError{{
			Pointer: "/call/account/config/" + fieldProviderURL, Message: "must be the URL of a provider: there is none inside",
		}}}
	}
	return api.Client{Base: base, Transport: way, APIKey: key, Now: c.options.Now}, nil
}

// Time kept back from the caller's deadline, and the deadline of a caller without one.
const (
	maxReserve  = 500 * time.Millisecond
	reservePart = 10 // one tenth
	ownPatience = 30 * time.Second
)

// answerFirst returns a context that ends a little before the caller's, so that the
// connector says what it knows before the caller stops listening.
func answerFirst(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, ownPatience)
	}
	reserve := min(maxReserve, time.Until(deadline)/reservePart)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}
