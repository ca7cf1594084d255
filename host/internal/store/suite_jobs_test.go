package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/connectorhost/connectorhost/sdk"
)

// A tableQueue is a queue that keeps what it is given in the store's database, in a row
// of a table of small facts for each job.
type tableQueue struct{ fail func([]Job) error }

func (q tableQueue) InsertSQLite(ctx context.Context, tx *sql.Tx, jobs []Job) error {
	for _, job := range jobs {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, "job: "+job.Subject, job.Kind); err != nil {
			return err
		}
	}
	return q.verdict(jobs)
}

func (q tableQueue) InsertPostgres(ctx context.Context, tx pgx.Tx, jobs []Job) error {
	for _, job := range jobs {
		if _, err := tx.Exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, "job: "+job.Subject, job.Kind); err != nil {
			return err
		}
	}
	return q.verdict(jobs)
}

func (q tableQueue) verdict(jobs []Job) error {
	if q.fail == nil {
		return nil
	}
	return q.fail(jobs)
}

func hasJob(t *testing.T, s *Store, subject string) bool {
	t.Helper()
	_, err := s.Meta(t.Context(), "job: "+subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func jobsFollowTheirChange(t *testing.T, open opener) {
	s := open(t, newClock().now)
	s.Attach(tableQueue{})
	rec := newPayment()
	rec.Jobs = []Job{{Kind: "k", Subject: "with the payment"}}
	create(t, s, rec)
	if rec.Jobs != nil {
		t.Errorf("%v is still there after the change", rec.Jobs)
	}
	again := newPayment()
	again.Payment.Reference, again.Jobs = rec.Payment.Reference, []Job{{Kind: "k", Subject: "of a payment that was refused"}}
	if err := s.Create(t.Context(), again, nil); !errors.Is(err, ErrExists) {
		t.Fatalf("creating it twice: %v", err)
	}
	refused := errors.New("refused")
	_, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
		r.Jobs = []Job{{Kind: "k", Subject: "of a change that was refused"}}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	is := update(t, s, rec.Payment.ID, func(r *Record) { r.Jobs = []Job{{Kind: "k", Subject: "with the change"}} })
	if is.Jobs != nil {
		t.Errorf("%v is still there after the change", is.Jobs)
	}
	if err := s.Enqueue(t.Context(), Job{Kind: "k", Subject: "alone"}); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]bool{
		"with the payment": true, "of a payment that was refused": false, "of a change that was refused": false,
		"with the change": true, "alone": true,
	} {
		if got := hasJob(t, s, subject); got != want {
			t.Errorf("a job %s: %t, want %t", subject, got, want)
		}
	}
}

// A job may be any step of a change.
func jobsBeforeARefusalGoWithIt(t *testing.T, open opener) {
	s := open(t, newClock().now)
	s.Attach(tableQueue{})
	refused := errors.New("refused")
	err := s.db.change(t.Context(), "", nothing, func() (changes, error) {
		var c changes
		c.add(`INSERT INTO meta (name, value) VALUES (?, ?)`, "a fact", "f")
		c = append(c, statement{job: &Job{Kind: "k", Subject: "early"}})
		c.must(refused, `UPDATE meta SET value = ? WHERE name = ?`, "x", "no such fact")
		return c, nil
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if hasJob(t, s, "early") {
		t.Error("the job of a change that was undone is there")
	}
	if _, err := s.Meta(t.Context(), "a fact"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was undone is there: %v", err)
	}
}

// Of many changes in one batch some are undone, at their first step or at a later one, and
// take their jobs with them.
func undoneChangesTakeTheirJobs(t *testing.T, open opener) {
	s := open(t, newClock().now)
	s.Attach(tableQueue{})
	taken := newPayment()
	create(t, s, taken)
	var wait sync.WaitGroup
	var mu sync.Mutex
	made := map[string]bool{}
	for n := range 60 {
		rec := newPayment()
		rec.Jobs = []Job{{Kind: "k", Subject: fmt.Sprint("job ", n)}}
		var idem *Idempotency
		switch n % 3 {
		case 1:
			rec.Payment.Reference = taken.Payment.Reference
		case 2: // fails at the second step, with the key's row to be undone
			idem = &Idempotency{MerchantAccount: "default", Scope: "s", Key: fmt.Sprint("k", n), Fingerprint: "f"}
			rec.Payment.Reference = taken.Payment.Reference
		}
		wait.Go(func() {
			err := s.Create(context.Background(), rec, idem)
			mu.Lock()
			defer mu.Unlock()
			made[fmt.Sprint("job ", n)] = err == nil
		})
	}
	wait.Wait()
	for subject, want := range made {
		if got := hasJob(t, s, subject); got != want {
			t.Errorf("%s: %t, want %t", subject, got, want)
		}
	}
}

func failingQueuesUndoChanges(t *testing.T, open opener) {
	s := open(t, newClock().now)
	full := errors.New("the queue is full")
	s.Attach(tableQueue{fail: func(jobs []Job) error {
		if slices.ContainsFunc(jobs, func(j Job) bool { return j.Kind == "bad" }) {
			return full
		}
		return nil
	}})
	rec := newPayment()
	rec.Jobs = []Job{{Kind: "bad", Subject: "p"}}
	if err := s.Create(t.Context(), rec, nil); !errors.Is(err, full) {
		t.Fatalf("creating: %v, want %v", err, full)
	}
	if _, err := s.Payment(t.Context(), rec.Payment.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the payment is there: %v", err)
	}
	if hasJob(t, s, "p") {
		t.Error("the job is there")
	}
	rec.Jobs[0].Kind = "good"
	create(t, s, rec)
}

func refusesJobsThatAreNone(t *testing.T, open opener) {
	s := open(t, newClock().now)
	if err := s.Enqueue(t.Context(), Job{Kind: "k", Subject: "s"}); !errors.Is(err, errNoQueue) {
		t.Errorf("without a queue: %v", err)
	}
	s.Attach(tableQueue{})
	for what, job := range map[string]Job{
		"no kind":        {Subject: "s"},
		"no subject":     {Kind: "k"},
		"not ASCII":      {Kind: "k", Subject: "支払い"},
		"a NUL":          {Kind: "k", Subject: "a\x00b"},
		"a long subject": {Kind: "k", Subject: strings.Repeat("s", 129)},
		"a long key":     {Kind: "k", Subject: "s", Key: strings.Repeat("s", 129)},
	} {
		if err := s.Enqueue(t.Context(), job); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func listsUnsettledPageByPage(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	var want []sdk.PaymentID
	for n := range 25 {
		rec := newPayment() // its authorization has no answer
		create(t, s, rec)
		want = append(want, rec.Payment.ID)
		if n%3 == 0 {
			continue // several at one time
		}
		c.advance(time.Second)
	}
	if oldest, err := s.OldestUnsettled(t.Context()); err != nil || !oldest.Equal(read(t, s, want[0]).UpdatedAt) {
		t.Errorf("the oldest is of %s, %v", oldest, err)
	}
	last := c.now()
	c.advance(time.Minute)
	create(t, s, newPayment()) // too young
	var got []sdk.PaymentID
	var from Mark
	for {
		ids, next, err := s.UnsettledBefore(t.Context(), last, from, 4)
		if err != nil {
			t.Fatal(err)
		}
		got, from = append(got, ids...), next
		if len(ids) < 4 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d of %d, or in another order:\n%v\n%v", len(got), len(want), got, want)
	}
}
