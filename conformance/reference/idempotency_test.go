package reference_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// A write is one write, made of a held payment of 1000, for any key and amount.
var writes = map[string]func(h held, call sdk.Call, minor int64) (any, error){
	"authorize": func(h held, call sdk.Call, minor int64) (any, error) {
		req := h.b.terms(h.money(minor), sdk.CaptureAutomatic)
		req.Call = call
		req.Call.Reference = "Ragain"
		return h.b.Authorize(h.b.t.Context(), req)
	},
	"capture": func(h held, call sdk.Call, minor int64) (any, error) {
		return h.b.Capture(h.b.t.Context(), sdk.CaptureRequest{Call: call, Order: h.order, Amount: h.money(minor)})
	},
	"increment": func(h held, call sdk.Call, minor int64) (any, error) {
		return h.b.Increment(h.b.t.Context(), sdk.IncrementRequest{Call: call, Order: h.order, Amount: h.money(minor)})
	},
	"refund": func(h held, call sdk.Call, minor int64) (any, error) {
		return h.b.Refund(h.b.t.Context(), sdk.RefundRequest{
			Call: call, Order: h.order, Amount: h.money(minor), Reason: sdk.RefundDuplicate,
		})
	},
}

func TestOneKeyOneEffect(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			h := newBench(t, provider.Options{}).held(eur(1000))
			if err := captures(h, 500); err != nil {
				t.Fatal(err)
			}
			call := h.b.call(h.reference)
			first, err := write(h, call, 100)
			if err != nil {
				t.Fatal(err)
			}
			moved := h.b.provider.Ledger(string(call.Key), "").Movements
			var group sync.WaitGroup
			for range 32 {
				group.Go(func() {
					again, err := write(h, call, 100)
					if diff := cmp.Diff(asJSON(t, first), asJSON(t, again)); err != nil || diff != "" {
						t.Errorf("%v, and differs:\n%s", err, diff)
					}
				})
			}
			group.Wait()
			_, err = write(h, call, 101)
			wantRefusal(t, err, sdk.CodeKeyConflict)
			if again := h.b.provider.Ledger(string(call.Key), "").Movements; len(again) != len(moved) || len(moved) == 0 {
				t.Errorf("%d movements, after the first write there were %d", len(again), len(moved))
			}
			h.b.provider.Advance(24 * time.Hour)
			if _, err := write(h, call, 100); sdk.AsError(err).Code != sdk.CodeKeyExpired || sdk.AsError(err).Outcome() != sdk.OutcomeUnknown {
				t.Errorf("a day later: %v", err)
			}
		})
	}
}

func TestTwoKeysTwoEffects(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			h := newBench(t, provider.Options{}).held(eur(1000))
			if err := captures(h, 500); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				call := h.b.call(h.reference)
				if _, err := write(h, call, 100); err != nil {
					t.Fatal(err)
				}
				if n := len(h.b.provider.Ledger(string(call.Key), "").Movements); n == 0 {
					t.Error("nothing moved")
				}
			}
		})
	}
}

func asJSON(t *testing.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// A request that was refused has not used its key up: nothing happened under it.
func TestRefusalUsesNoKey(t *testing.T) {
	h := newBench(t, provider.Options{}).held(eur(1000))
	call := h.b.call(h.reference)
	_, err := writes["refund"](h, call, 100)
	wantRefusal(t, err, sdk.CodeInvalidState)
	if err := captures(h, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := writes["refund"](h, call, 100); err != nil {
		t.Error(err)
	}
}

func TestDeclineIsRepeated(t *testing.T) {
	b := newBench(t, provider.Options{})
	req := b.terms(eur(provider.FirstDeclined), sdk.CaptureManual)
	first, err := b.Authorize(t.Context(), req)
	again, errAgain := b.Authorize(t.Context(), req)
	if asJSON(t, first) != asJSON(t, again) || sdk.AsError(err).Code != sdk.AsError(errAgain).Code {
		t.Errorf("%+v, %v; then %+v, %v", first, err, again, errAgain)
	}
}

func TestTwoPaymentsWithOneReference(t *testing.T) {
	b := newBench(t, provider.Options{})
	h := b.held(eur(100))
	req := b.terms(eur(100), sdk.CaptureManual)
	req.Call.Reference = h.reference
	if _, err := b.Authorize(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	_, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read(h.reference)})
	if sdk.AsError(err).Code != sdk.CodeReferenceMismatch {
		t.Errorf("%v", err)
	}
}

func TestLookupsLagBehind(t *testing.T) {
	b := newBench(t, provider.Options{VisibilityDelay: time.Minute})
	h := b.held(eur(1000))
	find := sdk.FindPaymentRequest{Call: b.read(h.reference)}
	if found, err := b.FindPayment(t.Context(), find); err != nil || found.Found {
		t.Errorf("at once: %+v, %v", found, err)
	}
	b.provider.Advance(time.Minute)
	back := join(captures(h, 1000), refunds(h, 1))
	if s := h.now(); back != nil || s.State != sdk.StateAuthorized || len(s.Captures)+len(s.Refunds) > 0 {
		t.Errorf("a minute later: %+v, %v", s, back)
	}
	b.provider.Advance(time.Minute)
	if s := h.now(); s.State != sdk.StateCaptured || len(s.Refunds) != 1 {
		t.Errorf("two minutes later: %+v", s)
	}
}
