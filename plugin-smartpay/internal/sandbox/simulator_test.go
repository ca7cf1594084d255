package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/simtest"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
)

// suite is the conformance suite at a sandbox, with a bench for each of its lanes.
type suite struct {
	*sim.Client
	bench *bench
}

func newSuite(t *testing.T, cfg Config) suite {
	t.Helper()
	b := newBench(t, cfg)
	c, err := sim.Dial(t.Context(), b.url+SimPath)
	if err != nil {
		t.Fatal(err)
	}
	return suite{c, b}
}

// lane opens a lane and gives the bench of its merchant.
func (s suite) lane() (sim.Lane, *bench) {
	s.bench.t.Helper()
	lane, err := s.Open(s.bench.t.Context())
	s.must(err)
	mine := *s.bench
	mine.key, mine.url = lane.Values["key"], lane.URL
	return lane, &mine
}

func (s suite) must(err error) {
	s.bench.t.Helper()
	if err != nil {
		s.bench.t.Fatal(err)
	}
}

// approve opens an order of 1250 yen under R-1, has it approved, and gives its id.
func (s suite) approve(lane sim.Lane, b *bench) string {
	b.t.Helper()
	id := b.session(nil).object("order").text("id")
	s.must(s.Buyer(b.t.Context(), lane, sim.Buyer{Reference: "R-1", Does: sim.Approve}))
	return id
}

// books is the one payment of R-1 that the lane's ledger has.
func (s suite) books(lane sim.Lane) sim.Payment {
	s.bench.t.Helper()
	l, err := s.Ledger(s.bench.t.Context(), lane)
	s.must(err)
	found := l.Find("R-1")
	if len(found) != 1 {
		s.bench.t.Fatalf("the books have %+v", l.Payments)
	}
	return found[0]
}

// capture captures 400 yen of an order under a key, leaves the rest, and gives what came.
func capture(b *bench, order, key string) result {
	b.t.Helper()
	return b.send("POST", "/v1/payments",
		`{"order":"`+order+`","amount":400,"currency":"JPY","cancelRemainder":"manual"}`, "Idempotency-Key", key)
}

func TestSandboxKeepsToTheProtocol(t *testing.T) {
	s := newSuite(t, Config{})
	simtest.Run(t, s.bench.url+SimPath, func(lane sim.Lane, reference string) error {
		b := *s.bench
		b.key = lane.Values["key"]
		if r := b.send("POST", "/v1/checkout-sessions", mustJSON(t, order(object{"reference": reference}))); r.status != 200 {
			return fmt.Errorf("%d %s", r.status, r.body)
		}
		return nil
	})
}

func TestSandboxClaimsAllThatSmartpayHas(t *testing.T) {
	s := newSuite(t, Config{})
	want := []sim.Ability{sim.CanBuyer, sim.CanClock, sim.CanWebhooks, sim.CanEvents, sim.CanRotate, sim.CanDashboard}
	for _, kind := range []sim.FaultKind{
		sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency, sim.FaultHidden, sim.FaultKeyError, sim.FaultKeyBusy,
		sim.FaultForget, sim.FaultRateLimit, sim.FaultUnexpected,
	} {
		want = append(want, sim.CanFault(kind))
	}
	if diff := cmp.Diff(want, s.Hello().Abilities); diff != "" {
		t.Error(diff)
	}
}

func TestLanesWhereKeysAreLimited(t *testing.T) {
	s := newSuite(t, Config{Keys: []string{"sk_test_one"}})
	lane, b := s.lane()
	if r := b.send("GET", "/v1/orders", ""); r.status != 200 {
		t.Errorf("an open lane: %d %s", r.status, r.body)
	}
	s.must(s.Close(t.Context(), lane))
	if r := b.send("GET", "/v1/orders", ""); r.status != 401 {
		t.Errorf("a closed lane: %d %s", r.status, r.body)
	}
}

