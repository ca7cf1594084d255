package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
)

// Jobs are what is to be done later.
type Jobs interface {
	// Waiting lists the jobs there are for a subject, such as a payment, those due first
	// first.
	Waiting(ctx context.Context, subject string) ([]jobs.Waiting, error)
	// Counts counts the jobs that are not done, by kind and state.
	Counts(ctx context.Context) ([]jobs.Count, error)
}

// A lookRow is one thing that is going to be done about a payment.
type lookRow struct {
	Kind    string `json:"kind"`              // such as settle, or approval-expiry
	Due     string `json:"due_at"`            // when it is to be done next
	Running bool   `json:"running,omitempty"` // it is being done
	Tries   int    `json:"tries"`             // how often it was done, and is to be done again
	Error   string `json:"error,omitempty"`   // of the last time
}

func (s *server) looks(ctx context.Context, payment string) ([]lookRow, error) {
	waiting, err := s.Jobs.Waiting(ctx, payment)
	if err != nil {
		return nil, err
	}
	rows := make([]lookRow, len(waiting))
	for i, w := range waiting {
		rows[i] = lookRow{Kind: w.Kind, Due: stamp(w.Due), Running: w.Running, Tries: w.Tries, Error: w.Error}
	}
	return rows, nil
}

var (
	jobsDesc = prometheus.NewDesc("connectorhost_jobs",
		"Jobs of all hosts that are not done: running, due, or waiting for their time.", []string{"kind", "state"}, nil)
	oldestUnsettledDesc = prometheus.NewDesc("connectorhost_payments_oldest_unsettled_seconds",
		"How long the payment with an operation whose end nobody knows was not changed that was not for the longest; 0 if there is none.", nil, nil)
)

// Oldest says since when payments are in doubt.
type Oldest interface {
	// OldestUnsettled is when the payment whose end nobody knows was last changed that was
	// not changed for the longest time; zero if there is none.
	OldestUnsettled(ctx context.Context) (time.Time, error)
}

// Watch adds the jobs, and how long payments are in doubt, to what is measured.
func (m *Metrics) Watch(j Jobs, o Oldest, now func() time.Time) error {
	return m.registry.Register(&watching{j, o, now})
}

type watching struct {
	Jobs
	Oldest
	now func() time.Time
}

// Describe names what Collect gives.
func (w *watching) Describe(to chan<- *prometheus.Desc) {
	to <- jobsDesc
	to <- oldestUnsettledDesc
}

// Collect asks the store.
func (w *watching) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeBound)
	defer cancel()
	counts, err := w.Counts(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(jobsDesc, err)
	}
	for _, c := range counts {
		to <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(c.Count), c.Kind, c.State)
	}
	oldest, err := w.OldestUnsettled(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(oldestUnsettledDesc, err)
		return
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(w.now().Sub(oldest).Seconds(), 0)
	}
	to <- prometheus.MustNewConstMetric(oldestUnsettledDesc, prometheus.GaugeValue, age)
}
