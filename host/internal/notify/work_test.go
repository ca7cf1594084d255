package notify_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/jobs/jobstest"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A crier announces every change of a payment's external id.
type crier struct{}

func (crier) Watch(before *store.Record) func(*store.Record, store.Audience) []store.Delivery {
	was := before.ExternalID
	return func(after *store.Record, a store.Audience) (all []store.Delivery) {
		for _, sub := range a.Subscriptions {
			if after.ExternalID != was {
				id := after.ExternalID + "-" + sub
				all = append(all, store.Delivery{ID: id, Subscription: sub, Name: "renamed", Body: []byte(`{"id":"` + id + `"}`)})
			}
		}
		return all
	}
}

// What is kept with a change to a payment is delivered by its job, again and again until
// it arrives; one subscription's trouble is not another's.
func TestDeliveriesAreMadeByTheirJobs(t *testing.T) {
	var mu sync.Mutex
	now, down := day, true
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	arrived := map[string]int{}
	endpoint := func(up func() bool) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !up() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			arrived[r.Header.Get("X-Gr4vy-Webhook-Id")]++
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	dir := t.TempDir()
	key, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	s.Announce(crier{})
	queue := jobstest.New(s, clock)
	courier := notify.NewCourier(notify.CourierConfig{Store: s, Jobs: queue, Logger: slog.New(slog.DiscardHandler), Now: clock, Private: true})
	defer courier.Close()
	queue.Register(courier.Kinds()...)
	for id, url := range map[string]string{"well": endpoint(func() bool { return true }), "ill": endpoint(func() bool { return !down })} {
		sub := store.Subscription{ID: id, MerchantAccount: "default", URL: url, Active: true, Secret: sdk.NewSecret("x")}
		if err := s.SaveSubscription(t.Context(), &sub); err != nil {
			t.Fatal(err)
		}
	}
	rec := store.Record{MerchantAccount: "default"}
	rec.Payment = ledger.Payment{ID: "p1", Reference: "r1", Amount: sdk.JPY(1)}
	if err := s.Create(t.Context(), &rec, nil); err != nil {
		t.Fatal(err)
	}
	rename := func(name string) {
		t.Helper()
		if _, err := s.Update(t.Context(), "p1", nil, func(r *store.Record) error { r.ExternalID = name; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	work := func() {
		t.Helper()
		for _, err := range queue.Work(t.Context()) {
			t.Error(err)
		}
	}
	heard := func(want string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if got := fmt.Sprint(arrived); got != want {
			t.Errorf("arrived %s, want %s", got, want)
		}
	}
	rename("a")
	work()
	heard("map[a-well:1]")
	for range 5 {
		pass(time.Minute)
		work()
	}
	rename("b")
	work()
	heard("map[a-well:1 b-well:1]")
	mu.Lock()
	down = false
	mu.Unlock()
	pass(time.Hour)
	work()
	heard("map[a-ill:1 a-well:1 b-ill:1 b-well:1]")
	pass(time.Hour)
	work()
	heard("map[a-ill:1 a-well:1 b-ill:1 b-well:1]")

	// A delivery whose job was lost gets another.
	rename("c")
	for _, id := range []string{"c-well", "c-ill"} {
		if _, err := queue.Add(t.Context(), store.Job{Kind: store.KindWebhook, Subject: id, Off: true}); err != nil {
			t.Fatal(err)
		}
	}
	work()
	heard("map[a-ill:1 a-well:1 b-ill:1 b-well:1]")
	pass(31 * time.Minute)
	work()
	heard("map[a-ill:1 a-well:1 b-ill:1 b-well:1 c-ill:1 c-well:1]")

	pass(store.DeliveryLifetime)
	work()
	if left, err := s.Deliveries(t.Context(), "p1", 10); err != nil || len(left) != 0 {
		t.Errorf("%d deliveries are kept for ever, %v", len(left), err)
	}
}