func TestLedgerInTheProtocolsWords(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	id := b.session(nil).object("order").text("id")
	want := sim.Payment{Reference: "R-1", Order: id, Currency: "JPY", Movements: []sim.Movement{}}
	if diff := cmp.Diff(want, s.books(lane)); diff != "" {
		t.Errorf("before approval: %s", diff)
	}
	s.must(s.Buyer(t.Context(), lane, sim.Buyer{Reference: "R-1", Does: sim.Approve}))
	capt := capture(b, id, "cap").object.text("id")
	refund := b.send("POST", "/v1/refunds", `{"payment":"`+capt+`","amount":150,"currency":"JPY","reason":"fraudulent"}`,
		"Idempotency-Key", "ref").object.text("id")
	b.must(200, "PUT", "/v1/orders/"+id+"/cancellation", nil, "Idempotency-Key", "void")
	b.must(200, "GET", "/v1/orders/"+id, nil)
	want.Most, want.Movements = 1250, []sim.Movement{
		{Motion: sim.Hold, Minor: 1250},
		{Motion: sim.Take, Minor: 400, Key: "cap", Move: capt},
		{Motion: sim.Return, Minor: 150, Key: "ref", Move: refund},
		{Motion: sim.Release, Minor: 850, Key: "void"},
	}
	if diff := cmp.Diff(want, s.books(lane)); diff != "" {
		t.Error(diff)
	}
	if l, err := s.Ledger(t.Context(), lane); err != nil || l.Requests != 5 || l.Writes != 4 {
		t.Errorf("%d requests, %d writes, %v", l.Requests, l.Writes, err)
	}
}

func TestFaultsOfTheProtocolMisreadOneLane(t *testing.T) {
	tests := map[string]struct {
		fault sim.Fault
		reads string
	}{
		"status":          {sim.Fault{Kind: sim.FaultStatus, Value: "eclipsed"}, `"status":"eclipsed"`},
		"amount":          {sim.Fault{Kind: sim.FaultAmount, Minor: 7}, `"amount":7,`},
		"currency":        {sim.Fault{Kind: sim.FaultCurrency, Value: "XTS"}, `"currency":"XTS"`},
		"a foreign error": {sim.Fault{Kind: sim.FaultUnexpected, Value: "<html>no"}, `<html>no`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, Config{})
			lane, struck := s.lane()
			other, spared := s.lane()
			id, theirs := s.approve(lane, struck), s.approve(other, spared)
			s.must(s.Fault(t.Context(), lane, tt.fault))
			for _, path := range []string{"/v1/orders/" + id, "/v1/orders", "/v1/checkout-sessions?expand=all"} {
				if r := struck.send("GET", path, ""); !strings.Contains(r.body, tt.reads) {
					t.Errorf("%s: %s", path, r.body)
				}
			}
			if r := capture(struck, id, "cap"); !strings.Contains(r.body, tt.reads) {
				t.Errorf("capture: %s", r.body)
			}
			if r := spared.send("GET", "/v1/orders/"+theirs, ""); r.status != 200 || strings.Contains(r.body, tt.reads) {
				t.Errorf("the other lane: %d %s", r.status, r.body)
			}
			taken := s.books(lane).Sum(sim.Take)
			if refuses := tt.fault.Kind == sim.FaultUnexpected; s.books(lane).Currency != "JPY" || (taken == 0) != refuses {
				t.Errorf("the books: %+v", s.books(lane))
			}
			s.must(s.Behave(t.Context(), lane))
			if r := struck.send("GET", "/v1/orders/"+id, ""); r.status != 200 || strings.Contains(r.body, tt.reads) {
				t.Errorf("taken back: %d %s", r.status, r.body)
			}
		})
	}
}

func TestAFaultStrikesAsOftenAsItWasSaid(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultRateLimit, Seconds: 7, Times: 2}))
	var got []int
	for _, path := range []string{"/v1/orders", "/v1/payments", "/v1/orders"} {
		r := b.send("GET", path, "")
		got = append(got, r.status)
		if r.status == 429 && (r.header.Get("Retry-After") != "7" || r.object.number("statusCode") != 429) {
			t.Errorf("%v %s", r.header, r.body)
		}
	}
	if !slices.Equal(got, []int{429, 429, 200}) {
		t.Errorf("answers %v", got)
	}
}

