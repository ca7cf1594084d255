package book

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func newTestBook() *Book {
	return New(1, new(Clock), func(Mode, any) json.RawMessage { return json.RawMessage(`{}`) })
}

// open makes an order of 1000 yen and approves it unless told otherwise.
func open(t interface{ Fatal(...any) }, m *Merchant, manual, approve bool) *Order {
	var order *Order
	m.Do(Cause{}, func(tx *Tx) {
		order = tx.OpenSession(SessionSpec{Order: &OrderSpec{
			Amount: 1000, Currency: "JPY", Manual: manual, Reference: "R-1", Items: json.RawMessage(`[]`),
		}}).Order
		if approve && !tx.Approve(order) {
			t.Fatal("a new order cannot be approved")
		}
	})
	return order
}

func codeOf(err error) Code {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Code
	}
	return ""
}

func capture(m *Merchant, o *Order, amount int64, keep bool) (err error) {
	m.Do(Cause{Key: "capture"}, func(tx *Tx) {
		_, err = tx.Capture(CaptureSpec{Order: o.ID.Text(KindOrder, m.Mode), Amount: amount, Currency: "JPY", Keep: keep})
	})
	return err
}

func cancel(m *Merchant, o *Order) (err error) {
	m.Do(Cause{}, func(tx *Tx) { _, err = tx.CancelOrder(o.ID.Text(KindOrder, m.Mode)) })
	return err
}

func refund(m *Merchant, p *Payment, amount int64) (err error) {
	m.Do(Cause{}, func(tx *Tx) {
		_, err = tx.Refund(RefundSpec{Payment: p.ID.Text(KindPayment, m.Mode), Amount: amount, Currency: "JPY"})
	})
	return err
}

func TestCapture(t *testing.T) {
	tests := map[string]struct {
		story  func(m *Merchant, o *Order) error
		code   Code
		status Status
		taken  int64
	}{
		"the whole": {func(m *Merchant, o *Order) error { return capture(m, o, 1000, false) }, "", Succeeded, 1000},
		"a part, the rest released": {
			func(m *Merchant, o *Order) error { return capture(m, o, 400, false) }, "", Succeeded, 400,
		},
		"a part, the rest kept": {
			func(m *Merchant, o *Order) error { return capture(m, o, 400, true) }, "", RequiresCapture, 400,
		},
		"one yen too much": {
			func(m *Merchant, o *Order) error { return capture(m, o, 1001, false) }, ExcessiveAmount, RequiresCapture, 0,
		},
		"the rest, then one yen": {func(m *Merchant, o *Order) error {
			return errors.Join(capture(m, o, 400, true), capture(m, o, 600, true), capture(m, o, 1, true))
		}, CannotCapture, Succeeded, 1000},
		"after a part, more than the rest": {func(m *Merchant, o *Order) error {
			return errors.Join(capture(m, o, 400, true), capture(m, o, 601, true))
		}, ExcessiveAmount, RequiresCapture, 400},
		"after release": {func(m *Merchant, o *Order) error {
			return errors.Join(capture(m, o, 400, false), capture(m, o, 1, false))
		}, CannotCapture, Succeeded, 400},
		"after cancellation": {func(m *Merchant, o *Order) error {
			return errors.Join(cancel(m, o), capture(m, o, 1, false))
		}, CannotCapture, Canceled, 0},
		"part, cancel, cancel": {func(m *Merchant, o *Order) error {
			return errors.Join(capture(m, o, 400, true), cancel(m, o), cancel(m, o))
		}, CannotCancel, Succeeded, 400},
		"cancel twice": {func(m *Merchant, o *Order) error {
			return errors.Join(cancel(m, o), cancel(m, o))
		}, "", Canceled, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newTestBook().Merchant("sk_test_a")
			o := open(t, m, true, true)
			if code := codeOf(tt.story(m, o)); code != tt.code {
				t.Errorf("refused with %q, want %q", code, tt.code)
			}
			if o.Status != tt.status || o.Captured != tt.taken {
				t.Errorf("order is %s with %d captured, want %s with %d", o.Status, o.Captured, tt.status, tt.taken)
			}
		})
	}
}

