package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxTries is how often something is tried on a new connection, or again after a
// conflict with another host.
const maxTries = 4

const beginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

// noteCommit leaves a transaction's number behind, under the name of its host. Whoever
// asks with it waits for a transaction that has not ended, and hears the number of the
// last one that was committed: ask with -1, which changes nothing.
//
// PostgreSQL can tell what became of a transaction by its own number, but after a crash
// it gives the numbers of lost transactions to others. This number is lost with it.
const noteCommit = `INSERT INTO commits (host, number, at) VALUES ($1, $2, $3) ON CONFLICT (host)
	DO UPDATE SET number = greatest(commits.number, excluded.number), at = excluded.at RETURNING number`

// forgetCommits deletes what hosts left behind that ended long ago without a farewell.
const forgetCommits = `DELETE FROM commits WHERE at < $1`

const commitsKept = 30 * 24 * time.Hour

// commit carries out a batch in one transaction. A change that fails is undone alone;
// if the transaction itself fails, so does every change in it.
//
// Most batches have nothing to undo, so it is tried first without keeping changes apart.
// A change is plain data, and can be carried out again.
func (db *postgres) commit(batch []*entry) {
	byOrder(batch)
	err := db.transact(batch, (*delivery).together)
	if errors.Is(err, errUndo) {
		err = db.transact(batch, (*delivery).isolated)
	}
	if errors.Is(err, errConflict) {
		for _, e := range batch {
			e.err = db.commitAlone(e)
		}
		return
	}
	for _, e := range batch {
		if e.err == nil {
			e.err = err
		}
	}
}

// commitAlone carries out one change in a transaction of its own.
func (db *postgres) commitAlone(e *entry) error {
	var err error
	for range maxTries {
		e.err = nil
		err = db.transact([]*entry{e}, (*delivery).together)
		if e.err != nil {
			err = e.err
		}
		if !errors.Is(err, errConflict) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrBusy, err)
}

// errLost says that the transaction ended without effect, with its connection.
var errLost = errors.New("connection was lost")

// transact carries out a batch in a transaction, on another connection if one is lost.
func (db *postgres) transact(batch []*entry, carryOut func(*delivery, []*entry) error) error {
	var err error
	for range maxTries {
		for _, e := range batch {
			e.err = nil
		}
		if err = db.try(batch, carryOut); !errors.Is(err, errLost) {
			return err
		}
		db.pool.Reset() // the others will have died too
	}
	return err
}

// try makes one transaction. errLost is an error after which nothing was changed.
func (db *postgres) try(batch []*entry, carryOut func(*delivery, []*entry) error) error {
	// A batch belongs to many, so no one's context ends it.
	ctx, cancel := context.WithTimeoutCause(context.Background(), db.limits.commit, errSlow)
	defer cancel()
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes one that is inside a transaction
	db.number++
	d := &delivery{db: db, ctx: ctx, conn: conn}
	if err := carryOut(d, batch); err != nil {
		return d.abandon(err)
	}
	if refusedAll(batch) {
		return d.abandon(nil)
	}
	if err := d.callFor(batch); err != nil {
		return d.abandon(err)
	}
	failpoint(beforeCommit)
	tag, err := conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return fmt.Errorf("commit: the database answered %s", tag)
	}
	if err != nil {
		if made, err := d.outcome(err); err != nil || !made {
			return err
		}
	}
	failpoint(afterCommit)
	return nil
}

func refusedAll(batch []*entry) bool {
	for _, e := range batch {
		if e.err == nil {
			return false
		}
	}
	return true
}

// A delivery carries out changes inside one transaction.
type delivery struct {
	db   *postgres
	ctx  context.Context //nolint:containedctx // lives as long as the transaction
	conn *pgxpool.Conn
	open bool // the transaction was begun
}