func TestWhatALaneCannotSeeYet(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	other, spared := s.lane()
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultHidden, Milliseconds: 3_600_000}))
	id, theirs := s.approve(lane, b), s.approve(other, spared)
	if r := b.send("GET", "/v1/orders/"+id, ""); r.status != 404 {
		t.Errorf("it is seen: %d", r.status)
	}
	if r := spared.send("GET", "/v1/orders/"+theirs, ""); r.status != 200 {
		t.Errorf("the other lane: %d", r.status)
	}
	if s.books(lane).Sum(sim.Hold) != 1250 {
		t.Errorf("the books: %+v", s.books(lane))
	}
	_, err := s.Advance(t.Context(), time.Hour)
	s.must(err)
	if r := b.send("GET", "/v1/orders/"+id, ""); r.status != 200 {
		t.Errorf("an hour later: %d", r.status)
	}
	second := b.session(nil).object("order").text("id")
	s.must(s.Behave(t.Context(), lane))
	if r := b.send("GET", "/v1/orders/"+second, ""); r.status != 200 {
		t.Errorf("taken back, and still hidden: %d", r.status)
	}
}

func TestKeysOfALaneMisbehave(t *testing.T) {
	tests := map[string]struct {
		fault sim.Fault
		want  []int // the first use of the key, the second, and one an hour later
		taken int64
	}{
		"a failure that is kept": {sim.Fault{Kind: sim.FaultKeyError}, []int{500, 500, 500}, 0},
		"a key in progress":      {sim.Fault{Kind: sim.FaultKeyBusy, Milliseconds: 3_600_000}, []int{409, 409, 200}, 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, Config{})
			lane, struck := s.lane()
			other, spared := s.lane()
			id, theirs := s.approve(lane, struck), s.approve(other, spared)
			s.must(s.Fault(t.Context(), lane, tt.fault))
			if r := capture(spared, theirs, "same"); r.status != 200 {
				t.Errorf("the other lane: %d %s", r.status, r.body)
			}
			got := []int{capture(struck, id, "same").status, capture(struck, id, "same").status}
			if r := capture(struck, id, "another"); r.status != 200 {
				t.Errorf("the write after the next: %d %s", r.status, r.body)
			}
			_, err := s.Advance(t.Context(), time.Hour)
			s.must(err)
			if got = append(got, capture(struck, id, "same").status); !slices.Equal(got, tt.want) {
				t.Errorf("answers %v, want %v", got, tt.want)
			}
			if taken := s.books(lane).Sum(sim.Take); taken != tt.taken+400 {
				t.Errorf("took %d, want %d and the other 400", taken, tt.taken)
			}
		})
	}
}

