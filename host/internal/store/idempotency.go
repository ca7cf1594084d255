package store

import (
	"context"
	"errors"
	"time"
)

// KeyLifetime is how long an idempotency key is remembered. An older one counts as
// never used.
const KeyLifetime = 24 * time.Hour

// Idempotency returns the first use of a key, or [ErrNotFound].
func (s *Store) Idempotency(ctx context.Context, account, scope, key string) (Idempotency, error) {
	return Idempotency{}, errors.ErrUnsupported
}

// FinishIdempotency records the answer that was given: Status and Body, for the key
// that idem names. The first answer stays; a later one is dropped without an error.
// It fails with [ErrNotFound] if the key is not in use.
func (s *Store) FinishIdempotency(ctx context.Context, idem Idempotency) error {
	return errors.ErrUnsupported
}

// ExpireIdempotency deletes at most limit keys that are older than [KeyLifetime] and
// returns how many.
func (s *Store) ExpireIdempotency(ctx context.Context, limit int) (int, error) {
	return 0, errors.ErrUnsupported
}
