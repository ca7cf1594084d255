//go:build unix

package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
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
// jobs says, and returns the processor time that it took: machines that are shared tell
// nothing by the clock.
func createPayments(b *testing.B, s *store.Store, callers, n, jobsOfEach int) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	began := busy(b)
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
	return busy(b) - began
}

// busy is the processor time of this process.
func busy(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkJobsOfPayments says what a job costs the change that calls for it, in processor
// time.
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
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(rounds*n) }
	b.ReportMetric(each(took[0]), "µs/without")
	b.ReportMetric(each(took[1]), "µs/with")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
}

// BenchmarkTakingBack says what it costs to take a job back, beside a thousand others.
func BenchmarkTakingBack(b *testing.B) {
	const n = 1000
	s := benchStore(b)
	if _, err := jobs.Open(b.Context(), jobs.Config{Store: s, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		b.Fatal(err)
	}
	var on, off []store.Job
	for i := range n {
		on = append(on, store.Job{Kind: "look", Subject: fmt.Sprint(i), Due: time.Now().Add(time.Hour)})
		off = append(off, store.Job{Kind: "look", Subject: fmt.Sprint(i), Off: true})
	}
	var took time.Duration
	rounds := 0
	for b.Loop() {
		if err := s.Enqueue(b.Context(), on...); err != nil {
			b.Fatal(err)
		}
		began := busy(b)
		if err := s.Enqueue(b.Context(), off...); err != nil {
			b.Fatal(err)
		}
		took += busy(b) - began
		rounds++
	}
	b.ReportMetric(float64(took.Microseconds())/float64(rounds*n), "µs/off")
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
		began, took := time.Now(), busy(b)
		go func() { ended <- q.Run(ctx) }()
		<-all
		b.ReportMetric(n/time.Since(began).Seconds(), "jobs/s")
		b.ReportMetric(float64((busy(b)-took).Microseconds())/n, "µs/job")
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}
