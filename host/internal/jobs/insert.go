package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// InsertSQLite implements [store.Queue].
func (q *Queue) InsertSQLite(ctx context.Context, tx *sql.Tx, jobs []store.Job) error {
	on, off := sorted(jobs)
	return q.db.insert(ctx, tx, rows(on), off)
}

// InsertPostgres implements [store.Queue].
func (q *Queue) InsertPostgres(ctx context.Context, tx pgx.Tx, jobs []store.Job) error {
	on, off := sorted(jobs)
	return q.db.insert(ctx, tx, rows(on), off)
}

// live are the states of a job that waits or is being done.
var live = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// options are how a job of a kind is kept. Each kind has a queue of its own, so that none
// keeps another's workers busy.
func options(kind string) *river.InsertOpts {
	return &river.InsertOpts{Queue: kind, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: live}}
}

// sorted says what the jobs of one transaction, in their order, come to: those to be
// written, each once, and those to be taken back before that. Of equal ones, of which River
// takes no two at once, the one that is due first counts.
func sorted(jobs []store.Job) (on, off []store.Job) {
	type name struct{ kind, subject, key string }
	written := make(map[name]int, len(jobs))
	gone := make(map[name]bool)
	for _, job := range jobs {
		n := name{job.Kind, job.Subject, job.Key}
		i, known := written[n]
		switch {
		case job.Off:
			if known {
				on[i].Off = true // to be left out
				delete(written, n)
			}
			if !gone[n] {
				gone[n] = true
				off = append(off, job)
			}
		case !known:
			written[n] = len(on)
			on = append(on, job)
		case job.Due.Before(on[i].Due):
			on[i].Due = job.Due
		}
	}
	return slices.DeleteFunc(on, func(j store.Job) bool { return j.Off }), off
}

// rows are jobs as River takes them.
func rows(jobs []store.Job) []river.InsertManyParams {
	list := make([]river.InsertManyParams, len(jobs))
	for i, job := range jobs {
		o := options(job.Kind)
		o.ScheduledAt = job.Due
		list[i] = river.InsertManyParams{Args: args{kind: job.Kind, Subject: job.Subject, Ref: job.Key}, InsertOpts: o}
	}
	return list
}

// named are the jobs as a database's query takes them.
func named(jobs []store.Job) ([]byte, error) {
	type name struct {
		Kind    string `json:"kind"`
		Subject string `json:"subject"`
		Key     string `json:"key"`
	}
	list := make([]name, len(jobs))
	for i, job := range jobs {
		list[i] = name{job.Kind, job.Subject, job.Key}
	}
	return json.Marshal(list)
}

// soon is how near a job's time must be for River's own scheduler to be too slow for it.
const soon = 5 * time.Second

// near makes jobs available that are due within the given time: nothing is taken before
// its time, and moving them then is spared. Zero means any time.
func near(within time.Duration) river.HookInsertBeginFunc {
	return func(_ context.Context, p *rivertype.JobInsertParams) error {
		if p.State == rivertype.JobStateScheduled && (within == 0 || time.Until(*p.ScheduledAt) <= within) {
			p.State = rivertype.JobStateAvailable
		}
		return nil
	}
}
