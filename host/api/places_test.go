package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// Beyond what may be in work, requests are refused at once and leave no trace; those that
// wait for a provider leave room for those that do not.
func TestTooManyAtOnceAreRefused(t *testing.T) {
	w := newShop(t, func(c *api.Config) { c.AtOnce = 8 })
	paused := w.provider.pause(sdk.OpAuthorize)
	var held sync.WaitGroup
	for range 8 {
		held.Go(func() { w.post("/transactions", payment(nil)) })
		<-paused.arrived
	}
	s := w.post("/transactions", payment(nil), header("Idempotency-Key", "one")).refused(http.StatusTooManyRequests, "too_many_requests")
	if s.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", s.header.Get("Retry-After"))
	}
	w.get("/transactions").want(http.StatusOK)
	w.get("/transactions", authorization("Bearer x")).want(http.StatusUnauthorized)
	close(paused.over)
	held.Wait()
	// The key was not used up by the refusal.
	w.post("/transactions", payment(nil), header("Idempotency-Key", "one")).want(http.StatusCreated)
	if got := w.provider.asked(sdk.OpAuthorize); got != 9 {
		t.Errorf("the provider was asked %d times, want 9", got)
	}
}

// slowLists is a store that takes its time to list, until it is told.
type slowLists struct {
	api.Store
	arrived, over chan struct{}
}

func (s slowLists) List(ctx context.Context, f store.Filter) (store.Page, error) {
	s.arrived <- struct{}{}
	<-s.over
	return s.Store.List(ctx, f)
}

func TestTooManyReadersAreRefused(t *testing.T) {
	slow := slowLists{arrived: make(chan struct{}), over: make(chan struct{})}
	w := newShop(t, func(c *api.Config) { slow.Store = c.Store; c.AtOnce, c.Store = 8, slow })
	var held sync.WaitGroup
	for range 2 {
		held.Go(func() { w.get("/transactions") })
		<-slow.arrived
	}
	w.get("/payment-services").refused(http.StatusTooManyRequests, "too_many_requests")
	w.post("/transactions", payment(nil)).want(http.StatusCreated)
	close(slow.over)
	held.Wait()
	w.get("/payment-services").want(http.StatusOK)
}

// troubled is a store that cannot list.
type troubled struct {
	api.Store
	err error
}

func (b troubled) List(context.Context, store.Filter) (store.Page, error) { return store.Page{}, b.err }

func TestStoreInTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"too much is queued":   {store.ErrBusy, http.StatusTooManyRequests, "too_many_requests"},
		"the database is away": {store.ErrUnavailable, http.StatusServiceUnavailable, "service_unavailable"},
		"the host is stopping": {store.ErrClosed, http.StatusServiceUnavailable, "service_unavailable"},
		"nobody knows what":    {fmt.Errorf("secret detail"), http.StatusInternalServerError, "server_error"}, //nolint:perfsprint // a stranger's
	} {
		t.Run(name, func(t *testing.T) {
			w := newShop(t, func(c *api.Config) { c.Store = troubled{c.Store, fmt.Errorf("listing: %w", tt.err)} })
			s := w.get("/transactions").refused(tt.status, tt.code)
			if again := s.header.Get("Retry-After"); (again == "") != (tt.status == http.StatusInternalServerError) {
				t.Errorf("Retry-After is %q", again)
			}
		})
	}
}
