package notify_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// outbox is what of a store a courier needs, in memory.
type outbox struct {
	mu            sync.Mutex
	deliveries    map[string]store.Delivery
	subscriptions map[string]store.Subscription
	refuse        error // what recording an attempt fails with
}

func (o *outbox) Delivery(_ context.Context, id string) (store.Delivery, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d, ok := o.deliveries[id]
	if !ok {
		return d, store.ErrNotFound
	}
	return d, nil
}

func (o *outbox) Subscription(_ context.Context, id string) (store.Subscription, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, ok := o.subscriptions[id]
	if !ok {
		return s, store.ErrNotFound
	}
	return s, nil
}

func (o *outbox) Tried(_ context.Context, d store.Delivery) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse != nil {
		return o.refuse
	}
	d.Attempts++
	o.deliveries[d.ID] = d
	return nil
}

func (o *outbox) GiveUpDelivery(_ context.Context, id, why string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.deliveries[id]
	d.Problem, d.DueAt, d.EndedAt = why, time.Time{}, day
	o.deliveries[id] = d
	return nil
}

func (o *outbox) DueDeliveries(context.Context, time.Time, store.Mark, int) ([]string, store.Mark, error) {
	return nil, store.Mark{}, nil
}

func (o *outbox) ExpireDeliveries(context.Context, int) (int, error) { return 0, nil }

var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// A post is a courier with a merchant's endpoint.
type post struct {
	t *testing.T
	*notify.Courier
	outbox *outbox
	mu     sync.Mutex
	now    time.Time
	log    bytes.Buffer
}

func newPost(t *testing.T, endpoint http.HandlerFunc, private bool) *post {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // or the server would not notice a client that leaves
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		endpoint(w, r)
	}))
	t.Cleanup(server.Close)
	p := &post{t: t, now: day, outbox: &outbox{deliveries: map[string]store.Delivery{}, subscriptions: map[string]store.Subscription{}}}
	p.Courier = notify.NewCourier(notify.CourierConfig{
		Store: p.outbox, Logger: slog.New(slog.NewTextHandler(&p.log, nil)), Private: private,
		Now: func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.now },
	})
	t.Cleanup(p.Close)
	p.outbox.subscriptions["s1"] = store.Subscription{
		ID: "s1", URL: server.URL + "/hooks?canary-query", Active: true, Secret: sdk.NewSecret("canary-secret"),
	}
	p.write("d1")
	return p
}

// write makes a delivery to the endpoint.
func (p *post) write(id string) {
	p.outbox.deliveries[id] = store.Delivery{
		ID: id, Subscription: "s1", Payment: "p1", Name: "transaction.captured", Body: []byte(`{"id":"` + id + `","あ":1}`),
		CreatedAt: day, DueAt: day,
	}
}

func (p *post) change(change func(*store.Subscription)) {
	sub := p.outbox.subscriptions["s1"]
	change(&sub)
	p.outbox.subscriptions["s1"] = sub
}

func (p *post) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// deliver makes an attempt that can be recorded.
func (p *post) deliver(id string) (done bool, next time.Duration) {
	p.t.Helper()
	done, next, err := p.Deliver(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return done, next
}

func signature(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestDeliveryIsSignedAndRepeatedAlike(t *testing.T) {
	type request struct{ method, url, kind, id, stamp, signatures, auth, body string }
	var got []request
	status := http.StatusInternalServerError
	p := newPost(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		got = append(got, request{
			r.Method, r.URL.String(), h.Get("Content-Type"), h.Get("X-Gr4vy-Webhook-Id"), h.Get("X-Gr4vy-Webhook-Timestamp"),
			h.Get("X-Gr4vy-Webhook-Signatures"), h.Get("Authorization"), string(body),
		})
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "canary-answer")
	}, true)
	const body = `{"id":"d1","あ":1}`
	if done, _ := p.deliver("d1"); done {
		t.Error("done after a 500")
	}
	p.pass(time.Minute)
	p.change(func(s *store.Subscription) {
		s.Previous, s.PreviousUntil, s.Secret = s.Secret, day.Add(time.Hour), sdk.NewSecret("canary-new")
		s.Username, s.Password = "host", sdk.NewSecret("canary-password")
	})
	p.deliver("d1")
	p.pass(time.Hour)
	status = http.StatusNoContent
	if done, _ := p.deliver("d1"); !done {
		t.Error("not done after a 204")
	}
	if done, _ := p.deliver("d1"); !done || len(got) != 3 {
		t.Errorf("what was delivered is delivered again: %d requests", len(got))
	}
	first := request{"POST", "/hooks?canary-query", "application/json", "d1", "1795435200", "", "", body}
	second, third := first, first
	first.signatures = signature("canary-secret", first.stamp, body)
	second.stamp, second.auth = "1795435260", "Basic aG9zdDpjYW5hcnktcGFzc3dvcmQ="
	second.signatures = signature("canary-new", second.stamp, body) + "," + signature("canary-secret", second.stamp, body)
	third.stamp, third.auth = "1795438860", second.auth
	third.signatures = signature("canary-new", third.stamp, body)
	for i, want := range []request{first, second, third} {
		if got[i] != want {
			t.Errorf("attempt %d:\n got %+v\nwant %+v", i+1, got[i], want)
		}
	}
	d := p.outbox.deliveries["d1"]
	if !d.Delivered || d.Attempts != 3 || d.Status != 204 || d.Problem != "" || d.EndedAt != day.Add(time.Hour+time.Minute) || !d.DueAt.IsZero() {
		t.Errorf("recorded %+v", d)
	}
	if strings.Contains(p.log.String(), "canary") {
		t.Errorf("the log tells secrets, the answer or the URL: %s", p.log.String())
	}
	if n := p.Results(); n[notify.Delivered] != 1 || n[notify.Failed] != 2 || n[notify.GivenUp] != 0 {
		t.Errorf("counted %v", n)
	}
}

