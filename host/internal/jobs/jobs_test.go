package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

// patience is for what must happen and takes as long as the machine takes.
const patience = 3 * time.Minute

// A place is a database that can be opened again and again, as by one host after another.
type place struct {
	t    *testing.T
	open func() *store.Store
}

func onSQLite(t *testing.T) place {
	dir := t.TempDir()
	return place{t, func() *store.Store {
		t.Helper()
		key, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}}
}

func onPostgres(t *testing.T) place { return onPostgresAt(t, pgtest.Database(t)) }

func onPostgresAt(t *testing.T, url string) place {
	key, err := store.LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return place{t, func() *store.Store {
		t.Helper()
		s, err := store.OpenPostgres(t.Context(), url, key, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}}
}

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgres(t))
	})
}

// A host is a queue that runs on a store of its own.
type host struct {
	*jobs.Queue
	t     *testing.T
	store *store.Store
	end   func()
	tried atomic.Bool // to do jobs, and could not
}

// Handle takes note of what the queue logs.
func (h *host) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "jobs cannot be started yet" {
		h.tried.Store(true)
	}
	return nil
}

func (h *host) Enabled(context.Context, slog.Level) bool { return true }
func (h *host) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *host) WithGroup(string) slog.Handler            { return h }

// host opens the database as a host of the given name, without doing jobs.
func (p place) host(name string) *host {
	p.t.Helper()
	h := &host{t: p.t, store: p.open(), end: func() {}}
	var err error
	h.Queue, err = jobs.Open(p.t.Context(), jobs.Config{Store: h.store, Host: name, Logger: slog.New(h)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(h.close)
	return h
}

// run does jobs until the test ends or the host is stopped.
func (h *host) run(kinds ...jobs.Kind) *host {
	h.t.Helper()
	h.Register(kinds...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.end = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	})
	return h
}

func (h *host) close() {
	h.end()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.store.Close(ctx); err != nil {
		h.t.Error(err)
	}
}

func (h *host) enqueue(list ...store.Job) {
	h.t.Helper()
	if err := h.store.Enqueue(h.t.Context(), list...); err != nil {
		h.t.Fatal(err)
	}
}

// A record keeps what was done.
type record struct {
	mu   sync.Mutex
	done []jobs.Job
}

func (r *record) add(j jobs.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, j)
}

func (r *record) subjects() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, len(r.done))
	for i, j := range r.done {
		list[i] = j.Subject
	}
	slices.Sort(list)
	return list
}

func (r *record) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.done)
}

// kind is a kind whose work is recorded and then done by work, if that is not nil.
func (r *record) kind(name string, work jobs.Work) jobs.Kind {
	return jobs.Kind{Name: name, Workers: 8, Timeout: 10 * time.Second, Work: func(ctx context.Context, j jobs.Job) (jobs.Next, error) {
		r.add(j)
		if work == nil {
			return jobs.Next{}, nil
		}
		return work(ctx, j)
	}}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func TestAJobIsDoneOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		h := p.host("a")
		var want []string
		var list []store.Job
		for n := range 300 {
			want = append(want, fmt.Sprintf("p-%03d", n))
			list = append(list, store.Job{Kind: "look", Subject: want[n]}, store.Job{Kind: "look", Subject: want[n]})
		}
		h.enqueue(list...)
		h.enqueue(list[:100]...)
		h.run(done.kind("look", nil))
		until(t, "all are done", func() bool { return done.count() >= len(want) })
		h.end()
		if got := done.subjects(); !slices.Equal(got, want) {
			t.Errorf("%d were done, want each of %d once", len(got), len(want))
		}
	})
}

func TestAJobWaitsForItsTime(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		h := p.host("a").run(done.kind("look", nil))
		due := time.Now().Add(2 * time.Second)
		h.enqueue(store.Job{Kind: "look", Subject: "later", Due: due}, store.Job{Kind: "look", Subject: "tomorrow", Due: due.Add(24 * time.Hour)})
		until(t, "it is done", func() bool { return done.count() > 0 })
		if now := time.Now(); now.Before(due.Add(-10 * time.Millisecond)) {
			t.Errorf("done %s before its time", due.Sub(now))
		}
		waiting, err := h.Waiting(t.Context(), "tomorrow")
		if err != nil || len(waiting) != 1 || waiting[0].Due.Sub(due.Add(24*time.Hour)).Abs() > time.Second || waiting[0].Running {
			t.Errorf("waiting: %+v, %v", waiting, err)
		}
	})
}

