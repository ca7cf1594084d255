package admin_test

import (
	"net/http"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

func TestReadinessFollowsTheConnectors(t *testing.T) {
	for _, state := range []supervise.State{
		supervise.Backoff, supervise.Quarantined, supervise.Starting, supervise.Described, supervise.Healthy,
		supervise.Draining, supervise.Stopped, supervise.Crashed, supervise.Rejected,
	} {
		t.Run(string(state), func(t *testing.T) {
			w := newWorld(t)
			w.host.connectors[0].State, w.host.connectors[0].Cause = state, "exit code 2 at /opt/acme"
			w.sendAs("", "GET", "/readyz", nil).want(http.StatusServiceUnavailable).
				says("connector acme is "+string(state)).silent("exit code", "/opt")
			w.send("GET", "/readyz", nil).want(http.StatusServiceUnavailable).says("exit code 2 at /opt/acme")
			w.sendAs("", "GET", "/healthz", nil).want(http.StatusOK)
		})
	}
	t.Run("no connector at all", func(t *testing.T) {
		w := newWorld(t)
		w.host.connectors = nil
		w.sendAs("", "GET", "/readyz", nil).want(http.StatusOK)
	})
}

func TestReadinessEndsWithTheStore(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.Close(t.Context()))
	w.sendAs("", "GET", "/readyz", nil).want(http.StatusServiceUnavailable).says("the store takes no writes").silent("closed")
	w.send("GET", "/readyz", nil).want(http.StatusServiceUnavailable).says("store is closed")
	w.send("GET", "/v1/payments", nil).want(http.StatusServiceUnavailable)
}
