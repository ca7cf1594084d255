package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "gybcsjixKyBW2d4z6iNPlaYzHUMtawnodwZt3W0q"

// receiver is the far end: it keeps what arrives and answers as told.
type receiver struct {
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	answer func(n int, r *http.Request) (int, error)
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
	n := len(r.got)
	r.mu.Unlock()
	status, err := r.answer(n, req)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Location": {"https://elsewhere.example/"}},
		Body: io.NopCloser(strings.NewReader("thanks")), Request: req,
	}, nil
}

// events lists which events arrived, in order.
func (r *receiver) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, req := range r.got {
		ids = append(ids, req.Header.Get(HeaderEvent))
	}
	return ids
}

func always(status int) func(int, *http.Request) (int, error) {
	return func(int, *http.Request) (int, error) { return status, nil }
}

// bench is a dispatcher with everything it reports.
type bench struct {
	*Dispatcher
	far      *receiver
	mu       sync.Mutex
	attempts []Attempt
	settled  []string
	gone     bool
}

func newBench(answer func(int, *http.Request) (int, error)) *bench {
	b := &bench{far: &receiver{answer: answer}}
	b.Dispatcher = New(Config{
		Now:    time.Now,
		Lookup: func(Message) (Target, bool) { return Target{URL: "https://shop.example/hook", Secret: secret}, !b.gone },
		Observe: func(a Attempt) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.attempts = append(b.attempts, a)
		},
		Settle: func(m Message) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.settled = append(b.settled, m.EventID)
		},
		Client: &http.Client{Transport: b.far},
	})
	return b
}

func (b *bench) end(t *testing.T) {
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// pass lets virtual time pass inside a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

func message(n int) Message {
	return Message{EventID: "evt_test_" + strconv.Itoa(n), Endpoint: "webhookendpoint_test_1", Body: []byte(`{"n":` + strconv.Itoa(n) + `}`)}
}

func TestADeliveryCarriesFourHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(always(200))
		b.Send(message(1))
		synctest.Wait()
		req := b.far.got[0]
		want, timestamp, err := Sign(secret, time.Now(), []byte(`{"n":1}`))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			HeaderSignature: want, HeaderTimestamp: timestamp, HeaderEvent: "evt_test_1",
			HeaderSubscription: "webhookendpoint_test_1", "Content-Type": "application/json",
		} {
			if got := req.Header.Get(name); got != value {
				t.Errorf("%s = %q, want %q", name, got, value)
			}
		}
		if req.Method != "POST" || req.URL.String() != "https://shop.example/hook" || b.far.bodies[0] != `{"n":1}` {
			t.Errorf("%s %s %s", req.Method, req.URL, b.far.bodies[0])
		}
		if !slices.Equal(b.settled, []string{"evt_test_1"}) {
			t.Errorf("settled %v", b.settled)
		}
		b.end(t)
	})
}

func TestOnly200Acknowledges(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(int, *http.Request) (int, error)
		again  bool
	}{
		"200":        {always(200), false},
		"201":        {always(201), true},
		"204":        {always(204), true},
		"a redirect": {always(302), true},
		"400":        {always(400), true},
		"500":        {always(500), true},
		"no answer":  {func(int, *http.Request) (int, error) { return 0, errors.New("refused") }, true},
		"silence": {func(_ int, r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(tt.answer)
				b.Send(message(1))
				pass(TryTimeout + 500*time.Millisecond)
				synctest.Wait()
				b.mu.Lock()
				first := b.attempts[0]
				b.mu.Unlock()
				if first.Acknowledged() == tt.again || (first.Next > 0) != tt.again {
					t.Errorf("acknowledged %v, next try in %v; want another try: %v", first.Acknowledged(), first.Next, tt.again)
				}
				b.end(t)
			})
		})
	}
}

func TestRetriesBackOffAreSignedAnewAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(always(500))
		start := time.Now()
		b.Send(message(1))
		pass(24 * time.Hour)
		synctest.Wait()
		if len(b.far.got) != len(backoff)+1 || !slices.Equal(b.settled, []string{"evt_test_1"}) {
			t.Fatalf("%d tries, settled %v; want %d and the one", len(b.far.got), b.settled, len(backoff)+1)
		}
		due, signatures := start, map[string]bool{}
		for i, req := range b.far.got {
			if i > 0 {
				due = due.Add(backoff[i-1])
			}
			if got, want := req.Header.Get(HeaderTimestamp), strconv.FormatInt(due.UnixMilli(), 10); got != want {
				t.Errorf("try %d signed at %s, want %s", i+1, got, want)
			}
			if id := req.Header.Get(HeaderEvent); id != "evt_test_1" {
				t.Errorf("try %d is of event %s", i+1, id)
			}
			signatures[req.Header.Get(HeaderSignature)] = true
		}
		if len(signatures) != len(b.far.got) {
			t.Errorf("%d signatures for %d tries", len(signatures), len(b.far.got))
		}
		b.end(t)
	})
}

func TestALaneKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(n int, _ *http.Request) (int, error) {
			if n == 1 {
				return 500, nil
			}
			return 200, nil
		})
		b.Send(message(1), message(2), message(3))
		pass(time.Minute)
		synctest.Wait()
		order := b.far.events()
		if want := []string{"evt_test_1", "evt_test_2", "evt_test_3", "evt_test_1"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		b.end(t)
	})
}

func TestAMessageIsOvertakenOrHeldNoLongerThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(always(200))
		held, alone := message(1), message(9)
		held.Behind, alone.Behind, alone.Endpoint = 2, 2, "another"
		b.Send(held, alone, message(2), message(3), message(4))
		synctest.Wait()
		if order := b.far.events(); slices.Index(order, "evt_test_1") < 2 || len(order) != 4 {
			t.Errorf("order %v, at once", order)
		}
		pass(HoldLimit)
		synctest.Wait()
		if order := b.far.events(); len(order) != 5 || order[4] != "evt_test_9" {
			t.Errorf("order %v; want the one that nothing overtook to be the last of five", order)
		}
		b.end(t)
	})
}

func TestASlowReceiverHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(_ int, r *http.Request) (int, error) {
			if r.Header.Get(HeaderSubscription) == "slow" {
				<-r.Context().Done()
				return 0, r.Context().Err()
			}
			return 200, nil
		})
		slow := message(1)
		slow.Endpoint = "slow"
		b.Send(slow, message(2))
		synctest.Wait()
		if b.mu.Lock(); !slices.Equal(b.settled, []string{"evt_test_2"}) {
			t.Errorf("settled %v while one receiver is silent", b.settled)
		}
		b.mu.Unlock()
		b.end(t)
	})
}

func TestAnEndpointThatIsGoneGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(always(200))
		b.gone = true
		b.Send(message(1))
		synctest.Wait()
		if len(b.far.got) != 0 || len(b.settled) != 1 {
			t.Errorf("%d tries, settled %v", len(b.far.got), b.settled)
		}
		b.end(t)
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(_ int, r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		})
		b.Send(message(0))
		synctest.Wait() // the first is under way, so it waits no more
		for n := range QueueLimit + 3 {
			b.Send(message(n + 1))
		}
		b.mu.Lock()
		dropped := 0
		for _, a := range b.attempts {
			if a.Dropped {
				dropped++
			}
		}
		b.mu.Unlock()
		if dropped != 3 || b.Waiting() != QueueLimit {
			t.Errorf("%d dropped, %d waiting; want 3 and %d", dropped, b.Waiting(), QueueLimit)
		}
		b.end(t)
	})
}

func TestCloseCutsATryOffAndLeavesItOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(_ int, r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		})
		b.Send(message(1), message(2))
		synctest.Wait()
		b.end(t)
		b.end(t)
		b.Send(message(3))
		if len(b.settled) != 0 || len(b.attempts) != 0 {
			t.Errorf("settled %v, %d attempts reported; want none of either", b.settled, len(b.attempts))
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		b := newBench(func(int, *http.Request) (int, error) {
			<-release // a transport that does not listen
			return 200, nil
		})
		b.Send(message(1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want it to give up", err)
		}
		close(release)
		b.end(t)
	})
}