func TestAKeyIsNoLongerInProgressOnceFaultsAreTakenBack(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	id := s.approve(lane, b)
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultKeyBusy, Milliseconds: 3_600_000}))
	if r := capture(b, id, "same"); r.status != 409 || r.object.text("errorCode") != "idempotency.in-progress" {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.must(s.Behave(t.Context(), lane))
	if r := capture(b, id, "same"); r.status != 200 || r.object.number("amount") != 400 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestKeysOfALaneAreForgotten(t *testing.T) {
	s := newSuite(t, Config{})
	lane, struck := s.lane()
	other, spared := s.lane()
	id, theirs := s.approve(lane, struck), s.approve(other, spared)
	capture(struck, id, "same")
	capture(spared, theirs, "same")
	s.must(s.Fault(t.Context(), lane, sim.Fault{Kind: sim.FaultForget}))
	capture(struck, id, "same")
	capture(spared, theirs, "same")
	if mine, theirs := s.books(lane).Sum(sim.Take), s.books(other).Sum(sim.Take); mine != 800 || theirs != 400 {
		t.Errorf("took %d and %d", mine, theirs)
	}
}

func deed(reference, does string, minor int64) sim.Dashboard {
	return sim.Dashboard{Reference: reference, Does: does, Minor: minor}
}

func TestStaffOfALane(t *testing.T) {
	const ours = "R-1"
	tests := map[string]struct {
		deeds []sim.Dashboard
		moved map[sim.Motion]int64
		fails bool // the last one does
	}{
		"captures a part":    {deeds: []sim.Dashboard{deed(ours, "capture", 400)}, moved: map[sim.Motion]int64{sim.Take: 400, sim.Release: 0}},
		"captures the rest":  {deeds: []sim.Dashboard{deed(ours, "capture", 400), deed(ours, "capture", 0)}, moved: map[sim.Motion]int64{sim.Take: 1250}},
		"captures too much":  {deeds: []sim.Dashboard{deed(ours, "capture", 1251)}, fails: true},
		"voids":              {deeds: []sim.Dashboard{deed(ours, "void", 0)}, moved: map[sim.Motion]int64{sim.Release: 1250}},
		"expires":            {deeds: []sim.Dashboard{deed(ours, "expire", 0)}, moved: map[sim.Motion]int64{sim.Release: 1250}},
		"expires what ended": {deeds: []sim.Dashboard{deed(ours, "void", 0), deed(ours, "expire", 0)}, fails: true},
		"refunds two captures": {deeds: []sim.Dashboard{deed(ours, "capture", 400), deed(ours, "capture", 500), deed(ours, "refund", 600)},
			moved: map[sim.Motion]int64{sim.Return: 600}},
		"refunds all":      {deeds: []sim.Dashboard{deed(ours, "capture", 400), deed(ours, "refund", 0)}, moved: map[sim.Motion]int64{sim.Return: 400}},
		"refunds too much": {deeds: []sim.Dashboard{deed(ours, "capture", 400), deed(ours, "refund", 401)}, fails: true},
		"refunds nothing":  {deeds: []sim.Dashboard{deed(ours, "refund", 0)}, fails: true},
		"acts on nothing":  {deeds: []sim.Dashboard{deed("R-2", "void", 0)}, fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, Config{})
			lane, b := s.lane()
			s.approve(lane, b)
			for i, d := range tt.deeds {
				if err := s.Dashboard(t.Context(), lane, d); (err != nil) != (tt.fails && i == len(tt.deeds)-1) {
					t.Errorf("%+v: %v", d, err)
				}
			}
			got := s.books(lane)
			for motion, want := range tt.moved {
				if got.Sum(motion) != want {
					t.Errorf("%s %d, want %d", motion, got.Sum(motion), want)
				}
			}
			for _, m := range got.Movements {
				if m.Key != "" {
					t.Errorf("%+v has a key", m)
				}
			}
		})
	}
}

func TestBuyersOfALane(t *testing.T) {
	tests := map[string]struct {
		deeds  []sim.Deed
		status string
		fails  bool // the last one does
	}{
		"approve":                {[]sim.Deed{sim.Approve, sim.Approve}, "requires_capture", false},
		"decline":                {[]sim.Deed{sim.Decline, sim.Decline}, "rejected", false},
		"leave and come back":    {[]sim.Deed{sim.Leave, sim.Approve}, "requires_capture", false},
		"decline, then approve":  {[]sim.Deed{sim.Decline, sim.Approve}, "rejected", true},
		"approve, then decline":  {[]sim.Deed{sim.Approve, sim.Decline}, "requires_capture", true},
		"leave after an approve": {[]sim.Deed{sim.Approve, sim.Leave}, "requires_capture", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, Config{})
			lane, b := s.lane()
			id := b.session(nil).object("order").text("id")
			for i, deed := range tt.deeds {
				err := s.Buyer(t.Context(), lane, sim.Buyer{Reference: "R-1", Does: deed})
				if (err != nil) != (tt.fails && i == len(tt.deeds)-1) {
					t.Errorf("%s: %v", deed, err)
				}
			}
			if got := b.must(200, "GET", "/v1/orders/"+id, nil).text("status"); got != tt.status {
				t.Errorf("status %s, want %s", got, tt.status)
			}
		})
	}
}

