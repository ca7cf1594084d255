package sandbox

import (
	"maps"
	"net/url"
	"strconv"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// defaultListed is how many lines of each list the ledger shows when not told.
const defaultListed = 1000

// ledgerView is what GET /_sandbox/ledger answers. Sums and counts cover
// everything that matches; the lists hold the latest lines, oldest first.
type ledgerView struct {
	Object      string            `json:"object"`
	Now         int64             `json:"now"`
	Counts      ledgerCounts      `json:"counts"`
	ByReference map[string]*tally `json:"by_reference"`
	ByKey       map[string]*tally `json:"by_key"`
	Movements   []movementView    `json:"movements"`
	Requests    []seen            `json:"requests"`
	Webhooks    []delivered       `json:"webhooks"`
}

type ledgerCounts struct {
	Requests         int64            `json:"requests"`            // since the log was last emptied
	Remembered       int              `json:"requests_remembered"` // of those, still here in full
	ByEndpoint       map[string]int64 `json:"requests_by_endpoint"`
	ByStatus         map[int]int64    `json:"requests_by_status"`
	MatchedRequests  int              `json:"matched_requests"`
	MatchedMovements int              `json:"matched_movements"`
	MatchedWebhooks  int              `json:"matched_webhooks"`
	WebhooksWaiting  int              `json:"webhooks_waiting"`
}

// tally sums up what happened under one key or one reference.
type tally struct {
	Requests   int      `json:"requests"`
	Replays    int      `json:"replays"`
	Movements  int      `json:"movements"`
	Authorized int64    `json:"authorized"`
	Captured   int64    `json:"captured"`
	Released   int64    `json:"released"`
	Refunded   int64    `json:"refunded"`
	Orders     []string `json:"orders"`
}

type movementView struct {
	Seq       int64       `json:"seq"`
	At        int64       `json:"at"`
	Motion    book.Motion `json:"motion"`
	Amount    int64       `json:"amount"`
	Currency  string      `json:"currency"`
	Reference string      `json:"reference,omitempty"`
	Key       string      `json:"idempotency_key,omitempty"`
	Cause     string      `json:"cause"`
	Merchant  string      `json:"merchant"`
	Order     string      `json:"order"`
	Payment   string      `json:"payment,omitempty"`
	Refund    string      `json:"refund,omitempty"`
}

// filter narrows the ledger. Empty fields let everything through.
type filter struct {
	reference, key string
	limit          int
}

func newFilter(query url.Values) (filter, error) {
	f := filter{reference: query.Get("reference"), key: query.Get("key"), limit: defaultListed}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return f, invalid("limit must be a number of lines, 0 or more")
		}
		f.limit = n
	}
	return f, nil
}

func (f filter) passes(reference, key string) bool {
	return (f.reference == "" || f.reference == reference) && (f.key == "" || f.key == key)
}

// ledger reads everything that has happened.
func (s *Server) ledger(f filter) ledgerView {
	v := ledgerView{
		Object: "sandboxLedger", Now: s.clock.Now().UnixMilli(), ByReference: map[string]*tally{}, ByKey: map[string]*tally{},
	}
	movements := s.listMovements(&v, f)
	requests := s.listRequests(&v, f)
	var webhooks []delivered
	s.attempts.each(func(d delivered) {
		if f.passes(d.Reference, "") {
			webhooks = append(webhooks, d)
		}
	})
	v.Counts.MatchedMovements, v.Movements = len(movements), latest(movements, f.limit)
	v.Counts.MatchedRequests, v.Requests = len(requests), latest(requests, f.limit)
	v.Counts.MatchedWebhooks, v.Webhooks = len(webhooks), latest(webhooks, f.limit)
	v.Counts.WebhooksWaiting = s.hooks.Waiting()
	return v
}

func (s *Server) listMovements(v *ledgerView, f filter) []movementView {
	var found []movementView
	s.book.Movements(func(m book.Movement) bool {
		if f.passes(m.Reference, m.Cause.Key) {
			line := viewMovement(m)
			found = append(found, line)
			v.tallies(m.Reference, m.Cause.Key, func(t *tally) { t.move(line) })
		}
		return true
	})
	return found
}

func (s *Server) listRequests(v *ledgerView, f filter) []seen {
	var found []seen
	s.requests.each(func(r seen) {
		if f.passes(r.Reference, r.IdempotencyKey) {
			found = append(found, r)
			v.tallies(r.Reference, r.IdempotencyKey, func(t *tally) {
				t.Requests++
				if r.Replayed {
					t.Replays++
				}
			})
		}
	})
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	v.Counts.Requests, v.Counts.Remembered = s.requests.total, len(s.requests.latest)
	v.Counts.ByEndpoint, v.Counts.ByStatus = maps.Clone(s.requests.byEndpoint), maps.Clone(s.requests.byStatus)
	return found
}

func (v *ledgerView) tallies(reference, key string, count func(*tally)) {
	for _, entry := range []struct {
		in   map[string]*tally
		name string
	}{{v.ByReference, reference}, {v.ByKey, key}} {
		if entry.name == "" {
			continue
		}
		if entry.in[entry.name] == nil {
			entry.in[entry.name] = &tally{Orders: []string{}}
		}
		count(entry.in[entry.name])
	}
}

func (t *tally) move(m movementView) {
	t.Movements++
	switch m.Motion {
	case book.Authorized:
		t.Authorized += m.Amount
	case book.Captured:
		t.Captured += m.Amount
	case book.Released:
		t.Released += m.Amount
	case book.Refunded:
		t.Refunded += m.Amount
	}
	if len(t.Orders) == 0 || t.Orders[len(t.Orders)-1] != m.Order {
		t.Orders = append(t.Orders, m.Order)
	}
}

func viewMovement(m book.Movement) movementView {
	mode := m.Merchant.Mode
	v := movementView{
		Seq: m.Seq, At: m.At, Motion: m.Motion, Amount: m.Amount, Currency: m.Currency, Reference: m.Reference,
		Key: m.Cause.Key, Cause: m.Cause.By, Merchant: m.Merchant.Name, Order: m.Order.Text(book.KindOrder, mode),
	}
	if m.Payment != (book.ID{}) {
		v.Payment = m.Payment.Text(book.KindPayment, mode)
	}
	if m.Refund != (book.ID{}) {
		v.Refund = m.Refund.Text(book.KindRefund, mode)
	}
	return v
}

// latest keeps the last n lines, and is never nil: an empty list is [] in JSON.
func latest[T any](lines []T, n int) []T {
	if len(lines) == 0 {
		return []T{}
	}
	return lines[max(0, len(lines)-n):]
}
