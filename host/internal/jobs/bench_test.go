package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

func benchStore(b *testing.B) *store.Store {
	b.Helper()
	dir := b.TempDir()
	key, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.OpenSQLite(b.Context(), filepath.Join(dir, "host.db"), key, time.Now)
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

// createPayments makes n payments with so many callers at once, each with as many jobs as
// jobs says, and returns how long it took.
func createPayments(b *testing.B, s *store.Store, callers, n, jobsOfEach int) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	began := time.Now()
	for range callers {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				k := benchNumber.Add(1)
				rec := &store.Record{MerchantAccount: "default", Service: "c5f3fba1", Connector: "smartpay", Method: "smartpay", Country: "JP"}
				rec.Payment = ledger.Payment{
					ID: sdk.PaymentID(fmt.Sprintf("0198c2a7-%04x-7000-8000-%012x", k>>16&0xffff, k)), Amount: sdk.JPY(1000),
					Reference: sdk.Reference(fmt.Sprintf("r%020d", k)), Intent: sdk.CaptureManual, CreatedAt: time.Now(),
				}
				rec.Operations = []ledger.Operation{{ID: "o", Kind: sdk.OpAuthorize, Amount: sdk.JPY(1000), Attempt: 1}}
				for j := range jobsOfEach {
					rec.Jobs = append(rec.Jobs, store.Job{Kind: fmt.Sprint("kind-", j), Subject: string(rec.Payment.ID), Due: time.Now().Add(30 * time.Minute)})
				}
				if err := s.Create(b.Context(), rec, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	return time.Since(began)
}

// BenchmarkJobsOfPayments says what a job costs the change that calls for it: how many
// payments are created for each that is without any.
func BenchmarkJobsOfPayments(b *testing.B) {
	const callers, n = 64, 2000
	open := func() *store.Store {
		s := benchStore(b)
		if _, err := jobs.Open(b.Context(), jobs.Config{Store: s, Logger: slog.New(slog.DiscardHandler)}); err != nil {
			b.Fatal(err)
		}
		createPayments(b, s, callers, n, 1) // prepares statements, grows the file
		return s
	}
	s := open()
	var took [2]time.Duration
	rounds := 0
	for b.Loop() {
		for jobsOfEach := range took {
			took[jobsOfEach] += createPayments(b, s, callers, n, jobsOfEach)
		}
		rounds++
	}
	rate := func(d time.Duration) float64 { return float64(rounds*n) / d.Seconds() }
	b.ReportMetric(rate(took[0]), "without/s")
	b.ReportMetric(rate(took[1]), "with/s")
	b.ReportMetric(rate(took[1])/rate(took[0]), "ratio")
}

// BenchmarkThroughput says how many jobs that do nothing are done in a second.
func BenchmarkThroughput(b *testing.B) {
	const n = 10000
	for b.Loop() {
		s := benchStore(b)
		q, err := jobs.Open(b.Context(), jobs.Config{Store: s, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		var list []store.Job
		for i := range n {
			list = append(list, store.Job{Kind: "nothing", Subject: fmt.Sprint(i)})
		}
		if _, err := q.Add(b.Context(), list...); err != nil {
			b.Fatal(err)
		}
		var done atomic.Int64
		all := make(chan struct{})
		q.Register(jobs.Kind{Name: "nothing", Workers: 256, Timeout: time.Minute, Work: func(context.Context, jobs.Job) (jobs.Next, error) {
			if done.Add(1) == n {
				close(all)
			}
			return jobs.Next{}, nil
		}})
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- q.Run(ctx) }()
		<-all
		b.ReportMetric(n/time.Since(began).Seconds(), "jobs/s")
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}
