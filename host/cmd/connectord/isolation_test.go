//go:build !race

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// Whoever may edit an account could point its connector anywhere, with its keys. The
// host lets it through to where its manifest and the operator say, and nowhere else.
func TestConnectorReachesNoHostThatNobodyListed(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(elsewhere.Close)
	r := startDev(t, t.TempDir())
	var service map[string]any
	err := r.call(t.Context(), http.MethodPost, "/payment-services", fields{
		"display_name": "elsewhere", "payment_service_definition_id": "smartpay-smartpay",
		"accepted_currencies": []string{"JPY"}, "accepted_countries": []string{"JP"}, "active": true,
		"fields": pairs(map[string]string{"secret_key": "sk_test_0123456789abcdefghijkl", "api_url": elsewhere.URL + "/v1"}),
	}, &service)
	if err != nil {
		t.Fatal(err)
	}
	payment := examplePayment(shop)
	payment["payment_service_id"] = service["id"]
	var made map[string]any
	if err := r.call(t.Context(), http.MethodPost, "/transactions", payment, &made); err != nil {
		t.Fatal(err)
	}
	if made["status"] != "authorization_failed" || asked.Load() != 0 {
		t.Errorf("the payment is %v, and elsewhere was asked %d times; want it to fail and nobody to be asked", made["status"], asked.Load())
	}
	address := strings.TrimPrefix(elsewhere.URL, "http://")
	want := regexp.MustCompile(`a connector wants to connect to where it may not.*connector=smartpay.*address="?` + regexp.QuoteMeta(address))
	if !want.MatchString(r.log.String()) {
		t.Errorf("the log does not tell of it: %s", r.log)
	}
	r.create(t) // the other account goes on
}

func TestLiveConnectorIsShutIn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("there are walls on Linux alone")
		return
	}
	r := startDev(t, t.TempDir())
	_, shown := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	pid, _ := shown["pid"].(float64)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", int(pid)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	held := map[any]bool{}
	layers, _ := shown["layers"].([]any)
	for _, l := range layers {
		held[at(l, "name")] = at(l, "held") == true
	}
	for _, name := range []string{"privileges", "network", "system calls", "limits"} {
		if !held[name] {
			t.Errorf("layer %q is not held: %v", name, layers)
		}
	}
}