// A dead endpoint is tried less and less often, for seven days and not longer.
func TestDeadEndpointIsGivenUpAfterSevenDays(t *testing.T) {
	p := newPost(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, true)
	var waits []time.Duration
	for {
		done, next := p.deliver("d1")
		if done {
			break
		}
		if due := p.outbox.deliveries["d1"].DueAt; due != p.now.Add(next) {
			t.Fatalf("due at %v, to be tried again at %v", due, p.now.Add(next))
		}
		waits = append(waits, next)
		p.pass(next)
	}
	if waits[0] > 10*time.Second || waits[3] < waits[0]*4 {
		t.Errorf("waits %v", waits[:4])
	}
	for i, w := range waits {
		if w > 66*time.Minute {
			t.Errorf("wait %d is %s", i, w)
		}
	}
	lived := p.now.Sub(day)
	if lived > notify.GiveUpAfter || lived < notify.GiveUpAfter-2*time.Hour {
		t.Errorf("given up after %s", lived)
	}
	if d := p.outbox.deliveries["d1"]; d.Delivered || d.Status != http.StatusGone || d.Problem != "answered 410" || d.EndedAt.IsZero() {
		t.Errorf("recorded %+v", d)
	}
	if n := p.Results()[notify.GivenUp]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestWhatIsNoDelivery(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	over := make(chan struct{})
	defer close(over)
	tests := map[string]struct {
		endpoint http.HandlerFunc
		change   func(*store.Subscription)
		want     string
		status   int
	}{
		"a redirect": {
			endpoint: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			},
			want: "answered 307", status: 307,
		},
		"a refusal": {endpoint: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, want: "answered 404", status: 404},
		"silence": {
			endpoint: func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-over:
				case <-r.Context().Done():
				}
			},
			want: "no answer within 5s",
		},
		"a connection that breaks off": {endpoint: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "no answer"},
		"nobody there":                 {change: func(s *store.Subscription) { s.URL = gone.URL }, want: "no connection: dial"},
		"no such host":                 {change: func(s *store.Subscription) { s.URL = "http://nowhere.invalid" }, want: "the host's name has no address"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, tt.endpoint, true)
			p.SetTimeout(500 * time.Millisecond)
			if tt.change != nil {
				p.change(tt.change)
			}
			done, next := p.deliver("d1")
			d := p.outbox.deliveries["d1"]
			if done || next <= 0 || d.Delivered || d.Attempts != 1 || d.Problem != tt.want || d.Status != tt.status {
				t.Errorf("done %v, next %v, recorded %+v, want problem %q", done, next, d, tt.want)
			}
		})
	}
}

// An endless answer holds nobody: the status counts, the rest is cut.
func TestEndlessAnswerIsCut(t *testing.T) {
	p := newPost(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}, true)
	if done, _ := p.deliver("d1"); !done {
		t.Errorf("recorded %+v", p.outbox.deliveries["d1"])
	}
}