func TestAutomaticCapturePaysAtOnce(t *testing.T) {
	m := newTestBook().Merchant("sk_live_a")
	o := open(t, m, false, true)
	if o.Status != Succeeded || len(o.Payments) != 1 || o.Payments[0].Amount != 1000 || o.Payments[0].Reference != "R-1" {
		t.Fatalf("order %+v, want succeeded with one payment of 1000 that carries its reference", o)
	}
	if code := codeOf(cancel(m, o)); code != CannotCancel {
		t.Errorf("cancelling it: %q, want %q", code, CannotCancel)
	}
}

func TestRefundsEndWithThePayment(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	p := open(t, m, false, true).Payments[0]
	for _, step := range []struct {
		amount int64
		code   Code
	}{{1001, InsufficientAmount}, {400, ""}, {601, InsufficientAmount}, {0, ""}, {0, InsufficientAmount}, {1, InsufficientAmount}} {
		if code := codeOf(refund(m, p, step.amount)); code != step.code {
			t.Errorf("refund %d: %q, want %q", step.amount, code, step.code)
		}
	}
	if p.Refunded != 1000 || len(p.Refunds) != 2 || p.Order.Status != Succeeded {
		t.Errorf("refunded %d in %d, order %s; want 1000 in 2, order unchanged", p.Refunded, len(p.Refunds), p.Order.Status)
	}
}

// TestMoneyAddsUp plays random stories and checks, after every step, that what
// the ledger says moved is what the objects say.
func TestMoneyAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newTestBook()
		m := b.Merchant("sk_test_a")
		o := open(t, m, rapid.Bool().Draw(t, "manual"), true)
		amount := rapid.Int64Range(1, 1100)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				_ = capture(m, o, amount.Draw(t, "capture"), rapid.Bool().Draw(t, "keep"))
			case 2:
				if len(o.Payments) > 0 {
					p := o.Payments[rapid.IntRange(0, len(o.Payments)-1).Draw(t, "payment")]
					_ = refund(m, p, amount.Draw(t, "refund"))
				}
			case 3:
				_ = cancel(m, o)
			}
			checkSums(t, b, o)
		}
	})
}

func checkSums(t *rapid.T, b *Book, o *Order) {
	moved := map[Motion]int64{}
	b.Movements(func(line Movement) bool {
		moved[line.Motion] += line.Amount
		return true
	})
	var paid, refunded int64
	for _, p := range o.Payments {
		if p.Refunded > p.Amount {
			t.Fatalf("payment of %d refunded by %d", p.Amount, p.Refunded)
		}
		paid, refunded = paid+p.Amount, refunded+p.Refunded
	}
	if moved[Authorized] != 1000 || moved[Captured] != paid || o.Captured != paid || moved[Refunded] != refunded {
		t.Fatalf("ledger %v; order captured %d, payments %d, refunds %d", moved, o.Captured, paid, refunded)
	}
	closed := o.Status != RequiresCapture
	if open := moved[Authorized] - moved[Captured] - moved[Released]; open < 0 || closed && open != 0 {
		t.Fatalf("order %s leaves %d open: %v", o.Status, open, moved)
	}
}

func TestConcurrentCapturesNeverExceedTheOrder(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	o := open(t, m, true, true)
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if capture(m, o, 30, true) == nil {
				taken.Add(30)
			}
		})
	}
	all.Wait()
	if taken.Load() != 990 || o.Captured != 990 {
		t.Errorf("64 captures of 30 took %d, the order says %d; want 990 of 1000", taken.Load(), o.Captured)
	}
}

func TestAnAuthorisationLastsSevenDays(t *testing.T) {
	for name, tt := range map[string]struct {
		captureFirst int64
		status       Status
		events       int
	}{
		"nothing captured":  {0, Canceled, 1},
		"a part captured":   {300, Succeeded, 0},
		"nothing was owing": {1000, Succeeded, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newTestBook().Merchant("sk_test_a")
				m.Do(Cause{}, func(tx *Tx) {
					url, only := "https://shop.example", []string{string(OrderCanceled)}
					tx.CreateEndpoint(EndpointChange{URL: &url, Subscriptions: &only})
				})
				o := open(t, m, true, true)
				if tt.captureFirst > 0 {
					if err := capture(m, o, tt.captureFirst, true); err != nil {
						t.Fatal(err)
					}
				}
				look := func() []*Delivery { return m.Do(Cause{}, func(*Tx) {}) }
				m.book.clock.Advance(AuthorizationLifetime - time.Millisecond)
				if before := o.Status; len(look()) != 0 || o.Status != before {
					t.Fatalf("a millisecond early the order is %s", o.Status)
				}
				m.book.clock.Advance(time.Millisecond)
				if due := look(); len(due) != tt.events || o.Status != tt.status {
					t.Errorf("order is %s with %d events, want %s with %d", o.Status, len(due), tt.status, tt.events)
				}
				if code := codeOf(capture(m, o, 1, true)); code != CannotCapture {
					t.Errorf("capture after expiry: %q, want %q", code, CannotCapture)
				}
			})
		})
	}
}

func TestASessionLastsADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTestBook().Merchant("sk_test_a")
		early, late := open(t, m, true, false), open(t, m, true, false)
		answer := func(o *Order) (approved, declined bool) {
			m.Do(Cause{}, func(tx *Tx) { approved, declined = tx.Approve(o), tx.Decline(o, true) })
			return approved, declined
		}
		m.book.clock.Advance(SessionLifetime - time.Millisecond)
		if approved, _ := answer(early); !approved {
			t.Error("refused a millisecond early")
		}
		m.book.clock.Advance(time.Millisecond)
		if approved, declined := answer(late); approved || declined || late.Status != RequiresAuthorization {
			t.Errorf("approved %v, declined %v, now %s; want nothing to happen any more", approved, declined, late.Status)
		}
	})
}

func TestASoftDeclineLeavesTheOrderOpen(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	o := open(t, m, true, false)
	var soft, approved, hard bool
	m.Do(Cause{}, func(tx *Tx) { soft, approved = tx.Decline(o, true), tx.Approve(o) })
	if !soft || !approved || o.Status != RequiresCapture {
		t.Errorf("soft decline %v, then approval %v: order is %s", soft, approved, o.Status)
	}
	o = open(t, m, true, false)
	m.Do(Cause{}, func(tx *Tx) { hard, approved = tx.Decline(o, false), tx.Approve(o) })
	if !hard || approved || o.Status != Rejected {
		t.Errorf("hard decline %v, then approval %v: order is %s", hard, approved, o.Status)
	}
}

func TestMerchantsDoNotSeeEachOther(t *testing.T) {
	b := newTestBook()
	o := open(t, b.Merchant("sk_test_a"), true, true)
	for _, key := range []string{"sk_test_b", "sk_live_a"} {
		other := b.Merchant(key)
		other.Do(Cause{}, func(tx *Tx) {
			if _, err := tx.Order(o.ID.Text(KindOrder, Test)); codeOf(err) != OrderNotFound {
				t.Errorf("%s sees an order of another: %v", key, err)
			}
		})
	}
}

func TestRepliesAreKeptForSixHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTestBook().Merchant("sk_test_a")
		scope := Scope{Method: "POST", Path: "/payments", Key: "k"}
		recall := func(scope Scope, body string) (reply Reply, found, conflict bool) {
			m.Do(Cause{}, func(tx *Tx) { reply, found, conflict = tx.Recall(scope, []byte(body)) })
			return reply, found, conflict
		}
		m.Do(Cause{}, func(tx *Tx) { tx.Remember(scope, []byte("a"), Reply{Status: 200, Body: []byte("x")}) })
		m.book.clock.Advance(ReplyLifetime - time.Millisecond)
		if reply, found, conflict := recall(scope, "a"); !found || conflict || reply.Status != 200 || string(reply.Body) != "x" {
			t.Errorf("a millisecond early: %+v, found %v, conflict %v", reply, found, conflict)
		}
		if _, _, conflict := recall(scope, "b"); !conflict {
			t.Error("another body is no conflict")
		}
		for _, other := range []Scope{{"PUT", "/payments", "k"}, {"POST", "/refunds", "k"}, {"POST", "/payments", "K"}} {
			if _, found, _ := recall(other, "a"); found {
				t.Errorf("scope %v is answered with that of %v", other, scope)
			}
		}
		m.book.clock.Advance(time.Millisecond)
		if _, found, _ := recall(scope, "a"); found {
			t.Error("still kept after six hours")
		}
	})
}
