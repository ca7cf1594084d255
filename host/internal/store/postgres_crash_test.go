package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/sdk"
)

// A witness makes changes while the database comes and goes, and remembers what it was
// told of each.
type witness struct {
	mu      sync.Mutex
	made    map[sdk.PaymentID]int   // operations that were said to be kept
	refused map[sdk.PaymentID][]int // operations that were said not to be
	doubted map[sdk.PaymentID]bool
	slowest time.Duration // refusal
	errors  map[string]int
}

func newWitness() *witness {
	return &witness{
		made: map[sdk.PaymentID]int{}, refused: map[sdk.PaymentID][]int{}, doubted: map[sdk.PaymentID]bool{}, errors: map[string]int{},
	}
}

// note remembers what came of keeping the nth operation, and reports whether it is kept.
func (w *witness) note(t *testing.T, id sdk.PaymentID, n int, took time.Duration, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.made[id] = max(w.made[id], n)
		return true
	case errors.Is(err, ErrInDoubt):
		w.doubted[id] = true
	case errors.Is(err, ErrUnavailable):
		w.refused[id] = append(w.refused[id], n)
		w.slowest = max(w.slowest, took)
	default:
		t.Errorf("payment %s: %v", id, err)
	}
	w.errors[errorKind(err)]++
	return false
}

func errorKind(err error) string {
	if errors.Is(err, ErrInDoubt) {
		return "in doubt"
	}
	return "unavailable"
}

// story tells a payment like writeStory, but goes on where a change was refused.
func (w *witness) story(t *testing.T, s *Store) {
	id := sdk.PaymentID(fmt.Sprintf("%016x", rand.Uint64()))
	began := time.Now()
	err := s.Create(context.Background(), storyOf(id), &Idempotency{Scope: "create", Key: string(id), Payment: id})
	if !w.note(t, id, 1, time.Since(began), err) {
		time.Sleep(time.Millisecond)
		return
	}
	for n := 2; n <= 4; n++ {
		began := time.Now()
		_, err := s.Update(context.Background(), id, nil, func(r *Record) error {
			if len(r.Operations) != n-1 {
				t.Errorf("payment %s has %d operations before the %dth is added", id, len(r.Operations), n)
			}
			tellStory(r, n)
			return nil
		})
		if !w.note(t, id, n, time.Since(began), err) {
			return
		}
	}
}

// during has so many write while something happens to the database.
func (w *witness) during(t *testing.T, stores []*Store, happens func()) {
	var stop atomic.Bool
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for !stop.Load() {
				w.story(t, stores[i%len(stores)])
			}
		})
	}
	happens()
	stop.Store(true)
	wait.Wait()
}

// check compares what is kept with what was said.
func (w *witness) check(t *testing.T, s *Store) {
	t.Helper()
	t.Logf("%d payments, %v, slowest refusal after %v", len(w.made), w.errors, w.slowest)
	for id, operations := range w.made {
		rec, err := s.Payment(t.Context(), id)
		if err != nil {
			t.Errorf("a payment that was kept is lost: %v", err)
			continue
		}
		if got := len(rec.Operations); got != operations && !(w.doubted[id] && got == operations+1) {
			t.Errorf("payment %s has %d operations, want the %d that were kept and none that was refused", id, got, operations)
		}
		checkWhole(t, s, rec)
	}
	for id := range w.refused {
		if _, err := s.Payment(t.Context(), id); w.made[id] == 0 && !errors.Is(err, ErrNotFound) {
			t.Errorf("payment %s was refused: error = %v, want ErrNotFound", id, err)
		}
	}
}

func TestKilledServerLosesNothingItSaidWasDurable(t *testing.T) {
	server := pgtest.Server(t)
	at, key := pgtest.NewDatabase(t, server), testKey(t)
	stores := []*Store{openPostgresAt(t, at, key, time.Now), openPostgresAt(t, at, key, time.Now)}
	w := newWitness()
	// Work goes on by itself after each restart.
	goesOn := func() {
		t.Helper()
		w.mu.Lock()
		before := len(w.made)
		w.mu.Unlock()
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			w.mu.Lock()
			now := len(w.made)
			w.mu.Unlock()
			if now > before+20 {
				return
			}
			if time.Now().After(end) {
				t.Fatal("nothing is written any more")
			}
		}
	}
	w.during(t, stores, func() {
		goesOn()
		for _, end := range []func() error{server.Kill, func() error { return server.Stop(t.Context()) }, server.Kill} {
			if err := end(); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond) // while it is away
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			goesOn()
		}
	})
	w.check(t, stores[0])
	if w.errors["in doubt"] > 0 || w.errors["unavailable"] == 0 {
		t.Errorf("%v, want some refusals and, as the server always came back, no doubt", w.errors)
	}
	// A server that does not wait for its disk is not trusted.
	onPostgres(t, at, `ALTER SYSTEM SET fsync = off`, `SELECT pg_reload_conf()`)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		s, err := OpenPostgres(t.Context(), at, key, time.Now)
		if err == nil {
			closeStore(t, s)
		} else if bytes.Contains([]byte(err.Error()), []byte("fsync")) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a server without fsync: error = %v, want one that says so", err)
		}
	}
}

