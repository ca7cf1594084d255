package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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

// quiet is a logger that leaves out what River tells in passing, and what it tells again
// and again: while a database is away, each kind's fetching fails several times a second.
func quiet(l *slog.Logger) *slog.Logger {
	return slog.New(atLeastWarn{l.Handler(), &said{at: map[string]time.Time{}}})
}

type atLeastWarn struct {
	slog.Handler
	said *said
}

// again is how long a message is not repeated.
const again = 10 * time.Second

// said is when each message was logged last. There are a few dozen of them.
type said struct {
	mu sync.Mutex
	at map[string]time.Time
}

// lately reports whether a message was logged a moment ago; if not, it is now.
func (s *said) lately(message string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.at[message]; ok && now.Sub(last) < again {
		return true
	}
	s.at[message] = now
	return false
}

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
	if stopped || h.said.lately(r.Message, r.Time) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h atLeastWarn) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(attrs), h.said}
}

// WithGroup implements [slog.Handler].
func (h atLeastWarn) WithGroup(name string) slog.Handler {
	return atLeastWarn{h.Handler.WithGroup(name), h.said}
}

// migrateBound is how long bringing the tables up to date may take.
const migrateBound = time.Minute
