package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/simtest"
)

// A stage is a provider at an address, and the suite's client of it.
type stage struct {
	*sim.Client
	t *testing.T
	p *Provider
	n int
}

func newStage(t *testing.T) (*stage, string) {
	t.Helper()
	return newStageOf(t, New(Options{}))
}

func newStageOf(t *testing.T, p *Provider) (*stage, string) {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	c, err := sim.Dial(t.Context(), server.URL+SimPath)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{Client: c, t: t, p: p}, server.URL
}

func (s *stage) lane() sim.Lane {
	s.t.Helper()
	lane, err := s.Open(s.t.Context())
	s.must(err)
	return lane
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// key is a key that was not used yet.
func (s *stage) key() string { s.n++; return fmt.Sprint("k", s.n) }

// call calls the API as the lane's merchant.
func (s *stage) call(lane sim.Lane, method, path, key, body string) (int, string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequest(method, lane.URL+path, strings.NewReader(body))
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+lane.Values["key"])
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	s.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	s.must(err)
	return res.StatusCode, string(text), res.Header
}

// pay holds 1000 yen with a card and returns the payment's id.
func (s *stage) pay(lane sim.Lane) string {
	s.t.Helper()
	status, text, _ := s.call(lane, "POST", "/v1/payments", s.key(), terms0(1000, "card", "deferred"))
	_, id, _ := strings.Cut(text, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	if status != 201 || id == "" {
		s.t.Fatalf("%d %s", status, text)
	}
	return id
}

func (s *stage) book(lane sim.Lane) sim.Payment {
	s.t.Helper()
	l, err := s.Ledger(s.t.Context(), lane)
	s.must(err)
	if found := l.Find("R1"); len(found) == 1 {
		return found[0]
	}
	s.t.Fatalf("the books have %+v", l.Payments)
	return sim.Payment{}
}

func TestProviderKeepsToTheProtocol(t *testing.T) {
	s, url := newStage(t)
	simtest.Run(t, url+SimPath, func(lane sim.Lane, reference string) error {
		status, text, _ := s.call(lane, "POST", "/v1/payments", s.key(),
			strings.Replace(terms0(1000, "wallet", "deferred"), "R1", reference, 1))
		if status != 201 {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
}

func TestProviderHasEveryAbility(t *testing.T) {
	s, _ := newStage(t)
	all := []sim.Ability{sim.CanBuyer, sim.CanClock, sim.CanWebhooks, sim.CanEvents, sim.CanRotate, sim.CanDashboard}
	for _, kind := range []sim.FaultKind{
		sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency, sim.FaultLess, sim.FaultHidden, sim.FaultKeyError,
		sim.FaultKeyBusy, sim.FaultForget, sim.FaultRateLimit, sim.FaultUnexpected,
	} {
		all = append(all, sim.CanFault(kind))
	}
	if diff := cmp.Diff(all, s.Hello().Abilities); diff != "" {
		t.Error(diff)
	}
}

func TestBooksInTheProtocolsWords(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	id := s.pay(lane)
	s.call(lane, "POST", "/v1/payments/"+id+"/captures", "cap", `{"amount":{"value":"1100","currency":"JPY"}}`)
	s.call(lane, "POST", "/v1/payments/"+id+"/refunds", "ref", `{"amount":{"value":"100","currency":"JPY"},"reason":"fraud"}`)
	s.call(lane, "GET", "/v1/payments/"+id, "", "")
	got := s.book(lane)
	for i := range got.Movements {
		got.Movements[i].Move, _, _ = strings.Cut(got.Movements[i].Move, "_")
	}
	want := sim.Payment{Reference: "R1", Order: id, Currency: "JPY", Most: 1150, Movements: []sim.Movement{
		{Motion: sim.Hold, Minor: 1000, Key: "k1"},
		{Motion: sim.Take, Minor: 1100, Key: "cap", Move: "cap"},
		{Motion: sim.Return, Minor: 100, Key: "ref", Move: "ref"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if l, err := s.Ledger(t.Context(), lane); err != nil || l.Requests != 4 || l.Writes != 3 {
		t.Errorf("%d requests, %d writes, %v", l.Requests, l.Writes, err)
	}
}

func TestWhatAnswersMisread(t *testing.T) {
	tests := map[string]struct {
		fault sim.Fault
		reads string
	}{
		"status":          {sim.Fault{Kind: sim.FaultStatus, Value: "eclipsed"}, `"status":"eclipsed"`},
		"amount":          {sim.Fault{Kind: sim.FaultAmount, Minor: 7}, `"value":"7"`},
		"a negative one":  {sim.Fault{Kind: sim.FaultAmount, Minor: -7}, `"value":"-7"`},
		"currency":        {sim.Fault{Kind: sim.FaultCurrency, Value: "XTS"}, `"currency":"XTS"`},
		"a foreign error": {sim.Fault{Kind: sim.FaultUnexpected, Value: "<html>no"}, `<html>no`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newStage(t)
			struck, spared := s.lane(), s.lane()
			id, other := s.pay(struck), s.pay(spared)
			before := s.book(struck)
			s.must(s.Fault(t.Context(), struck, tt.fault))
			for _, path := range []string{"/v1/payments/" + id, "/v1/payments?reference=R1"} {
				if _, text, _ := s.call(struck, "GET", path, "", ""); !strings.Contains(text, tt.reads) {
					t.Errorf("%s: %s", path, text)
				}
			}
			if _, text, _ := s.call(spared, "GET", "/v1/payments/"+other, "", ""); strings.Contains(text, tt.reads) {
				t.Errorf("the other lane: %s", text)
			}
			if diff := cmp.Diff(before, s.book(struck)); diff != "" {
				t.Errorf("the books: %s", diff)
			}
			s.must(s.Behave(t.Context(), struck))
			if status, text, _ := s.call(struck, "GET", "/v1/payments/"+id, "", ""); status != 200 || strings.Contains(text, tt.reads) {
				t.Errorf("taken back: %d %s", status, text)
			}
		})
	}
}

func TestAMisreadCaptureIsKeptAsItWas(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	id := s.pay(lane)
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultAmount, Minor: 7, Times: 1}))
	capture := func() string {
		_, text, _ := s.call(lane, "POST", "/v1/payments/"+id+"/captures", "cap", `{"amount":{"value":"400","currency":"JPY"}}`)
		return text
	}
	if first := capture(); strings.Count(first, `"value":"7"`) != 2 { // the capture's, and the payment's
		t.Errorf("first: %s", first)
	}
	if again := capture(); strings.Contains(again, `"value":"7"`) {
		t.Errorf("once was enough: %s", again)
	}
}

func TestLessIsApproved(t *testing.T) {
	s, _ := newStage(t)
	lane, spared := s.lane(), s.lane()
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultLess, Minor: 600}))
	for _, l := range []sim.Lane{lane, spared} {
		s.call(l, "POST", "/v1/payments", s.key(), terms0(1000, "wallet", "deferred"))
		s.must(s.Buyer(t.Context(), l, sim.Buyer{Reference: "R1", Does: sim.Approve}))
	}
	if got := s.book(lane); got.Sum(sim.Hold) != 600 || got.Most != 690 {
		t.Errorf("%+v", got)
	}
	if got := s.book(spared); got.Sum(sim.Hold) != 1000 {
		t.Errorf("the other lane: %+v", got)
	}
}

