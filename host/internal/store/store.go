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
	"errors"
	"fmt"
)

// ErrNotFound: there is no such record, or it belongs to another merchant account.
var ErrNotFound = errors.New("not found")

// ErrClosed: the store is closing and takes no new work.
var ErrClosed = errors.New("store is closed")

// A KeyUsedError says that an idempotency key has been used before; nothing was
// changed. Earlier is the record of its first use.
type KeyUsedError struct{ Earlier Idempotency }

// Error says which key.
func (e *KeyUsedError) Error() string {
	return fmt.Sprintf("idempotency key was used before, for %s", e.Earlier.Scope)
}
