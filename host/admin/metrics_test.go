package admin_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

func TestMetricsNeedTheToken(t *testing.T) {
	w := newWorld(t)
	w.sendAs("", "GET", "/metrics", nil).want(http.StatusUnauthorized).silent("connectorhost_")
	w.sendAs("Bearer x", "GET", "/metrics", nil).want(http.StatusUnauthorized)
	w.send("GET", "/metrics", nil).want(http.StatusOK).says("connectorhost_build_info{", "go_goroutines ", "process_open_fds ")
}

func TestMetricsSayHowConnectorsAndPaymentsAre(t *testing.T) {
	w := newWorld(t)
	w.paid(1)
	w.paid(2, inDoubt)
	w.host.connectors[0].Others = []supervise.Instance{{State: supervise.Draining, InFlight: 2}}
	w.host.connectors[0].Parked = []supervise.Suspect{{Flight: slot.Flight{Subject: "op-1"}, Parked: true}}
	crashed := serving()
	crashed.Connector, crashed.State, crashed.Since, crashed.Digest = "other", supervise.Crashed, time.Time{}, ""
	w.host.connectors = append(w.host.connectors, crashed)
	w.send("GET", "/metrics", nil).want(http.StatusOK).says(
		`connectorhost_connector_state{connector="acme",state="serving"} 1`,
		`connectorhost_connector_state{connector="acme",state="crashed"} 0`,
		`connectorhost_connector_state{connector="other",state="serving"} 0`,
		`connectorhost_connector_state{connector="other",state="crashed"} 1`,
		`connectorhost_connector_in_flight{connector="acme"} 3`,
		`connectorhost_connector_restarts_total{connector="acme"} 2`,
		`connectorhost_connector_parked_calls{connector="acme"} 1`,
		`connectorhost_connector_state_since_seconds{connector="acme"} 1.79543514e+09`,
		`connectorhost_connector_release_info{connector="acme",digest="`+acme.Digest+`",version="1.2.0"} 1`,
		"connectorhost_payments_unsettled 1\n",
		`connectorhost_webhook_attempts_total{result="delivered"} 0`, `connectorhost_webhook_attempts_total{result="given_up"} 0`,
		"connectorhost_webhooks_waiting 0\n", "connectorhost_webhooks_oldest_waiting_seconds 0\n",
		"connectorhost_payments_oldest_unsettled_seconds 0\n",
		`connectorhost_jobs{kind="settle",state="due"} 3`,
		`connectorhost_jobs{kind="approval-expiry",state="waiting"} 4`,
	).silent(`since_seconds{connector="other"}`, `release_info{connector="other"`)
}

func TestEveryStateOfAConnectorIsAMetric(t *testing.T) {
	for _, state := range []supervise.State{
		supervise.Backoff, supervise.Quarantined, supervise.Starting, supervise.Described, supervise.Healthy, supervise.Canary,
		supervise.Serving, supervise.Draining, supervise.Stopped, supervise.Crashed, supervise.Rejected,
	} {
		w := newWorld(t)
		w.host.connectors[0].State = state
		w.send("GET", "/metrics", nil).want(http.StatusOK).says(`connectorhost_connector_state{connector="acme",state="` + string(state) + `"} 1`)
	}
}

func TestAStoreThatIsDownHidesNoConnector(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.Close(t.Context()))
	w.send("GET", "/metrics", nil).want(http.StatusOK).says(`connectorhost_connector_state{connector="acme",state="serving"} 1`).
		silent("connectorhost_payments_unsettled ")
	if !strings.Contains(w.log.String(), "store is closed") {
		t.Errorf("the log says %s", w.log)
	}
}

func TestMerchantsRequestsAreCounted(t *testing.T) {
	w := newWorld(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	listener := w.config.Metrics.Merchants(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/transactions/slow" {
			close(entered)
			<-leave
		}
		if r.Method == http.MethodPost {
			rw.WriteHeader(http.StatusCreated)
		}
	}))
	serve := func(method, path string) {
		listener.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil))
	}
	serve("POST", "/transactions")
	serve("POST", "/transactions/7/capture")
	serve("POST", "/transactions/8/capture")
	serve("GET", "/transactions/7?secret=1")
	serve("BREW", "/coffee")
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve("GET", "/transactions/slow")
	}()
	<-entered
	w.send("GET", "/metrics", nil).want(http.StatusOK).says(
		`connectorhost_http_requests_total{code="201",method="post",route="/transactions"} 1`,
		`connectorhost_http_requests_total{code="201",method="post",route="/transactions/{id}/capture"} 2`,
		`connectorhost_http_requests_total{code="200",method="get",route="/transactions/{id}"} 1`,
		`connectorhost_http_requests_total{code="200",method="unknown",route="other"} 1`,
		`connectorhost_http_request_duration_seconds_count{method="post",route="/transactions/{id}/capture"} 2`,
		`connectorhost_http_request_duration_seconds_bucket{method="get",route="/transactions/{id}",le="60"} 1`,
		"connectorhost_http_requests_in_flight 1\n",
	).silent("secret", "coffee", "brew")
	close(leave)
	<-done
	w.send("GET", "/metrics", nil).says("connectorhost_http_requests_in_flight 0\n")
}

func TestRoutesAreFew(t *testing.T) {
	for path, want := range map[string]string{
		"/transactions":                         "/transactions",
		"/transactions/":                        "/transactions",
		"/transactions/1a2b":                    "/transactions/{id}",
		"/transactions/1a2b/void":               "/transactions/{id}/void",
		"/transactions/1a2b/refunds/9/more":     "/transactions/{id}/refunds/{id}",
		"/transactions/1a2b/anything":           "other",
		"/payment-services/verify":              "/payment-services/{id}",
		"/webhooks/some-service":                "/webhooks/{id}",
		"/return/some-payment/a-secret/ap":      "/return/{id}",
		"/":                                     "other",
		"":                                      "other",
		"/admin":                                "other",
		"/transactions//capture":                "/transactions/{id}/capture",
		"/payment-service-definitions/smartpay": "/payment-service-definitions/{id}",
	} {
		if got := admin.RouteOf(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	step := regexp.MustCompile(`^(/[a-z-]+(/\{id\}(/[a-z-]+(/\{id\})?)?)?|other)$`)
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		known := []string{"transactions", "webhooks", "return", "capture", "refunds", "payment-services"}
		steps := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom(known))).Draw(t, "steps")
		route := admin.RouteOf("/" + strings.Join(steps, "/"))
		seen[route] = true
		if !step.MatchString(route) || len(seen) > 30 {
			t.Fatalf("%q is %q, one of %d", steps, route, len(seen))
		}
	})
}

// The table in README.md is what operators build their alerts on.
func TestMetricsAreThoseThatAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(connectorhost_[a-z_]+)` \\| (counter|gauge|histogram) \\|").FindAllStringSubmatch(string(readme), -1) {
		documented = append(documented, row[1]+" "+row[2])
	}
	w := newWorld(t)
	w.config.Metrics.Merchants(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	var shown []string
	for _, line := range regexp.MustCompile("(?m)^# TYPE (connectorhost_[a-z_]+ [a-z]+)$").FindAllStringSubmatch(w.send("GET", "/metrics", nil).text, -1) {
		shown = append(shown, line[1])
	}
	slices.Sort(documented)
	slices.Sort(shown)
	if diff := cmp.Diff(documented, shown); diff != "" || len(shown) == 0 {
		t.Errorf("README.md (-) and /metrics (+) differ:\n%s", diff)
	}
}
