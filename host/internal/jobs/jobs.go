// Package jobs does later, and again until it is done, what changes to payments call for.
//
// A job is written in the transaction of the change that calls for it ([store.Job]), so
// that there is one if and only if the change was made. It is kept in the store's own
// database and done by whichever host is there then: once at a time, and again after a
// wait if its work says so, however often a host dies in between. What it costs is a few
// small writes, so there are jobs only for what is out of the ordinary or has to happen at
// a later time.
//
// A job's work must bear being done twice: a host may die after the work and before
// writing down that it is done.
//
// The engine is River, which no other package imports. Its tables are beside the store's.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// A Job is a job that is being done.
type Job struct {
	Kind    string
	Subject string
	Key     string
	// Tries is how often its work was done before and is to be done again, not counting
	// what was [Next.Uncounted] and what a dying host cut off.
	Tries int
	// Since is when it was called for, by the database's clock.
	Since time.Time
}

// Next is what is to become of a job once its work was done. The zero Next says that it is
// done for good.
type Next struct {
	In        time.Duration // do it again after this; 0 means never
	Uncounted bool          // what was done does not count as a try
}

// A Work does a job. It must end soon after ctx does. An error is logged with the job's
// kind and subject, and is remembered with the job; an error beside the zero Next has it
// done again, after a second at first and an hour at last. A panic is such an error.
type Work func(ctx context.Context, job Job) (Next, error)

// A Kind is jobs with the same work.
type Kind struct {
	Name    string // lower case letters and hyphens
	Workers int    // how many are done at once by one host
	// Timeout bounds one go at a job: then its ctx ends.
	Timeout time.Duration
	Work    Work
	// Every, unless it is zero, has the work done at this interval on every host, for the
	// first time at the start, and by itself: nothing is kept of it, what it says is next
	// does not count, and there are no other jobs of its kind. The subject is its name.
	Every time.Duration
}

// Config is what a queue works with.
type Config struct {
	Store *store.Store
	// Host is this host's name among those that share the database, the same for every
	// run of it. What an earlier run of it had begun when it died is done again at once.
	// It is not needed where hosts share nothing.
	Host   string
	Logger *slog.Logger
}

// A Queue takes jobs and does them. It is safe for concurrent use.
type Queue struct {
	Config
	db    database
	kinds []Kind
}

// Open brings the tables in the store's database up to date and attaches the queue to the
// store, so that changes may call for jobs. Nothing is done before [Queue.Run].
func Open(ctx context.Context, c Config) (*Queue, error) {
	q := &Queue{Config: c}
	if err := q.openOn(ctx, c.Store.Database()); err != nil {
		return nil, err
	}
	c.Store.Attach(q)
	return q, nil
}

// Migrate brings the tables in a database up to date, as opening a queue does.
func Migrate(ctx context.Context, d store.Database) error {
	q := &Queue{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	return q.openOn(ctx, d)
}

func (q *Queue) openOn(ctx context.Context, d store.Database) (err error) {
	if q.db, err = q.open(d); err != nil {
		return fmt.Errorf("opening the queue of jobs: %w", err)
	}
	if err := q.db.migrate(ctx); err != nil {
		return fmt.Errorf("migrating the queue of jobs: %w", err)
	}
	return nil
}

func (q *Queue) open(d store.Database) (database, error) {
	if d.Postgres != nil {
		return openPostgres(d.Postgres, q.clientConfig())
	}
	if d.Writer != nil {
		return openSQLite(d, q.clientConfig())
	}
	return nil, errors.New("the store works on no database that is known here")
}

// Register says how jobs of a kind are done. It is called before [Queue.Run], with the
// same kinds on every host, at least one of which is not periodic.
func (q *Queue) Register(kinds ...Kind) {
	q.kinds = append(q.kinds, kinds...)
}

// Add writes jobs in a transaction of its own and returns how many there were not yet.
func (q *Queue) Add(ctx context.Context, jobs ...store.Job) (int, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	on, _ := sorted(jobs)
	return q.db.add(ctx, rows(on))
}

const (
	// stopGrace is how long jobs may go on when the host stops, before their context ends.
	stopGrace = time.Second
	// pollEvery is how often each kind is asked for jobs that are due.
	pollEvery = 250 * time.Millisecond
	// refillEvery is how soon the next jobs are fetched while there are more than can be
	// done at once.
	refillEvery = 20 * time.Millisecond
	// retention is how long jobs are kept that are done. Nobody reads them.
	retention = time.Minute
	// rescueMargin is how much longer than any job may take a job has to seem under way
	// before another host takes it to have been a dead one's.
	rescueMargin = time.Minute
	// maxTries is when River gives a job up, which nobody wants.
	maxTries = 30000
)

// clientConfig is the configuration of a client that only inserts.
func (q *Queue) clientConfig() *river.Config {
	return &river.Config{Logger: quiet(q.Logger), MaxAttempts: maxTries, SkipUnknownJobCheck: true}
}

// Run does jobs until ctx ends. It returns when all that was being done has stopped, which
// takes no longer than the work takes to notice.
func (q *Queue) Run(ctx context.Context) error {
	running, err := q.start(ctx)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // it was to end before it had begun
	case err != nil:
		return err
	}
	var periodic sync.WaitGroup
	defer periodic.Wait()
	for _, k := range q.kinds {
		if k.Every > 0 {
			periodic.Go(func() { q.repeat(ctx, k) })
		}
	}
	<-ctx.Done()
	if err := running.Stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stopping jobs: %w", err)
	}
	return nil
}

// startAgain is the wait before another attempt to start.
const startAgain = time.Second

// start starts to work off jobs. A database that is busy or away is tried again until ctx
// ends: payments go on without jobs for a while, and a host that gave up instead would
// take none at all.
func (q *Queue) start(ctx context.Context) (client, error) {
	for {
		started, err := q.db.client(q.runConfig())
		if err != nil {
			return nil, fmt.Errorf("jobs: %w", err)
		}
		if err = q.db.takeOver(ctx, q.Host); err != nil {
			err = fmt.Errorf("taking over jobs of an earlier run: %w", err)
		} else if err = started.Start(context.WithoutCancel(ctx)); err == nil {
			return started, nil
		}
		q.Logger.WarnContext(ctx, "jobs cannot be started yet", "error", err)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(startAgain):
		}
	}
}
