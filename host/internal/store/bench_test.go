package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/sdk"
)

// BenchmarkPostgresRate takes payments on PostgreSQL and compares with the same
// statements in a transaction and on a connection of each change's own, and with SQLite,
// in the same run. The row postgres_rate_c64 is its metric "of-sqlite".
func BenchmarkPostgresRate(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run("c"+strconv.Itoa(callers), func(b *testing.B) {
			grouped := openTestPostgres(b, time.Now)
			alone := openPostgresAt(b, with(pgtest.Database(b), "pool_max_conns=66"), testKey(b), time.Now)
			alone.db = ownTransactions{alone.db.(*postgres)}
			embedded := benchStore(b)
			var took [3]time.Duration
			var ofAlone, ofSQLite []float64
			b.ResetTimer()
			for left := b.N; left > 0; left -= 300 {
				n := min(left, 300)
				var now [3]time.Duration
				for i, s := range []*Store{grouped, alone, embedded} {
					now[i] = takePayments(b, s, callers, n)
					took[i] += now[i]
				}
				ofAlone = append(ofAlone, now[1].Seconds()/now[0].Seconds())
				ofSQLite = append(ofSQLite, now[2].Seconds()/now[0].Seconds())
			}
			slices.Sort(ofAlone)
			slices.Sort(ofSQLite)
			b.ReportMetric(float64(b.N)/took[0].Seconds(), "payments/s")
			b.ReportMetric(float64(b.N)/took[1].Seconds(), "baseline/s")
			b.ReportMetric(float64(b.N)/took[2].Seconds(), "sqlite/s")
			b.ReportMetric(ofAlone[len(ofAlone)/2], "ratio")
			b.ReportMetric(ofSQLite[len(ofSQLite)/2], "of-sqlite")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// ownTransactions commits every change in a transaction of its own, many at once.
type ownTransactions struct{ *postgres }

func (o ownTransactions) change(
	ctx context.Context, lock string, load func() []question, plan func() (changes, error),
) error {
	if lock != "" {
		release, err := o.locks.acquire(ctx, lock)
		if err != nil {
			return err
		}
		defer release()
		if err := o.ask(ctx, load()...); err != nil {
			return err
		}
	}
	planned, err := plan()
	if err != nil {
		return err
	}
	conn, err := o.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.Queue(beginWrite)
	for i := range planned {
		batch.Queue(o.mark(planned[i].query), planned[i].args...)
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "COMMIT")
	return err
}

// BenchmarkStoreRate takes payments, two durable changes each, and compares with the
// same statements in one transaction per change, on the same engine in the same run.
// The rows store_rate_c1 and store_rate_c64 are its metric "ratio".
func BenchmarkStoreRate(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run("c"+strconv.Itoa(callers), func(b *testing.B) {
			grouped := benchStore(b)
			single := benchStore(b)
			single.db = &oneByOne{sqlite: single.db.(*sqlite)}
			var ours, theirs time.Duration
			var ratios []float64
			b.ResetTimer()
			// In turns, so that a slow moment of the machine hits both, and by the
			// median of the turns, so that it does not count if it hits one.
			for left := b.N; left > 0; left -= 300 {
				n := min(left, 300)
				single, grouped := takePayments(b, single, callers, n), takePayments(b, grouped, callers, n)
				theirs, ours = theirs+single, ours+grouped
				ratios = append(ratios, single.Seconds()/grouped.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(float64(b.N)/ours.Seconds(), "payments/s")
			b.ReportMetric(float64(b.N)/theirs.Seconds(), "baseline/s")
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// oneByOne commits every change in a transaction of its own.
type oneByOne struct {
	*sqlite
	mu sync.Mutex
}

func (o *oneByOne) change(
	ctx context.Context, lock string, load func() []question, plan func() (changes, error),
) error {
	if lock != "" {
		release, err := o.locks.acquire(ctx, lock)
		if err != nil {
			return err
		}
		defer release()
		if err := askAll(ctx, direct{o.readers}, load()); err != nil {
			return err
		}
	}
	planned, err := plan()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	run := newExecution(o.writer)
	if err := run.prepare([]*entry{{changes: planned}}); err != nil {
		return err
	}
	tx, err := o.writer.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	run.tx = tx
	for i := range planned {
		if err := run.one(&planned[i]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func benchStore(b *testing.B) *Store {
	b.Helper()
	dir := b.TempDir()
	key, err := LoadOrCreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := OpenSQLite(b.Context(), filepath.Join(dir, "host.db"), key, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

var benchNumber atomic.Int64

// takePayments takes n payments with so many callers at once.
func takePayments(b *testing.B, s *Store, callers, n int) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	began := time.Now()
	for range callers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := takePayment(b.Context(), s, benchNumber.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(began)
}

// takePayment does what a payment costs the store: the intent with its idempotency key,
// then what became of it.
func takePayment(ctx context.Context, s *Store, n int64) error {
	now := time.Now()
	rec := &Record{MerchantAccount: "default", Service: "c5f3fba1", Connector: "smartpay", Method: "smartpay", Country: "JP"}
	rec.Payment = ledger.Payment{
		ID: sdk.PaymentID(fmt.Sprintf("0198c2a7-%04x-7000-8000-%012x", n>>16&0xffff, n)), Amount: sdk.JPY(1000 + n%50),
		Reference: sdk.Reference(fmt.Sprintf("r%020d", n*7919%1e12)), Intent: sdk.CaptureManual,
		ApprovalExpiresAt: now.Add(30 * time.Minute), CreatedAt: now,
	}
	rec.Request = benchRequest
	rec.Operations = []ledger.Operation{{
		ID: sdk.OperationID(fmt.Sprintf("op-%d", n)), Kind: sdk.OpAuthorize, Key: "key", Amount: rec.Payment.Amount,
		Attempt: 1, CreatedAt: now, UpdatedAt: now, Release: "sha256:0123456789abcdef",
	}}
	rec.Added = []Event{{ID: fmt.Sprintf("e-%d", n), Name: "payment.created", At: now, Context: []byte(`{"a":1}`)}}
	idem := &Idempotency{
		MerchantAccount: "default", Scope: "create", Key: strconv.FormatInt(n*31, 16),
		Fingerprint: "0123456789abcdef0123456789abcdef", Payment: rec.Payment.ID,
	}
	if err := s.Create(ctx, rec, idem); err != nil {
		return err
	}
	_, err := s.Update(ctx, rec.Payment.ID, nil, func(rec *Record) error {
		rec.Truth.Order = sdk.OrderRef("order_" + rec.Payment.Reference)
		rec.Operations[0].Outcome = sdk.OutcomeRequiresAction
		rec.Truth.Fold(sdk.Snapshot{State: sdk.StateRequiresAction}, now)
		rec.Added = []Event{{ID: fmt.Sprintf("f-%d", n), Name: "payment.answered", At: now, Context: []byte(`{"b":2}`)}}
		return nil
	})
	return err
}

// benchRequest is as long as a request of a shop with a few items.
var benchRequest = []byte(fmt.Sprintf(`{"cart":%q}`, fmt.Sprintf("%0600d", 0)))
