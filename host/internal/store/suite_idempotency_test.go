package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

func usesKeysOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := newPayment()
	first := Idempotency{
		MerchantAccount: "default", Scope: "create", Key: "k", Fingerprint: "f", Payment: rec.Payment.ID,
		Operation: rec.Operations[0].ID, Host: "h",
	}
	if err := s.Create(t.Context(), rec, &first); err != nil {
		t.Fatal(err)
	}
	kept, err := s.Idempotency(t.Context(), "default", "create", "k")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "key", kept, first)

	second := newPayment()
	var used *KeyUsedError
	err = s.Create(t.Context(), second, &Idempotency{MerchantAccount: "default", Scope: "create", Key: "k"})
	if !errors.As(err, &used) {
		t.Fatalf("create with a used key: error = %v, want a KeyUsedError", err)
	}
	same(t, "earlier use", used.Earlier, first)
	if _, err := s.Payment(t.Context(), second.Payment.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("payment with a used key: error = %v, want ErrNotFound", err)
	}
	_, err = s.Update(t.Context(), rec.Payment.ID, &Idempotency{MerchantAccount: "default", Scope: "create", Key: "k"},
		func(*Record) error { t.Error("change ran with a used key"); return nil })
	if used = nil; !errors.As(err, &used) {
		t.Fatalf("update with a used key: error = %v, want a KeyUsedError", err)
	}
	same(t, "earlier use", used.Earlier, first)

	for _, other := range []Idempotency{
		{MerchantAccount: "default", Scope: "create", Key: "K"},
		{MerchantAccount: "default", Scope: "capture", Key: "k"},
		{MerchantAccount: "other", Scope: "create", Key: "k"},
	} {
		if err := s.Create(t.Context(), newPayment(), &other); err != nil {
			t.Errorf("create with %+v: %v", other, err)
		}
	}
	idem := &Idempotency{MerchantAccount: "default", Scope: "capture", Key: "chosen inside"}
	if _, err := s.Update(t.Context(), rec.Payment.ID, idem, func(*Record) error {
		idem.Operation = "op-capture"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if kept, err = s.Idempotency(t.Context(), "default", "capture", "chosen inside"); err != nil {
		t.Fatal(err)
	}
	same(t, "key that change completed", kept, *idem)
	if kept.Operation != "op-capture" {
		t.Errorf("operation = %q, want what change set", kept.Operation)
	}
}

func forgetsKeys(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	use := func(scope string) error {
		return s.Create(t.Context(), newPayment(), &Idempotency{Scope: scope, Key: "k", Fingerprint: c.now().String()})
	}
	for _, scope := range []string{"reused", "expired", "expired too"} {
		if err := use(scope); err != nil {
			t.Fatal(err)
		}
	}
	var used *KeyUsedError
	c.advance(KeyLifetime - time.Microsecond)
	if err := use("reused"); !errors.As(err, &used) {
		t.Errorf("within its lifetime: error = %v, want a KeyUsedError", err)
	}
	if n, err := s.ExpireIdempotency(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("expired %d keys, %v, want none yet", n, err)
	}
	c.advance(time.Microsecond)
	if err := use("reused"); err != nil {
		t.Errorf("after its lifetime: %v", err)
	}
	if err := use("reused"); !errors.As(err, &used) {
		t.Errorf("used again: error = %v, want a KeyUsedError", err)
	}
	if _, err := s.Idempotency(t.Context(), "", "expired", "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("key after its lifetime: error = %v, want ErrNotFound", err)
	}
	err := s.FinishIdempotency(t.Context(), Idempotency{Scope: "expired", Key: "k", Status: 200})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("answering a key after its lifetime: error = %v, want ErrNotFound", err)
	}
	for _, want := range []int{1, 1, 0} {
		if n, err := s.ExpireIdempotency(t.Context(), 1); n != want || err != nil {
			t.Errorf("expired %d keys, %v, want %d", n, err, want)
		}
	}
	if _, err := s.Idempotency(t.Context(), "", "reused", "k"); err != nil {
		t.Errorf("the key that was used again: %v", err)
	}
}

func letsOneUseWin(t *testing.T, open opener) {
	s := open(t, time.Now)
	existing := create(t, s, newPayment())
	uses := map[string]func(i int, idem *Idempotency) error{
		"create": func(_ int, idem *Idempotency) error {
			rec := newPayment()
			idem.Payment = rec.Payment.ID
			return s.Create(t.Context(), rec, idem)
		},
		"capture": func(i int, idem *Idempotency) error {
			idem.Payment = sdk.PaymentID(fmt.Sprint(i)) // names the winner
			_, err := s.Update(t.Context(), existing.Payment.ID, idem, func(r *Record) error {
				r.Added = []Event{{ID: "e", Name: fmt.Sprint(i)}}
				return nil
			})
			return err
		},
	}
	for scope, use := range uses {
		t.Run(scope, func(t *testing.T) {
			var wins atomic.Int64
			var mu sync.Mutex
			earlier := make(map[sdk.PaymentID]int)
			var wait sync.WaitGroup
			for i := range 64 {
				wait.Go(func() {
					idem := &Idempotency{MerchantAccount: "default", Scope: scope, Key: "k"}
					err := use(i, idem)
					var used *KeyUsedError
					winner := idem.Payment
					switch {
					case err == nil:
						wins.Add(1)
					case errors.As(err, &used):
						winner = used.Earlier.Payment
					default:
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					earlier[winner]++
				})
			}
			wait.Wait()
			if wins.Load() != 1 || len(earlier) != 1 {
				t.Errorf("%d uses won, and the winner is said to be %v, want one", wins.Load(), earlier)
			}
		})
	}
	events, _, err := s.Events(t.Context(), existing.Payment.ID, 100, "")
	if err != nil || len(events) != 1 {
		t.Errorf("%d captures took effect, %v, want 1", len(events), err)
	}
}

func keepsFirstAnswer(t *testing.T, open opener) {
	s := open(t, newClock().now)
	idem := Idempotency{MerchantAccount: "default", Scope: "create", Key: "k", Fingerprint: "f", Host: "h"}
	if err := s.Create(t.Context(), newPayment(), &idem); err != nil {
		t.Fatal(err)
	}
	idem.Status, idem.Body = 201, []byte("first \x00 \xff")
	if err := s.FinishIdempotency(t.Context(), idem); err != nil {
		t.Fatal(err)
	}
	late := idem
	late.Status, late.Body = 500, []byte("late")
	if err := s.FinishIdempotency(t.Context(), late); err != nil {
		t.Errorf("a late answer: %v", err)
	}
	got, err := s.Idempotency(t.Context(), "default", "create", "k")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "key", got, idem)
	late.Key = "never used"
	if err := s.FinishIdempotency(t.Context(), late); !errors.Is(err, ErrNotFound) {
		t.Errorf("answering an unused key: error = %v, want ErrNotFound", err)
	}
}
