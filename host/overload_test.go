//go:build unix

package host_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// Ten times as many callers as may be in work at once: those let in are answered in
// bounded time, so are those refused, and nothing piles up. How many are refused depends
// on how many meet.
func TestOverload(t *testing.T) {
	const atOnce = 16 // of which reading gets a quarter
	const callers = 10 * atOnce / 4
	r := startWith(t, host.Config{
		AtOnce: atOnce, Connectors: host.Policy{Certification: certificate.Policy{Mode: certificate.Off}},
	}, t.TempDir())
	token := r.merchant("*.read")
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
	if len(took[http.StatusOK]) == 0 {
		t.Error("none was let in")
	}
	for status, all := range took {
		if status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Errorf("%d answers with status %d", len(all), status)
		}
		p99 := percentile(all, 99)
		t.Logf("%d answers with status %d, p99 %s", len(all), status, p99)
		if p99 > 15*time.Second { // on a machine that is busy with other tests
			t.Errorf("p99 of those with status %d is %s", status, p99)
		}
	}
	clear(took)
	if call(); len(took[http.StatusOK]) != 1 {
		t.Errorf("after the storm: %v", took)
	}
}

// Requests that are in work keep their places until they are answered. One more is
// refused, and there is room again when they are over.
func TestOneMoreThanMayBeInWork(t *testing.T) {
	const atOnce = 3
	r := startWith(t, host.Config{
		AtOnce: atOnce, Connectors: host.Policy{Certification: certificate.Policy{Mode: certificate.Off}},
	}, t.TempDir())
	token := r.merchant("*.write")
	transport := &http.Transport{ExpectContinueTimeout: patience}
	client := &http.Client{Transport: transport, Timeout: patience}
	defer transport.CloseIdleConnections()
	pay := func(ctx context.Context, body io.Reader) (status int, retryAfter string, err error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.APIURL()+"/transactions", body)
		if err != nil {
			return 0, "", err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Expect", "100-continue")
		res, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		return res.StatusCode, res.Header.Get("Retry-After"), res.Body.Close()
	}

	var inWork sync.WaitGroup
	over := make(chan struct{}) // lets the requests in work go on
	for range atOnce {
		body, rest := io.Pipe()
		asked := make(chan struct{}) // for the body: the request is in work
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(asked) }})
		inWork.Go(func() {
			if status, _, err := pay(ctx, body); status != http.StatusBadRequest || err != nil {
				t.Errorf("a request in work: status %d, %v; want it to be judged", status, err)
			}
		})
		inWork.Go(func() {
			<-over
			_, err := rest.Write([]byte("{}"))
			if err := errors.Join(err, rest.Close()); err != nil {
				t.Error(err)
			}
		})
		select {
		case <-asked:
		case <-time.After(patience):
			t.Error("never in work")
		}
	}
	status, retryAfter, err := pay(t.Context(), strings.NewReader("{}"))
	if status != http.StatusTooManyRequests || retryAfter == "" || err != nil {
		t.Errorf("one more: status %d, Retry-After %q, %v", status, retryAfter, err)
	}
	close(over)
	inWork.Wait()
	if status, _, err := pay(t.Context(), strings.NewReader("{}")); status != http.StatusBadRequest || err != nil {
		t.Errorf("when they were over: status %d, %v", status, err)
	}
}

// merchant is a token that calls the merchants' API.
func (r *running) merchant(scope string) string {
	r.t.Helper()
	private, _, _, err := api.NewKeyPair()
	if err == nil {
		err = r.TrustKey(r.t.Context(), private, "test")
	}
	if err != nil {
		r.t.Fatal(err)
	}
	token, err := api.Sign(private, []string{scope}, time.Hour, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

func percentile(all []time.Duration, p int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)*p/100]
}
