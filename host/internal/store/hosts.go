package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// A Host is one that works on this database.
type Host struct {
	ID         string // UUID
	API, Admin string // URLs of its listeners
	Version    string
	StartedAt  time.Time
	SeenAt     time.Time       // by its own clock
	Serves     json.RawMessage // what it says that it serves
}

// SaveHost keeps what a host says of itself, as a whole.
func (s *Store) SaveHost(ctx context.Context, h Host) error {
	err := s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO hosts (id, api, admin, version, started_at, seen_at, serves) VALUES (?,?,?,?,?,?,?)
			ON CONFLICT (id) DO UPDATE SET api = excluded.api, admin = excluded.admin, version = excluded.version,
			started_at = excluded.started_at, seen_at = excluded.seen_at, serves = excluded.serves`,
			h.ID, h.API, h.Admin, h.Version, at(ledger.Kept(h.StartedAt)), at(ledger.Kept(h.SeenAt)), string(h.Serves))
	})
	if err != nil {
		return fmt.Errorf("host %s: %w", h.ID, err)
	}
	return nil
}

// Hosts lists the hosts that were seen and not forgotten, in the order of their start.
func (s *Store) Hosts(ctx context.Context) (hosts []Host, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT id, api, admin, version, started_at, seen_at, serves FROM hosts ORDER BY started_at, id`,
		scan: func(r row) error {
			var h Host
			var started, seen micros
			var serves string
			err := r.Scan(&h.ID, &h.API, &h.Admin, &h.Version, &started, &seen, &serves)
			h.StartedAt, h.SeenAt, h.Serves = started.time(), seen.time(), json.RawMessage(serves)
			hosts = append(hosts, h)
			return err
		},
	})
	return hosts, err
}

// ForgetHosts forgets the hosts that were not seen since then.
func (s *Store) ForgetHosts(ctx context.Context, since time.Time) error {
	err := s.write(ctx, func(c *changes) { c.add(`DELETE FROM hosts WHERE seen_at < ?`, at(since)) })
	if err != nil {
		return fmt.Errorf("forgetting hosts: %w", err)
	}
	return nil
}

// A Desired is which release of a connector is to serve, on every host.
type Desired struct {
	Connector string
	Digest    string
	Version   string
	Revision  int64  // one more with every change; 0 if nothing was ever decided
	Host      string // who changed it last
	ChangedAt time.Time
}

// Desired lists what is to serve, by connector.
func (s *Store) Desired(ctx context.Context) (list []Desired, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT connector, digest, version, revision, host, changed_at FROM desired ORDER BY connector`,
		scan: func(r row) error {
			var d Desired
			var changed micros
			err := r.Scan(&d.Connector, &d.Digest, &d.Version, &d.Revision, &d.Host, &changed)
			d.ChangedAt = changed.time()
			list = append(list, d)
			return err
		},
	})
	return list, err
}

// Decide adds a step to a connector's history that makes another release the one that is
// to serve: both or neither, durable when it returns. It returns what is desired then.
//
// Was is what the decision is based on. If something else is desired by now, that is
// [ErrConflict]. With shared, a release that is not there for other hosts to fetch is
// [ErrNotFound].
func (s *Store) Decide(ctx context.Context, entry JournalEntry, was, is Desired, shared bool) (Desired, error) {
	is.Connector, is.Revision, is.Host = entry.Connector, was.Revision+1, entry.Host
	if is.ChangedAt = entry.At; is.ChangedAt.IsZero() {
		is.ChangedAt = s.now()
	}
	is.ChangedAt = ledger.Kept(is.ChangedAt)
	entry.Revision = is.Revision
	err := s.write(ctx, func(c *changes) {
		if shared { // it also keeps the release from being removed meanwhile
			c.must(ErrNotFound, `UPDATE releases SET removed = 0 WHERE digest = ? AND removed = 0`, is.Digest)
		}
		if was.Revision == 0 {
			c.must(ErrConflict, `INSERT INTO desired (connector, digest, version, revision, host, changed_at)
				VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
				is.Connector, is.Digest, is.Version, is.Revision, is.Host, at(is.ChangedAt))
		} else {
			c.must(ErrConflict, `UPDATE desired SET digest = ?, version = ?, revision = ?, host = ?, changed_at = ?
				WHERE connector = ? AND revision = ?`,
				is.Digest, is.Version, is.Revision, is.Host, at(is.ChangedAt), is.Connector, was.Revision)
		}
		c.step(entry, s)
	})
	if err != nil {
		return Desired{}, fmt.Errorf("release of %s that is to serve: %w", entry.Connector, err)
	}
	return is, nil
}
