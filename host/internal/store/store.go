// Package store keeps payments so that they survive whatever dies.
//
// Every change is one transaction and is durable when the method returns: an intent
// written by [Store.Create] or [Store.Update] is on disk before the caller can send
// anything. Changes to one payment are serialised, whatever goroutine they come
// from, and a function given to Update sees the newest record. Secrets are encrypted
// before they reach a database. A payment's derived columns exist only for queries;
// what counts is always derived from its ledger.
//
// The package decides nothing about payments: that is package ledger's and settle's.
package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ErrNotFound says that there is no such record.
var ErrNotFound = errors.New("not found")

// ErrExists says that the id or the reference of a new payment is taken. Nothing was
// changed.
var ErrExists = errors.New("already exists")

// ErrConflict says that somebody else was quicker to change what was to be changed.
// Nothing was changed.
var ErrConflict = errors.New("was changed by somebody else meanwhile")

// ErrClosed says that the store is closing and takes no new work.
var ErrClosed = errors.New("store is closed")

// ErrBusy says that more changes are waiting than the store is willing to queue.
// Nothing was changed; the caller may try again later.
var ErrBusy = errors.New("store is busy")

// ErrUnavailable says that the database cannot be reached, or cannot be written to, at
// the moment. Nothing was changed; the same will work again once the database does.
var ErrUnavailable = errors.New("database is not available")

// ErrInDoubt says that nobody knows whether a change was made: the database was lost
// while it committed, and did not come back in time to be asked.
var ErrInDoubt = errors.New("it is not known whether the change was made")

// ErrCursor says that a cursor was not made by this store, or for another query.
var ErrCursor = errors.New("cursor is not valid for this query")

// A KeyUsedError says that an idempotency key has been used before; nothing was
// changed. Earlier is the record of its first use.
type KeyUsedError struct{ Earlier Idempotency }

// Error says which key.
func (e *KeyUsedError) Error() string {
	return fmt.Sprintf("idempotency key was used before, for %s", e.Earlier.Scope)
}

// A Store keeps everything that a host must not forget. It is safe for concurrent
// use.
//
// Reads end when their context does. A change whose context ends before it was
// started is not made, and says so; one that was started is carried through whatever
// happens to its context, so that its answer is always the truth. A change that
// returns an error has not been made, unless that is [ErrInDoubt].
type Store struct {
	db  backend
	now func() time.Time
	key *keys // a pointer, so that printing a Store cannot show them

	announcer Announcer
	audiences audiences

	queued atomic.Bool // whether a queue is attached
}

// OpenSQLite opens the database file at path, creating it (mode 0600, in a folder of
// mode 0700) if there is none, and brings it to this version's schema. It refuses a
// database that a newer version has written, and one that another process has open:
// hosts that share work use PostgreSQL.
//
// Every commit is on disk when it returns. key seals the secrets; opening a database
// that was sealed with another key fails. now is the clock; times are kept to the
// microsecond, in UTC.
func OpenSQLite(ctx context.Context, path string, key MasterKey, now func() time.Time) (*Store, error) {
	derived, err := key.derive()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db, err := openSQLite(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	s := &Store{db: db, now: now, key: derived}
	if err := s.claim(ctx); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, errors.Join(err, db.close(ctx)))
	}
	return s, nil
}

// OpenPostgres opens the PostgreSQL database at url, such as
// postgres://host@db.internal:5432/payments?sslmode=verify-full, and brings it to this
// version's schema, in the first schema of its search_path. Several hosts may do so at
// once, and work on it together. It refuses a database that a newer version has
// written, one that holds something else, and a server that does not wait for its disk.
// It fails with [ErrUnavailable] if the database cannot be reached.
//
// While the database is away, reads and changes fail with [ErrUnavailable], and work
// again once it is back. Its errors never tell the password that url may hold. The
// connections must lead to the server or to a pooler of whole sessions.
//
// Every commit is on disk when it returns. key seals the secrets: all hosts need the
// same, and opening a database that was sealed with another key fails. now is the clock;
// times are kept to the microsecond, in UTC.
func OpenPostgres(ctx context.Context, url string, key MasterKey, now func() time.Time) (*Store, error) {
	derived, err := key.derive()
	if err != nil {
		return nil, fmt.Errorf("opening the PostgreSQL database: %w", err)
	}
	db, err := openPostgres(ctx, url, hostLimits)
	if err != nil {
		return nil, fmt.Errorf("opening the PostgreSQL database: %w", err)
	}
	s := &Store{db: db, now: now, key: derived}
	if err := s.claim(ctx); err != nil {
		return nil, fmt.Errorf("opening the PostgreSQL database: %w", errors.Join(err, db.close(ctx)))
	}
	return s, nil
}

// claim marks a new database with the store's key, or checks that it was sealed with it.
func (s *Store) claim(ctx context.Context) error {
	const name = "store.key"
	err := s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO meta (name, value) VALUES (?,?) ON CONFLICT DO NOTHING`, name, s.key.id)
	})
	if err != nil {
		return err
	}
	sealedWith, err := s.Meta(ctx, name)
	switch {
	case err != nil:
		return err
	case sealedWith != s.key.id:
		return fmt.Errorf("its secrets are sealed with master key %s, not with the given one, %s", sealedWith, s.key.id)
	}
	return nil
}

// Close takes no new work, lets the changes that were started finish, and closes the
// database. If ctx ends first it says so and may be called again; what was committed
// is safe in both cases. Closing a closed store is a no-op.
func (s *Store) Close(ctx context.Context) error { return s.db.close(ctx) }

// Ping reports whether the store can make changes, by making one: it is for readiness.
func (s *Store) Ping(ctx context.Context) error {
	return s.SetMeta(ctx, "store.ping", s.now().UTC().Format(time.RFC3339Nano))
}
