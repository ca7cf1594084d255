package api

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/host/api/internal/strictjson"
	"github.com/connectorhost/connectorhost/host/api/internal/token"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// The scopes that operations here ask for. A token says which it has; "*.read" and
// "*.write" stand for all that end so.
const (
	readTransactions   = "transactions.read"
	writeTransactions  = "transactions.write"
	readOptions        = "payment-options.read"
	readDefinitions    = "payment-service-definitions.read"
	readServices       = "payment-services.read"
	writeServices      = "payment-services.write"
	readSubscriptions  = "webhook-subscriptions.read"
	writeSubscriptions = "webhook-subscriptions.write"
	embedded           = "embed"
)

const accountHeader = "X-GR4VY-MERCHANT-ACCOUNT-ID"

var accountName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)

// An embed is what a token made for a buyer's browser pins: fields of a request, by
// name. It is nil for other tokens.
type embed map[string]any

// admit lets a request in, or says why not.
func (s *server) admit(ctx context.Context, r *http.Request, op operation) (*call, error) {
	raw, err := bearer(r)
	if err != nil {
		return nil, unauthorized(err)
	}
	claims, key, err := s.authenticate(ctx, raw)
	if err != nil {
		return nil, err
	}
	note := noteOf(ctx)
	note.key = key.ID
	c := &call{Request: r, ctx: ctx}
	scope, err := authorize(op.scopes, claims.Scopes, key.Scopes)
	if err != nil {
		return nil, err
	}
	if scope == embedded {
		if c.embed, err = pinned(claims.Embed); err != nil {
			return nil, err
		}
	}
	if op.global {
		return c, nil
	}
	if c.account, err = account(r.Header, op.every); err != nil {
		return nil, err
	}
	note.account = c.account
	if len(key.MerchantAccounts) > 0 && !slices.Contains(key.MerchantAccounts, c.account) {
		return nil, forbidden("This key may not act for the merchant account " + c.account)
	}
	return c, nil
}

// bearer finds the token of a request.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", fmt.Errorf("%d Authorization headers", len(values))
	}
	scheme, raw, _ := strings.Cut(values[0], " ")
	raw = strings.TrimSpace(raw)
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return "", errors.New("the Authorization header holds no bearer token")
	}
	return raw, nil
}

// authenticate checks a token and finds the key that signed it.
func (s *server) authenticate(ctx context.Context, raw string) (token.Claims, store.APIKey, error) {
	var (
		key    trusted
		failed error
	)
	claims, _, err := s.tokens.Verify(raw, s.Now(), func(kid string) (*ecdsa.PublicKey, error) {
		key, failed = s.keys.find(ctx, kid)
		if failed == nil && !key.Active {
			return nil, errors.New("the key is not active")
		}
		return key.public, failed
	})
	switch {
	case failed != nil && !errors.Is(failed, store.ErrNotFound):
		return token.Claims{}, store.APIKey{}, fmt.Errorf("finding an API key: %w", failed)
	case err != nil:
		return token.Claims{}, store.APIKey{}, unauthorized(err)
	}
	return claims, key.APIKey, nil
}

// authorize returns the scope that lets the caller in. The token must ask for it and
// its key must be allowed it.
func authorize(wanted, asked, allowed []string) (string, error) {
	for _, scope := range wanted {
		if grants(asked, scope) && grants(allowed, scope) {
			return scope, nil
		}
	}
	return "", forbidden("This token and its key must both have the scope " + strings.Join(wanted, " or "))
}

func grants(scopes []string, scope string) bool {
	if slices.Contains(scopes, scope) {
		return true
	}
	dot := strings.LastIndexByte(scope, '.')
	return dot >= 0 && slices.Contains(scopes, "*"+scope[dot:])
}

// account is the merchant account that a request names, or [everyAccount] where that is
// allowed.
func account(h http.Header, every bool) (string, error) {
	values := h.Values(accountHeader)
	if len(values) == 0 || (len(values) == 1 && values[0] == "") {
		return DefaultAccount, nil
	}
	if every && len(values) == 1 && values[0] == everyAccount {
		return everyAccount, nil
	}
	if len(values) > 1 || !accountName.MatchString(values[0]) {
		return "", invalid(detail{inHeader, "/" + accountHeader,
			"must be the id of one merchant account, such as default", string(sdk.CodeInvalidField)})
	}
	return values[0], nil
}

// pinned reads what a browser's token is limited to. One that pins no amount and
// currency could pay any, and is good for nothing.
func pinned(claim json.RawMessage) (embed, error) {
	v, err := strictjson.Decode(claim)
	pins, ok := v.(map[string]any)
	if err != nil || !ok || pins["amount"] == nil || pins["currency"] == nil {
		return nil, forbidden("A token with the scope embed must pin amount and currency in its claim embed")
	}
	return pins, nil
}

// permits says whether a body is what the token was made for: every field that it
// pins must be there with the value pinned.
func (e embed) permits(body map[string]any) error {
	for name, value := range e {
		if !reflect.DeepEqual(body[name], value) {
			return forbidden("This token is for another value of " + name)
		}
	}
	return nil
}
