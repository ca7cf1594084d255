package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	rand2 "math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// limits bound what a PostgreSQL database may keep its callers waiting for.
type limits struct {
	connect   time.Duration // one attempt to reach a server
	statement time.Duration // one statement, by the server's own clock
	acquire   time.Duration // a connection of the pool, or a place among the readers
	read      time.Duration // one read, whatever it reads
	commit    time.Duration // one transaction of the group
	idle      time.Duration // by the server's clock: a host that holds rows and says nothing
	doubt     time.Duration // finding out what became of a COMMIT
}

// hostLimits suit a host: a healthy database needs a thousandth of them. A transaction
// of a host that fell silent ends before another gives up waiting for its rows.
var hostLimits = limits{
	connect: 5 * time.Second, statement: 12 * time.Second, acquire: 10 * time.Second, read: 20 * time.Second,
	commit: 20 * time.Second, idle: 8 * time.Second, doubt: 40 * time.Second,
}

// inspectLimits suit somebody who reads everything.
var inspectLimits = limits{
	connect: 5 * time.Second, statement: time.Hour, acquire: 10 * time.Second, read: 24 * time.Hour,
	commit: time.Minute, idle: time.Hour, doubt: time.Minute,
}

// A change that another host was quicker with is planned again after a moment, so often.
const (
	maxAttempts = 60
	maxPause    = 40 * time.Millisecond
)

// postgres is a backend in a PostgreSQL database that several hosts share. No lock is
// held while a change is planned: the version of what was read is part of the change,
// and if another host was quicker it is planned again. Changes of one process go into
// the database in groups, one transaction after the other, each in a single pipeline.
type postgres struct {
	pool    *pgxpool.Pool
	side    *pgxpool.Pool // for the queue, which must not take the connections of changes
	queue   Queue         // of jobs; nil until one is attached
	limits  limits
	reading chan struct{} // full while as many read as may
	group   *group
	locks   locks
	marked  sync.Map    // query text to the same with this database's parameter marks
	host    string      // names this opening of the database in the table commits
	number  int64       // of the last transaction; the group's leader alone uses it
	doubt   atomic.Bool // the end of a transaction is unknown, so no work is taken

	closing sync.Mutex
	closed  atomic.Bool
	drained int // of reading, when closing
}

// openPostgres connects to the database and brings its schema up to date.
func openPostgres(ctx context.Context, url string, within limits) (_ *postgres, err error) {
	db, err := dialPostgres(ctx, url, within)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			db.pool.Close()
		}
	}()
	if _, _, err = migratePostgres(ctx, db, postgresSchema); err != nil {
		return nil, err
	}
	if err = db.durable(ctx); err != nil {
		return nil, err
	}
	// It is checked by the queue's first use.
	side := db.pool.Config()
	side.MaxConns = sideConnections
	if db.side, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), side); err != nil {
		return nil, err
	}
	db.group = newGroup(db.commit)
	return db, nil
}

// sideConnections are for the queue: one listens, the others fetch and complete jobs.
const sideConnections = 8

func (db *postgres) attach(q Queue) { db.queue = q }

func (db *postgres) database() Database { return Database{Postgres: db.side} }

// readPostgres connects to the database for reading only.
func readPostgres(ctx context.Context, url string) (*postgres, error) {
	db, err := dialPostgres(ctx, url, inspectLimits)
	if err != nil {
		return nil, err
	}
	if err := currentPostgres(ctx, db, postgresSchema); err != nil {
		db.pool.Close()
		return nil, err
	}
	return db, nil
}

