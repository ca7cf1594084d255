// Package jobstest is a queue of jobs for tests: it is in memory and goes by a clock that
// the test moves. What it is told in a transaction it believes, committed or not.
package jobstest

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// A Queue keeps jobs until they are done. It is safe for concurrent use.
type Queue struct {
	now   func() time.Time
	mu    sync.Mutex
	jobs  []kept
	kinds map[string]jobs.Kind
}

type kept struct {
	store.Job
	since time.Time
	tries int
}

// New returns a queue that goes by the given clock, attached to the store.
func New(s *store.Store, now func() time.Time) *Queue {
	q := &Queue{now: now, kinds: map[string]jobs.Kind{}}
	s.Attach(q)
	return q
}

// Register says how jobs of a kind are done.
func (q *Queue) Register(kinds ...jobs.Kind) {
	for _, k := range kinds {
		q.kinds[k.Name] = k
	}
}

// InsertSQLite implements [store.Queue].
func (q *Queue) InsertSQLite(ctx context.Context, _ *sql.Tx, list []store.Job) error {
	_, err := q.Add(ctx, list...)
	return err
}

// InsertPostgres implements [store.Queue].
func (q *Queue) InsertPostgres(ctx context.Context, _ pgx.Tx, list []store.Job) error {
	_, err := q.Add(ctx, list...)
	return err
}

// Add keeps the jobs that are not there yet and returns how many those were.
func (q *Queue) Add(_ context.Context, list ...store.Job) (added int, _ error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, job := range list {
		if job.Off {
			q.jobs = slices.DeleteFunc(q.jobs, func(k kept) bool {
				return k.Kind == job.Kind && k.Subject == job.Subject && k.Key == job.Key
			})
			continue
		}
		if slices.ContainsFunc(q.jobs, func(k kept) bool {
			return k.Kind == job.Kind && k.Subject == job.Subject && k.Key == job.Key
		}) {
			continue
		}
		q.jobs = append(q.jobs, kept{Job: job, since: q.now()})
		added++
	}
	return added, nil
}

// Without returns the subjects that have no job of the kind.
func (q *Queue) Without(_ context.Context, kind string, subjects []string) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(subjects), func(subject string) bool {
		return slices.ContainsFunc(q.jobs, func(k kept) bool { return k.Kind == kind && k.Subject == subject })
	}), nil
}

// Waiting lists the jobs there are for a subject, those due first first.
func (q *Queue) Waiting(_ context.Context, subject string) ([]jobs.Waiting, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var list []jobs.Waiting
	for _, k := range q.jobs {
		if k.Subject == subject {
			list = append(list, jobs.Waiting{Kind: k.Kind, Due: k.Due, Tries: k.tries})
		}
	}
	slices.SortFunc(list, func(a, b jobs.Waiting) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Kind, b.Kind)) })
	return list, nil
}

// Work does what is due, including what that calls for, and everything periodic once. It
// returns the errors of the work.
func (q *Queue) Work(ctx context.Context) []error {
	var failed []error
	for _, k := range q.kinds {
		if k.Every > 0 {
			_, err := k.Work(ctx, jobs.Job{Kind: k.Name, Subject: k.Name})
			failed = append(failed, err)
		}
	}
	for job, ok := q.take(); ok; job, ok = q.take() {
		next, err := q.kinds[job.Kind].Work(ctx, jobs.Job{
			Kind: job.Kind, Subject: job.Subject, Key: job.Key, Tries: job.tries, Since: job.since,
		})
		failed = append(failed, err)
		if err != nil && next.In == 0 {
			next.In = time.Second
		}
		if next.In == 0 {
			continue
		}
		if !next.Uncounted {
			job.tries++
		}
		job.Due = q.now().Add(next.In)
		q.mu.Lock()
		q.jobs = append(q.jobs, job)
		q.mu.Unlock()
	}
	return slices.DeleteFunc(failed, func(err error) bool { return err == nil })
}

// take takes a job that is due out of the queue.
func (q *Queue) take() (kept, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, k := range q.jobs {
		if _, known := q.kinds[k.Kind]; known && !k.Due.After(q.now()) {
			q.jobs = slices.Delete(q.jobs, i, i+1)
			return k, true
		}
	}
	return kept{}, false
}
