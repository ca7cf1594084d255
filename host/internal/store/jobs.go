package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Job is work to be done later, by whichever host is there then. It is written in the
// transaction of the change that calls for it.
//
// Of jobs of one kind with one subject and key, at most one waits or is being done at any
// time: another one is dropped without an error.
type Job struct {
	Kind    string    // what is to be done, such as "settle"
	Subject string    // what it is to be done with, such as a payment's id
	Key     string    // tells jobs of one kind and subject apart; mostly empty
	Due     time.Time // not before this; zero means at once
	// Off takes the job back that was called for before, unless it is being done. There
	// need not be one.
	Off bool
}

// maxJobWord is how long each word of a job may be, in bytes.
const maxJobWord = 128

// check refuses a job that no queue could take, before it can hold up a whole batch.
func (j Job) check() error {
	switch {
	case j.Kind == "" || j.Subject == "":
		return fmt.Errorf("job %q of %q: must have a kind and a subject", j.Kind, j.Subject)
	case max(len(j.Kind), len(j.Subject), len(j.Key)) > maxJobWord:
		return fmt.Errorf("job %.40q of %.40q: a word is longer than %d bytes", j.Kind, j.Subject, maxJobWord)
	}
	for _, word := range []string{j.Kind, j.Subject, j.Key} {
		for _, c := range []byte(word) {
			if c < ' ' || c > '~' {
				return fmt.Errorf("job %q of %q: must be plain ASCII", j.Kind, j.Subject)
			}
		}
	}
	return nil
}

// A Queue keeps jobs in the store's own database. The store hands it the jobs of a whole
// transaction at once, just before it commits. What the queue returns as an error undoes
// every change in the transaction. It must use nothing but the transaction, which may
// hold the only connection there is.
type Queue interface {
	InsertSQLite(ctx context.Context, tx *sql.Tx, jobs []Job) error
	InsertPostgres(ctx context.Context, tx pgx.Tx, jobs []Job) error
}

// A Database is what a store works on, for the queue that keeps its tables beside the
// store's. It is closed with the store. Either the first two or the last are set.
type Database struct {
	// Writer has one connection, on which every change is made. Whoever holds it keeps
	// all changes waiting, so nobody may ask for it while he has it.
	Writer *sql.DB
	// Readers can change nothing.
	Readers *sql.DB

	Postgres *pgxpool.Pool
}

// errNoQueue says that nobody takes jobs.
var errNoQueue = errors.New("the change calls for a job, and no queue is attached to the store")

// Attach gives the queue in which the jobs of changes are kept. Until there is one, a
// change that calls for a job fails. It is called once, before the store is used by
// others.
func (s *Store) Attach(q Queue) {
	s.db.attach(q)
	s.queued.Store(true)
}

// Database is what the store works on.
func (s *Store) Database() Database { return s.db.database() }

// Shared reports whether other hosts may work on the same database at the same time.
func (s *Store) Shared() bool {
	return s.db.database().Postgres != nil
}

// Enqueue makes a change that consists of jobs alone.
func (s *Store) Enqueue(ctx context.Context, jobs ...Job) error {
	if len(jobs) == 0 {
		return nil
	}
	err := s.db.change(ctx, "", nothing, func() (changes, error) {
		var c changes
		return c, s.callFor(&c, jobs)
	})
	if err != nil {
		return fmt.Errorf("enqueueing %s: %w", jobs[0].Kind, err)
	}
	return nil
}

// callFor adds the jobs that a change calls for. They are its last steps.
func (s *Store) callFor(c *changes, jobs []Job) error {
	if len(jobs) > 0 && !s.queued.Load() {
		return errNoQueue
	}
	for _, job := range jobs {
		if err := job.check(); err != nil {
			return err
		}
		*c = append(*c, statement{job: &job})
	}
	return nil
}
