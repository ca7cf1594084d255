package reference_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// A model is a payment as the contract describes it, without a provider.
type model struct {
	authorized, captured, released, refunded int64
	expired                                  bool
}

func (m *model) open() int64 { return max(0, m.authorized-m.captured-m.released) }

func (m *model) state() sdk.State {
	switch {
	case m.captured > 0 && m.open() > 0:
		return sdk.StatePartiallyCaptured
	case m.captured > 0:
		return sdk.StateCaptured
	case m.open() > 0:
		return sdk.StateAuthorized
	case m.expired:
		return sdk.StateExpired
	}
	return sdk.StateVoided
}

func (m *model) totals() [4]int64 { return [4]int64{m.authorized, m.captured, m.released, m.refunded} }

// Random legal and illegal operations leave connector, provider and model of one mind.
func TestModel(t *testing.T) {
	b := newBench(t, provider.Options{})
	rapid.Check(t, func(t *rapid.T) {
		b.provider = provider.New(provider.Options{})
		currency := rapid.SampledFrom([]sdk.Currency{"JPY", "EUR", "KWD"}).Draw(t, "currency")
		start := rapid.Int64Range(1, 5000).Draw(t, "authorized")
		h := b.held(sdk.Money{Minor: start, Currency: currency})
		m := &model{authorized: start}
		t.Repeat(map[string]func(*rapid.T){
			"capture": func(t *rapid.T) {
				minor, final := rapid.Int64Range(1, 2*start).Draw(t, "minor"), rapid.Bool().Draw(t, "final")
				legal := m.open() > 0 && minor <= m.open()+m.authorized*15/100
				res, err := h.capture(minor, final)
				agree(t, legal, err)
				if legal {
					m.captured += minor
					if final {
						rest := m.open()
						m.released += rest
						if res.Released.Minor != rest {
							t.Fatalf("released %s, want %d", res.Released, rest)
						}
					}
				}
			},
			"void": func(t *rapid.T) {
				legal := m.open() > 0
				_, err := h.void()
				agree(t, legal, err)
				m.released += m.open()
			},
			"refund": func(t *rapid.T) {
				minor := rapid.Int64Range(1, 2*start).Draw(t, "minor")
				legal := minor <= m.captured-m.refunded
				_, err := h.refund(minor)
				agree(t, legal, err)
				if legal {
					m.refunded += minor
				}
			},
			"increment": func(t *rapid.T) {
				minor := rapid.Int64Range(1, start).Draw(t, "minor")
				legal := m.open() > 0
				res, err := h.increment(minor)
				agree(t, legal, err)
				if legal {
					m.authorized += minor
					if res.Amount.Minor != m.authorized {
						t.Fatalf("now %s, want %d", res.Amount, m.authorized)
					}
				}
			},
			"cancel": func(t *rapid.T) {
				_, err := h.cancel()
				agree(t, false, err)
			},
			"time": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "a week") == 0 {
					b.provider.Advance(7 * 24 * time.Hour)
					m.expired = m.expired || m.open() > 0
					m.released += m.open()
				}
			},
			"": func(t *rapid.T) {
				s := h.now()
				if s.State != m.state() || amounts(s) != m.totals() {
					t.Fatalf("%s %v, want %s %v", s.State, amounts(s), m.state(), m.totals())
				}
				sum := b.provider.Ledger("", string(h.reference)).ByReference[string(h.reference)]
				if got := [4]int64{sum.Held, sum.Taken, sum.Released, sum.Returned}; got != m.totals() {
					t.Fatalf("the ledger says %v, want %v", got, m.totals())
				}
			},
		})
	})
}

func agree(t *rapid.T, legal bool, err error) {
	if legal != (err == nil) {
		t.Fatalf("legal is %t, and the answer %v", legal, err)
	}
	if err != nil && sdk.AsError(err).Category() != sdk.CategoryState {
		t.Fatalf("refused with %v, want a STATE code", err)
	}
}
