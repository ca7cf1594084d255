package provider

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A receiver is a host's side of webhooks.
type receiver struct {
	mu     sync.Mutex
	refuse int // how many deliveries fail first
	bodies []string
	signed []bool
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if r.refuse > 0 {
		r.refuse--
		if r.refuse%2 == 0 {
			return nil, errors.New("unreachable")
		}
		return &http.Response{StatusCode: 500, Body: http.NoBody}, nil
	}
	r.bodies = append(r.bodies, string(body))
	r.signed = append(r.signed, req.Header.Get(SignatureHeader) != "" && req.Header.Get(HookHeader) != "")
	return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := &shop{Provider: New(Options{})}, &receiver{refuse: 3}
		if status, text := s.send(http.MethodPut, "/v1/webhooks", "", `{"url":"https://host.example/hook"}`); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { s.Deliver(ctx, &http.Client{Transport: r}) })
		id := s.pay(SlowMove, "card", "deferred")
		s.post("/v1/payments/"+id+"/captures", s.key(), `{"amount":{"value":"77301","currency":"JPY"}}`)
		<-time.After(30 * time.Second)
		if n := r.count(); n != 2 {
			t.Errorf("%d events after half a minute, want an authorization and a capture that was accepted", n)
		}
		<-time.After(time.Minute)
		if n := r.count(); n != 3 {
			t.Errorf("%d events, want the capture that succeeded by itself", n)
		}
		cancel()
		work.Wait()
		if slices.Contains(r.signed, false) {
			t.Errorf("not signed: %v", r.signed)
		}
	})
}

func TestDeliverGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := &shop{Provider: New(Options{})}, &receiver{refuse: 1000}
		s.send(http.MethodPut, "/v1/webhooks", "", `{"url":"https://host.example/hook"}`)
		s.pay(1000, "card", "deferred")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s.Deliver(ctx, &http.Client{Transport: r})
		if d := s.Deliveries(); len(d) != 1 || d[0].Attempts != maxAttempts || !d[0].Done {
			t.Errorf("%+v", d)
		}
	})
}

func TestOnlyWantedEventsAreSent(t *testing.T) {
	s := &shop{Provider: New(Options{})}
	s.send(http.MethodPut, "/v1/webhooks", "", `{"url":"https://host.example/a","events":["payment.voided"]}`)
	if status, _ := s.send(http.MethodPut, "/v1/webhooks", "", `{"url":"https://host.example/b","events":["payment.eaten"]}`); status != 422 {
		t.Errorf("an event of nobody's: %d", status)
	}
	id := s.pay(1000, "card", "deferred")
	s.post("/v1/payments/"+id+"/voids", s.key(), "{}")
	if d := s.Deliveries(); len(d) != 1 || d[0].URL != "https://host.example/a" {
		t.Errorf("%+v", d)
	}
}