func TestWhatIsHiddenShowsLater(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	seen := func() string {
		_, text, _ := s.call(lane, "GET", "/v1/payments?reference=R1", "", "")
		return text
	}
	id := s.pay(lane)
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultHidden, Milliseconds: 60_000}))
	s.call(lane, "POST", "/v1/payments/"+id+"/captures", "cap", `{"amount":{"value":"400","currency":"JPY"}}`)
	if text := seen(); !strings.Contains(text, id) || strings.Contains(text, "cap_") || s.book(lane).Sum(sim.Take) != 400 {
		t.Errorf("hidden: %s", text)
	}
	_, err := s.Advance(t.Context(), time.Minute)
	s.must(err)
	if text := seen(); !strings.Contains(text, "cap_") {
		t.Errorf("a minute later: %s", text)
	}
	second := s.pay(lane)
	if text := seen(); strings.Contains(text, second) {
		t.Errorf("a new payment is seen: %s", text)
	}
	s.must(s.Behave(t.Context(), lane))
	if text := seen(); !strings.Contains(text, second) {
		t.Errorf("taken back, and still hidden: %s", text)
	}
}

func TestKeysMisbehave(t *testing.T) {
	const path, body = "/captures", `{"amount":{"value":"400","currency":"JPY"}}`
	tests := map[string]struct {
		fault               sim.Fault
		first, again, later int
		taken               int64
	}{
		"a failure that is kept": {sim.Fault{Kind: sim.FaultKeyError}, 500, 500, 500, 0},
		"a key in progress":      {sim.Fault{Kind: sim.FaultKeyBusy, Milliseconds: 60_000}, 409, 409, 201, 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newStage(t)
			lane, spared := s.lane(), s.lane()
			id, other := s.pay(lane), s.pay(spared)
			s.must(s.Fault(t.Context(), lane, tt.fault))
			send := func(l sim.Lane, id string) int {
				status, _, _ := s.call(l, "POST", "/v1/payments/"+id+path, "same", body)
				return status
			}
			if got := send(spared, other); got != 201 {
				t.Errorf("the other lane: %d", got)
			}
			got := []int{send(lane, id), send(lane, id)}
			_, err := s.Advance(t.Context(), time.Minute)
			s.must(err)
			if got = append(got, send(lane, id)); !slices.Equal(got, []int{tt.first, tt.again, tt.later}) {
				t.Errorf("answers %v", got)
			}
			if taken := s.book(lane).Sum(sim.Take); taken != tt.taken {
				t.Errorf("took %d, want %d", taken, tt.taken)
			}
			if status, _, _ := s.call(lane, "POST", "/v1/payments/"+id+path, "another", body); status != 201 {
				t.Errorf("the write after the next: %d", status)
			}
		})
	}
}

