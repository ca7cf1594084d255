package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A crier announces every change of a payment's external id, to whoever listens.
type crier struct{}

func (crier) Watch(before *Record) func(*Record, Audience) []Delivery {
	was := before.ExternalID
	return func(after *Record, a Audience) []Delivery {
		if after.ExternalID == was {
			return nil
		}
		var all []Delivery
		for _, sub := range a.Subscriptions {
			all = append(all, Delivery{
				ID: after.ExternalID + " for " + sub, Subscription: sub, Name: "renamed",
				Body: fmt.Appendf(nil, "%s to %s at %d by %s", was, after.ExternalID, after.UpdatedAt.UnixMicro(), a.Service),
			})
		}
		return all
	}
}

func subscribe(t *testing.T, s *Store, id, account string) *Subscription {
	t.Helper()
	sub := &Subscription{ID: id, MerchantAccount: account, URL: "https://shop.example/" + id, Active: true, Secret: sdk.NewSecret("canary-" + id)}
	if err := s.SaveSubscription(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	return sub
}

func rename(t *testing.T, s *Store, id sdk.PaymentID, to string) Record {
	t.Helper()
	return update(t, s, id, func(r *Record) { r.ExternalID = to })
}

func told(t *testing.T, s *Store, id sdk.PaymentID) []string {
	t.Helper()
	all, err := s.Deliveries(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func keepsSubscriptions(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := subscribe(t, s, "one", "default")
	c.advance(time.Second)
	subscribe(t, s, "all", "")
	if err := s.SaveSubscription(t.Context(), &Subscription{ID: "one"}); !errors.Is(err, ErrExists) {
		t.Errorf("an id that is taken: %v", err)
	}
	own, err := s.Subscriptions(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "subscriptions of the account", own, []Subscription{*first})
	if all, err := s.AllSubscriptions(t.Context()); err != nil || len(all) != 2 || all[1].ID != "all" {
		t.Errorf("all subscriptions: %+v, %v", all, err)
	}
	changed, err := s.UpdateSubscription(t.Context(), "one", func(sub *Subscription) error {
		sub.URL, sub.Active, sub.Username, sub.Password = "http://other.example", false, "user", sdk.NewSecret("word")
		sub.Previous, sub.PreviousUntil, sub.Secret = sub.Secret, c.now().Add(time.Hour), sdk.NewSecret("new")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !changed.Rotating(c.now()) || changed.Rotating(c.now().Add(time.Hour)) {
		t.Errorf("rotates until %v", changed.PreviousUntil)
	}
	got, err := s.Subscription(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "changed subscription", got, changed)
	if got.CreatedAt != first.CreatedAt || !got.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("created %v, updated %v", got.CreatedAt, got.UpdatedAt)
	}
	refused := errors.New("no")
	if _, err := s.UpdateSubscription(t.Context(), "one", func(*Subscription) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a refused change: %v", err)
	}
	for what, err := range map[string]error{
		"deleting": s.DeleteSubscription(t.Context(), "one"), "deleting another": s.DeleteSubscription(t.Context(), "all"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Subscription(t.Context(), "one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading what was deleted: %v", err)
	}
	if err := s.DeleteSubscription(t.Context(), "one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleting twice: %v", err)
	}
	// Changes at the same moment do not lose each other.
	subscribe(t, s, "many", "default")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := s.UpdateSubscription(t.Context(), "many", func(sub *Subscription) error { sub.URL += "x"; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := s.Subscription(t.Context(), "many"); err != nil || !strings.HasSuffix(got.URL, "/manyxxxxxxxx") {
		t.Errorf("after 8 changes: %q, %v", got.URL, err)
	}
}

func keepsAnnouncements(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	s.Announce(crier{})
	keepService(t, s, testService("service-1"))
	subscribe(t, s, "one", "default")
	rec := create(t, s, newPayment())
	id := rec.Payment.ID
	c.advance(time.Second)
	changed := rename(t, s, id, "a")
	d, err := s.Delivery(t.Context(), "a for one")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "delivery", d, Delivery{
		ID: "a for one", Subscription: "one", Payment: id, Name: "renamed",
		Body:      fmt.Appendf(nil, " to a at %d by Smartpay ¥", changed.UpdatedAt.UnixMicro()),
		CreatedAt: ledger.Kept(c.now()), DueAt: ledger.Kept(c.now()),
	})
	refused := errors.New("no")
	if _, err := s.Update(t.Context(), id, nil, func(r *Record) error { r.ExternalID = "b"; return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	// A change that the database refuses takes its announcement with it.
	other := create(t, s, newPayment())
	if _, err := s.Update(t.Context(), id, nil, func(r *Record) error {
		r.ExternalID = "c"
		r.Operations = append(r.Operations, ledger.Operation{ID: "same", Kind: sdk.OpCapture}, ledger.Operation{ID: "same", Kind: sdk.OpCapture})
		return nil
	}); err == nil {
		t.Fatal("two captures of one name were kept")
	}
	rename(t, s, other.Payment.ID, "d")
	same(t, "told of the payment", told(t, s, id), []string{"a for one"})
	if n, oldest, err := s.WaitingDeliveries(t.Context()); n != 2 || oldest != ledger.Kept(c.now()) || err != nil {
		t.Errorf("waiting: %d, oldest %v, %v", n, oldest, err)
	}
}

func tellsWhoListens(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	s.Announce(crier{})
	rec := create(t, s, newPayment())
	id := rec.Payment.ID
	rename(t, s, id, "nobody")
	subscribe(t, s, "own", "default")
	subscribe(t, s, "all", "")
	subscribe(t, s, "other", "other")
	rename(t, s, id, "both")
	if _, err := s.UpdateSubscription(t.Context(), "own", func(sub *Subscription) error { sub.Active = false; return nil }); err != nil {
		t.Fatal(err)
	}
	rename(t, s, id, "one")
	if err := s.DeleteSubscription(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	rename(t, s, id, "none")
	same(t, "told", told(t, s, id), []string{"both for all", "both for own", "one for all"})
}

func triesDeliveries(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	s.Announce(crier{})
	subscribe(t, s, "one", "default")
	rec := create(t, s, newPayment())
	for _, name := range []string{"a", "b"} {
		rename(t, s, rec.Payment.ID, name)
	}
	a, err := s.Delivery(t.Context(), "a for one")
	if err != nil {
		t.Fatal(err)
	}
	a.TriedAt, a.Status, a.Problem, a.DueAt = c.now(), 500, "answered 500", c.now().Add(time.Minute)
	if err := s.Tried(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := s.Tried(t.Context(), a); !errors.Is(err, ErrNotFound) {
		t.Errorf("an attempt that somebody else made too: %v", err)
	}
	due := func(at time.Time) (ids []string) {
		t.Helper()
		var from Mark
		for {
			some, next, err := s.DueDeliveries(t.Context(), at, from, 1)
			if err != nil {
				t.Fatal(err)
			}
			if ids = append(ids, some...); len(some) == 0 {
				return ids
			}
			from = next
		}
	}
	same(t, "due now", due(c.now()), []string{"b for one"})
	same(t, "due later", due(c.advance(time.Hour)), []string{"b for one", "a for one"})
	if a, err = s.Delivery(t.Context(), a.ID); err != nil || a.Attempts != 1 || a.Status != 500 {
		t.Fatalf("after one attempt: %+v, %v", a, err)
	}
	a.TriedAt, a.Status, a.Problem, a.Delivered, a.DueAt, a.EndedAt = c.now(), 204, "", true, time.Time{}, c.now()
	if err := s.Tried(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := s.GiveUpDelivery(t.Context(), a.ID, "too late"); err != nil {
		t.Fatal(err)
	}
	if err := s.GiveUpDelivery(t.Context(), "b for one", "unsubscribed"); err != nil {
		t.Fatal(err)
	}
	same(t, "due at the end", due(c.now()), []string(nil))
	all, err := s.Deliveries(t.Context(), rec.Payment.ID, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("deliveries: %+v, %v", all, err)
	}
	if d := all[1]; !d.Delivered || d.Attempts != 2 || d.Problem != "" || d.EndedAt != ledger.Kept(c.now()) {
		t.Errorf("what was delivered: %+v", d)
	}
	if d := all[0]; d.Delivered || d.Problem != "unsubscribed" || d.EndedAt.IsZero() {
		t.Errorf("what was given up: %+v", d)
	}
	if n, oldest, err := s.WaitingDeliveries(t.Context()); n != 0 || !oldest.IsZero() || err != nil {
		t.Errorf("waiting: %d, oldest %v, %v", n, oldest, err)
	}
}

func expiresDeliveries(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	s.Announce(crier{})
	subscribe(t, s, "one", "default")
	rec := create(t, s, newPayment())
	for _, name := range []string{"a", "b", "c"} {
		rename(t, s, rec.Payment.ID, name)
	}
	c.advance(DeliveryLifetime)
	rename(t, s, rec.Payment.ID, "d")
	for _, want := range []int{2, 1, 0} {
		if n, err := s.ExpireDeliveries(t.Context(), 2); n != want || err != nil {
			t.Errorf("deleted %d, %v, want %d", n, err, want)
		}
	}
	same(t, "told", told(t, s, rec.Payment.ID), []string{"d for one"})
}
