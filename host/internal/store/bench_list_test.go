package store

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

var manyPayments = flag.Int("payments", 20_000, "size of the store in BenchmarkManyPayments")

// BenchmarkManyPayments reads from a store of many payments, in the ways that are
// hardest: what is rare, what there is none of, what is old. It reports the median.
// Run it with "-payments 1000000 -benchtime 20x" to see that it stays flat.
func BenchmarkManyPayments(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { readMany(b, openTestSQLite) })
	b.Run("postgres", func(b *testing.B) { readMany(b, openTestPostgres) })
}

func readMany(b *testing.B, open opener) {
	c := newClock()
	s := open(b, c.now)
	measureMany(b, s, c, addMany(b, s, c, *manyPayments))
}

// measureMany asks for payments of a store that has one of every second up to now.
func measureMany(b *testing.B, s *Store, c *clock, some []sdk.PaymentID) {
	half := c.now().Add(-time.Duration(*manyPayments/2) * time.Second)
	b.Run("get", func(b *testing.B) {
		median(b, func(i int) error {
			_, err := s.Payment(b.Context(), some[i%len(some)])
			return err
		})
	})
	filters := map[string]Filter{
		"everything":      {},
		"common status":   {Statuses: []ledger.Status{ledger.StatusCaptureSucceeded}},
		"no such status":  {Statuses: []ledger.Status{ledger.StatusVoided}},
		"rare error":      {ErrorCodes: []string{"suspected_fraud"}},
		"rare service":    {Services: []string{"rare"}},
		"no such method":  {Methods: []string{"none"}},
		"rare currency":   {Currencies: []string{"EUR"}},
		"one external id": {ExternalID: "order-77"},
		"one amount":      {AmountEQ: new(int64(12345))},
		"most amounts":    {AmountGTE: new(int64(2000))},
		"an old hour":     {CreatedGTE: half.Add(-time.Hour), CreatedLTE: half},
		"the older half":  {CreatedLTE: half},
		"the newer half":  {CreatedGTE: half},
		"an old update":   {UpdatedGTE: half.Add(-time.Hour), UpdatedLTE: half},
		"no such country": {Countries: []string{"FR"}},
		"least amounts":   {AmountLTE: new(int64(1100))},
		"not refunded":    {HasRefunds: new(false)},
		"two criteria":    {Services: []string{"service-1"}, Statuses: []ledger.Status{ledger.StatusAuthorizationFailed}},
		"refunded":        {HasRefunds: new(true)},
		"common metadata": {Metadata: []map[string]string{{"channel": "web"}}},
		"rare metadata":   {Metadata: []map[string]string{{"campaign": "summer"}}},
		"nothing found":   {Search: "nothing"},
	}
	for name, f := range filters {
		f.MerchantAccount, f.Limit = "default", 20
		b.Run("list/"+name, func(b *testing.B) {
			median(b, func(int) error {
				_, err := s.List(b.Context(), f)
				return err
			})
		})
	}
}

// median reports the median time of a call in microseconds.
func median(b *testing.B, call func(i int) error) {
	b.Helper()
	var took []time.Duration
	for i := range b.N {
		began := time.Now()
		if err := call(i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(0, "ns/op")
}

// addMany adds payments of many kinds, one a second, without waiting for the disk, and
// returns the ids of some.
func addMany(b *testing.B, s *Store, c *clock, count int) (some []sdk.PaymentID) {
	b.Helper()
	var commit func([]*entry)
	switch db := s.db.(type) {
	case *sqlite:
		commit = db.commit
		if _, err := db.writer.db.ExecContext(b.Context(), `PRAGMA synchronous = OFF`); err != nil {
			b.Fatal(err)
		}
	case *postgres:
		commit = db.commit
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable on purpose
	var batch []*entry
	for n := range count {
		rec := oneOfMany(random, n, c.advance(time.Second))
		var change changes
		change.create(rec)
		if n%97 == 0 {
			some = append(some, rec.Payment.ID)
		}
		if batch = append(batch, &entry{changes: change}); len(batch) == maxBatch || n == count-1 {
			commit(batch)
			for _, e := range batch {
				if e.err != nil {
					b.Fatal(e.err)
				}
			}
			batch = batch[:0]
		}
	}
	return some
}

func oneOfMany(random *rand.Rand, n int, now time.Time) *Record {
	rec := newPayment()
	rec.Payment.Amount = sdk.JPY(1000 + random.Int64N(50_000))
	rec.ExternalID, rec.Service = fmt.Sprintf("order-%d", n), fmt.Sprintf("service-%d", random.IntN(3))
	rec.Request, rec.Payment.CreatedAt, rec.UpdatedAt = benchRequest, now, now
	switch {
	case n%10_000 == 17:
		rec.Service = "rare"
	case n%10_000 == 18:
		rec.Payment.Amount.Currency = "EUR"
	case n%1000 == 5:
		rec.Metadata = map[string]string{"campaign": "summer"}
	case n%2 == 0:
		rec.Metadata = map[string]string{"channel": "web"}
	}
	rec.Truth.Order = sdk.OrderRef(fmt.Sprintf("order_%x", random.Uint64()))
	op := &rec.Operations[0]
	switch x := random.IntN(100); {
	case x < 80:
		rec.Truth.Fold(sdk.Snapshot{State: sdk.StateCaptured, Authorized: &rec.Payment.Amount, Captures: []sdk.CaptureSnapshot{
			{Ref: sdk.CaptureRef(fmt.Sprint("capture-", n)), Amount: &rec.Payment.Amount, Status: sdk.MoveSucceeded},
		}}, now)
		if x < 3 {
			refund := ledger.Operation{ID: sdk.OperationID(fmt.Sprint("refund-", n)), Kind: sdk.OpRefund, Amount: sdk.JPY(1), Outcome: sdk.OutcomeSucceeded}
			rec.Operations = append(rec.Operations, refund)
		}
	case x < 90:
		op.Outcome, op.Code = sdk.OutcomeDeclined, sdk.CodeInsufficientFunds
	case n%1000 == 3:
		op.Outcome, op.Code = sdk.OutcomeDeclined, sdk.CodeSuspectedFraud
	default:
		op.Outcome = sdk.OutcomeRequiresAction
	}
	rec.Added = []Event{{ID: "1", Name: "created", At: now}, {ID: "2", Name: "answered", At: now}}
	return rec
}
