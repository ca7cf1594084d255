package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// args is a job as River keeps it.
type args struct {
	kind    string
	Subject string `json:"subject"`
	Ref     string `json:"key,omitempty"`
}

// Kind implements [river.JobArgs].
func (a args) Kind() string { return a.kind }

// memory is what a job remembers from one go to the next.
type memory struct {
	Tries int    `json:"tries,omitempty"`
	Error string `json:"error,omitempty"` // of the last go
}

func remembered(raw []byte) (memory, error) {
	var m memory
	if err := json.Unmarshal(raw, &m); err != nil {
		return memory{}, fmt.Errorf("reading what the job remembers: %w", err)
	}
	return m, nil
}

// runConfig is the configuration of a client that does jobs.
func (q *Queue) runConfig() *river.Config {
	c := q.clientConfig()
	c.ID = q.Host + "/" + uuid.NewString()
	c.Workers, c.Queues = river.NewWorkers(), map[string]river.QueueConfig{}
	c.FetchPollInterval, c.FetchCooldown = pollEvery, refillEvery
	c.CompletedJobRetentionPeriod, c.CancelledJobRetentionPeriod = retention, retention
	c.SoftStopTimeout = stopGrace
	c.RetryPolicy = patience{}
	c.ReindexerSchedule = river.NeverSchedule() // rebuilding indexes would hold up payments
	longest := time.Duration(0)
	for _, k := range q.kinds {
		if k.Every > 0 {
			continue
		}
		river.AddWorkerArgs(c.Workers, args{kind: k.Name}, &worker{kind: k, log: q.Logger})
		c.Queues[k.Name] = river.QueueConfig{MaxWorkers: k.Workers}
		longest = max(longest, k.Timeout)
	}
	c.JobTimeout = longest
	c.RescueStuckJobsAfter = longest + rescueMargin
	return c
}

// repeat does the work of a periodic kind until ctx ends. River has periodic jobs too, but
// each costs three commits, and only the host that leads has them done.
func (q *Queue) repeat(ctx context.Context, k Kind) {
	w := &worker{kind: k, log: q.Logger}
	ticker := time.NewTicker(k.Every)
	defer ticker.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, k.Timeout)
		_, err := w.do(once, Job{Kind: k.Name, Subject: k.Name, Since: time.Now()})
		cancel()
		if err != nil && ctx.Err() == nil {
			q.Logger.WarnContext(ctx, "job failed", "kind", k.Name, "subject", k.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// A worker does jobs of one kind.
type worker struct {
	river.WorkerDefaults[args]
	kind Kind
	log  *slog.Logger
}

// Timeout implements [river.Worker].
func (w *worker) Timeout(*river.Job[args]) time.Duration { return w.kind.Timeout }

// Work implements [river.Worker].
func (w *worker) Work(ctx context.Context, row *river.Job[args]) error {
	known, err := remembered(row.Metadata)
	if err != nil {
		return err
	}
	job := Job{Kind: row.Kind, Subject: row.Args.Subject, Key: row.Args.Ref, Tries: known.Tries, Since: row.CreatedAt}
	next, err := w.do(ctx, job)
	if ctx.Err() != nil && err != nil && next.In == 0 && context.Cause(ctx) != context.DeadlineExceeded { //nolint:errorlint // the very one
		return ctx.Err() // the host stops: the job was not done
	}
	if err != nil {
		w.log.WarnContext(ctx, "job failed", "kind", job.Kind, "subject", job.Subject, "tries", job.Tries, "error", err)
		if next.In == 0 {
			next.In = backoff(job.Tries)
		}
	}
	if next.In <= 0 {
		return nil
	}
	if !next.Uncounted {
		known.Tries++
	}
	known.Error = ""
	if err != nil {
		known.Error = clipped(err.Error())
	}
	for name, value := range map[string]any{"tries": known.Tries, "error": known.Error} {
		if err := river.MetadataSet(ctx, name, value); err != nil {
			return err
		}
	}
	return river.JobSnooze(next.In)
}

// do does the work and contains its panic.
func (w *worker) do(ctx context.Context, job Job) (next Next, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			w.log.ErrorContext(ctx, "job panicked", "kind", job.Kind, "subject", job.Subject, "panic", cause, "stack", string(debug.Stack()))
			next, err = Next{}, fmt.Errorf("panicked: %v", cause)
		}
	}()
	return w.kind.Work(ctx, job)
}

// clipped is an error's text, short enough to be kept with a job.
func clipped(text string) string {
	const most = 500
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// backoff is how long to wait after an error for which the work has no wait of its own:
// a second and twice as long each time, at most an hour, and up to a tenth more so that
// what failed together does not come back together.
func backoff(tries int) time.Duration {
	wait := min(time.Second<<min(tries, 12), time.Hour)
	return wait + rand.N(wait/10+1) //nolint:gosec // spreads load, keeps no secret
}

// patience is when what River found failed, such as a dead host's job, is done again.
type patience struct{}

// NextRetry implements [river.ClientRetryPolicy].
func (patience) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(backoff(min(len(job.Errors), 8)))
}