func TestAJobThatIsNotDoneComesAgainAndRemembers(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		work := func(_ context.Context, j jobs.Job) (jobs.Next, error) {
			switch {
			case j.Tries < 2:
				return jobs.Next{In: 10 * time.Millisecond}, fmt.Errorf("try %d", j.Tries)
			case done.count() < 6:
				return jobs.Next{In: 10 * time.Millisecond, Uncounted: true}, nil
			}
			return jobs.Next{In: time.Hour}, errors.New("provider is silent")
		}
		h := p.host("a").run(done.kind("look", work))
		h.enqueue(store.Job{Kind: "look", Subject: "p"})
		until(t, "it is put off", func() bool {
			waiting, err := h.Waiting(t.Context(), "p")
			return err == nil && len(waiting) == 1 && waiting[0].Error != "" && time.Until(waiting[0].Due) > time.Minute
		})
		waiting, _ := h.Waiting(t.Context(), "p")
		if w := waiting[0]; w.Tries != 3 || w.Error != "provider is silent" {
			t.Errorf("waiting: %+v, want 3 tries and the last error", w)
		}
		h.close()
		again := p.host("a")
		waiting, err := again.Waiting(t.Context(), "p")
		if err != nil || len(waiting) != 1 || waiting[0].Tries != 3 {
			t.Errorf("after a restart: %+v, %v", waiting, err)
		}
		again.close()
	})
}

func TestPanicsAndErrorsAreBackedOff(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		h := p.host("a").run(done.kind("look", func(_ context.Context, j jobs.Job) (jobs.Next, error) {
			switch j.Subject {
			case "panics":
				if j.Tries == 0 {
					panic("out of cheese")
				}
				return jobs.Next{}, nil
			case "fails":
				return jobs.Next{}, errors.New("no")
			}
			return jobs.Next{}, nil
		}))
		h.enqueue(store.Job{Kind: "look", Subject: "panics"}, store.Job{Kind: "look", Subject: "fails"}, store.Job{Kind: "look", Subject: "works"})
		until(t, "others are done and the panic is retried", func() bool {
			list := done.subjects()
			return slices.Contains(list, "works") && strings.Count(strings.Join(list, " "), "panics") == 2
		})
		waiting, err := h.Waiting(t.Context(), "fails")
		if err != nil || len(waiting) != 1 || waiting[0].Error != "no" {
			t.Errorf("waiting: %+v, %v", waiting, err)
		}
	})
}

func TestSubjectsWithoutAJob(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		h := p.host("a")
		h.enqueue(store.Job{Kind: "look", Subject: "a"}, store.Job{Kind: "other", Subject: "b"})
		got, err := h.Without(t.Context(), "look", []string{"a", "b", "c"})
		if err != nil || !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("without: %v, %v", got, err)
		}
		n, err := h.Add(t.Context(), store.Job{Kind: "look", Subject: "a"}, store.Job{Kind: "look", Subject: "c"})
		if err != nil || n != 1 {
			t.Errorf("added %d, %v; want 1", n, err)
		}
		counts, err := h.Counts(t.Context())
		want := []jobs.Count{{"look", "due", 2}, {"other", "due", 1}}
		if err != nil || !slices.Equal(counts, want) {
			t.Errorf("counts %v, %v; want %v", counts, err, want)
		}
	})
}

func TestARestartedHostGoesOnWithWhatItHadBegun(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		first := p.host("a")
		begun := make(chan struct{})
		first.run(done.kind("look", func(ctx context.Context, _ jobs.Job) (jobs.Next, error) {
			close(begun)
			<-ctx.Done()
			return jobs.Next{}, ctx.Err()
		}))
		first.enqueue(store.Job{Kind: "look", Subject: "p"})
		<-begun
		first.close()
		second := p.host("a").run(done.kind("look", nil))
		until(t, "it is done", func() bool { return done.count() == 2 })
		if done.done[1].Tries != 0 {
			t.Errorf("what was cut off counts as %d tries", done.done[1].Tries)
		}
		second.close()
	})
}

func TestAJobCanBeTakenBack(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		h := p.host("a")
		later := time.Now().Add(time.Hour)
		on := func(subject, key string) store.Job {
			return store.Job{Kind: "look", Subject: subject, Key: key, Due: later}
		}
		off := func(subject, key string) store.Job {
			return store.Job{Kind: "look", Subject: subject, Key: key, Off: true}
		}
		h.enqueue(on("a", ""), on("a", "k"), on("b", ""), store.Job{Kind: "other", Subject: "a", Due: later})
		h.enqueue(off("a", ""), off("nobody", ""), on("c", ""), off("c", ""), off("d", ""), on("d", ""))
		want := map[string]int{"a": 2, "b": 1, "c": 0, "d": 1} // of a, those with another key and of another kind
		for subject, want := range want {
			waiting, err := h.Waiting(t.Context(), subject)
			if err != nil || len(waiting) != want {
				t.Errorf("%s has %+v, %v; want %d", subject, waiting, err, want)
			}
		}
	})
}

