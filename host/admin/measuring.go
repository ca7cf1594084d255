package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

var (
	stateDesc = prometheus.NewDesc("connectorhost_connector_state",
		"1 for the state that the connector is in, 0 for every other.", []string{"connector", "state"}, nil)
	inFlightDesc = prometheus.NewDesc("connectorhost_connector_in_flight",
		"Calls on the connector's process, and on those that it replaces.", []string{"connector"}, nil)
	restartsDesc = prometheus.NewDesc("connectorhost_connector_restarts_total",
		"Starts that nobody asked for, since the host started.", []string{"connector"}, nil)
	sinceDesc = prometheus.NewDesc("connectorhost_connector_state_since_seconds",
		"When the connector came into its state, in seconds since 1970.", []string{"connector"}, nil)
	releaseDesc = prometheus.NewDesc("connectorhost_connector_release_info",
		"Always 1; the labels say which release the connector runs or is to run.", []string{"connector", "version", "digest"}, nil)
	parkedDesc = prometheus.NewDesc("connectorhost_connector_parked_calls",
		"Calls that are refused because the connector died under them.", []string{"connector"}, nil)
	behindDesc = prometheus.NewDesc("connectorhost_connector_behind",
		"1 if the connector does not serve here what is to serve on every host, 0 if it does.", []string{"connector"}, nil)
	unsettledDesc = prometheus.NewDesc("connectorhost_payments_unsettled",
		"Payments with an operation whose end nobody knows, counted up to 1000.", nil, nil)
)

// Webhooks are what merchants are told.
type Webhooks interface {
	// WaitingDeliveries says how many deliveries are not over, and when the oldest of them
	// came about.
	WaitingDeliveries(ctx context.Context) (int, time.Time, error)
	// Results returns how many attempts of this process went how.
	Results() map[notify.Result]int64
}

var (
	attemptsDesc = prometheus.NewDesc("connectorhost_webhook_attempts_total",
		"Attempts of this host to deliver webhooks to merchants, by how they went.", []string{"result"}, nil)
	waitingDesc = prometheus.NewDesc("connectorhost_webhooks_waiting",
		"Webhooks to merchants that are to be delivered yet.", nil, nil)
	oldestDesc = prometheus.NewDesc("connectorhost_webhooks_oldest_waiting_seconds",
		"How long the oldest of them has waited; 0 if there is none.", nil, nil)
)

// collectWebhooks reads how telling merchants goes.
func (m *measuring) collectWebhooks(ctx context.Context, to chan<- prometheus.Metric) {
	for result, n := range m.Results() {
		to <- prometheus.MustNewConstMetric(attemptsDesc, prometheus.CounterValue, float64(n), string(result))
	}
	waiting, oldest, err := m.WaitingDeliveries(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(waitingDesc, err)
		return
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(time.Since(oldest).Seconds(), 0)
	}
	to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(waiting))
	to <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age)
}

// states are those that a connector can be in.
var states = []supervise.State{
	supervise.Backoff, supervise.Quarantined, supervise.Starting, supervise.Described, supervise.Healthy,
	supervise.Canary, supervise.Serving, supervise.Draining, supervise.Stopped, supervise.Crashed, supervise.Rejected,
}

// measuring reads the host whenever somebody asks.
type measuring struct {
	Running
	Doubts
	Webhooks
}

// Describe names what Collect gives.
func (m *measuring) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, inFlightDesc, restartsDesc, sinceDesc, releaseDesc, parkedDesc, behindDesc, unsettledDesc, attemptsDesc, waitingDesc, oldestDesc} {
		to <- d
	}
}

// Collect reads the host.
func (m *measuring) Collect(to chan<- prometheus.Metric) {
	behind := m.Behind()
	for _, c := range m.Connectors() {
		collect(c, to)
		is := 0.0
		if behind[c.Connector] != "" {
			is = 1
		}
		to <- prometheus.MustNewConstMetric(behindDesc, prometheus.GaugeValue, is, c.Connector)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeBound)
	defer cancel()
	m.collectWebhooks(ctx, to)
	unsettled, err := m.Unsettled(ctx, unsettledCounted)
	if err != nil {
		to <- prometheus.NewInvalidMetric(unsettledDesc, err)
		return
	}
	to <- prometheus.MustNewConstMetric(unsettledDesc, prometheus.GaugeValue, float64(len(unsettled)))
}

func collect(c supervise.Status, to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{c.Connector}, labels...)...)
	}
	for _, state := range states {
		is := 0.0
		if c.State == state {
			is = 1
		}
		gauge(stateDesc, is, string(state))
	}
	inFlight := c.InFlight
	for _, other := range c.Others {
		inFlight += other.InFlight
	}
	gauge(inFlightDesc, float64(inFlight))
	gauge(parkedDesc, float64(len(c.Parked)))
	to <- prometheus.MustNewConstMetric(restartsDesc, prometheus.CounterValue, float64(c.Restarts), c.Connector)
	if !c.Since.IsZero() {
		gauge(sinceDesc, float64(c.Since.UnixMilli())/1e3)
	}
	if c.Digest != "" {
		gauge(releaseDesc, 1, c.Version, c.Digest)
	}
}
