// Package simtest checks that a simulator keeps to [sim.Protocol]: what does not depend
// on its dialect, so that its author need not think of it.
//
// It asks over HTTP, of whatever is at an address, in whatever language it is written.
// It does not judge the dialect, nor what a fault looks like in it: only that the books
// are true, that lanes do not see each other, that a fault strikes one lane, and that
// what cannot be done or makes no sense is refused with the status that the protocol has
// for it. It moves the simulator's clock ahead by a minute, for every lane.
package simtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// A Pay asks for a payment with our reference in the simulator's dialect, as the lane's
// merchant. It returns an error if the answer is not success, and must not retry.
type Pay func(lane sim.Lane, reference string) error

// Run checks the simulator at base, each rule in a subtest.
func Run(t *testing.T, base string, pay Pay) {
	c, err := sim.Dial(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	s := suite{client: c, base: strings.TrimRight(base, "/"), pay: pay}
	t.Run("abilities are said once", s.abilities)
	t.Run("lanes do not see each other", s.lanes)
	t.Run("a fault strikes one lane", s.faults)
	t.Run("a lane that is not open is not found", s.strangers)
	t.Run("what makes no sense is refused", s.nonsense)
	t.Run("what is not claimed is not done", s.unclaimed)
	t.Run("time passes", s.clock)
}

type suite struct {
	client *sim.Client
	base   string
	pay    Pay
}

func (s suite) lane(t *testing.T) sim.Lane {
	t.Helper()
	lane, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if status := s.send(t, http.MethodDelete, "/lanes/"+lane.ID, ""); status != 200 && status != 404 {
			t.Errorf("closing the lane: %d", status)
		}
	})
	return lane
}

// books are a lane's ledger, and the payments in it that have the reference.
func (s suite) books(t *testing.T, lane sim.Lane, reference string) (sim.Ledger, []sim.Payment) {
	t.Helper()
	l, err := s.client.Ledger(t.Context(), lane)
	if err != nil {
		t.Fatal(err)
	}
	if l.Writes > l.Requests {
		t.Errorf("%d writes are more than %d requests", l.Writes, l.Requests)
	}
	return l, l.Find(reference)
}

func (s suite) abilities(t *testing.T) {
	said := slices.Sorted(slices.Values(s.client.Hello().Abilities))
	if once := slices.Compact(slices.Clone(said)); len(once) != len(said) {
		t.Errorf("said twice: %v", said)
	}
	if s.client.Hello().Name == "" {
		t.Error("the simulator has no name")
	}
}

func (s suite) lanes(t *testing.T) {
	mine, other := s.lane(t), s.lane(t)
	if mine.ID == other.ID {
		t.Fatalf("two lanes are %s", mine.ID)
	}
	before, _ := s.books(t, mine, "")
	if err := s.pay(mine, "SIMTEST1"); err != nil {
		t.Fatal(err)
	}
	l, found := s.books(t, mine, "SIMTEST1")
	if len(found) != 1 || found[0].Order == "" || found[0].Currency == "" {
		t.Errorf("the books know %+v, want one payment with order and currency", found)
	}
	if l.Writes <= before.Writes {
		t.Errorf("%d writes after a payment, %d before", l.Writes, before.Writes)
	}
	if l, _ := s.books(t, other, ""); l.Requests != 0 || len(l.Payments) != 0 {
		t.Errorf("the other lane's books: %+v", l)
	}
	if s.client.Can(sim.CanBuyer) {
		if err := s.client.Buyer(t.Context(), other, sim.Buyer{Reference: "SIMTEST1", Does: sim.Approve}); err == nil {
			t.Error("a buyer approved the payment of another lane")
		}
		if err := s.client.Buyer(t.Context(), mine, sim.Buyer{Reference: "SIMTEST1", Does: sim.Approve}); err != nil {
			t.Errorf("approving: %v", err)
		}
		if _, found := s.books(t, mine, "SIMTEST1"); len(found) != 1 || found[0].Sum(sim.Hold) == 0 {
			t.Errorf("approved, and the books know %+v", found)
		}
	}
}