// Once an operator has migrated, hosts need not be allowed to change a schema.
func TestAHostThatOwnsNothing(t *testing.T) {
	t.Parallel()
	owner := pgtest.NewDatabase(t, pgtest.Server(t)) // roles are the whole server's
	if _, _, err := store.MigratePostgres(t.Context(), owner, jobs.Migrate); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, query := range []string{
		`CREATE ROLE worker LOGIN`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`, `GRANT USAGE ON SCHEMA public TO worker`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO worker`,
		`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO worker`,
	} {
		if _, err := conn.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	worker, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	worker.User = url.User("worker")
	p := onPostgresAt(t, worker.String())
	var done record
	h := p.host("a").run(done.kind("look", nil))
	h.enqueue(store.Job{Kind: "look", Subject: "p-1"}, store.Job{Kind: "look", Subject: "p-2", Due: time.Now().Add(time.Second)})
	until(t, "both are done", func() bool { return done.count() == 2 })
}

func TestPeriodicWork(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		var done record
		kind := done.kind("clean", nil)
		kind.Every = time.Second
		p.host("a").run(kind, done.kind("look", nil))
		until(t, "it is done three times", func() bool { return done.count() >= 3 })
	})
}

// Two hosts on one database share the work; what one of them had begun when it died is
// done by the other.
func TestManyHostsShareTheWork(t *testing.T) {
	t.Parallel()
	p := onPostgres(t)
	var done record
	slow := done.kind("look", func(context.Context, jobs.Job) (jobs.Next, error) {
		time.Sleep(20 * time.Millisecond)
		return jobs.Next{}, nil
	})
	var want []string
	var list []store.Job
	for n := range 300 {
		want = append(want, fmt.Sprintf("p-%03d", n))
		list = append(list, store.Job{Kind: "look", Subject: want[n]})
	}
	var counts [2]atomic.Int64
	for i := range counts {
		counted := slow
		counted.Work = func(ctx context.Context, j jobs.Job) (jobs.Next, error) {
			counts[i].Add(1)
			return slow.Work(ctx, j)
		}
		p.host(fmt.Sprint("host-", i)).run(counted)
	}
	p.host("another").enqueue(list...)
	until(t, "all are done", func() bool { return done.count() >= len(want) })
	if got := done.subjects(); !slices.Equal(got, want) {
		t.Errorf("%d were done, want each of %d once", len(got), len(want))
	}
	if counts[0].Load() == 0 || counts[1].Load() == 0 {
		t.Errorf("one host did %d, the other %d", counts[0].Load(), counts[1].Load())
	}
}

// A host that died holds its jobs no longer than a job can take.
func TestADeadHostsJobsAreTakenOver(t *testing.T) {
	t.Parallel()
	p := onPostgres(t)
	var done record
	h := p.host("alive")
	h.enqueue(store.Job{Kind: "look", Subject: "old"}, store.Job{Kind: "look", Subject: "new"})
	for subject, age := range map[string]string{"old": "5 minutes", "new": "30 seconds"} {
		if _, err := h.store.Database().Postgres.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1,
			attempted_at = now() - $1::interval, attempted_by = '{dead/1}' WHERE args ->> 'subject' = $2`, age, subject); err != nil {
			t.Fatal(err)
		}
	}
	h.run(done.kind("look", nil))
	until(t, "it is taken over", func() bool { return done.count() > 0 })
	if got := done.subjects(); !slices.Equal(got, []string{"old"}) {
		t.Errorf("taken over: %v, want the old one alone", got)
	}
}

func TestWhatAnEarlierRunHadBegunIsDueAtOnce(t *testing.T) {
	t.Parallel()
	p := onPostgres(t)
	var done record
	h := p.host("a")
	h.enqueue(store.Job{Kind: "look", Subject: "mine"}, store.Job{Kind: "look", Subject: "another's"})
	for subject, by := range map[string]string{"mine": "{a/earlier}", "another's": "{a-2/1}"} {
		if _, err := h.store.Database().Postgres.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1,
			attempted_at = now(), attempted_by = $1 WHERE args ->> 'subject' = $2`, by, subject); err != nil {
			t.Fatal(err)
		}
	}
	h.run(done.kind("look", nil))
	until(t, "it is done", func() bool { return done.count() > 0 })
	h.enqueue(store.Job{Kind: "look", Subject: "new"}) // what is due longer is taken first
	until(t, "the next is done", func() bool { return done.count() > 1 })
	if got := done.subjects(); !slices.Equal(got, []string{"mine", "new"}) {
		t.Errorf("done: %v, want nothing of another host's", got)
	}
}

// A host whose database is away when it would begin with its jobs begins when it is back.
func TestJobsAreStartedWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	p := onPostgresAt(t, pgtest.NewDatabase(t, server))
	var done record
	h := p.host("a")
	h.enqueue(store.Job{Kind: "look", Subject: "p-1"})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	h.run(done.kind("look", nil))
	until(t, "it has tried", h.tried.Load)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the job is done", func() bool { return done.count() == 1 })
}

// One that is stopped before its database is back has failed at nothing.
func TestStoppingBeforeJobsHaveStarted(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	h := onPostgresAt(t, pgtest.NewDatabase(t, server)).host("a")
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	h.run()
	until(t, "it has tried", h.tried.Load)
	h.end() // which reports an error
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}