func TestKeysAreForgotten(t *testing.T) {
	s, _ := newStage(t)
	lane, spared := s.lane(), s.lane()
	for _, l := range []sim.Lane{lane, spared} {
		s.call(l, "POST", "/v1/payments", "same", terms0(1000, "card", "deferred"))
	}
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultForget}))
	for l, want := range map[*sim.Lane]int{&lane: 2, &spared: 1} {
		s.call(*l, "POST", "/v1/payments", "same", terms0(1000, "card", "deferred"))
		if book, err := s.Ledger(t.Context(), *l); err != nil || len(book.Find("R1")) != want {
			t.Errorf("%d payments, %v; want %d", len(book.Find("R1")), err, want)
		}
	}
}

func TestTooMuchIsAsked(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultRateLimit, Seconds: 7, Times: 1}))
	status, text, header := s.call(lane, "GET", "/v1/account", "", "")
	if status != 429 || header.Get("Retry-After") != "7" || !strings.Contains(text, "slow_down") {
		t.Errorf("%d %v %s", status, header, text)
	}
	if status, _, _ := s.call(lane, "GET", "/v1/account", "", ""); status != 200 {
		t.Errorf("once was enough: %d", status)
	}
}

func TestStaffActs(t *testing.T) {
	tests := map[string]struct {
		before []sim.Dashboard
		does   sim.Dashboard
		moved  map[sim.Motion]int64
		ok     bool
	}{
		"captures a part":    {nil, sim.Dashboard{Does: "capture", Minor: 400}, map[sim.Motion]int64{sim.Take: 400}, true},
		"captures the rest":  {nil, sim.Dashboard{Does: "capture"}, map[sim.Motion]int64{sim.Take: 1000}, true},
		"voids":              {nil, sim.Dashboard{Does: "void"}, map[sim.Motion]int64{sim.Release: 1000}, true},
		"expires":            {nil, sim.Dashboard{Does: "expire"}, map[sim.Motion]int64{sim.Release: 1000}, true},
		"cannot refund":      {nil, sim.Dashboard{Does: "refund"}, nil, false},
		"cannot expire late": {[]sim.Dashboard{{Does: "capture"}}, sim.Dashboard{Does: "expire"}, nil, false},
		"refunds": {[]sim.Dashboard{{Does: "capture", Minor: 400}}, sim.Dashboard{Does: "refund", Minor: 300},
			map[sim.Motion]int64{sim.Take: 400, sim.Return: 300}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newStage(t)
			lane := s.lane()
			s.pay(lane)
			for _, d := range append(tt.before, tt.does) {
				d.Reference = "R1"
				err := s.Dashboard(t.Context(), lane, d)
				if d.Does == tt.does.Does && (err == nil) != tt.ok {
					t.Errorf("%v", err)
				}
			}
			for motion, want := range tt.moved {
				if got := s.book(lane).Sum(motion); got != want {
					t.Errorf("%s %d, want %d", motion, got, want)
				}
			}
			for _, m := range s.book(lane).Movements[1:] {
				if m.Key != "" {
					t.Errorf("%+v has a key", m)
				}
			}
		})
	}
}

func TestBuyersCannotTakeBack(t *testing.T) {
	deeds := map[sim.Deed]string{sim.Approve: "authorized", sim.Decline: "declined", sim.Leave: "canceled"}
	for first, status := range deeds {
		for second := range deeds {
			t.Run(string(first)+" then "+string(second), func(t *testing.T) {
				s, _ := newStage(t)
				lane := s.lane()
				s.call(lane, "POST", "/v1/payments", s.key(), terms0(1000, "wallet", "deferred"))
				s.must(s.Buyer(t.Context(), lane, sim.Buyer{Reference: "R1", Does: first}))
				if err := s.Buyer(t.Context(), lane, sim.Buyer{Reference: "R1", Does: second}); (err == nil) != (first == second) {
					t.Errorf("%v", err)
				}
				if _, text, _ := s.call(lane, "GET", "/v1/payments?reference=R1", "", ""); !strings.Contains(text, status) {
					t.Errorf("%s", text)
				}
			})
		}
	}
}

