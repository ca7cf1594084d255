// Package tokens is the reference connector wrong about stored instruments and raised
// authorizations.
package tokens

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	return append([]broken.Mutant{
		{
			ID: "token-of-nothing", Fault: "the token that is told is not the one that was stored",
			Killer: "tokens/pays", Reason: "expected money to be held",
			Collateral: []string{"tokens/unapproved", "tokens/zero-holds-nothing"},
			Connector: with(func(t *wrong) {
				t.tokenized = func(r *sdk.TokenizeResult) {
					if r.Outcome == sdk.OutcomeSucceeded {
						r.Token += "0"
					}
				}
			}),
		},
		{
			ID: "token-copies", Fault: "each attempt stores the instrument anew",
			Killer: "tokens/one-key-one-token", Reason: "storing again with the same key",
			Collateral: []string{"keys/token-again"},
			Connector: with(func(t *wrong) {
				t.tokenize = func(req *sdk.TokenizeRequest) {
					req.Call.Key += sdk.IdempotencyKey(fmt.Sprintf("-%d", req.Call.Attempt))
				}
			}),
		},
		{
			ID: "token-ready-at-once", Fault: "an instrument that waits for its owner is called stored",
			Killer: "tokens/unapproved", Reason: "expected REQUIRES_ACTION with a page", Collateral: []string{"tokens/pays"},
			Connector: with(func(t *wrong) {
				t.tokenized = func(r *sdk.TokenizeResult) {
					if r.Outcome == sdk.OutcomeRequiresAction {
						r.Outcome, r.Next = sdk.OutcomeSucceeded, nil
					}
				}
			}),
		},
		{
			ID: "token-kept", Fault: "a deletion is acknowledged and not made",
			Killer: "tokens/deleted", Reason: "expected no money to move",
			Connector: func(c *reference.Connector) sdk.Connector { return keeper{c} },
		},
		{
			ID: "token-gone-fails", Fault: "deleting what is gone fails",
			Killer: "tokens/deleted-twice", Reason: "deleting again: expected outcome [SUCCEEDED]",
			Connector: func(c *reference.Connector) sdk.Connector { return &complainer{Connector: c} },
		},
		{
			ID: "token-shared", Fault: "a token is used with the account that stored it, whoever pays",
			Killer: "tokens/of-another-account", Reason: "paying with an instrument of another account",
			Connector: func(c *reference.Connector) sdk.Connector { return &sharer{Connector: c} },
		},
	}, checks()...)
}

func checks() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "zero-is-one", Fault: "an instrument is checked by holding the smallest amount",
			Killer: "tokens/zero-holds-nothing", Reason: "expected no money to be held",
			Connector: func(c *reference.Connector) sdk.Connector { return holder{c} },
		},
		{
			ID: "zero-always-good", Fault: "every instrument is called good",
			Killer: "tokens/zero-declines", Reason: "expected outcome [DECLINED], got SUCCEEDED",
			Connector: func(c *reference.Connector) sdk.Connector { return optimist{c} },
		},
		{
			ID: "increment-tells-part", Fault: "an increment tells what was added, not the new total",
			Killer: "increment/raises", Reason: "the total that is told", Collateral: []string{"increment/once"},
			Connector: with(func(t *wrong) {
				t.incremented = func(req sdk.IncrementRequest, r *sdk.IncrementResult) {
					if r.Amount != nil {
						r.Amount = &sdk.Money{Minor: req.Amount.Minor, Currency: req.Amount.Currency}
					}
				}
			}),
		},
		{
			ID: "increment-anew", Fault: "each attempt of an increment has a key of its own",
			Killer: "increment/once", Reason: "raising with one key",
			Collateral: []string{
				"keys/sent-*", "keys/answer-*", "keys/other-amount",
				"keys/stored-failure", "keys/busy", "keys/within-its-lifetime", "resilience/killed-*",
				"resilience/walk", "resilience/two-processes", "resilience/stale-connections",
			},
			Connector: with(func(t *wrong) {
				t.increment = func(req *sdk.IncrementRequest) {
					req.Call.Key = sdk.IdempotencyKey(rand.Text())
				}
			}),
		},
		{
			ID: "increment-of-nothing", Fault: "raising an authorization that has ended is called a success",
			Killer: "increment/ended", Reason: "expected a refusal, got accepted",
			Connector: func(c *reference.Connector) sdk.Connector { return raiser{c} },
		},
	}
}

// wrong is the connector with a request or an answer changed.
type wrong struct {
	*reference.Connector
	tokenize    func(*sdk.TokenizeRequest)
	tokenized   func(*sdk.TokenizeResult)
	increment   func(*sdk.IncrementRequest)
	incremented func(sdk.IncrementRequest, *sdk.IncrementResult)
}

func with(change func(*wrong)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector {
		w := &wrong{Connector: c}
		change(w)
		return w
	}
}

func (w *wrong) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	if w.tokenize != nil {
		w.tokenize(&req)
	}
	r, err := w.Connector.Tokenize(ctx, req)
	if w.tokenized != nil {
		w.tokenized(&r)
	}
	return r, err
}

func (w *wrong) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	if w.increment != nil {
		w.increment(&req)
	}
	r, err := w.Connector.Increment(ctx, req)
	if w.incremented != nil {
		w.incremented(req, &r)
	}
	return r, err
}

type keeper struct{ *reference.Connector }

func (k keeper) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	if !strings.HasPrefix(string(req.Token), "ins_") {
		return k.Connector.DeleteToken(ctx, req)
	}
	_, err := k.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: req.Call}) // so that it has asked
	return sdk.DeleteTokenResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, err
}

type complainer struct {
	*reference.Connector
	gone sync.Map
}

func (c *complainer) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	if key, again := c.gone.LoadOrStore(req.Token, req.Call.Key); again && key != req.Call.Key {
		return sdk.DeleteTokenResult{}, sdk.Errorf("reference.DeleteToken", sdk.CodeNotFound, "there is no such token")
	}
	return c.Connector.DeleteToken(ctx, req)
}

type sharer struct {
	*reference.Connector
	owners sync.Map // token -> account
}

func (s *sharer) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	r, err := s.Connector.Tokenize(ctx, req)
	if r.Token != "" {
		s.owners.Store(r.Token, req.Call.Account)
	}
	return r, err
}

func (s *sharer) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	if owner, ok := s.owners.Load(req.Token); ok {
		req.Call.Account, _ = owner.(sdk.Account)
	}
	return s.Connector.Authorize(ctx, req)
}

type holder struct{ *reference.Connector }

func (h holder) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	r, err := h.Connector.ZeroAuthorize(ctx, req)
	if err != nil || req.Token == "" {
		return r, err
	}
	req.Call.Key += "-hold"
	_, err = h.Authorize(ctx, sdk.AuthorizeRequest{
		Call: req.Call, Amount: sdk.Money{Minor: 1, Currency: req.Currency}, Country: req.Country, CaptureMode: sdk.CaptureManual,
		Method: req.Method, Token: req.Token,
	})
	return r, err
}

type optimist struct{ *reference.Connector }

func (o optimist) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	r, err := o.Connector.ZeroAuthorize(ctx, req)
	if err != nil && sdk.AsError(err).Outcome() == sdk.OutcomeDeclined {
		return sdk.ZeroAuthorizeResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
	}
	return r, err
}

type raiser struct{ *reference.Connector }

func (c raiser) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	r, err := c.Connector.Increment(ctx, req)
	if err != nil && sdk.AsError(err).Code == sdk.CodeAlreadyVoided {
		return sdk.IncrementResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
	}
	return r, err
}