func TestDeliveriesThatHaveNowhereToGo(t *testing.T) {
	never := func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }
	p := newPost(t, never, true)
	p.change(func(s *store.Subscription) { s.Active = false })
	if done, _ := p.deliver("d1"); !done || p.outbox.deliveries["d1"].Problem != "the subscription is not active" {
		t.Errorf("to an inactive subscription: %+v", p.outbox.deliveries["d1"])
	}
	p.write("d2")
	delete(p.outbox.subscriptions, "s1")
	if done, _ := p.deliver("d2"); !done || p.outbox.deliveries["d2"].Problem != "the subscription was deleted" {
		t.Errorf("to a deleted subscription: %+v", p.outbox.deliveries["d2"])
	}
	if done, _ := p.deliver("d3"); !done {
		t.Error("what is not there is not done")
	}
}

// Merchants must not use this host to reach what only it can.
func TestPrivateAddressesAreRefused(t *testing.T) {
	p := newPost(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }, false)
	p.deliver("d1")
	if d := p.outbox.deliveries["d1"]; d.Delivered || d.Problem != "the address is not public" {
		t.Errorf("recorded %+v", d)
	}
	p.write("d2")
	p.change(func(s *store.Subscription) { s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1) })
	p.deliver("d2")
	if d := p.outbox.deliveries["d2"]; d.Delivered || d.Problem != "the address is not public" {
		t.Errorf("by name, recorded %+v", d)
	}
	for address, want := range map[string]bool{
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "::": false, "100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "fe80::1": false, "fc00::1": false,
		"ff02::1": false, "198.18.0.1": false, "192.0.2.1": false, "2001:db8::1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
		"8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true,
	} {
		if got := notify.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v", address, got)
		}
	}
}

// An endpoint that hangs has few attempts on their way, and only one once that is known;
// what is for others goes on.
func TestHangingEndpointHoldsNobodyElse(t *testing.T) {
	over := make(chan struct{})
	arrived := make(chan string, 100)
	p := newPost(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("X-Gr4vy-Webhook-Id")
		<-over
		w.WriteHeader(http.StatusInternalServerError)
	}, true)
	p.SetTimeout(time.Minute)
	healthy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer healthy.Close()
	p.outbox.subscriptions["s2"] = store.Subscription{ID: "s2", URL: healthy.URL, Active: true, Secret: sdk.NewSecret("x")}
	p.outbox.deliveries["other"] = store.Delivery{ID: "other", Subscription: "s2", CreatedAt: day, DueAt: day}
	var wg sync.WaitGroup
	for i := range 4 {
		id := fmt.Sprint("h", i)
		p.write(id)
		wg.Go(func() {
			if done, _, err := p.Deliver(t.Context(), id); done || err != nil {
				t.Errorf("%s: %v, %v", id, done, err)
			}
		})
		<-arrived
	}
	if done, next := p.deliver("d1"); done || next < 2*time.Second || next > 3*time.Second {
		t.Errorf("a fifth at once: done %v, next %v", done, next)
	}
	if d := p.outbox.deliveries["d1"]; d.Attempts != 0 {
		t.Errorf("waiting counts as an attempt: %+v", d)
	}
	if done, _ := p.deliver("other"); !done {
		t.Error("what is for others was held up")
	}
	close(over)
	wg.Wait()
	// Now it is known not to answer.
	over = make(chan struct{})
	wg.Go(func() { _, _, _ = p.Deliver(t.Context(), "h0") })
	<-arrived
	p.pass(5 * time.Minute)
	if done, next := p.deliver("d1"); done || next < 5*time.Minute || next > 15*time.Minute {
		t.Errorf("a second at once: done %v, next %v", done, next)
	}
	close(over)
	wg.Wait()
}

func TestAttemptsThatCannotBeRecordedAreMadeAgain(t *testing.T) {
	n := 0
	p := newPost(t, func(http.ResponseWriter, *http.Request) { n++ }, true)
	broken := errors.New("disk full")
	p.outbox.refuse = broken
	if _, _, err := p.Deliver(t.Context(), "d1"); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	p.outbox.refuse = nil
	if done, _ := p.deliver("d1"); !done || n != 2 {
		t.Errorf("done %v after %d attempts", done, n)
	}
}

// A host that stops does not take an attempt it cut off for the merchant's failure.
func TestInterruptedAttemptDoesNotCount(t *testing.T) {
	arrived := make(chan struct{})
	p := newPost(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}, true)
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-arrived; stop() }()
	if done, _, err := p.Deliver(ctx, "d1"); done || !errors.Is(err, context.Canceled) {
		t.Errorf("done %v, %v", done, err)
	}
	if d := p.outbox.deliveries["d1"]; d.Attempts != 0 || d.EndedAt != (time.Time{}) {
		t.Errorf("recorded %+v", d)
	}
}
