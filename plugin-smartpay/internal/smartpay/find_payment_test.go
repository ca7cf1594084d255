package smartpay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestFoundByOurReferenceAlone(t *testing.T) {
	b := newBench(t)
	start := time.Now()
	order := b.approved("Rneedle", 1234, sdk.CaptureManual)
	for i := range 120 {
		b.authorize(sdk.Reference("Rhay"+strconv.Itoa(i)), 100, sdk.CaptureManual)
	}
	for name, created := range map[string]time.Time{"with its time": start, "without its time": {}} {
		got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("Rneedle"), CreatedAt: created})
		if err != nil || !got.Found || got.Payment.Order != order || *got.Payment.Authorized != sdk.JPY(1234) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		got, err = b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("Rnowhere"), CreatedAt: created})
		if err != nil || got.Found || !got.Authoritative {
			t.Errorf("a reference that is not there, %s: %+v, %v", name, got, err)
		}
	}
	for _, r := range b.ledger().Requests {
		if r.Method != "GET" && !strings.HasSuffix(r.Path, "/checkout-sessions") && !strings.Contains(r.Path, "_sandbox") {
			t.Errorf("a lookup sent %s %s", r.Method, r.Path)
		}
	}
}

func TestOrderThatIsNotThere(t *testing.T) {
	b := newBench(t)
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: "order_test_0"})
	if err != nil || got.Found || !got.Authoritative {
		t.Errorf("found %+v, %v", got, err)
	}
}

func TestNeitherOrderNorReference(t *testing.T) {
	b := newBench(t)
	_, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("")})
	if e := refused(t, err); e.Code != sdk.CodeMissingField {
		t.Errorf("refused with %v", e)
	}
}

// A rack is a provider's list of orders, in whatever order it keeps them.
type rack struct {
	mu     sync.Mutex
	orders []map[string]any
	cap    int // largest page
	asked  int // for pages
	loops  bool
}

func (s *rack) put(reference string, created time.Time) string {
	id := fmt.Sprintf("order_test_%04d", len(s.orders))
	s.orders = append(s.orders, map[string]any{
		"id": id, "object": "order", "test": true, "amount": 1000, "currency": "JPY", "status": "requires_authorization",
		"reference": reference, "createdAt": created.UnixMilli(), "updatedAt": created.UnixMilli(), "payments": []string{},
	})
	return id
}

func (s *rack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, one := strings.CutPrefix(r.URL.Path, "/orders/"); one {
		for _, o := range s.orders {
			if o["id"] == id {
				_ = json.NewEncoder(w).Encode(o)
			}
		}
		return
	}
	s.asked++
	size, _ := strconv.Atoi(r.URL.Query().Get("maxResults"))
	from, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	to := min(from+min(size, s.cap), len(s.orders))
	page := map[string]any{"object": "collection", "data": s.orders[from:to]}
	if to < len(s.orders) {
		page["nextPageToken"] = strconv.Itoa(to)
	}
	if s.loops {
		page["nextPageToken"] = "0"
	}
	_ = json.NewEncoder(w).Encode(page)
}

func TestSearchIsBoundedAndNeverGuesses(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	// hay puts n orders, a minute apart, newest first.
	hay := func(s *rack, n int) {
		for i := range n {
			s.put("other"+strconv.Itoa(i), now.Add(-time.Duration(i)*time.Minute))
		}
	}
	tests := map[string]struct {
		fill    func(s *rack) string // the id to find, or ""
		created time.Time
		found   bool
		sure    bool // that there is none
		code    sdk.Code
		pages   int // asked for at most
	}{
		"stops once orders are older than the payment": {
			fill:    func(s *rack) string { hay(s, 1000); return "" },
			created: now.Add(-30 * time.Minute), sure: true, pages: 4,
		},
		"finds one just within the clocks' difference": {
			fill: func(s *rack) string {
				hay(s, 22) // without the allowance, the second page would be the last
				return s.put("R1", now.Add(-22*time.Minute))
			},
			created: now.Add(-18 * time.Minute), found: true, pages: 3,
		},
		"reads an oldest-first list to its end": {
			fill: func(s *rack) string {
				hay(s, 50)
				id := s.put("R1", now)
				slices.Reverse(s.orders)
				s.orders = append(s.orders[1:], s.orders[0]) // the newest is last
				return id
			},
			created: now.Add(-time.Minute), found: true, pages: 6,
		},
		"two orders with one reference": {
			fill:    func(s *rack) string { s.put("R1", now); s.put("R1", now); return "" },
			created: now.Add(-time.Minute), code: sdk.CodeReferenceMismatch, pages: 1,
		},
		"gives up after its pages, and says that it proves nothing": {
			fill:  func(s *rack) string { hay(s, 10*maxPages+1); return "" },
			pages: maxPages,
		},
		"a list that never ends": {
			fill:  func(s *rack) string { s.loops = true; s.put("other", now); return "" },
			pages: maxPages,
		},
		"finds nothing in nothing": {fill: func(*rack) string { return "" }, sure: true, pages: 1},
		"a reference that differs in case is another": {
			fill: func(s *rack) string { s.put("r1", now); return "" }, sure: true, pages: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &rack{cap: 10, orders: []map[string]any{}}
			want := tt.fill(s)
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			remote := connect(t, Options{})
			got, err := remote.FindPayment(t.Context(), sdk.FindPaymentRequest{
				Call: sdk.Call{Reference: "R1", Account: account(server.URL)}, CreatedAt: tt.created,
			})
			if tt.code != "" {
				if e := refused(t, err); e.Code != tt.code {
					t.Errorf("refused with %v, want %s", e, tt.code)
				}
				return
			}
			if err != nil || got.Found != tt.found || got.Authoritative != tt.sure {
				t.Fatalf("found %+v, %v; want found=%v sure=%v", got, err, tt.found, tt.sure)
			}
			if tt.found && string(got.Payment.Order) != want {
				t.Errorf("found %s, want %s", got.Payment.Order, want)
			}
			if s.asked > tt.pages {
				t.Errorf("asked for %d pages, want at most %d", s.asked, tt.pages)
			}
		})
	}
}