func TestConnectionsThatAreCutOffLoseNothing(t *testing.T) {
	at, key := pgtest.Database(t), testKey(t)
	stores := []*Store{openPostgresAt(t, at, key, time.Now), openPostgresAt(t, at, key, time.Now)}
	w := newWitness()
	w.during(t, stores, func() {
		for range 100 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			onPostgres(t, at, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.7`)
		}
	})
	w.check(t, stores[0])
	if w.errors["in doubt"] > 0 || len(w.made) < 20 {
		t.Errorf("%d payments, %v, want some payments and no doubt", len(w.made), w.errors)
	}
}

// A pool is full of connections that died while nobody used them.
func TestDeadConnectionsAreNotTriedOneByOne(t *testing.T) {
	at := pgtest.Database(t)
	s := openPostgresAt(t, at, testKey(t), time.Now)
	rec := create(t, s, newPayment())
	db := s.db.(*postgres)
	for _, what := range []string{"read", "change"} {
		var wait, all sync.WaitGroup
		all.Add(cap(db.reading))
		for range cap(db.reading) {
			wait.Go(func() {
				if err := db.read(t.Context(), func(q reader) error {
					err := askAll(t.Context(), q, load(new(stored), wherePaymentID, string(rec.Payment.ID)))
					all.Done()
					all.Wait()
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		onPostgres(t, at, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if what == "read" {
			read(t, s, rec.Payment.ID)
			continue
		}
		if err := s.SetMeta(t.Context(), "alive", "yes"); err != nil {
			t.Error(err)
		}
	}
}

// A proxy stands between a store and its server, and can lose what they say.
type proxy struct {
	listener net.Listener
	server   string
	url      string

	mu    sync.Mutex
	fate  fate // of the next COMMIT
	away  bool // nobody is let through
	open  map[net.Conn]bool
	fated atomic.Int64
	wait  sync.WaitGroup
}

// A fate is what becomes of one COMMIT and of the connection.
type fate string

const (
	delivered      fate = ""
	answerLost     fate = "the answer is lost with the connection"
	questionLost   fate = "the COMMIT is lost with the connection"
	answerHeld     fate = "the answer never comes"
	questionHeld   fate = "the COMMIT never arrives"
	answerLostAway fate = "the answer is lost with the server"
)

// newProxy stands before the database at the URL.
func newProxy(t *testing.T, at string) *proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxy") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	query := where.Query()
	const socket = ".s.PGSQL.5432"
	p := &proxy{server: filepath.Join(query.Get("host"), socket), open: map[net.Conn]bool{}}
	query.Set("host", dir)
	where.RawQuery = query.Encode()
	p.url = where.String()
	if p.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, socket)); err != nil {
		t.Fatal(err)
	}
	p.wait.Go(p.serve)
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.cut()
		p.wait.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.server)
		p.mu.Lock()
		if err != nil || p.away {
			p.mu.Unlock()
			_ = client.Close()
			if err == nil {
				_ = server.Close()
			}
			continue
		}
		p.open[client], p.open[server] = true, true
		p.mu.Unlock()
		var muted atomic.Bool
		end := func() { _ = client.Close(); _ = server.Close() }
		p.wait.Go(func() { defer end(); p.up(client, server, &muted) })
		p.wait.Go(func() { defer end(); p.down(server, client, &muted) })
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

func (p *proxy) set(f fate, away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate, p.away = f, away
}

// up carries what a client says, which is one COMMIT at a time.
func (p *proxy) up(client, server net.Conn, muted *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Equal(buffer[:n], []byte("Q\x00\x00\x00\x0bCOMMIT\x00")) {
			p.mu.Lock()
			fate := p.fate
			p.fate = delivered
			p.mu.Unlock()
			if fate != delivered {
				p.fated.Add(1)
			}
			switch fate {
			case questionLost:
				return
			case questionHeld:
				continue
			case answerLost, answerHeld, answerLostAway:
				muted.Store(true)
				if fate == answerLostAway {
					p.set(delivered, true)
				}
				if fate != answerHeld {
					defer func() { _ = client.Close() }()
				}
			case delivered:
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
			if fate == answerLost || fate == answerLostAway {
				// Until the server has answered, which down does not pass on.
				for muted.Load() {
					time.Sleep(time.Millisecond)
				}
				return
			}
			continue
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// down carries what the server says, unless it is to be lost.
func (p *proxy) down(server, client net.Conn, muted *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			muted.Store(false)
			return
		}
		if muted.CompareAndSwap(true, false) {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// impatient are limits for tests in which the server does not answer.
var impatient = limits{
	connect: time.Second, statement: 4 * time.Second, acquire: 2 * time.Second, read: 3 * time.Second,
	commit: 2 * time.Second, idle: time.Second, doubt: 20 * time.Second,
}

func openImpatient(t *testing.T, at string, within limits) *Store {
	t.Helper()
	key, err := testKey(t).derive()
	if err != nil {
		t.Fatal(err)
	}
	db, err := openPostgres(t.Context(), at, within)
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{db: db, now: time.Now, key: key}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func TestCommitInDoubtIsMadeOnce(t *testing.T) {
	for _, fate := range []fate{answerLost, questionLost, answerHeld, questionHeld} {
		t.Run(string(fate), func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, pgtest.Database(t))
			s := openImpatient(t, p.url, impatient)
			w := newWitness()
			rec := create(t, s, newPayment())
			for round := range 2 {
				p.set(fate, false)
				got := update(t, s, rec.Payment.ID, func(r *Record) {
					r.Added = []Event{{ID: fmt.Sprint(round), Name: "counted"}}
				})
				if got.Added != nil {
					t.Errorf("%d events are still marked as added", len(got.Added))
				}
			}
			// Several in one transaction, one of which is refused.
			idem := &Idempotency{Scope: "x", Key: "k"}
			if err := s.Create(t.Context(), newPayment(), idem); err != nil {
				t.Fatal(err)
			}
			p.set(fate, false)
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() { w.story(t, s) })
				wait.Go(func() {
					used := (*KeyUsedError)(nil)
					if err := s.Create(t.Context(), newPayment(), &Idempotency{Scope: "x", Key: "k"}); !errors.As(err, &used) && !errors.Is(err, ErrUnavailable) {
						t.Errorf("a used key: error = %v, want a KeyUsedError", err)
					}
				})
			}
			wait.Wait()
			if p.fated.Load() != 3 {
				t.Errorf("%d transactions met their fate, want 3", p.fated.Load())
			}
			w.check(t, s)
			events, _, err := s.Events(t.Context(), rec.Payment.ID, 10, "")
			if err != nil || len(events) != 2 {
				t.Errorf("%d events, %v, want each of the 2 once", len(events), err)
			}
		})
	}
}

// Only if the server stays away is it not known what became of a change.
func TestCommitStaysInDoubtWhileTheServerIsAway(t *testing.T) {
	at := pgtest.Database(t)
	p := newProxy(t, at)
	within := impatient
	within.doubt = 2 * time.Second
	s := openImpatient(t, p.url, within)
	rec := create(t, s, newPayment())
	p.set(answerLostAway, false)
	done := make(chan error)
	go func() {
		_, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error { r.ExternalID = "made"; return nil })
		done <- err
	}()
	for !s.db.(*postgres).doubt.Load() {
		time.Sleep(time.Millisecond)
	}
	// Meanwhile nobody is kept waiting.
	began := time.Now()
	if err := s.Create(t.Context(), newPayment(), nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a change while the server is away: error = %v, want ErrUnavailable", err)
	}
	p.cut()
	if _, err := s.List(t.Context(), Filter{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a read while the server is away: error = %v, want ErrUnavailable", err)
	}
	t.Logf("refused within %v", time.Since(began))
	err := <-done
	if !errors.Is(err, ErrInDoubt) || errors.Is(err, ErrUnavailable) {
		t.Errorf("error = %v, want one that says that nobody knows", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ping while the server is away: error = %v, want ErrUnavailable", err)
	}
	p.set(delivered, false)
	if got := read(t, s, rec.Payment.ID); got.ExternalID != "made" {
		t.Errorf("external id = %q once the server is back", got.ExternalID)
	}
	update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "after" })
}
