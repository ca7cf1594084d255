package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/sdk"
)

// The test binary plays the parts of processes that come to grief.
const (
	roleVariable   = "STORE_TEST_ROLE"
	folderVariable = "STORE_TEST_FOLDER"
	urlVariable    = "STORE_TEST_URL" // of the PostgreSQL database; empty means SQLite
)

func childRole(out io.Writer) (func(), bool) {
	role, ok := map[string]func(io.Writer, string) error{
		"writer":    writeUntilKilled,
		"full disk": writeUntilFull,
	}[os.Getenv(roleVariable)]
	return func() {
		if err := role(out, os.Getenv(folderVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}, ok
}

func child(t *testing.T, role, folder string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, folderVariable+"="+folder)
	cmd.Stderr = os.Stderr
	return cmd
}

func openChildStore(folder string) (*Store, error) {
	key, err := LoadOrCreateMasterKey(folder + "/key")
	if err != nil {
		return nil, err
	}
	if url := os.Getenv(urlVariable); url != "" {
		return OpenPostgres(context.Background(), url, key, time.Now)
	}
	return OpenSQLite(context.Background(), folder+"/host.db", key, time.Now)
}

// writeUntilKilled makes changes from several goroutines and prints each one once it is
// durable: "payment-id number-of-operations".
func writeUntilKilled(out io.Writer, folder string) error {
	s, err := openChildStore(folder)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(id sdk.PaymentID, operations int) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(out, "%s %d\n", id, operations)
	}
	var wait sync.WaitGroup
	failed := make(chan error, 8)
	for range cap(failed) {
		wait.Go(func() {
			for {
				if err := writeStory(s, say); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	return <-failed
}

// writeStory creates a payment and adds to it, step by step.
func writeStory(s *Store, say func(sdk.PaymentID, int)) error {
	rec := storyOf(sdk.PaymentID(fmt.Sprintf("%016x", rand.Uint64())))
	idem := &Idempotency{Scope: "create", Key: string(rec.Payment.ID), Payment: rec.Payment.ID}
	if err := s.Create(context.Background(), rec, idem); err != nil {
		return err
	}
	say(rec.Payment.ID, 1)
	for n := 2; n <= 4; n++ {
		_, err := s.Update(context.Background(), rec.Payment.ID, nil, func(r *Record) error {
			tellStory(r, n)
			return nil
		})
		if err != nil {
			return err
		}
		say(rec.Payment.ID, n)
	}
	return nil
}

// storyOf is the beginning of a payment whose every fact follows from its id and the
// number of its operations, so that a reader can tell whether it is whole.
func storyOf(id sdk.PaymentID) *Record {
	rec := &Record{MerchantAccount: "default", Connector: "smartpay", Request: []byte(`{"id":"` + id + `"}`)}
	rec.Payment = ledger.Payment{ID: id, Reference: sdk.Reference(id), Amount: sdk.JPY(1000)}
	rec.Operations = []ledger.Operation{{ID: sdk.OperationID(id) + "/1", Kind: sdk.OpAuthorize, Amount: sdk.JPY(1000)}}
	rec.Added = []Event{{ID: "1", Name: string(id) + "/1"}}
	return rec
}

func tellStory(r *Record, n int) {
	id := sdk.OperationID(fmt.Sprintf("%s/%d", r.Payment.ID, n))
	r.Operations = append(r.Operations, ledger.Operation{ID: id, Kind: sdk.OpCapture, Amount: sdk.JPY(1), Ref: string(id)})
	r.Truth.Fold(sdk.Snapshot{Revision: int64(n), State: sdk.StateAuthorized}, time.Now())
	r.ExternalID = fmt.Sprint(n)
	r.Added = []Event{{ID: fmt.Sprint(n), Name: string(id)}}
}

func TestKilledWriterLosesNothingItSaidWasDurable(t *testing.T) {
	t.Run("sqlite", killsWriters)
	t.Run("postgres", func(t *testing.T) {
		t.Setenv(urlVariable, pgtest.Database(t))
		killsWriters(t)
	})
}

func killsWriters(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	said := make(map[sdk.PaymentID]int)
	for life := range 4 {
		cmd := child(t, "writer", folder)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed at a random number of its words, while it is making further changes.
		last := 1 + random.IntN(400)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var id sdk.PaymentID
			var operations int
			if _, err := fmt.Sscanf(lines.Text(), "%s %d", &id, &operations); err != nil {
				break // killed in the middle of a word
			}
			said[id] = max(said[id], operations)
			if n == last {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed, and says so
		checkStories(t, folder, said, life)
	}
	if len(said) < 50 {
		t.Errorf("only %d payments were written", len(said))
	}
}

// checkStories opens the database that a dead process left, and compares.
func checkStories(t *testing.T, folder string, said map[sdk.PaymentID]int, life int) {
	t.Helper()
	s, err := openChildStore(folder)
	if err != nil {
		t.Fatalf("life %d: %v", life, err)
	}
	defer closeStore(t, s)
	for id, operations := range said {
		rec, err := s.Payment(t.Context(), id)
		if err != nil {
			t.Errorf("life %d: a durable payment is lost: %v", life, err)
			continue
		}
		if len(rec.Operations) < operations {
			t.Errorf("life %d: payment %s has %d operations, %d were durable", life, id, len(rec.Operations), operations)
		}
		checkWhole(t, s, rec)
	}
}

// checkWhole fails if a payment is not exactly what its number of operations says.
func checkWhole(t *testing.T, s *Store, rec Record) {
	t.Helper()
	id := rec.Payment.ID
	want := storyOf(id)
	for n := 2; n <= len(rec.Operations); n++ {
		tellStory(want, n)
	}
	want.Added, want.UpdatedAt, want.Payment.CreatedAt = nil, rec.UpdatedAt, rec.Payment.CreatedAt
	same(t, "payment of a dead process", rec, *want)
	events, _, err := s.Events(t.Context(), id, 100, "")
	if err != nil || len(events) != len(rec.Operations) {
		t.Errorf("payment %s has %d operations and %d events, %v", id, len(rec.Operations), len(events), err)
	}
	if idem, err := s.Idempotency(t.Context(), "", "create", string(id)); err != nil || idem.Payment != id {
		t.Errorf("key of payment %s: %+v, %v", id, idem, err)
	}
	if last := len(rec.Operations); last > 1 {
		found, err := s.PaymentByCapture(t.Context(), "smartpay", sdk.CaptureRef(rec.Operations[last-1].Ref))
		if err != nil || found.Payment.ID != id {
			t.Errorf("capture of payment %s: %s, %v", id, found.Payment.ID, err)
		}
	}
}

// writeUntilFull runs out of room, gets room again, and says what became of it all.
func writeUntilFull(out io.Writer, folder string) error {
	s, err := openChildStore(folder)
	if err != nil {
		return err
	}
	limit := func(bytes uint64) error {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
			return err
		}
		now.Cur = min(bytes, now.Max)
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now)
	}
	if err := limit(1 << 20); err != nil {
		return err
	}
	write := func() error {
		id := sdk.PaymentID(fmt.Sprintf("%016x", rand.Uint64()))
		rec := storyOf(id)
		err := s.Create(context.Background(), rec, &Idempotency{Scope: "create", Key: string(id), Payment: id})
		_, _ = fmt.Fprintln(out, id, err == nil)
		return err
	}
	for range 10_000 {
		if err = write(); err != nil {
			break
		}
	}
	if err == nil {
		return errors.New("the disk never got full")
	}
	_, _ = fmt.Fprintln(out, "full:", err)
	// What is left may hold a few of the smallest changes.
	for n := 0; s.Ping(context.Background()) == nil; n++ {
		if n > 10_000 {
			return errors.New("the store says that it can write, on a full disk")
		}
	}
	if _, err := s.List(context.Background(), Filter{Limit: 1}); err != nil {
		return fmt.Errorf("reading on a full disk: %w", err)
	}
	if err := limit(^uint64(0)); err != nil {
		return err
	}
	if err := write(); err != nil {
		return fmt.Errorf("once there is room again: %w", err)
	}
	return s.Close(context.Background())
}

func TestFullDiskIsToldAndLosesNothing(t *testing.T) {
	folder := t.TempDir()
	text, err := child(t, "full disk", folder).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s := openAt(t, folder, time.Now)
	var durable, refused, full int
	for line := range strings.Lines(string(text)) {
		var id sdk.PaymentID
		var kept bool
		if strings.HasPrefix(line, "full:") {
			full++
			t.Log(strings.TrimSpace(line))
			continue
		}
		if _, err := fmt.Sscanln(line, &id, &kept); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rec, err := s.Payment(t.Context(), id)
		switch {
		case kept && err != nil:
			t.Errorf("a durable payment is lost: %v", err)
		case kept:
			durable++
			checkWhole(t, s, rec)
		case !errors.Is(err, ErrNotFound):
			t.Errorf("a payment whose creation failed: error = %v, want ErrNotFound", err)
		default:
			refused++
		}
	}
	if durable < 10 || refused != 1 || full != 1 {
		t.Errorf("%d durable, %d refused, %d times full, want some, 1 and 1", durable, refused, full)
	}
}
