package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	// scrapeBound bounds one scrape.
	scrapeBound = 5 * time.Second
	// unsettledCounted is how far payments in doubt are counted. More of them are as
	// bad, and counting costs.
	unsettledCounted = 1000
)

// Running are connectors to be measured.
type Running interface {
	Connectors() []supervise.Status
	// Behind names the connectors that do not serve here what is to serve on every host.
	Behind() map[string]string
}

// Doubts are payments to be counted.
type Doubts interface {
	// Unsettled lists at most limit payments whose end nobody knows.
	Unsettled(ctx context.Context, limit int) ([]sdk.PaymentID, error)
}

// Metrics are the numbers that /metrics shows, in a registry of their own. README.md of
// this folder lists them. A Metrics may be used concurrently.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics returns metrics of this process, of connectors, payments and webhooks, which are
// read each time that the metrics are asked for.
func NewMetrics(r Running, d Doubts, w Webhooks) (*Metrics, error) {
	all := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "connectorhost_http_requests_total", Help: "Requests to the merchants' listener that were answered.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "connectorhost_http_request_duration_seconds", Help: "Time to answer requests to the merchants' listener.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "connectorhost_http_requests_in_flight", Help: "Requests to the merchants' listener that are being answered.",
		}),
	}
	return all, errors.Join(
		all.registry.Register(collectors.NewGoCollector()),
		all.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
		all.registry.Register(all.requests), all.registry.Register(all.duration), all.registry.Register(all.inFlight),
		all.registry.Register(buildInfo()),
		all.registry.Register(&measuring{r, d, w}),
	)
}

// buildInfo says what was built, and with what.
func buildInfo() prometheus.Collector {
	labels := prometheus.Labels{"version": "unknown", "revision": "unknown", "go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		labels["version"] = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				labels["revision"] = s.Value
			}
		}
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "connectorhost_build_info", Help: "Always 1; the labels say what was built.", ConstLabels: labels,
	})
	gauge.Set(1)
	return gauge
}

// routeKey keeps the route of a request in its context.
type routeKey struct{}

// Merchants measures a handler of the merchants' listener.
func (m *Metrics) Merchants(next http.Handler) http.Handler {
	route := promhttp.WithLabelFromCtx("route", func(ctx context.Context) string {
		name, _ := ctx.Value(routeKey{}).(string)
		return name
	})
	measured := promhttp.InstrumentHandlerInFlight(m.inFlight,
		promhttp.InstrumentHandlerDuration(m.duration, promhttp.InstrumentHandlerCounter(m.requests, next, route), route))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		measured.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey{}, routeOf(r.URL.Path))))
	})
}

// words are what can stand in a path without being somebody's id.
var (
	collections = set("transactions", "refunds", "payment-options", "payment-service-definitions", "payment-services", "webhook-subscriptions", "webhooks", "return")
	actions     = set("capture", "void", "cancel", "sync", "refunds", "captures", "events", "actions", "settlements", "refund-settlements", "rotate-secret")
)

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// routeOf is the shape of a path, such as /transactions/{id}/capture. There are few
// shapes, whatever paths people think of: a label with many values is a leak.
func routeOf(path string) string {
	steps := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case !collections[steps[0]]:
		return "other"
	case steps[0] == "return": // of a buyer; it carries a secret
		return "/return/{id}"
	case len(steps) == 1:
		return "/" + steps[0]
	case len(steps) == 2:
		return "/" + steps[0] + "/{id}"
	case !actions[steps[2]]:
		return "other"
	case len(steps) == 3:
		return "/" + steps[0] + "/{id}/" + steps[2]
	}
	return "/" + steps[0] + "/{id}/" + steps[2] + "/{id}"
}

// handler shows the metrics.
func (m *Metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: scrapeLog{log}, MaxRequestsInFlight: 4, Timeout: scrapeBound,
	})
}

// scrapeLog tells of numbers that could not be had.
type scrapeLog struct{ log *slog.Logger }

// Println logs.
func (l scrapeLog) Println(v ...any) {
	for _, thing := range v {
		if err, ok := thing.(error); ok {
			l.log.Warn("a metric could not be had", "error", err)
		}
	}
}
