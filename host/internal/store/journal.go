package store

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// AppendJournal adds a step to a connector's history. The store chooses its ID, and its
// At if that is zero.
func (s *Store) AppendJournal(ctx context.Context, entry JournalEntry) error {
	if entry.At.IsZero() {
		entry.At = s.now()
	}
	err := s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO journal (connector, at, name, context) VALUES (?,?,?,?)`,
			entry.Connector, at(ledger.Kept(entry.At)), entry.Name, blob(entry.Context))
	})
	if err != nil {
		return fmt.Errorf("journal of %s: %w", entry.Connector, err)
	}
	return nil
}

// Journal returns the newest steps in a connector's history, newest first, at most
// limit. An empty connector means all.
func (s *Store) Journal(ctx context.Context, connector string, limit int) ([]JournalEntry, error) {
	query := `SELECT id, connector, at, name, context FROM journal WHERE connector = ? ORDER BY id DESC LIMIT ?`
	args := []any{connector, limit}
	if connector == "" {
		query = `SELECT id, connector, at, name, context FROM journal ORDER BY id DESC LIMIT ?`
		args = args[1:]
	}
	var entries []JournalEntry
	err := s.db.read(ctx, func(q reader) error {
		rows, err := q.query(ctx, query, args...)
		return each(rows, err, func(r row) error {
			var e JournalEntry
			var when micros
			var detail []byte
			err := r.Scan(&e.ID, &e.Connector, &when, &e.Name, &detail)
			e.At, e.Context = when.time(), detail
			entries = append(entries, e)
			return err
		})
	})
	return entries, err
}

// Meta returns a small fact of the host, such as the active release of a connector, or
// [ErrNotFound].
func (s *Store) Meta(ctx context.Context, name string) (value string, err error) {
	err = s.db.read(ctx, func(q reader) error {
		rows, err := q.query(ctx, `SELECT value FROM meta WHERE name = ?`, name)
		return one(rows, err, func(r row) error { return r.Scan(&value) })
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return value, nil
}

// SetMeta keeps a small fact of the host. Names that start with "store." are the
// store's own.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	err := s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO meta (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			name, value)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
