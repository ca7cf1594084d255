package load

import (
	"context"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A crowd knows which calls of an account are under way, and keeps the first of them
// where the others find it.
type crowd struct {
	mu    sync.Mutex
	under map[string][]any // by the account's provider
}

// gathering is how long a call in a crowd waits for it to gather.
const gathering = 3 * time.Millisecond

// enter adds a call to its account's crowd, and says how to leave it.
func (c *crowd) enter(account sdk.Account, req any) (leave func()) {
	at := account.Field("provider_url")
	c.mu.Lock()
	if c.under == nil {
		c.under = map[string][]any{}
	}
	c.under[at] = append(c.under[at], req)
	wait := len(c.under[at]) > 2
	c.mu.Unlock()
	if wait {
		<-time.After(gathering)
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.under[at] = c.under[at][1:]
	}
}

// Sizes of a crowd in which calls, and accounts, are mixed up.
const (
	many = 12
	some = 4
)

// other is a call of the account's crowd, if it is one.
func (c *crowd) other(account sdk.Account) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if calls := c.under[account.Field("provider_url")]; len(calls) > many {
		return calls[0]
	}
	return nil
}

// neighbour is a call of another account's crowd, if both are crowds.
func (c *crowd) neighbour(account sdk.Account) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := account.Field("provider_url")
	if len(c.under[mine]) < some {
		return nil
	}
	for at, calls := range c.under {
		if at != mine && len(calls) >= some {
			return calls[0]
		}
	}
	return nil
}

// payments is the reference connector with authorizations that a crowd changes.
type payments struct {
	*reference.Connector
	crowd  crowd
	change func(c *crowd, mine sdk.AuthorizeRequest) sdk.AuthorizeRequest
}

// Authorize implements [sdk.Authorizer].
func (p *payments) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	leave := p.crowd.enter(req.Call.Account, req)
	defer leave()
	return p.Connector.Authorize(ctx, p.change(&p.crowd, req))
}

func authorizing(change func(c *crowd, mine sdk.AuthorizeRequest) sdk.AuthorizeRequest) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return &payments{Connector: c, change: change} }
}

// captures is the reference connector that captures, in a crowd, what another captures.
type captures struct {
	*reference.Connector
	crowd crowd
}

// Capture implements [sdk.Capturer].
func (c *captures) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	leave := c.crowd.enter(req.Call.Account, req)
	defer leave()
	if other, ok := c.crowd.other(req.Call.Account).(sdk.CaptureRequest); ok {
		req.Order, req.Call.Reference = other.Order, other.Call.Reference
	}
	return c.Connector.Capture(ctx, req)
}

// lookups is the reference connector that finds, in a crowd, what another looks for.
type lookups struct {
	*reference.Connector
	crowd crowd
}

// FindPayment implements [sdk.PaymentFinder].
func (f *lookups) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	if req.Order != "" {
		return f.Connector.FindPayment(ctx, req)
	}
	leave := f.crowd.enter(req.Call.Account, req)
	defer leave()
	if other, ok := f.crowd.other(req.Call.Account).(sdk.FindPaymentRequest); ok {
		req = other
	}
	return f.Connector.FindPayment(ctx, req)
}

// mixing take one call's values for another's.
func mixing() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "data-race", Fault: "keeps the request that it works on where all calls find it",
			Killer: "load/64-payments", Reason: "64 payments at the same time", Collateral: crowded,
			Connector: authorizing(func(c *crowd, mine sdk.AuthorizeRequest) sdk.AuthorizeRequest {
				if other, ok := c.other(mine.Call.Account).(sdk.AuthorizeRequest); ok {
					mine.Amount, mine.Cart, mine.Call.Reference = other.Amount, other.Cart, other.Call.Reference
				}
				return mine
			}),
		},
		{
			ID: "capture-wrong-payment", Fault: "captures the payment that another call is about",
			Killer: "load/64-captures", Reason: "64 payments at the same time",
			Connector: func(c *reference.Connector) sdk.Connector { return &captures{Connector: c} },
		},
		{
			ID: "lookup-wrong-payment", Fault: "tells a lookup of the payment that another one asked about",
			Killer: "load/64-lookups", Reason: "64 payments up at the same time: our reference",
			Connector: func(c *reference.Connector) sdk.Connector { return &lookups{Connector: c} },
		},
	}
}

// sharing take one account's values for another's.
func sharing() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "tenant-bleed", Fault: "serves one merchant with the account of another that is served at the same time",
			Killer: "load/two-accounts", Reason: "for two accounts at the same time", Collateral: crowded,
			Connector: authorizing(func(c *crowd, mine sdk.AuthorizeRequest) sdk.AuthorizeRequest {
				if other, ok := c.neighbour(mine.Call.Account).(sdk.AuthorizeRequest); ok {
					mine.Call.Account = other.Call.Account
				}
				return mine
			}),
		},
		{
			ID: "credentials-shared", Fault: "asks for one merchant with the credentials of another that is served at the same time",
			Killer: "load/secrets-apart", Reason: "of another account", Collateral: crowded,
			Connector: authorizing(func(c *crowd, mine sdk.AuthorizeRequest) sdk.AuthorizeRequest {
				if other, ok := c.neighbour(mine.Call.Account).(sdk.AuthorizeRequest); ok {
					mine.Call.Account.Secrets = other.Call.Account.Secrets
				}
				return mine
			}),
		},
	}
}
