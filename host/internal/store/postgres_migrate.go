package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresSchema holds the steps that make a PostgreSQL database. They have the numbers
// of those in sqliteSchema.
//
//go:embed postgres/*.sql
var postgresSchema embed.FS

// migrating is the number under which the migrations of a database exclude each other.
const migrating = 20261123

// migratePostgres applies the steps that the schema has not seen, all in one
// transaction. Of many hosts that start at once, one does it and the others wait. The
// schema is the first in the connection's search_path. It returns how many steps the
// schema had seen before, and has now.
//
// It refuses a schema that has seen steps which are not in files, and one that holds
// tables of somebody else.
func migratePostgres(ctx context.Context, db *postgres, files fs.FS) (from, to int, err error) {
	steps, err := migrations(files)
	if err != nil {
		return 0, 0, err
	}
	conn, err := db.acquire(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Release()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Others wait for us here, and building an index takes as long as it takes.
		const patience = `SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = 0`
		if _, err := tx.Exec(ctx, patience); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))`, migrating); err != nil {
			return err
		}
		if from, err = postgresVersion(ctx, tx); err != nil {
			return err
		}
		if from > len(steps) {
			return newer(from, len(steps))
		}
		for _, step := range steps[from:] {
			if err := step.applyPostgres(ctx, tx); err != nil {
				return fmt.Errorf("migration %s: %w", step.name, err)
			}
		}
		if len(steps) > 0 {
			_, err = tx.Exec(ctx, forgetCommits, time.Now().Add(-commitsKept).UnixMicro())
		}
		return err
	})
	return from, len(steps), db.explain(ctx, conn.Conn(), err)
}

// currentPostgres fails if the schema has not seen just the steps that are in files.
func currentPostgres(ctx context.Context, db *postgres, files fs.FS) error {
	steps, err := migrations(files)
	if err != nil {
		return err
	}
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	have, err := postgresVersion(ctx, conn)
	if err == nil && have != len(steps) {
		err = notCurrent(have, len(steps))
	}
	return db.explain(ctx, conn.Conn(), err)
}

// postgresVersion returns the number of steps that the schema has seen.
func postgresVersion(ctx context.Context, q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}) (version int, err error) {
	var schema *string
	var tables, ours int
	err = q.QueryRow(ctx, `SELECT current_schema(), count(c.oid),
		count(c.oid) FILTER (WHERE c.relname IN ('migrations', 'payments', 'meta'))
		FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm')
		WHERE n.nspname = current_schema()`).Scan(&schema, &tables, &ours)
	switch {
	case err != nil:
		return 0, fmt.Errorf("reading the database: %w", err)
	case schema == nil:
		return 0, errors.New("there is no schema to work in: create the one that search_path names")
	case tables == 0:
		return 0, nil
	case ours != 3:
		return 0, fmt.Errorf("schema %s is a database of something else: use an empty one", *schema)
	}
	err = q.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM migrations`).Scan(&version)
	return version, err
}

func (m migration) applyPostgres(ctx context.Context, tx pgx.Tx) error {
	const record = `CREATE TABLE IF NOT EXISTS migrations (
	  version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())`
	if _, err := tx.Exec(ctx, record); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, m.script); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO migrations (version, name) VALUES ($1, $2)`, m.version, m.name)
	return err
}
