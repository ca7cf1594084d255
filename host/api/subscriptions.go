package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// RotationTime is how long the secret before signs beside a new one, so that a merchant
// can change over without refusing what is on its way.
const RotationTime = 24 * time.Hour

// maxSubscriptions is how many webhook subscriptions a merchant account may have: each
// one is written to with every change of a payment.
const maxSubscriptions = 20

// maxURL is the longest URL that a webhook is sent to.
const maxURL = 2048

// everyAccount is the merchant account of a request that is about all of them.
const everyAccount = "*"

// Subscribers are the merchants' webhook subscriptions.
type Subscribers interface {
	Subscription(ctx context.Context, id string) (store.Subscription, error)
	Subscriptions(ctx context.Context, account string) ([]store.Subscription, error)
	SaveSubscription(ctx context.Context, sub *store.Subscription) error
	UpdateSubscription(ctx context.Context, id string,
		change func(*store.Subscription) error) (store.Subscription, error)
	DeleteSubscription(ctx context.Context, id string) error
}

// A subscriptionInput is a request to create or change a subscription. What is nil is
// not being changed; an authentication of null is taken away.
type subscriptionInput struct {
	URL            *string         `json:"url"`
	Active         *bool           `json:"active"`
	Authentication json.RawMessage `json:"authentication"`
}

