package connector

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Names of an account's fields, as in the config schema.
const (
	fieldKey  = "api_key"
	fieldBase = "base_url"
)

// client is the provider's API as the account sees it. A key of the other environment is
// refused here, before anybody is asked.
func (c *Connector) client(op sdk.Op, account sdk.Account) (api.Client, error) {
	key := account.Secrets[fieldKey].Reveal()
	if !strings.HasPrefix(key, "sk_"+string(account.Mode)+"_") {
		return api.Client{}, sdk.Errorf(op, sdk.CodeEnvironmentMismatch,
			"the account is for %s and its API key is not", account.Mode)
	}
	base := cmp.Or(account.Field(fieldBase), api.DefaultBase)
	return api.Client{Base: base, Transport: c.transport, Key: key}, nil
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
