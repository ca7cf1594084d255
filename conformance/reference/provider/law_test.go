package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A shop calls the provider from the same process.
type shop struct {
	*Provider
	n int
}

// post sends a write under a key and returns status and answer.
func (s *shop) post(path, key, body string) (int, string) {
	return s.send(http.MethodPost, path, key, body)
}

func (s *shop) send(method, path, key, body string) (int, string) {
	req, err := http.NewRequest(method, "http://provider.example"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer key_test_shop0001")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.Inside().RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// key is a key that was not used yet.
func (s *shop) key() string { s.n++; return fmt.Sprint("k", s.n) }

// pay starts a payment of yen and returns its id.
func (s *shop) pay(minor int64, method, capture string) string {
	_, text := s.post("/v1/payments", s.key(), terms0(minor, method, capture))
	var shown paymentShown
	if json.Unmarshal([]byte(text), &shown) != nil {
		return ""
	}
	return shown.ID
}

func terms0(minor int64, method, capture string) string {
	return fmt.Sprintf(`{"reference":"R1","amount":{"value":"%d","currency":"JPY"},"country":"JP","capture":%q,"method":%q,`+
		`"return_url":"https://shop.example/r","cancel_url":"https://shop.example/c"}`, minor, capture, method)
}

// Whatever is asked, in whatever order and however late, money obeys its laws, in
// every prefix of a payment's history and for every lookup into the past.
func TestLaws(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	magic := []int64{SlowMove, FailingMove, BouncingRefund, HalfApproved, Challenged, ReviewedThenApproved, FirstDeclined}
	rapid.Check(t, func(t *rapid.T) {
		s := &shop{Provider: New(Options{Now: func() time.Time { return now }})}
		amount := rapid.OneOf(rapid.SampledFrom(magic), rapid.Int64Range(1, 300_000))
		id := s.pay(amount.Draw(t, "amount"),
			rapid.SampledFrom([]string{"card", "wallet"}).Draw(t, "method"),
			rapid.SampledFrom([]string{"immediate", "deferred"}).Draw(t, "capture"))
		var keys []string
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				what := rapid.SampledFrom([]string{"captures", "captures", "refunds", "voids", "cancellations", "increments"}).Draw(t, "what")
				key := s.key()
				if len(keys) > 0 && rapid.Bool().Draw(t, "again") {
					key = rapid.SampledFrom(keys).Draw(t, "key")
				}
				keys = append(keys, key)
				s.post("/v1/payments/"+id+"/"+what, key, fmt.Sprintf(`{"amount":{"value":"%d","currency":"JPY"},"final":%t,"reason":"fraud"}`,
					amount.Draw(t, "moved"), rapid.Bool().Draw(t, "final")))
			},
			"buyer": func(t *rapid.T) {
				s.Decide(id, rapid.SampledFrom([]string{"approve", "decline", "cancel"}).Draw(t, "word"))
			},
			"time": func(t *rapid.T) {
				s.Advance(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 7 * 24 * time.Hour}).Draw(t, "by"))
			},
			"": func(t *rapid.T) {
				if x := s.payment(id); x != nil {
					lawful(t, x, s.Now())
				}
				oneMovementOfAKind(t, s.Ledger("", ""))
			},
		})
	})
}

// lawful checks a payment at every time at which something happened to it.
func lawful(t *rapid.T, x *payment, now time.Time) {
	var before []entry
	times := []time.Time{x.created}
	for _, e := range x.entries {
		times = append(times, e.at)
	}
	for _, at := range append(times, now) {
		if at.After(now) {
			continue
		}
		v := x.at(at)
		if v.captured+v.capturing > v.authorized+tolerance(v.authorized) || v.refunded+v.refunding > v.captured ||
			v.captured+v.released > v.authorized+tolerance(v.authorized) || v.released > v.authorized ||
			min(v.captured, v.capturing, v.released, v.refunded, v.refunding) < 0 {
			t.Fatalf("authorized %d, captured %d and %d, released %d, refunded %d and %d",
				v.authorized, v.captured, v.capturing, v.released, v.refunded, v.refunding)
		}
		if len(v.steps) < len(before) || !slices.Equal(v.steps[:len(before)], before) {
			t.Fatalf("the past has changed: was %v, is %v", before, v.steps)
		}
		before = v.steps
	}
}

// oneMovementOfAKind: a key holds, takes, releases and returns at most once each.
func oneMovementOfAKind(t *rapid.T, l Ledger) {
	seen := map[string]bool{}
	for _, m := range l.Movements {
		if name := m.Key + " " + string(m.Motion); m.Key != "" && seen[name] {
			t.Fatalf("the key %s did %s twice", m.Key, m.Motion)
		} else {
			seen[name] = true
		}
	}
}
