package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
)

// A desk commits the batches of a group when a test lets it.
type desk struct {
	begun chan []*entry
	end   chan func([]*entry)
}

func newDesk() (*desk, *group) {
	d := &desk{begun: make(chan []*entry, 100), end: make(chan func([]*entry), 100)}
	return d, newGroup(func(batch []*entry) { d.begun <- batch; (<-d.end)(batch) })
}

func fine([]*entry) {}

// ask makes a change from a goroutine of its own, which must come to the wanted end.
func ask(ctx context.Context, t *testing.T, wait *sync.WaitGroup, g *group, want error) {
	wait.Go(func() {
		if err := g.do(ctx, nil); !errors.Is(err, want) {
			t.Errorf("error = %v, want %v", err, want)
		}
	})
	synctest.Wait()
}

func TestGroupCommitsTogetherWhatQueuedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, g := newDesk()
		var wait sync.WaitGroup
		for range 4 {
			ask(t.Context(), t, &wait, g, nil)
		}
		if batch := <-d.begun; len(batch) != 1 {
			t.Errorf("first batch has %d changes, want the first alone", len(batch))
		}
		d.end <- fine
		if batch := <-d.begun; len(batch) != 3 {
			t.Errorf("second batch has %d changes, want the 3 that queued meanwhile", len(batch))
		}
		d.end <- fine
		wait.Wait()
	})
}

func TestGroupTellsEachCallerHisOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, g := newDesk()
		var wait sync.WaitGroup
		ask(t.Context(), t, &wait, g, nil)
		refused := errors.New("refused")
		ask(t.Context(), t, &wait, g, refused)
		ask(t.Context(), t, &wait, g, nil)
		d.end <- fine
		d.end <- func(batch []*entry) { batch[0].err = refused }
		wait.Wait()
	})
}

func TestGroupCaller(t *testing.T) {
	gone := errors.New("caller has gone")
	tests := map[string]struct {
		leave string // when the caller's context ends
		want  error
	}{
		"who leaves before asking gets nothing done":          {"before", gone},
		"who leaves the queue gets nothing done":              {"in the queue", gone},
		"who leaves once his change was started gets the end": {"started", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, g := newDesk()
				ctx, cancel := context.WithCancelCause(t.Context())
				leave := func(when string) {
					if tt.leave == when {
						cancel(gone)
					}
					synctest.Wait()
				}
				var wait sync.WaitGroup
				ask(t.Context(), t, &wait, g, nil)
				leave("before")
				ask(ctx, t, &wait, g, tt.want)
				leave("in the queue")
				<-d.begun
				d.end <- fine
				synctest.Wait()
				leave("started")
				d.end <- fine
				wait.Wait()
				made := 0
				select {
				case batch := <-d.begun:
					made = len(batch)
				default:
				}
				if want := map[error]int{gone: 0, nil: 1}[tt.want]; made != want {
					t.Errorf("%d changes were made for him, want %d", made, want)
				}
				cancel(nil)
			})
		})
	}
}

func TestGroupRefusesWhatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, g := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		ask(t.Context(), t, &wait, g, nil)
		for range maxQueued {
			wait.Go(func() { _ = g.do(ctx, nil) })
		}
		synctest.Wait()
		if err := g.do(t.Context(), nil); !errors.Is(err, ErrBusy) {
			t.Errorf("with a full queue: error = %v, want ErrBusy", err)
		}
		// They all leave; their places must not stay taken.
		cancel()
		synctest.Wait()
		d.end <- fine
		wait.Wait()
		synctest.Wait()
		d.end <- fine
		if err := g.do(t.Context(), nil); err != nil {
			t.Errorf("with a queue of people who left: %v", err)
		}
	})
}

func TestGroupSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, g := newDesk()
		d.end <- func([]*entry) { panic("ouch") }
		if err := g.do(t.Context(), nil); !errors.Is(err, ErrInDoubt) {
			t.Errorf("error = %v, want one that leaves the change in doubt", err)
		}
		d.end <- fine
		if err := g.do(t.Context(), nil); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
}

func TestGroupCloseWaitsForWhatWasStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, g := newDesk()
		var wait sync.WaitGroup
		ask(t.Context(), t, &wait, g, nil)
		ask(t.Context(), t, &wait, g, nil)
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.close(hurried); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close with a commit under way: error = %v, want deadline exceeded", err)
		}
		if err := g.do(t.Context(), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("while closing: error = %v, want ErrClosed", err)
		}
		d.end <- fine
		d.end <- fine
		if err := g.close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
		wait.Wait()
	})
}

func TestGroupCloseWaitsForThoseAboutToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g := newDesk()
		if !g.enter() {
			t.Fatal("an open group lets nobody in")
		}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.close(hurried); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close with somebody inside: error = %v, want deadline exceeded", err)
		}
		g.leave()
		if err := g.close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func TestLocksExcludeByNameOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l locks
		release := func(name string) func() {
			t.Helper()
			release, err := l.acquire(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		a, b := release("a"), release("b")
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.acquire(hurried, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a lock that is held: error = %v, want deadline exceeded", err)
		}
		a()
		release("a")()
		b()
		if len(l.named) != 0 {
			t.Errorf("%d locks are remembered though nobody holds one", len(l.named))
		}
	})
}

// One failing change among others in the same batch.
func TestBatchUndoesOnlyWhatFails(t *testing.T) {
	s := openTestSQLite(t, time.Now)
	db := s.db.(*sqlite)
	fact := func(name string) statement {
		return statement{query: `INSERT INTO meta (name, value) VALUES (?, 'x')`, args: []any{name}}
	}
	refused := errors.New("refused")
	none := statement{query: `DELETE FROM meta WHERE name = ?`, args: []any{"nobody"}, none: refused}
	batch := []*entry{
		{changes: changes{fact("a"), fact("b")}},
		{changes: changes{fact("c"), fact("a")}}, // a is taken
		{changes: changes{fact("d"), none}},
		{changes: changes{fact("e"), {query: `INSERT INTO meta VALUES (?, ?)`, args: []any{"f", bad{refused}}}}},
		{changes: changes{fact("g")}},
	}
	db.commit(batch)
	judged(t, s, batch, []bool{false, true, true, true, false}, "a", "b", "g")
	for _, i := range []int{2, 3} {
		if !errors.Is(batch[i].err, refused) {
			t.Errorf("change %d: error = %v, want its own", i, batch[i].err)
		}
	}
}

// judged compares what became of a batch of facts, named from a to g, with which changes
// were to fail and which facts are to be there.
func judged(t *testing.T, s *Store, batch []*entry, fails []bool, there ...string) {
	t.Helper()
	for i, e := range batch {
		if (e.err != nil) != fails[i] {
			t.Errorf("change %d: error = %v, want one: %v", i, e.err, fails[i])
		}
	}
	for name := 'a'; name <= 'g'; name++ {
		want := ErrNotFound
		if slices.Contains(there, string(name)) {
			want = nil
		}
		if _, err := s.Meta(t.Context(), string(name)); !errors.Is(err, want) {
			t.Errorf("fact %c: error = %v, want %v", name, err, want)
		}
	}
}

// The database gives the whole transaction up, as it may when the disk is full, in the
// middle of a batch: nobody's change was made, and everybody must hear it.
func TestLostTransactionFailsEveryChangeInIt(t *testing.T) {
	s := openTestSQLite(t, time.Now)
	db := s.db.(*sqlite)
	const insert = `INSERT INTO meta (name, value) VALUES (?, 'x')`
	var batch []*entry
	for i := range 3 {
		batch = append(batch, &entry{changes: changes{{query: insert, args: []any{fmt.Sprint(i)}}}})
	}
	batch[1].changes = append(batch[1].changes, statement{query: `INSERT OR ROLLBACK INTO meta (name, value) VALUES ('0', 'x')`})
	db.commit(batch)
	for i, e := range batch {
		if e.err == nil {
			t.Errorf("change %d is said to have been made", i)
		}
		if _, err := s.Meta(t.Context(), fmt.Sprint(i)); !errors.Is(err, ErrNotFound) {
			t.Errorf("fact %d: error = %v, want ErrNotFound", i, err)
		}
	}
	if err := s.SetMeta(t.Context(), "after", "x"); err != nil {
		t.Errorf("the next change: %v", err)
	}
}

// Somebody who changes a payment without its lock, such as a second process, is noticed.
func TestStaleChangeIsRefused(t *testing.T) {
	s := openTestSQLite(t, time.Now)
	rec := create(t, s, newPayment())
	_, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
		r.ExternalID = "mine"
		outside := changes{{query: `UPDATE payments SET version = version + 1, external_id = 'theirs'`}}
		return s.db.(*sqlite).group.do(t.Context(), outside)
	})
	if !errors.Is(err, errStale) {
		t.Errorf("error = %v, want errStale", err)
	}
	if got := read(t, s, rec.Payment.ID); got.ExternalID != "theirs" {
		t.Errorf("external id = %q, want the other's", got.ExternalID)
	}
}

func TestMain(m *testing.M) {
	if role, ok := childRole(os.Stdout); ok {
		role()
		return
	}
	goleak.VerifyTestMain(pgtest.Main(m))
}
