package store

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// AppendJournal adds a step to a connector's history. The store chooses its ID, and its
// At if that is zero.
func (s *Store) AppendJournal(ctx context.Context, entry JournalEntry) error {
	err := s.write(ctx, func(c *changes) { c.step(entry, s) })
	if err != nil {
		return fmt.Errorf("journal of %s: %w", entry.Connector, err)
	}
	return nil
}

func (c *changes) step(entry JournalEntry, s *Store) {
	if entry.At.IsZero() {
		entry.At = s.now()
	}
	c.add(`INSERT INTO journal (connector, at, name, context, host, revision) VALUES (?,?,?,?,?,?)`,
		entry.Connector, at(ledger.Kept(entry.At)), entry.Name, blob(entry.Context), entry.Host, entry.Revision)
}

const selectJournal = `SELECT id, connector, at, name, context, host, revision FROM journal `

// Journal returns the newest steps in a connector's history on every host, newest first,
// at most limit. An empty connector means all.
func (s *Store) Journal(ctx context.Context, connector string, limit int) ([]JournalEntry, error) {
	if connector == "" {
		return s.journal(ctx, `ORDER BY id DESC LIMIT ?`, limit)
	}
	return s.journal(ctx, `WHERE connector = ? ORDER BY id DESC LIMIT ?`, connector, limit)
}

// JournalOf is Journal with the steps of one host and those from before hosts had names.
func (s *Store) JournalOf(ctx context.Context, host, connector string, limit int) ([]JournalEntry, error) {
	return s.journal(ctx, `WHERE connector = ? AND (host = ? OR host = '') ORDER BY id DESC LIMIT ?`, connector, host, limit)
}

// Decisions is Journal with the steps that changed which release is to serve, and those
// from before hosts had names.
func (s *Store) Decisions(ctx context.Context, connector string, limit int) ([]JournalEntry, error) {
	return s.journal(ctx, `WHERE connector = ? AND (revision > 0 OR host = '') ORDER BY id DESC LIMIT ?`, connector, limit)
}

func (s *Store) journal(ctx context.Context, where string, args ...any) (entries []JournalEntry, err error) {
	err = s.db.ask(ctx, question{
		query: selectJournal + where, args: args,
		scan: func(r row) error {
			var e JournalEntry
			var when micros
			var detail []byte
			err := r.Scan(&e.ID, &e.Connector, &when, &e.Name, &detail, &e.Host, &e.Revision)
			e.At, e.Context = when.time(), detail
			entries = append(entries, e)
			return err
		},
	})
	return entries, err
}

// Meta returns a small fact of the hosts, such as the calls that are parked, or
// [ErrNotFound].
func (s *Store) Meta(ctx context.Context, name string) (value string, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT value FROM meta WHERE name = ?`, args: []any{name}, must: true,
		scan: func(r row) error { return r.Scan(&value) },
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return value, nil
}

// SetMeta keeps a small fact of the hosts. Names that start with "store." are the
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

// ReplaceMeta is SetMeta for a fact that still has the value was, "" if it is not kept
// at all. If it has another, that is [ErrConflict].
func (s *Store) ReplaceMeta(ctx context.Context, name, was, value string) error {
	err := s.write(ctx, func(c *changes) {
		if was == "" {
			c.must(ErrConflict, `INSERT INTO meta (name, value) VALUES (?,?) ON CONFLICT DO NOTHING`, name, value)
			return
		}
		c.must(ErrConflict, `UPDATE meta SET value = ? WHERE name = ? AND value = ?`, value, name, was)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
