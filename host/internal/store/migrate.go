package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// sqliteSchema holds the steps that make a SQLite database: files named by number and
// purpose, applied in order and never altered once released.
//
//go:embed sqlite/*.sql
var sqliteSchema embed.FS

// A migration is one step.
type migration struct {
	version int
	name    string
	script  string
}

// migrate applies the steps that the database has not seen, each in a transaction of
// its own. It refuses a database that has seen steps which are not in files, and one
// that holds tables but no record of steps.
func migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	steps, err := migrations(files)
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if have > len(steps) {
		return newer(have, len(steps))
	}
	for _, step := range steps[have:] {
		if err := step.apply(ctx, db); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	return nil
}

// current fails if the database has not seen just the steps that are in files.
func current(ctx context.Context, db *sql.DB, files fs.FS) error {
	steps, err := migrations(files)
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, db)
	if err == nil && have != len(steps) {
		err = notCurrent(have, len(steps))
	}
	return err
}

func newer(have, known int) error {
	return fmt.Errorf("the database has schema version %d and this program knows %d: use a newer program", have, known)
}

func notCurrent(have, known int) error {
	return fmt.Errorf("the database has schema version %d and this program knows %d: migrate it, or use the program that it belongs to",
		have, known)
}

func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var steps []migration
	for i, path := range names {
		name := path[strings.LastIndexByte(path, '/')+1:]
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", name, i+1)
		}
		script, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{version: version, name: name, script: string(script)})
	}
	return steps, nil
}

// schemaVersion returns the number of steps that the database has seen.
func schemaVersion(ctx context.Context, db *sql.DB) (version int, err error) {
	var tables, ours int
	err = db.QueryRowContext(ctx,
		`SELECT count(*), coalesce(sum(name = 'migrations'), 0) FROM sqlite_schema WHERE type = 'table'`,
	).Scan(&tables, &ours)
	switch {
	case err != nil:
		return 0, fmt.Errorf("reading the database: %w", err)
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, errors.New("the file is a database of something else")
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM migrations`).Scan(&version)
	return version, err
}

func (m migration) apply(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	const record = `CREATE TABLE IF NOT EXISTS migrations (
	  version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)`
	if _, err := tx.ExecContext(ctx, record); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, m.script); err != nil {
		return err
	}
	const seen = `INSERT INTO migrations (version, name) VALUES (?, ?)`
	if _, err := tx.ExecContext(ctx, seen, m.version, m.name); err != nil {
		return err
	}
	return tx.Commit()
}
