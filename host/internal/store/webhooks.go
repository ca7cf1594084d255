package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Subscription is where a merchant wants to be told what happens to payments.
type Subscription struct {
	ID              string // UUID
	MerchantAccount string // whose payments; empty means everybody's
	URL             string
	Active          bool

	// Username and Password are for HTTP Basic authentication; an empty name means none.
	Username string
	Password sdk.Secret

	// Secret signs. Previous, the one before it, signs beside it until PreviousUntil.
	Secret        sdk.Secret
	Previous      sdk.Secret
	PreviousUntil time.Time // zero if there is none

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Rotating reports whether the secret before the current one still signs.
func (s *Subscription) Rotating(now time.Time) bool { return now.Before(s.PreviousUntil) }

// SaveSubscription keeps a new subscription. It sets CreatedAt and UpdatedAt, and seals
// the secrets. It fails with [ErrExists] if the id is taken.
func (s *Store) SaveSubscription(ctx context.Context, sub *Subscription) error {
	now := ledger.Kept(s.now())
	sub.CreatedAt, sub.UpdatedAt, sub.PreviousUntil = now, now, ledger.Kept(sub.PreviousUntil)
	err := s.write(ctx, func(c *changes) {
		c.must(ErrExists, `INSERT INTO subscriptions (id, merchant_account, url, active, username, previous_until,
			created_at, updated_at) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			sub.ID, sub.MerchantAccount, sub.URL, bit(sub.Active), sub.Username, at(sub.PreviousUntil), at(now), at(now))
		s.sealSubscription(c, sub)
	})
	if err != nil {
		return fmt.Errorf("saving webhook subscription %s: %w", sub.ID, err)
	}
	s.audiences.forget()
	return nil
}

// UpdateSubscription changes a subscription with nobody else changing it in between, and
// returns it as kept. An error of change is returned as it is and nothing is changed. The
// id and the merchant account stay what they are. Where hosts share a database, change may
// run more than once.
func (s *Store) UpdateSubscription(
	ctx context.Context, id string, change func(*Subscription) error,
) (Subscription, error) {
	var is Subscription
	var ofCaller error
	err := s.db.change(ctx, "subscription "+id,
		func() []question { return s.loadSubscription(&is, id) },
		func() (changes, error) {
			account, was := is.MerchantAccount, is.UpdatedAt
			if ofCaller = change(&is); ofCaller != nil {
				return nil, ofCaller
			}
			if is.ID != id || is.MerchantAccount != account {
				return nil, errors.New("a change altered the id or the merchant account")
			}
			is.PreviousUntil = ledger.Kept(is.PreviousUntil)
			if is.UpdatedAt = ledger.Kept(s.now()); !is.UpdatedAt.After(was) {
				is.UpdatedAt = was.Add(time.Microsecond) // so that it tells whether somebody was quicker
			}
			var c changes
			c.must(errStale, `UPDATE subscriptions SET url = ?, active = ?, username = ?, previous_until = ?,
				updated_at = ? WHERE id = ? AND updated_at = ?`,
				is.URL, bit(is.Active), is.Username, at(is.PreviousUntil), at(is.UpdatedAt), id, at(was))
			c.add(`DELETE FROM subscription_secrets WHERE subscription = ?`, id)
			s.sealSubscription(&c, &is)
			return c, nil
		})
	switch {
	case ofCaller != nil:
		return Subscription{}, ofCaller
	case err != nil:
		return Subscription{}, fmt.Errorf("updating webhook subscription %s: %w", id, err)
	}
	s.audiences.forget()
	return is, nil
}

// DeleteSubscription ends a subscription, or fails with [ErrNotFound]. What it has not
// been told yet it will not be told any more.
func (s *Store) DeleteSubscription(ctx context.Context, id string) error {
	err := s.db.change(ctx, "subscription "+id, nothing, func() (changes, error) {
		var c changes
		c.add(`DELETE FROM subscription_secrets WHERE subscription = ?`, id)
		c.must(ErrNotFound, `DELETE FROM subscriptions WHERE id = ?`, id)
		return c, nil
	})
	if err != nil {
		return fmt.Errorf("deleting webhook subscription %s: %w", id, err)
	}
	s.audiences.forget()
	return nil
}

// Subscription returns a subscription, or [ErrNotFound].
func (s *Store) Subscription(ctx context.Context, id string) (sub Subscription, err error) {
	if err := s.db.ask(ctx, s.loadSubscription(&sub, id)...); err != nil {
		return Subscription{}, fmt.Errorf("webhook subscription %s: %w", id, err)
	}
	return sub, nil
}

// Subscriptions lists the subscriptions made for exactly this merchant account, oldest
// first. An empty account means those for every account together.
func (s *Store) Subscriptions(ctx context.Context, account string) ([]Subscription, error) {
	return s.subscriptions(ctx, `WHERE merchant_account = ?`, account)
}

// AllSubscriptions lists every subscription, oldest first.
func (s *Store) AllSubscriptions(ctx context.Context) ([]Subscription, error) {
	return s.subscriptions(ctx, ``)
}

func (s *Store) subscriptions(ctx context.Context, where string, args ...any) (all []Subscription, err error) {
	places := make(map[string]int)
	err = s.db.ask(ctx, question{
		query: selectSubscriptions + where + ` ORDER BY created_at, id`, args: args,
		scan: func(r row) error {
			sub, err := scanSubscription(r)
			places[sub.ID] = len(all)
			all = append(all, sub)
			return err
		},
	}, s.unsealSubscriptions(func(id string) *Subscription { return &all[places[id]] },
		`(SELECT id FROM subscriptions `+where+`)`, args...))
	if err != nil {
		return nil, fmt.Errorf("listing webhook subscriptions: %w", err)
	}
	return all, nil
}

const selectSubscriptions = `SELECT id, merchant_account, url, active, username, previous_until, created_at,
	updated_at FROM subscriptions `

// loadSubscription asks for one subscription.
func (s *Store) loadSubscription(into *Subscription, id string) []question {
	*into = Subscription{}
	return []question{{
		query: selectSubscriptions + `WHERE id = ?`, args: []any{id}, must: true,
		scan: func(r row) (err error) {
			*into, err = scanSubscription(r)
			return err
		},
	}, s.unsealSubscriptions(func(string) *Subscription { return into }, `(?)`, id)}
}

func scanSubscription(r row) (Subscription, error) {
	var s Subscription
	var until, created, updated micros
	err := r.Scan(&s.ID, &s.MerchantAccount, &s.URL, &s.Active, &s.Username, &until, &created, &updated)
	s.PreviousUntil, s.CreatedAt, s.UpdatedAt = until.time(), created.time(), updated.time()
	return s, err
}

// secrets are the secrets of a subscription, by the names that they are sealed for.
func (s *Subscription) secrets() map[string]*sdk.Secret {
	return map[string]*sdk.Secret{
		"subscription/secret": &s.Secret, "subscription/previous": &s.Previous, "subscription/password": &s.Password,
	}
}

func (s *Store) sealSubscription(c *changes, sub *Subscription) {
	for field, secret := range sub.secrets() {
		if secret.Reveal() != "" {
			c.add(`INSERT INTO subscription_secrets (subscription, field, key_id, sealed) VALUES (?,?,?,?)`,
				sub.ID, field, s.key.id, s.key.seal(sub.ID, field, *secret))
		}
	}
}

// unsealSubscriptions asks for the secrets of the subscriptions that among says, and puts
// them into those.
func (s *Store) unsealSubscriptions(subscription func(id string) *Subscription, among string, args ...any) question {
	return question{
		query: `SELECT subscription, field, key_id, sealed FROM subscription_secrets WHERE subscription IN ` + among, args: args,
		scan: func(r row) error {
			var id, field, keyID string
			var sealed []byte
			if err := r.Scan(&id, &field, &keyID, &sealed); err != nil {
				return err
			}
			place, ok := subscription(id).secrets()[field]
			if !ok {
				return fmt.Errorf("secret %q of webhook subscription %s: there is no such field", field, id)
			}
			var err error
			*place, err = s.key.open(id, field, keyID, sealed)
			return err
		},
	}
}