func TestEventsAndSecretsOfALane(t *testing.T) {
	far := newShop()
	s := newSuite(t, Config{Webhooks: far})
	lane, b := s.lane()
	other, _ := s.lane()
	event := sim.Event{Type: "moon.eclipsed", Data: map[string]any{"phase": "total"}}
	for what, err := range map[string]error{"event": s.Event(t.Context(), lane, event), "rotate": s.Rotate(t.Context(), lane)} {
		if err == nil || !strings.Contains(err.Error(), "409") {
			t.Errorf("%s without an endpoint: %v", what, err)
		}
	}
	hook := b.must(200, "POST", "/v1/webhook-endpoints", object{
		"url": "http://shop.example/", "eventSubscriptions": []string{"order.rejected"},
	})
	s.must(s.Rotate(t.Context(), lane))
	if err := s.Event(t.Context(), other, event); err == nil {
		t.Error("the other lane has an endpoint")
	}
	s.must(s.Event(t.Context(), lane, event))
	events := far.wait(t, 1)
	if got := types(events); !slices.Equal(got, []string{"moon.eclipsed"}) ||
		events[0].object("eventData").object("data").text("phase") != "total" {
		t.Errorf("%v", events)
	}
	secret := b.must(200, "GET", "/v1/webhook-endpoints/"+hook.text("id"), nil).text("signingSecret")
	header := far.headers[0]
	if secret == hook.text("signingSecret") ||
		header.Get(webhook.HeaderSignature) != signature(t, secret, header.Get(webhook.HeaderTimestamp), far.bodies[0]) {
		t.Errorf("signed %v, and the secret was %s and is %s", header, hook.text("signingSecret"), secret)
	}
	s.must(s.Close(t.Context(), lane))
	if n := len(b.must(200, "GET", "/v1/webhook-endpoints", nil).list("data")); n != 0 {
		t.Errorf("a closed lane has %d endpoints", n)
	}
}

func TestTimePassesInEveryLane(t *testing.T) {
	s := newSuite(t, Config{})
	one, mine := s.lane()
	two, theirs := s.lane()
	s.approve(one, mine)
	s.approve(two, theirs)
	_, err := s.Advance(t.Context(), 7*24*time.Hour)
	s.must(err)
	for _, lane := range []sim.Lane{one, two} {
		if s.books(lane).Sum(sim.Release) != 1250 {
			t.Errorf("%+v", s.books(lane))
		}
	}
}

func TestPaymentsAreToldOldestFirst(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	first, second := b.session(nil).object("order").text("id"), b.session(nil).object("order").text("id")
	l, err := s.Ledger(t.Context(), lane)
	s.must(err)
	if found := l.Find("R-1"); len(found) != 2 || found[0].Order != first || found[1].Order != second {
		t.Errorf("%+v, want %s and %s", found, first, second)
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	s := newSuite(t, Config{})
	lane, b := s.lane()
	for body, want := range map[string]int{
		`{"kind":"status"}`: 400, `{"kind":"currency"}`: 400, `{"kind":"hidden"}`: 400, `{"kind":"key_busy"}`: 400,
		`{"kind":"odd_error"}`: 400, `{"kind":"rate_limit","times":-1}`: 400, `{"kind":"rate_limit","second":1}`: 400,
		`{"kind":"approve_less","minor":1}`: 501, `{"kind":"flood"}`: 501, `{}`: 501,
	} {
		if r := b.send("POST", SimPath+"/lanes/"+lane.ID+"/faults", body); r.status != want || r.object.text("error") == "" {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, want)
		}
	}
	if r := b.send("GET", "/v1/orders", ""); r.status != http.StatusOK {
		t.Errorf("one of them struck: %d %s", r.status, r.body)
	}
}
