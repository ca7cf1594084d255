package smartpay

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Names of an account's fields, as in the config schema.
const (
	fieldSecretKey = "secret_key"
	fieldAPIURL    = "api_url"
)

// merchant returns Smartpay's API as the account of call sees it. It does no I/O: a
// key of the wrong form or of the other environment is refused here.
func (c *Connector) merchant(op sdk.Op, call sdk.Call) (api.Merchant, error) {
	key, err := keyOf(op, call.Account)
	if err != nil {
		return api.Merchant{}, err
	}
	client, err := c.client(baseOf(call.Account))
	if err != nil {
		return api.Merchant{}, invalid(op, sdk.CodeInvalidField, "/call/account/config/"+fieldAPIURL, err.Error())
	}
	return client.As(key), nil
}

// A reader is an account's API, for calls that may have to search its lists.
type reader struct {
	api.Merchant
	lists *lists
}

// lists are the lists of one account.
type lists struct {
	users   int // guarded by the connector
	orders  searcher[*api.Order]
	refunds searcher[*api.Refund]
}

// A shelf is where an account's lists are.
type shelf struct {
	base string
	key  [sha256.Size]byte // its sum
}

// reader returns the account of call for reading. Calls that read the same account at
// the same time search its lists together. Whoever has a reader calls done when it needs
// it no more; nothing is kept of an account that nobody reads.
func (c *Connector) reader(op sdk.Op, call sdk.Call) (r reader, done func(), err error) {
	r.Merchant, err = c.merchant(op, call)
	if err != nil {
		return reader{}, nil, err
	}
	key, err := keyOf(op, call.Account)
	if err != nil {
		return reader{}, nil, err
	}
	at := shelf{baseOf(call.Account), key.Sum()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.lists = c.shelves[at]; r.lists == nil {
		r.lists = &lists{
			orders: searcher[*api.Order]{
				list: api.ListOrders, fetch: r.Orders, at: func(o *api.Order) api.Millis { return o.CreatedAt },
			},
			refunds: searcher[*api.Refund]{
				list: api.ListRefunds, fetch: r.Refunds, at: func(r *api.Refund) api.Millis { return r.CreatedAt },
			},
		}
		c.shelves[at] = r.lists
	}
	r.lists.users++
	return r, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.lists.users--; r.lists.users == 0 {
			delete(c.shelves, at)
		}
	}, nil
}

// baseOf is where the account's API is.
func baseOf(account sdk.Account) string {
	if base := account.Field(fieldAPIURL); base != "" {
		return base
	}
	return api.DefaultBase
}

// keyOf returns the account's secret key if it is one, and of the account's mode.
func keyOf(op sdk.Op, account sdk.Account) (api.SecretKey, error) {
	key, err := api.ParseSecretKey(account.Secrets[fieldSecretKey].Reveal())
	if err != nil {
		return api.SecretKey{}, &sdk.Error{Op: op, Code: sdk.CodeCredentialsInvalid, Err: err}
	}
	if string(key.Mode()) != string(account.Mode) {
		return api.SecretKey{}, sdk.Errorf(op, sdk.CodeEnvironmentMismatch,
			"the secret key is for %s mode, the account for %q", key.Mode(), account.Mode)
	}
	return key, nil
}

// invalid refuses a request for one field.
func invalid(op sdk.Op, code sdk.Code, pointer, message string) error {
	return &sdk.Error{Op: op, Code: code, Fields: []sdk.FieldError{{Pointer: pointer, Message: message}}}
}

// Time kept back from the caller's deadline, and the deadline of a caller who sets none.
const (
	maxReserve   = 500 * time.Millisecond
	reservePart  = 10 // one tenth
	ownPatience  = 30 * time.Second
	clockAllowed = 5 * time.Minute  // by which Smartpay's clock and the host's may differ
	clocksWithin = 30 * time.Second // by which the clocks of Smartpay's own machines may differ
)

// answerFirst returns a context that ends a little before the caller's, so that the
// connector gets to say what it knows before the caller stops listening.
func answerFirst(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, ownPatience)
	}
	reserve := min(maxReserve, time.Until(deadline)/reservePart)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}
