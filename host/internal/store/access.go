package store

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// SaveKey keeps an API key, new or changed, as a whole. It sets CreatedAt for a new one.
func (s *Store) SaveKey(ctx context.Context, key *APIKey) error {
	if key.CreatedAt.IsZero() {
		key.CreatedAt = s.now()
	}
	key.CreatedAt = ledger.Kept(key.CreatedAt)
	err := s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO api_keys (id, public_key, display_name, scopes, merchant_accounts, active, created_at)
			VALUES (?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET public_key = excluded.public_key,
			display_name = excluded.display_name, scopes = excluded.scopes,
			merchant_accounts = excluded.merchant_accounts, active = excluded.active, created_at = excluded.created_at`,
			key.ID, blob(key.PublicKey), key.DisplayName, listJSON(key.Scopes), listJSON(key.MerchantAccounts),
			bit(key.Active), at(key.CreatedAt))
	})
	if err != nil {
		return fmt.Errorf("api key %s: %w", key.ID, err)
	}
	return nil
}

const selectKeys = `SELECT id, public_key, display_name, scopes, merchant_accounts, active, created_at FROM api_keys `

// Key returns the API key with the given id, active or not, or [ErrNotFound].
func (s *Store) Key(ctx context.Context, id string) (key APIKey, err error) {
	err = s.db.ask(ctx, question{
		query: selectKeys + `WHERE id = ?`, args: []any{id}, must: true,
		scan: func(r row) error {
			key, err = scanKey(r)
			return err
		},
	})
	if err != nil {
		return APIKey{}, fmt.Errorf("api key %s: %w", id, err)
	}
	return key, nil
}

// Keys lists every API key, oldest first.
func (s *Store) Keys(ctx context.Context) (keys []APIKey, err error) {
	err = s.db.ask(ctx, question{
		query: selectKeys + `ORDER BY created_at, id`,
		scan: func(r row) error {
			key, err := scanKey(r)
			keys = append(keys, key)
			return err
		},
	})
	return keys, err
}

func scanKey(r row) (APIKey, error) {
	var key APIKey
	var created micros
	err := r.Scan(&key.ID, &key.PublicKey, &key.DisplayName, fromJSON(&key.Scopes),
		fromJSON(&key.MerchantAccounts), &key.Active, &created)
	key.CreatedAt = created.time()
	return key, err
}
