package store

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// KeyLifetime is how long an idempotency key is remembered. An older one counts as
// never used.
const KeyLifetime = 24 * time.Hour

const insertKey = `INSERT INTO idempotency (merchant_account, scope, key, fingerprint, payment, operation, host,
	status, body, created_at) VALUES (?,?,?,?,?,?,?,?,?,?)
	ON CONFLICT (merchant_account, scope, key) DO UPDATE SET fingerprint = excluded.fingerprint,
	payment = excluded.payment, operation = excluded.operation, host = excluded.host, status = excluded.status,
	body = excluded.body, created_at = excluded.created_at
	WHERE idempotency.created_at <= ?`

// useKey adds the use of a key, which fails if the key is in use.
func (c *changes) useKey(idem *Idempotency) {
	c.must(errKeyTaken, insertKey, idem.MerchantAccount, idem.Scope, idem.Key, idem.Fingerprint,
		string(idem.Payment), string(idem.Operation), idem.Host, int64(idem.Status), blob(idem.Body),
		at(idem.CreatedAt), expired(idem.CreatedAt))
}

// expired is the age, as the database keeps it, at which a key is forgotten.
func expired(now time.Time) int64 { return ledger.Kept(now).Add(-KeyLifetime).UnixMicro() }

// unused is answered with a [*KeyUsedError] if idem names a key that is in use.
func unused(idem *Idempotency, now time.Time) []question {
	if idem == nil {
		return nil
	}
	return []question{usesOf(idem.MerchantAccount, idem.Scope, idem.Key, now, func(earlier Idempotency) error {
		return &KeyUsedError{Earlier: earlier}
	})}
}

// keyUsed is the error for a key that somebody else took a moment ago.
func (s *Store) keyUsed(ctx context.Context, idem *Idempotency) error {
	earlier, err := s.Idempotency(ctx, idem.MerchantAccount, idem.Scope, idem.Key)
	if err != nil {
		return fmt.Errorf("%w, and reading its first use failed: %w", errKeyTaken, err)
	}
	return &KeyUsedError{Earlier: earlier}
}

// Idempotency returns the first use of a key, or [ErrNotFound].
func (s *Store) Idempotency(ctx context.Context, account, scope, key string) (idem Idempotency, err error) {
	used := usesOf(account, scope, key, s.now(), func(first Idempotency) error {
		idem = first
		return nil
	})
	used.must = true
	err = s.db.ask(ctx, used)
	return idem, err
}

// usesOf asks for the first use of a key.
func usesOf(account, scope, key string, now time.Time, take func(Idempotency) error) question {
	return question{
		query: `SELECT fingerprint, payment, operation, host, status, body, created_at
			FROM idempotency WHERE merchant_account = ? AND scope = ? AND key = ? AND created_at > ?`,
		args: []any{account, scope, key, expired(now)},
		scan: func(r row) error {
			idem := Idempotency{MerchantAccount: account, Scope: scope, Key: key}
			var created micros
			err := r.Scan(&idem.Fingerprint, &idem.Payment, &idem.Operation, &idem.Host, &idem.Status, &idem.Body, &created)
			if err != nil {
				return err
			}
			idem.CreatedAt = created.time()
			return take(idem)
		},
	}
}

// FinishIdempotency records the answer that was given: Status and Body, for the key
// that idem names. The first answer stays; a later one is dropped without an error.
// It fails with [ErrNotFound] if the key is not in use.
func (s *Store) FinishIdempotency(ctx context.Context, idem Idempotency) error {
	err := s.write(ctx, func(c *changes) {
		c.must(ErrNotFound, `UPDATE idempotency
			SET body = CASE status WHEN 0 THEN ? ELSE body END, status = CASE status WHEN 0 THEN ? ELSE status END
			WHERE merchant_account = ? AND scope = ? AND key = ? AND created_at > ?`,
			blob(idem.Body), int64(idem.Status), idem.MerchantAccount, idem.Scope, idem.Key, expired(s.now()))
	})
	if err != nil {
		return fmt.Errorf("recording an answer: %w", err)
	}
	return nil
}

// ExpireIdempotency deletes at most limit keys that are older than [KeyLifetime] and
// returns how many.
func (s *Store) ExpireIdempotency(ctx context.Context, limit int) (int, error) {
	var old []any
	err := s.db.change(ctx, "expiry of keys",
		func() []question {
			old = nil
			return []question{{
				query: `SELECT seq FROM idempotency WHERE created_at <= ? ORDER BY created_at, seq LIMIT ?`,
				args:  []any{expired(s.now()), limit},
				scan: func(r row) error {
					var seq int64
					err := r.Scan(&seq)
					old = append(old, seq)
					return err
				},
			}}
		},
		func() (changes, error) {
			var c changes
			for _, seq := range old {
				// Used again meanwhile: then it is not old any more.
				c.add(`DELETE FROM idempotency WHERE seq = ? AND created_at <= ?`, seq, expired(s.now()))
			}
			return c, nil
		})
	return len(old), err
}

// write makes a change that needs no reading first.
func (s *Store) write(ctx context.Context, plan func(*changes)) error {
	return s.db.change(ctx, "", nothing, func() (changes, error) {
		var c changes
		plan(&c)
		return c, nil
	})
}