// inbox is where webhooks of one lane go.
type inbox struct {
	mu     sync.Mutex
	bodies []string
	signed []string
	came   chan struct{}
}

func (i *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i.mu.Lock()
	i.bodies, i.signed = append(i.bodies, string(body)), append(i.signed, r.Header.Get(SignatureHeader))
	i.mu.Unlock()
	i.came <- struct{}{}
}

func TestEventsAndSecrets(t *testing.T) {
	s, _ := newStage(t)
	in := &inbox{came: make(chan struct{}, 8)}
	far := httptest.NewServer(in)
	defer far.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { s.p.Deliver(ctx, http.DefaultClient) })

	lane, other := s.lane(), s.lane()
	event := sim.Event{Type: "moon.eclipsed", Data: map[string]any{"phase": "total"}}
	if err := errors.Join(s.Event(t.Context(), lane, event), s.Rotate(t.Context(), lane)); err == nil ||
		strings.Count(err.Error(), "has not subscribed") != 2 {
		t.Errorf("without a subscription: %v", err)
	}
	subscribe := func() string {
		_, text, _ := s.call(lane, "PUT", "/v1/webhooks", "", `{"url":"`+far.URL+`","events":["payment.voided"]}`)
		_, secret, _ := strings.Cut(text, `"secret":"`)
		secret, _, _ = strings.Cut(secret, `"`)
		return secret
	}
	old := subscribe()
	s.must(s.Rotate(t.Context(), lane))
	if err := s.Rotate(t.Context(), other); err == nil {
		t.Error("the other lane has a secret")
	}
	s.must(s.Event(t.Context(), lane, event))
	<-in.came
	secret := subscribe()
	if secret == old || !strings.Contains(in.bodies[0], `"phase":"total"`) || !strings.Contains(in.bodies[0], `"type":"moon.eclipsed"`) {
		t.Errorf("%s, signed with %s after %s", in.bodies[0], secret, old)
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(in.signed[0], "t="), ",")
	var seconds int64
	if _, err := fmt.Sscan(stamp, &seconds); err != nil || in.signed[0] != Sign(secret, time.Unix(seconds, 0), []byte(in.bodies[0])) {
		t.Errorf("%s is not signed with the new secret, %v", in.signed[0], err)
	}
}

func TestAClosedLaneIsToldNothingMore(t *testing.T) {
	s, _ := newStage(t)
	lane, other := s.lane(), s.lane()
	for _, l := range []sim.Lane{lane, other} {
		s.call(l, "PUT", "/v1/webhooks", "", `{"url":"http://127.0.0.1:9/hook"}`)
		s.pay(l) // nothing is delivered: it stays owed
	}
	s.must(s.Close(t.Context(), lane))
	s.pay(lane)
	var done []bool
	for _, d := range s.p.Deliveries() {
		done = append(done, d.Done)
	}
	if !slices.Equal(done, []bool{true, false}) {
		t.Errorf("done: %v, want the closed lane's, and not the other's", done)
	}
}

func TestPaymentsAreToldOldestFirst(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	first, second := s.pay(lane), s.pay(lane)
	l, err := s.Ledger(t.Context(), lane)
	s.must(err)
	if found := l.Find("R1"); len(found) != 2 || found[0].Order != first || found[1].Order != second {
		t.Errorf("%+v, want %s and %s", found, first, second)
	}
}

// What is hidden is told from what was there even where no time passes between them.
func TestHiddenInTheSameInstant(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, _ := newStageOf(t, New(Options{Now: func() time.Time { return now }}))
	lane := s.lane()
	id := s.pay(lane)
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultHidden, Milliseconds: 60_000}))
	s.call(lane, "POST", "/v1/payments/"+id+"/captures", "cap", `{"amount":{"value":"400","currency":"JPY"}}`)
	if status, text, _ := s.call(lane, "GET", "/v1/payments/"+id, "", ""); status != 200 || strings.Contains(text, "cap_") {
		t.Errorf("%d %s", status, text)
	}
}

func TestAKeyIsNoLongerInProgressOnceFaultsAreTakenBack(t *testing.T) {
	s, _ := newStage(t)
	lane := s.lane()
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultKeyBusy, Milliseconds: 60_000}))
	open := func() int {
		status, _, _ := s.call(lane, "POST", "/v1/payments", "same", terms0(1000, "card", "deferred"))
		return status
	}
	if got := open(); got != 409 {
		t.Errorf("in progress: %d", got)
	}
	s.must(s.Behave(t.Context(), lane))
	if got := open(); got != 201 {
		t.Errorf("taken back: %d", got)
	}
}
