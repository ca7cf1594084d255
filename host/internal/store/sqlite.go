package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"

	driver "modernc.org/sqlite" // also the driver "sqlite"
	codes "modernc.org/sqlite/lib"
)

// How the database is opened. FULL makes every commit wait for the disk. The WAL is
// moved into the database every 4000 pages (16 MB): more often would cost throughput,
// more rarely would make the commit that does it longer.
var (
	writerPragmas = []string{
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(5000)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-65536)",
		"temp_store(MEMORY)", "trusted_schema(0)",
	}
	readerPragmas = []string{
		"query_only(1)", "busy_timeout(5000)", "cache_size(-16384)", "temp_store(MEMORY)", "trusted_schema(0)",
	}
)

// sqlite is a backend in one file, used by one process. One connection writes, in
// groups; others read.
type sqlite struct {
	writer  *prepared
	readers *prepared
	reading chan struct{} // full while as many read as may
	group   *group
	locks   locks
	queue   Queue    // of jobs; nil until one is attached
	owned   *os.File // locked while the database is open
	closed  atomic.Bool
}

// openSQLite opens the file and brings its schema up to date.
func openSQLite(ctx context.Context, path string) (_ *sqlite, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	owned, err := own(path + ".lock")
	if err != nil {
		return nil, err
	}
	db := &sqlite{owned: owned}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.release())
		}
	}()
	if err := private(path); err != nil {
		return nil, err
	}
	if db.writer, err = connect(path, writerPragmas, 1); err != nil {
		return nil, err
	}
	if err := migrate(ctx, db.writer.db, sqliteSchema); err != nil {
		return nil, err
	}
	// Whoever reads holds one connection and may need another to prepare a statement.
	atOnce := max(4, runtime.GOMAXPROCS(0))
	if db.readers, err = connect(path, readerPragmas, 2*atOnce); err != nil {
		return nil, err
	}
	db.reading = make(chan struct{}, atOnce)
	db.group = newGroup(db.commit)
	return db, nil
}

// readSQLite opens the file for reading only, whether a host has it open or not.
func readSQLite(ctx context.Context, path string) (_ *sqlite, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	readers, err := connect(path, readerPragmas, 2)
	if err != nil {
		return nil, err
	}
	if err := current(ctx, readers.db, sqliteSchema); err != nil {
		return nil, errors.Join(err, readers.close())
	}
	return &sqlite{readers: readers, reading: make(chan struct{}, 1)}, nil
}

// versionOfSQLite is the schema version of a file, 0 if there is none.
func versionOfSQLite(ctx context.Context, path string) (version int, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	file, err := connect(path, readerPragmas, 1)
	if err != nil {
		return 0, err
	}
	version, err = schemaVersion(ctx, file.db)
	return version, errors.Join(err, file.close())
}

// own locks a file for this process. The lock ends with the process, however it ends.
func own(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another process has the database open; hosts that share work need PostgreSQL")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return file, nil
}

// private creates the database file for its owner only, before SQLite would create it
// for everybody, and takes others' rights from one that exists. The files that SQLite
// makes beside it follow its mode.
func private(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(narrow(file), file.Close())
}

func narrow(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return file.Chmod(info.Mode().Perm() &^ fs.FileMode(0o077))
}

func connect(path string, pragmas []string, connections int) (*prepared, error) {
	name := url.URL{
		Scheme: "file", OmitHost: true, Path: path,
		RawQuery: url.Values{"_pragma": pragmas, "_txlock": {"deferred"}}.Encode(),
	}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &prepared{db: db}, nil
}

func (db *sqlite) read(ctx context.Context, f func(reader) error) error {
	if db.closed.Load() {
		return ErrClosed
	}
	select {
	case db.reading <- struct{}{}:
		defer func() { <-db.reading }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	tx, err := db.readers.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Nothing was written, so there is nothing that a failing rollback could lose.
	defer func() { _ = tx.Rollback() }()
	return f(view{tx, db.readers})
}

func (db *sqlite) ask(ctx context.Context, questions ...question) error {
	return db.read(ctx, func(q reader) error { return askAll(ctx, q, questions) })
}

func askAll(ctx context.Context, q reader, questions []question) error {
	for i := range questions {
		if err := questions[i].of(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (db *sqlite) change(
	ctx context.Context, lock string, load func() []question, plan func() (changes, error),
) error {
	if db.closed.Load() {
		return ErrClosed
	}
	if lock != "" {
		release, err := db.locks.acquire(ctx, lock)
		if err != nil {
			return fmt.Errorf("change was not started: %w", err)
		}
		defer release()
		// Nobody else changes what the lock protects, so this needs no view of its own.
		// It is short, so it does not watch ctx, which would cost more than the reading.
		if err := askAll(ctx, direct{db.readers}, load()); err != nil {
			return err
		}
	}
	planned, err := plan()
	if err != nil || len(planned) == 0 {
		return err
	}
	return db.group.do(ctx, planned)
}

// commit carries out a batch in one transaction. A change that fails is undone alone;
// if the transaction itself fails, so does every change in it.
//
// Most batches have nothing to undo, so it is tried without the savepoints that undoing
// one change would need: they cost a tenth of the time. A change is plain data, and can
// be carried out again.
func (db *sqlite) commit(batch []*entry) {
	err := db.transact(batch, (*execution).straight)
	if errors.Is(err, errUndo) {
		err = db.transact(batch, (*execution).isolated)
	}
	for _, e := range batch {
		if e.err == nil {
			e.err = err
		}
		e.err = unwritable(e.err)
	}
}

// unwritable adds to an error that the disk is full, or does not do what it should, what
// that means to callers.
func unwritable(err error) error {
	failed, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	switch failed.Code() & 0xff { // the rest says which way
	case codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func (db *sqlite) transact(batch []*entry, carryOut func(*execution, changes) (refused, lost error)) error {
	run := newExecution(db.writer)
	if err := run.prepare(batch); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	tx, err := db.writer.db.BeginTx(run.ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// A no-op after the commit.
	defer func() { _ = tx.Rollback() }()
	run.tx = tx
	for _, e := range batch {
		if e.err, err = carryOut(run, e.changes); err != nil {
			return fmt.Errorf("transaction was lost: %w", err)
		}
	}
	if len(run.jobs) > 0 {
		if err := db.queue.InsertSQLite(run.ctx, tx, run.jobs); err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
	}
	failpoint(beforeCommit)
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	failpoint(afterCommit)
	return nil
}

func (db *sqlite) attach(q Queue) { db.queue = q }

func (db *sqlite) database() Database {
	return Database{Writer: db.writer.db, Readers: db.readers.db}
}

func (db *sqlite) close(ctx context.Context) error {
	if db.group != nil {
		if err := db.group.close(ctx); err != nil {
			return err
		}
	}
	if db.closed.Swap(true) {
		return nil
	}
	return db.release()
}

// release closes what was opened. Readers go first, so that the writer's connection is
// the last and leaves no WAL behind.
func (db *sqlite) release() error {
	failed := errors.Join(db.readers.close(), db.writer.close())
	if db.owned != nil {
		failed = errors.Join(failed, db.owned.Close())
	}
	return failed
}
