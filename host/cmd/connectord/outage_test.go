//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/pgserver"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
)

// asked is how often the provider was asked to do something.
func (f *several) asked() (writes int64) {
	f.t.Helper()
	var ledger struct {
		Counts struct {
			ByEndpoint map[string]int64 `json:"requests_by_endpoint"`
		} `json:"counts"`
	}
	must(f.t, (&merchant{url: f.box.URL}).call(f.t.Context(), http.MethodGet, "/_sandbox/ledger?limit=0", nil, &ledger))
	for endpoint, n := range ledger.Counts.ByEndpoint {
		if !strings.HasPrefix(endpoint, http.MethodGet) {
			writes += n
		}
	}
	return writes
}

// post sends a merchant's request to one of the hosts and returns the whole answer.
func (f *several) post(host int, path, key string, body any) (status int, retryAfter string, took time.Duration) {
	f.t.Helper()
	raw, err := json.Marshal(body)
	must(f.t, err)
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.hosts[host].ready.APIURL+path, bytes.NewReader(raw))
	must(f.t, err)
	req.Header.Set("Authorization", "Bearer "+f.cluster.merchant.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	at := time.Now()
	res, err := http.DefaultClient.Do(req)
	must(f.t, err)
	must(f.t, res.Body.Close())
	return res.StatusCode, res.Header.Get("Retry-After"), time.Since(at)
}

func stop(t *testing.T, server *pgserver.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	must(t, server.Stop(ctx))
}

func restart(t *testing.T, server *pgserver.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	must(t, server.Restart(ctx))
}

// While the database is away hosts begin nothing, say so at once and say when to come
// again. When it is back they go on where they were.
func TestHostsWhoseDatabaseIsAway(t *testing.T) {
	server := pgtest.Server(t)
	f := startOn(t, pgtest.NewDatabase(t, server), 2).trade()
	id := f.authorized(0)
	before := f.asked()
	stop(t, server)

	order, capture := uuid.NewString(), uuid.NewString()
	for host := range f.hosts {
		eventually(t, patient, "the host is not ready", func() error { return f.ready(host, http.StatusServiceUnavailable) })
		for path, key := range map[string]string{"/transactions": order, "/transactions/" + id + "/capture": capture} {
			body := any(fields{"amount": 2500})
			if path == "/transactions" {
				body = examplePayment(shop)
			}
			status, again, took := f.post(host, path, key, body)
			if status != http.StatusServiceUnavailable || again == "" || took > 20*time.Second {
				t.Errorf("host %d: POST %s: %d, Retry-After %q, after %s; want 503 with a time, at once", host, path, status, again, took)
			}
		}
		status, _, err := f.at(host).do(t.Context(), http.MethodGet, "/transactions/"+id, nil, nil)
		if err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("host %d: GET answers %d, %v; want 503", host, status, err)
		}
	}
	if after := f.asked(); after != before {
		t.Errorf("the provider was asked for %d things by hosts that could not write them down", after-before)
	}

	restart(t, server)
	for host := range f.hosts {
		eventually(t, patient, "the host is ready", func() error { return f.ready(host, http.StatusOK) })
	}
	if status, _, _ := f.post(1, "/transactions/"+id+"/capture", capture, fields{"amount": 2500}); status != http.StatusOK {
		t.Errorf("the capture that was refused is answered %d under the same key, want 200", status)
	}
	if status, _, _ := f.post(0, "/transactions", order, examplePayment(shop)); status != http.StatusCreated {
		t.Errorf("the payment that was refused is answered %d under the same key, want 201", status)
	}
	if captured, _ := f.moved(); captured != 2500 {
		t.Errorf("the provider captured %d, want 2500", captured)
	}
	looksInto(t, f)
}

// ready asks a host whether requests should come to it.
func (f *several) ready(host, want int) error {
	status, body, err := (&merchant{url: f.hosts[host].ready.AdminURL}).do(f.t.Context(), http.MethodGet, "/readyz", nil, nil)
	if err == nil && status != want {
		err = fmt.Errorf("readyz answers %d %s, want %d", status, body, want)
	}
	return err
}

// A database that dies under load is told as what can be tried again, and what was
// answered holds.
func TestDatabaseDiesUnderLoad(t *testing.T) {
	server := pgtest.Server(t)
	f := startOn(t, pgtest.NewDatabase(t, server), 2).trade()
	ctx, end := context.WithCancel(t.Context())
	var mu sync.Mutex
	statuses, made := map[int]int{}, 0
	var work sync.WaitGroup
	for n := range 8 {
		work.Go(func() {
			for ctx.Err() == nil {
				key := uuid.NewString()
				for { // the same payment until it is there
					status, again, _ := f.post(n%2, "/transactions", key, examplePayment(shop))
					mu.Lock()
					statuses[status]++
					if status == http.StatusCreated {
						made++
					}
					mu.Unlock()
					if status == http.StatusServiceUnavailable && again == "" {
						t.Error("503 does not say when to come again")
					}
					if status == http.StatusCreated || status < http.StatusInternalServerError &&
						status != http.StatusConflict && status != http.StatusTooManyRequests {
						break
					}
					<-time.After(50 * time.Millisecond)
				}
			}
		})
	}
	for range 3 {
		<-time.After(700 * time.Millisecond)
		must(t, server.Kill())
		<-time.After(300 * time.Millisecond)
		restart(t, server)
	}
	end()
	work.Wait()
	t.Logf("answers %v", statuses)
	for status := range maps.Keys(statuses) {
		if !slices.Contains([]int{http.StatusCreated, http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable}, status) {
			t.Errorf("%d answers are %d, want none but 201, 409, 429 and 503", statuses[status], status)
		}
	}
	if made == 0 || statuses[http.StatusServiceUnavailable] == 0 {
		t.Errorf("answers %v: the test proves nothing", statuses)
	}
	payments := 0
	for cursor := ""; ; {
		var page struct {
			Items []struct{ Status string }
			Next  string `json:"next_cursor"`
		}
		must(t, f.at(0).call(t.Context(), http.MethodGet, "/transactions?limit=100&cursor="+cursor, nil, &page))
		for _, p := range page.Items {
			if payments++; p.Status == "" {
				t.Error("a payment has no status")
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if payments != made {
		t.Errorf("there are %d payments, and %d were answered as made", payments, made)
	}
}
