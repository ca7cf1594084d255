//go:build unix

package host_test

import (
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// Ten times as many callers as may be in work at once: those let in are answered in
// bounded time, the others are told at once, and nothing piles up.
func TestOverload(t *testing.T) {
	const atOnce = 16 // of which reading gets a quarter
	const callers = 10 * atOnce / 4
	r := startWith(t, host.Config{
		AtOnce: atOnce, Connectors: host.Policy{Certification: certificate.Policy{Mode: certificate.Off}},
	}, t.TempDir())
	private, _, _, err := api.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.TrustKey(t.Context(), private, "test"); err != nil {
		t.Fatal(err)
	}
	token, err := api.Sign(private, []string{"*.read"}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: callers}
	client := &http.Client{Transport: transport, Timeout: patience}
	defer transport.CloseIdleConnections()

	var mu sync.Mutex
	took := map[int][]time.Duration{}
	call := func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.APIURL()+"/transactions?limit=1", nil)
		if err != nil {
			t.Error(err)
			return false
		}
		req.Header.Set("Authorization", "Bearer "+token)
		began := time.Now()
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return false
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err != nil {
			t.Error(err)
		}
		_ = res.Body.Close() // it was read to its end
		mu.Lock()
		defer mu.Unlock()
		took[res.StatusCode] = append(took[res.StatusCode], time.Since(began))
		if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		return true
	}
	storm := func(d time.Duration) {
		var all sync.WaitGroup
		until := time.Now().Add(d)
		for range callers {
			all.Go(func() {
				for time.Now().Before(until) && call() {
				}
			})
		}
		all.Wait()
	}
	storm(300 * time.Millisecond) // what is made once has been made
	transport.CloseIdleConnections()
	time.Sleep(2 * time.Second) // what starts with the host has started
	clear(took)
	before := runtime.NumGoroutine()
	storm(2 * time.Second)
	transport.CloseIdleConnections() // how many there are depends on who waited for whom
	after := runtime.NumGoroutine()
	for until := time.Now().Add(patience); after > before+20 && time.Now().Before(until); after = runtime.NumGoroutine() {
		<-time.After(10 * time.Millisecond)
	}
	if after > before+20 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	let, refused := took[http.StatusOK], took[http.StatusTooManyRequests]
	if len(let) == 0 || len(refused) == 0 || len(took) != 2 {
		t.Fatalf("answers by status: %d let in, %d refused, %d statuses", len(let), len(refused), len(took))
	}
	t.Logf("%d let in, p99 %s; %d refused, p99 %s", len(let), percentile(let, 99), len(refused), percentile(refused, 99))
	for what, all := range map[string][]time.Duration{"let in": let, "refused": refused} {
		if p99 := percentile(all, 99); p99 > 15*time.Second { // on a machine that is busy with other tests
			t.Errorf("p99 of those %s is %s", what, p99)
		}
	}
	clear(took)
	if call(); len(took[http.StatusOK]) != 1 {
		t.Errorf("after the storm: %v", took)
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)*p/100]
}