func (s suite) faults(t *testing.T) {
	limited := sim.Fault{Kind: sim.FaultRateLimit, Seconds: 1}
	if !s.client.Can(sim.CanFault(limited.Kind)) {
		return // what is not claimed is looked at elsewhere
	}
	struck, spared := s.lane(t), s.lane(t)
	if err := s.client.Fault(t.Context(), struck, limited); err != nil {
		t.Fatal(err)
	}
	if err := s.pay(struck, "SIMTEST2"); err == nil {
		t.Error("a lane that asks too much was paid in")
	}
	if l, found := s.books(t, struck, "SIMTEST2"); len(found) != 0 || l.Requests == 0 {
		t.Errorf("refused, and the books have %+v of %d requests", found, l.Requests)
	}
	if err := s.pay(spared, "SIMTEST2"); err != nil {
		t.Errorf("a fault struck the other lane: %v", err)
	}
	if err := s.client.Behave(t.Context(), struck); err != nil {
		t.Fatal(err)
	}
	if err := s.pay(struck, "SIMTEST2"); err != nil {
		t.Errorf("taken back, and still: %v", err)
	}
}

func (s suite) strangers(t *testing.T) {
	closed := s.lane(t)
	if err := s.client.Close(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"nobody", closed.ID} {
		lane := "/lanes/" + id
		for _, request := range append([]string{
			"DELETE " + lane, "GET " + lane + "/ledger", "DELETE " + lane + "/faults",
		}, s.claimed(lane)...) {
			method, path, _ := strings.Cut(request, " ")
			path, body, _ := strings.Cut(path, " ")
			if status := s.send(t, method, path, body); status != http.StatusNotFound {
				t.Errorf("%s: %d, want 404", request, status)
			}
		}
	}
}

// examples are requests that make sense, by what they need.
var examples = map[sim.Ability]string{
	sim.CanBuyer:     `/buyer {"reference":"SIMTEST","does":"approve"}`,
	sim.CanEvents:    `/events {"type":"simtest"}`,
	sim.CanRotate:    `/rotate {}`,
	sim.CanDashboard: `/dashboard {"reference":"SIMTEST","does":"void"}`,

	sim.CanFault(sim.FaultRateLimit): `/faults {"kind":"rate_limit","seconds":1}`,
}

// claimed are the examples that the simulator can do.
func (s suite) claimed(lane string) []string {
	var list []string
	for ability, example := range examples {
		if s.client.Can(ability) {
			list = append(list, "POST "+lane+example)
		}
	}
	return list
}

func (s suite) nonsense(t *testing.T) {
	lane := "/lanes/" + s.lane(t).ID
	requests := []string{`POST /lanes {"nobodys":1}`}
	if s.client.Can(sim.CanClock) {
		requests = append(requests, `POST /clock {"advance_ns":1}`, `POST /clock {"advance_ms":-1}`)
	}
	for _, example := range s.claimed(lane) {
		requests = append(requests, strings.TrimSuffix(example, "}")+`,"nobodys":1}`)
		requests = append(requests, example+"more")
	}
	if s.client.Can(sim.CanBuyer) {
		requests = append(requests, "POST "+lane+`/buyer {"reference":"SIMTEST","does":"nothing"}`)
	}
	for _, request := range requests {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		if status := s.send(t, method, path, strings.Replace(body, "{,", "{", 1)); status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", request, status)
		}
	}
}

func (s suite) unclaimed(t *testing.T) {
	lane := "/lanes/" + s.lane(t).ID
	for ability, example := range examples {
		if s.client.Can(ability) {
			continue
		}
		path, body, _ := strings.Cut(example, " ")
		if status := s.send(t, http.MethodPost, lane+path, body); status != http.StatusNotImplemented {
			t.Errorf("%s: %d, want 501", ability, status)
		}
	}
	kinds := []sim.FaultKind{
		sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency, sim.FaultLess, sim.FaultHidden, sim.FaultKeyError,
		sim.FaultKeyBusy, sim.FaultForget, sim.FaultRateLimit, sim.FaultUnexpected, "nobodys",
	}
	for _, kind := range kinds {
		if s.client.Can(sim.CanFault(kind)) {
			continue
		}
		body := `{"kind":"` + string(kind) + `","value":"x","minor":1,"ms":1}`
		if status := s.send(t, http.MethodPost, lane+"/faults", body); status != http.StatusNotImplemented {
			t.Errorf("%s: %d, want 501", kind, status)
		}
	}
}

func (s suite) clock(t *testing.T) {
	if !s.client.Can(sim.CanClock) {
		if status := s.send(t, http.MethodPost, "/clock", `{"advance_ms":0}`); status != http.StatusNotImplemented {
			t.Errorf("%d, want 501", status)
		}
		return
	}
	before, err := s.client.Advance(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.client.Advance(t.Context(), time.Minute)
	if err != nil || after.Before(before.Add(time.Minute)) {
		t.Errorf("from %v to %v, %v", before, after, err)
	}
}

// send sends a request as it is and returns the status.
func (s suite) send(t *testing.T, method, path, body string) int {
	t.Helper()
	// Not the test's own context: lanes are closed when that has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
