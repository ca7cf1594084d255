package store

import (
	"context"
	"errors"
)

// SaveKey keeps an API key, new or changed, as a whole. It sets CreatedAt for a new one.
func (s *Store) SaveKey(ctx context.Context, key *APIKey) error { return errors.ErrUnsupported }

// Key returns the API key with the given id, active or not, or [ErrNotFound].
func (s *Store) Key(ctx context.Context, id string) (APIKey, error) {
	return APIKey{}, errors.ErrUnsupported
}

// Keys lists every API key, oldest first.
func (s *Store) Keys(ctx context.Context) ([]APIKey, error) { return nil, errors.ErrUnsupported }
