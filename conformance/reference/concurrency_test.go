package reference_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestPaymentsAtOnceAreApart(t *testing.T) {
	b := newBench(t, provider.Options{})
	var group sync.WaitGroup
	var orders sync.Map
	for i := range int64(64) {
		group.Go(func() {
			req := b.terms(eur(1000+i), sdk.CaptureManual)
			res, err := b.Authorize(t.Context(), req)
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			if _, twice := orders.LoadOrStore(res.Order, true); twice {
				t.Errorf("%s is the name of two payments", res.Order)
			}
			h := held{b, req.Call.Reference, res.Order, "EUR"}
			if err := join(captures(h, 500+i), refunds(h, 100+i)); err != nil {
				t.Errorf("%v", err)
			}
			if s := h.now(); amounts(s) != [4]int64{1000 + i, 500 + i, 0, 100 + i} || s.Reference != req.Call.Reference {
				t.Errorf("payment %d: %v %s", i, amounts(s), s.Reference)
			}
		})
	}
	group.Wait()
}

func TestRefundsAtOnceReturnNoMoreThanWasTaken(t *testing.T) {
	h := newBench(t, provider.Options{}).held(eur(1000))
	if err := captures(h, 1000); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() { _, _ = h.refund(300) })
	}
	group.Wait()
	if s := h.now(); s.Refunded.Minor != 900 {
		t.Errorf("refunded %s, want 900", s.Refunded)
	}
}

func TestCaptureOrVoidWins(t *testing.T) {
	b := newBench(t, provider.Options{})
	for range 32 {
		h := b.held(eur(1000))
		var won atomic.Int64
		var group sync.WaitGroup
		for _, do := range []func() error{
			func() error { return captures(h, 1000) },
			func() error { return after(nil, h.void) },
		} {
			group.Go(func() {
				if err := do(); err == nil {
					won.Add(1)
				} else if sdk.AsError(err).Category() != sdk.CategoryState {
					t.Errorf("%v", err)
				}
			})
		}
		group.Wait()
		if s := h.now(); won.Load() != 1 || s.Captured.Minor+s.Released.Minor != 1000 {
			t.Errorf("%d won, %v", won.Load(), amounts(s))
		}
	}
}
