package store

import (
	"context"
	"errors"
)

// A backend is a database in its own manner of locking and committing.
type backend interface {
	// ask has questions answered in their order, all on one unchanging view of the database
	// and, if that is far away, in one trip. It ends when ctx does.
	ask(ctx context.Context, questions ...question) error
	// read is ask for those whose next question depends on the last answer.
	read(ctx context.Context, f func(reader) error) error
	// change makes one change, durable when it returns. Changes under the same lock
	// come one after the other; an empty lock excludes nobody. What load asks is answered
	// on one view, and then plan, which reads nothing, says what the change is: nothing, if
	// there is nothing to change. Once plan has answered and the change was started, the end
	// of ctx does not stop it. An error of an answer or of plan is returned as it is, and
	// nothing is changed.
	//
	// Hosts that share a database do not exclude each other: if a statement of the change
	// fails with errStale, load and plan run again. So load must set anew all that its
	// answers set, and plan must not build on what it did before.
	change(ctx context.Context, lock string, load func() []question, plan func() (changes, error)) error
	// attach gives the queue that takes the jobs of changes. It comes before the first
	// change that has some.
	attach(q Queue)
	// database is what [Store.Database] gives.
	database() Database
	// close waits, as long as ctx allows, for the changes that were started.
	close(ctx context.Context) error
}

// A reader asks questions of one view of the database. Queries mark their parameters
// with "?".
type reader interface {
	query(ctx context.Context, query string, args ...any) (rows, error)
	// once is query for a query text that will hardly come again.
	once(ctx context.Context, query string, args ...any) (rows, error)
	// using is what a query says behind a table to have it read by one index and no
	// other, or by its number alone if there is none. A database that chooses well by
	// itself need not be told.
	using(index string) string
}

// A question is a query of a fixed text, which marks its parameters with "?", and what
// takes the rows of the answer, one after the other.
type question struct {
	query string
	args  []any
	scan  func(row) error
	must  bool // no row is ErrNotFound
}

// of has a reader answer the question.
func (a *question) of(ctx context.Context, q reader) error {
	return a.answered(q.query(ctx, a.query, a.args...))
}

// answered takes the answer.
func (a *question) answered(rows rows, err error) error {
	if a.must {
		return one(rows, err, a.scan)
	}
	return each(rows, err, a.scan)
}

// changes is what a change consists of: plain data, to be executed in order, all or
// nothing. It runs no code of a caller, so it can neither panic nor wait.
type changes []statement

// A statement is one step of a change: SQL, or a job that the change calls for.
type statement struct {
	query string
	args  []any
	// none is the error if the statement touches no row; nil if that is fine.
	none error
	// job, unless it is nil, is all there is to the statement. It is collected, and handed
	// to the queue with those of the whole batch just before the commit.
	job *Job
}

// Errors that a statement which touched no row stands for.
var (
	errKeyTaken = errors.New("idempotency key is taken")
	errStale    = errors.New("payment was changed by somebody who does not hold its lock")
)

// nothing is what a change asks that needs no reading.
func nothing() []question { return nil }

// each hands every row of a query to scan, and closes the rows.
func each(rows rows, err error, scan func(row) error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// one hands the only row of a query to scan; no row is [ErrNotFound].
func one(rows rows, err error, scan func(row) error) error {
	found := false
	err = each(rows, err, func(r row) error {
		found = true
		return scan(r)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// rows are the answer to a query, to be read once and closed.
type rows interface {
	row
	Next() bool
	Err() error
	Close() error
}

// A row is what can be scanned.
type row interface{ Scan(dest ...any) error }
