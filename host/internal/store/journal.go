package store

import (
	"context"
	"errors"
)

// AppendJournal adds a step to a connector's history. The store chooses its ID, and its
// At if that is zero.
func (s *Store) AppendJournal(ctx context.Context, entry JournalEntry) error {
	return errors.ErrUnsupported
}

// Journal returns the newest steps in a connector's history, newest first, at most
// limit. An empty connector means all.
func (s *Store) Journal(ctx context.Context, connector string, limit int) ([]JournalEntry, error) {
	return nil, errors.ErrUnsupported
}

// Meta returns a small fact of the host, such as the active release of a connector, or
// [ErrNotFound].
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	return "", errors.ErrUnsupported
}

// SetMeta keeps a small fact of the host. Names that start with "store." are the
// store's own.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	return errors.ErrUnsupported
}
