package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// A database is where jobs are kept.
type database interface {
	// migrate brings the tables up to date.
	migrate(ctx context.Context) error
	// takeOver makes jobs due that a run of this host had begun when it died.
	takeOver(ctx context.Context, host string) error
	// insert takes jobs back and then writes others, those that are not there already, in a
	// transaction of the store.
	insert(ctx context.Context, tx any, on []river.InsertManyParams, off []store.Job) error
	// add writes jobs and returns how many were not there already.
	add(ctx context.Context, jobs []river.InsertManyParams) (int, error)
	// client makes a client that does jobs.
	client(c *river.Config) (client, error)
	// ask reads: the answer is one JSON array.
	ask(ctx context.Context, query string, arg string) ([]byte, error)
	// waiting, cared and counts are the queries for what their namesakes tell.
	waiting() string
	cared() string
	counts() string
}

// A client is a River client that does jobs.
type client interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

var errOtherTransaction = errors.New("jobs: not a transaction of the database that the queue is in")

// quiet is a logger that leaves out what River tells in passing.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{l.Handler()}) }

type atLeastWarn struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler]. What was cut off because the host stops is no news.
func (h atLeastWarn) Handle(ctx context.Context, r slog.Record) error {
	stopped := false
	r.Attrs(func(a slog.Attr) bool {
		stopped = stopped || strings.HasSuffix(a.Value.String(), context.Canceled.Error())
		return !stopped
	})
	if stopped {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h atLeastWarn) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h atLeastWarn) WithGroup(name string) slog.Handler {
	return atLeastWarn{h.Handler.WithGroup(name)}
}

// migrateBound is how long bringing the tables up to date may take.
const migrateBound = time.Minute