// abandon undoes the transaction because of err.
func (d *delivery) abandon(err error) error {
	if d.conn.Conn().IsClosed() {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	// If that fails the connection is closed, which does the same.
	_, _ = d.conn.Exec(d.ctx, "ROLLBACK")
	return err
}

// A step is a statement of a change.
type step struct {
	of *entry
	*statement
	first bool // of its change
}

// together carries out the changes as long as nothing has to be undone. The first
// statement of a change may refuse it, so of several changes those go first. A change
// that is alone goes as a whole: if it is refused, there is nothing else to keep.
func (d *delivery) together(batch []*entry) error {
	var firsts, others []step
	for _, e := range batch {
		for i := range e.changes {
			if e.changes[i].job != nil {
				continue
			}
			s := step{of: e, statement: &e.changes[i], first: i == 0}
			if i == 0 || len(batch) == 1 {
				firsts = append(firsts, s)
			} else {
				others = append(others, s)
			}
		}
	}
	if err := d.send(firsts, len(batch) == 1); err != nil {
		return err
	}
	left := others[:0]
	for _, s := range others {
		if s.of.err == nil {
			left = append(left, s)
		}
	}
	return d.send(left, false)
}

// send carries out statements, all in one trip. What refuses a change is its error; any
// other failure is errUndo, unless the change is alone.
func (d *delivery) send(steps []step, alone bool) error {
	batch := &pgx.Batch{}
	begin := !d.open
	if begin {
		batch.Queue(beginWrite)
		batch.Queue(noteCommit, d.db.host, d.db.number, time.Now().UnixMicro())
		d.open = true
	}
	for _, s := range steps {
		batch.Queue(d.db.mark(s.query), written(s.args)...)
	}
	if batch.Len() == 0 {
		return nil
	}
	results := d.conn.SendBatch(d.ctx, batch)
	done, err := d.receive(results, steps, begin, alone)
	if closing := results.Close(); err == nil { // else it reports the same again
		err = d.explain(closing)
	}
	if err == nil {
		return nil
	}
	return d.failed(steps[done:], alone, err)
}

// receive hears how the statements went, up to the first that failed, and returns how
// many those before it were.
func (d *delivery) receive(results pgx.BatchResults, steps []step, begun, alone bool) (done int, err error) {
	if begun {
		for range 2 {
			if _, err := results.Exec(); err != nil {
				return 0, d.explain(err)
			}
		}
	}
	for i, s := range steps {
		tag, err := results.Exec()
		switch {
		case err != nil:
			return i, d.explain(err)
		case s.none == nil || tag.RowsAffected() > 0:
		case s.first && !alone:
			s.of.err = s.none
		default:
			return i, s.none
		}
	}
	return len(steps), nil
}

// failed says what follows from the error of the first of the steps.
func (d *delivery) failed(steps []step, alone bool, err error) error {
	switch {
	case errors.Is(err, errConflict) || errors.Is(err, ErrUnavailable) || d.conn.Conn().IsClosed() || len(steps) == 0:
		return err // the transaction has ended for everybody in it
	case alone:
		steps[0].of.err = err
		return nil
	}
	return errUndo
}

// isolated carries out the changes one by one, each all or nothing.
func (d *delivery) isolated(batch []*entry) error {
	if err := d.send(nil, false); err != nil {
		return err
	}
	for _, e := range batch {
		if err := d.exec(enterChange); err != nil {
			return err
		}
		var steps []step
		for i := range e.changes {
			if e.changes[i].job == nil {
				steps = append(steps, step{of: e, statement: &e.changes[i]})
			}
		}
		if err := d.send(steps, true); err != nil {
			return err
		}
		if e.err != nil {
			if err := d.exec(undoChange); err != nil {
				return err
			}
		}
		if err := d.exec(leaveChange); err != nil {
			return err
		}
	}
	return nil
}

// callFor hands the jobs of the changes that were made to the queue.
func (d *delivery) callFor(batch []*entry) error {
	var jobs []Job
	for _, e := range batch {
		for i := range e.changes {
			if e.err == nil && e.changes[i].job != nil {
				jobs = append(jobs, *e.changes[i].job)
			}
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if err := d.db.queue.InsertPostgres(d.ctx, joined{d.conn.Conn()}, jobs); err != nil {
		return fmt.Errorf("jobs: %w", d.explain(err))
	}
	return nil
}

// joined is a transaction that somebody else has begun and will end.
type joined struct{ *connection }

type connection = pgx.Conn

var errNotHis = errors.New("this transaction is not for its user to begin or end")

// Begin implements [pgx.Tx], and refuses.
func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errNotHis }

// Commit implements [pgx.Tx], and refuses.
func (joined) Commit(context.Context) error { return errNotHis }

// Rollback implements [pgx.Tx], and refuses.
func (joined) Rollback(context.Context) error { return errNotHis }

// LargeObjects implements [pgx.Tx]. They are of no use here.
func (joined) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn implements [pgx.Tx].
func (t joined) Conn() *pgx.Conn { return t.connection }

func (d *delivery) exec(command string) error {
	_, err := d.conn.Exec(d.ctx, command)
	return d.explain(err)
}

func (d *delivery) explain(err error) error { return d.db.explain(d.ctx, d.conn.Conn(), err) }

// outcome finds out whether a transaction was committed whose COMMIT came to a bad end.
// Unless it was, err says why not, or that nobody knows.
func (d *delivery) outcome(failed error) (made bool, err error) {
	told, ok := errors.AsType[*pgconn.PgError](failed)
	if ok && !d.conn.Conn().IsClosed() {
		return false, fmt.Errorf("commit: %w", d.explain(told)) // the server is there, and refused
	}
	d.db.doubt.Store(true)
	defer d.db.doubt.Store(false)
	ctx, cancel := context.WithTimeoutCause(context.Background(), d.db.limits.doubt, errSlow)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		last, err := d.db.lastCommit(ctx)
		switch {
		case err == nil && last == d.db.number:
			return true, nil
		case err == nil:
			return false, fmt.Errorf("%w before it could commit: %w: %w", errLost, ErrUnavailable, failed)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			// Not of the kind of its causes, after which nothing would have been changed.
			return false, fmt.Errorf("%w: committing: %s; and asking what became of it: %s", ErrInDoubt, failed.Error(), err.Error())
		}
	}
}

// lastCommit returns the number of this host's last transaction that was committed. One
// that has not ended is waited for: its host's row is locked until then, and the server
// ends it if nothing more comes.
func (db *postgres) lastCommit(ctx context.Context) (number int64, err error) {
	db.pool.Reset()
	conn, err := db.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	err = conn.QueryRow(ctx, noteCommit, db.host, -1, time.Now().UnixMicro()).Scan(&number)
	return number, err
}