// dialPostgres makes the pool and its first connection.
func dialPostgres(ctx context.Context, url string, within limits) (*postgres, error) {
	config, err := postgresConfig(url, within)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	db := &postgres{pool: pool, limits: within, host: rand.Text()}
	// Two connections are left for the group: to write, and to ask what became of it.
	db.reading = make(chan struct{}, max(1, int(config.MaxConns)-2))
	conn, err := db.acquire(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	conn.Release()
	return db, nil
}

// postgresConfig reads the URL. What it says of limits stands; its errors do not say
// what the URL is, which may hold a password.
func postgresConfig(url string, within limits) (*pgxpool.Config, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("not the URL of a PostgreSQL database, such as postgres://user@host:5432/database")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// Its text quotes the URL, and where that is malformed the password with it.
		return nil, errors.New("malformed URL: it must be like postgres://user@host:5432/database?sslmode=verify-full, " +
			"with special characters in names and passwords percent-encoded")
	}
	if !strings.Contains(url, "pool_max_conns=") {
		config.MaxConns = int32(max(8, 2*runtime.GOMAXPROCS(0))) + 2 //nolint:gosec // a small number
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 || c.ConnectTimeout > within.connect {
		c.ConnectTimeout = within.connect
	}
	if c.ValidateConnect == nil { // a standby would refuse every change
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range map[string]string{
		"application_name":                    "connectord",
		"statement_timeout":                   milliseconds(within.statement),
		"lock_timeout":                        milliseconds(within.statement),
		"idle_in_transaction_session_timeout": milliseconds(within.idle),
		// There is an index for every question. Whether much or little satisfies a criterion
		// is found out by counting (see search), so the server must not count on finding it
		// soon by reading a table from its beginning; nor compile short queries.
		"enable_seqscan": "off",
		"jit":            "off",
	} {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// Whatever the server's default is, a commit waits for the disk at least.
		_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
			WHERE current_setting('synchronous_commit') = 'off'`)
		return err
	}
	return config, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// durable refuses a server that does not wait for its disk.
func (db *postgres) durable(ctx context.Context) error {
	var fsync string
	err := db.ask(ctx, question{
		query: `SELECT current_setting('fsync')`, must: true,
		scan: func(r row) error { return r.Scan(&fsync) },
	})
	if err == nil && fsync != "on" {
		err = errors.New("the server has fsync switched off, and would lose payments: switch it on")
	}
	return err
}

// acquire takes a connection, within the limits.
func (db *postgres) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, db.limits.acquire, errNoConnection)
	defer cancel()
	conn, err := db.pool.Acquire(ctx)
	if err == nil {
		return conn, nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errNoConnection) {
		return nil, cause
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

var (
	errNoConnection = errors.New("no connection was free in time")
	errSlow         = errors.New("the answer did not come in time")
)

// admit waits for a place among those who read, gives reading so much time, and returns
// what ends it.
func (db *postgres) admit(ctx context.Context) (context.Context, func(), error) {
	if db.closed.Load() {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithTimeoutCause(ctx, db.limits.read, errSlow)
	patience := time.NewTimer(db.limits.acquire)
	defer patience.Stop()
	select {
	case db.reading <- struct{}{}:
		return ctx, func() { <-db.reading; cancel() }, nil
	case <-patience.C:
		cancel()
		return nil, nil, ErrBusy
	case <-ctx.Done():
		defer cancel()
		return nil, nil, context.Cause(ctx)
	}
}

func (db *postgres) ask(ctx context.Context, questions ...question) error {
	if len(questions) == 0 {
		return nil
	}
	ctx, leave, err := db.admit(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return db.answer(ctx, questions)
}

func (db *postgres) read(ctx context.Context, f func(reader) error) error {
	ctx, leave, err := db.admit(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s := &sight{db: db, ctx: ctx}
	defer s.end()
	return f(s)
}

func (db *postgres) change(
	ctx context.Context, lock string, load func() []question, plan func() (changes, error),
) error {
	if lock != "" {
		release, err := db.locks.acquire(ctx, lock)
		if err != nil {
			return fmt.Errorf("change was not started: %w", err)
		}
		defer release()
	}
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, lock, load, plan)
		switch {
		case !errors.Is(err, errStale):
			return err
		case attempt == maxAttempts:
			return fmt.Errorf("%w: other hosts were quicker %d times: %w", ErrBusy, attempt, err)
		}
		pause := min(time.Millisecond<<min(attempt, 16), maxPause)
		select {
		case <-time.After(rand2.N(pause)):
		case <-ctx.Done():
			return fmt.Errorf("change was not started: %w", context.Cause(ctx))
		}
	}
}

// attempt makes a change unless somebody else was quicker, which is errStale.
func (db *postgres) attempt(
	ctx context.Context, lock string, load func() []question, plan func() (changes, error),
) error {
	if db.closed.Load() {
		return ErrClosed
	}
	if db.doubt.Load() {
		return fmt.Errorf("%w: it is being found out what became of the last transaction", ErrUnavailable)
	}
	if lock != "" {
		if err := db.ask(ctx, load()...); err != nil {
			return err
		}
	}
	planned, err := plan()
	if err != nil || len(planned) == 0 {
		return err
	}
	if err := planned.flaw(); err != nil {
		return err
	}
	return db.group.submit(ctx, &entry{changes: planned, order: cmp.Or(lock, planned.order())})
}

// order is by what a change without a lock is put into the order of its group, so that
// hosts who touch the same rows do so in the same order: its first words.
func (c changes) order() string {
	var words []string
	for i := range c[:min(len(c), 1)] {
		for _, arg := range c[i].args {
			if word, ok := arg.(string); ok && len(words) < 3 {
				words = append(words, word)
			}
		}
	}
	return strings.Join(words, "\x00")
}

func byOrder(batch []*entry) {
	slices.SortStableFunc(batch, func(a, b *entry) int { return strings.Compare(a.order, b.order) })
}

func (db *postgres) close(ctx context.Context) error {
	db.closing.Lock()
	defer db.closing.Unlock()
	if db.group != nil {
		if err := db.group.close(ctx); err != nil {
			return err
		}
	}
	db.closed.Store(true)
	// Whoever reads has a place, so when all places are taken nobody does.
	for ; db.drained < cap(db.reading); db.drained++ {
		select {
		case db.reading <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("reads are still under way: %w", context.Cause(ctx))
		}
	}
	if db.side != nil {
		db.side.Close()
		db.side = nil
	}
	if db.pool != nil {
		db.forget(ctx)
		db.pool.Close()
		db.pool = nil
	}
	return nil
}

// forget deletes this host's row in the table commits. It is a courtesy: a row that
// stays is deleted by those who come later.
func (db *postgres) forget(ctx context.Context) {
	if db.number == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, db.limits.acquire)
	defer cancel()
	_, _ = db.pool.Exec(ctx, `DELETE FROM commits WHERE host = $1`, db.host)
}