// A basicAuthentication is how this host says to a merchant's endpoint who it is.
type basicAuthentication struct {
	Kind     string `json:"kind"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// masked stands for a password, which is never told.
const masked = "********"

// A subscription is a webhook subscription as merchants see it.
type subscription struct {
	Type              string               `json:"type"`
	ID                string               `json:"id"`
	MerchantAccountID *string              `json:"merchant_account_id"` // null is every account
	URL               string               `json:"url"`
	Active            bool                 `json:"active"`
	Rotating          bool                 `json:"rotating"`
	Authentication    *basicAuthentication `json:"authentication"`
	Secret            *string              `json:"secret,omitempty"`
	Creator           *struct{}            `json:"creator"`
}

// renderSubscription is the one place that says how a subscription looks. The secret is
// told where one subscription is answered with, and not in lists.
func (s *server) renderSubscription(sub store.Subscription, secret bool) subscription {
	shown := subscription{
		Type: "webhook-subscription", ID: sub.ID, MerchantAccountID: optional(sub.MerchantAccount), URL: sub.URL,
		Active: sub.Active, Rotating: sub.Rotating(s.Now()),
	}
	if sub.Username != "" {
		shown.Authentication = &basicAuthentication{Kind: basicKind, Username: sub.Username, Password: masked}
	}
	if secret {
		shown.Secret = optional(sub.Secret.Reveal())
	}
	return shown
}

const basicKind = "basic"

// createSubscription has a merchant told of what happens to payments.
func (s *server) createSubscription(c *call) (answer, error) {
	sub := store.Subscription{
		ID: uuid.NewString(), MerchantAccount: c.subscriber(), Active: true, Secret: newSigningSecret(),
	}
	in, err := s.subscriptionInput(c, s.shapes.subscription)
	if err != nil {
		return answer{}, err
	}
	if err := in.apply(&sub); err != nil {
		return answer{}, err
	}
	had, err := s.Store.Subscriptions(c.ctx, sub.MerchantAccount)
	if err != nil {
		return answer{}, err
	}
	if len(had) >= maxSubscriptions {
		return answer{}, badRequest("This merchant account has as many webhook subscriptions as it may have: delete one first")
	}
	if err := s.Store.SaveSubscription(c.ctx, &sub); err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, s.renderSubscription(sub, true))
}

// updateSubscription changes a subscription. What is left out stays.
func (s *server) updateSubscription(c *call) (answer, error) {
	in, err := s.subscriptionInput(c, s.shapes.subscriptionUpdate)
	if err != nil {
		return answer{}, err
	}
	return s.changeSubscription(c, in.apply)
}

// rotateSecret gives a subscription a new secret. The one before signs too, for
// [RotationTime]; one that was being rotated out already does not sign any more.
func (s *server) rotateSecret(c *call) (answer, error) {
	if _, err := c.body(s.shapes.none); err != nil {
		return answer{}, err
	}
	secret := newSigningSecret()
	return s.changeSubscription(c, func(sub *store.Subscription) error {
		sub.Previous, sub.PreviousUntil = sub.Secret, s.Now().Add(RotationTime)
		sub.Secret = secret
		return nil
	})
}

func (s *server) changeSubscription(c *call, change func(*store.Subscription) error) (answer, error) {
	sub, err := s.subscription(c)
	if err != nil {
		return answer{}, err
	}
	if sub, err = s.Store.UpdateSubscription(c.ctx, sub.ID, change); err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, s.renderSubscription(sub, true))
}

func (s *server) getSubscription(c *call) (answer, error) {
	sub, err := s.subscription(c)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, s.renderSubscription(sub, true))
}

func (s *server) listSubscriptions(c *call) (answer, error) {
	found, err := s.Store.Subscriptions(c.ctx, c.subscriber())
	if err != nil {
		return answer{}, err
	}
	var all []subscription
	for _, sub := range found {
		all = append(all, s.renderSubscription(sub, false))
	}
	return showPage(c, all, func(sub subscription) string { return sub.ID })
}

// deleteSubscription ends a subscription, and what it has not been told yet.
func (s *server) deleteSubscription(c *call) (answer, error) {
	sub, err := s.subscription(c)
	if err != nil {
		return answer{}, err
	}
	if err := s.Store.DeleteSubscription(c.ctx, sub.ID); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// subscription loads the subscription in the path. Another account's is not found.
func (s *server) subscription(c *call) (store.Subscription, error) {
	id := c.PathValue("id")
	if !isUUID(id) {
		return store.Subscription{}, notFound()
	}
	sub, err := s.Store.Subscription(c.ctx, id)
	if err == nil && sub.MerchantAccount != c.subscriber() {
		err = store.ErrNotFound
	}
	return sub, err
}

// subscriber is the account whose subscriptions a request is about: "" is every one.
func (c *call) subscriber() string {
	if c.account == everyAccount {
		return ""
	}
	return c.account
}

func (s *server) subscriptionInput(c *call, shape *schemas.Schema) (subscriptionInput, error) {
	doc, err := c.body(shape)
	if err != nil {
		return subscriptionInput{}, err
	}
	var in subscriptionInput
	return in, doc.into(&in)
}

// apply changes sub, or says why it must not be changed so.
func (in subscriptionInput) apply(sub *store.Subscription) error {
	if in.URL != nil {
		if wrong := webhookURL(*in.URL); wrong != "" {
			return invalid(detail{inBody, "/url", wrong, string(sdk.CodeInvalidField)})
		}
		sub.URL = *in.URL
	}
	if in.Active != nil {
		sub.Active = *in.Active
	}
	if len(in.Authentication) == 0 {
		return nil
	}
	var auth *basicAuthentication
	if err := json.Unmarshal(in.Authentication, &auth); err != nil {
		return err
	}
	if auth == nil {
		sub.Username, sub.Password = "", sdk.Secret{}
		return nil
	}
	if auth.Password == masked && auth.Username == sub.Username {
		return nil // what was shown is sent back: it means no change
	}
	sub.Username, sub.Password = auth.Username, sdk.NewSecret(auth.Password)
	return nil
}

// webhookURL says what a URL must be that webhooks are sent to, or "" if it is. Where its
// host leads is looked at when something is sent there: names change what they mean.
func webhookURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return "must have at most 2048 characters"
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "must be a URL such as https://shop.example/webhooks"
	case u.User != nil:
		return "must not hold a name or password: authentication is for that"
	case u.Fragment != "":
		return "must not have a fragment"
	}
	return ""
}

// newSigningSecret is a secret that nobody can guess, as text.
func newSigningSecret() sdk.Secret {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails, by its documentation
	return sdk.NewSecret(hex.EncodeToString(raw[:]))
}
