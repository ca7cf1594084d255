package smartpay

import (
	"context"
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
	clockAllowed = 5 * time.Minute // by which Smartpay's clock and the host's may differ
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
