package provider

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	good := terms0(1000, "card", "deferred")
	tests := map[string]struct {
		key, body string
		status    int
		want      string
	}{
		"no key":                 {"", good, 422, "/idempotency-key"},
		"a key with a space":     {"a b", good, 422, "/idempotency-key"},
		"a key of 65 characters": {strings.Repeat("k", 65), good, 422, "/idempotency-key"},
		"no JSON":                {"k", "amount=1", 400, "malformed"},
		"a field of nobody's":    {"k", strings.Replace(good, `"method"`, `"mehtod"`, 1), 400, "mehtod"},
		"something after it":     {"k", good + good, 400, "malformed"},
		"a body without an end":  {"k", `"` + strings.Repeat("x", maxBody) + `"`, 400, "too long"},
		"decimals that yen lack": {"k", strings.Replace(good, `"1000"`, `"1000.00"`, 1), 422, "/amount"},
		"an amount as a number":  {"k", strings.Replace(good, `"1000"`, `1000`, 1), 400, "malformed"},
		"a reference of 23":      {"k", strings.Replace(good, "R1", strings.Repeat("R", 23), 1), 422, "/reference"},
		"a country of nobody's":  {"k", strings.Replace(good, `"JP"`, `"AQ"`, 1), 422, "/country"},
		"another way to capture": {"k", strings.Replace(good, "deferred", "never", 1), 422, "/capture"},
		"another method":         {"k", strings.Replace(good, `"card"`, `"cash"`, 1), 422, "/method"},
		"a wallet with no way back": {"k", `{"reference":"R1","amount":{"value":"1","currency":"JPY"},"country":"JP",` +
			`"capture":"deferred","method":"wallet"}`, 422, "/return_url"},
		"an end in words": {"k", strings.Replace(good, `"method"`, `"approve_before":"soon","method"`, 1), 422, "/approve_before"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shop{Provider: New(Options{})}
			status, text := s.post("/v1/payments", tt.key, tt.body)
			if status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("%d %s, want %d about %s", status, text, tt.status, tt.want)
			}
			if l := s.Ledger("", ""); len(l.Movements) > 0 || l.Requests != 1 {
				t.Errorf("%d movements, %d requests", len(l.Movements), l.Requests)
			}
		})
	}
}

func TestStrangers(t *testing.T) {
	s := &shop{Provider: New(Options{})}
	for header, want := range map[string]int{
		"": 401, "Bearer ": 401, "Bearer key_live_1": 401, "Basic key_test_1": 401, "Bearer key_test_revoked1": 401,
		"Bearer key_test_restricted1": 403, "Bearer key_test_closed1": 403, "Bearer key_test_1": 200,
	} {
		req, err := http.NewRequest(http.MethodGet, "http://provider.example/v1/account", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		if res, err := s.Inside().RoundTrip(req); err != nil || res.StatusCode != want {
			t.Errorf("%q: %v, %v; want %d", header, res, err, want)
		}
	}
}

func TestKeysLiveAndDie(t *testing.T) {
	s := &shop{Provider: New(Options{KeyLifetime: time.Hour})}
	first, text := s.post("/v1/payments", "k", terms0(1000, "card", "deferred"))
	again, same := s.post("/v1/payments", "k", terms0(1000, "card", "deferred"))
	if first != 201 || again != 201 || same != text {
		t.Errorf("%d %s, then %d %s", first, text, again, same)
	}
	if status, text := s.post("/v1/payments", "k", terms0(1001, "card", "deferred")); status != 409 || !strings.Contains(text, "key_reused") {
		t.Errorf("for another amount: %d %s", status, text)
	}
	if status, text := s.post("/v1/checks", "k", `{"currency":"JPY"}`); status != 409 || !strings.Contains(text, "key_reused") {
		t.Errorf("at another endpoint: %d %s", status, text)
	}
	s.Advance(time.Hour)
	if status, text := s.post("/v1/payments", "k", terms0(1000, "card", "deferred")); status != 410 || !strings.Contains(text, "key_expired") {
		t.Errorf("an hour later: %d %s", status, text)
	}
	l := s.Ledger("k", "")
	if l.Requests != 5 || len(l.Movements) != 1 || l.ByKey["k"].Replays != 1 || l.ByReference["R1"].Held != 1000 {
		t.Errorf("%+v", l)
	}
}

func TestLedgerIsReadOverHTTP(t *testing.T) {
	s := &shop{Provider: New(Options{})}
	id := s.pay(1000, "card", "deferred")
	s.pay(500, "card", "immediate")
	s.post("/v1/payments/"+id+"/captures", "mine", `{"amount":{"value":"400","currency":"JPY"},"final":true}`)
	var all, one Ledger
	for path, into := range map[string]*Ledger{"/ledger": &all, "/ledger?key=mine": &one} {
		_, text := s.send(http.MethodGet, path, "", "")
		if err := json.Unmarshal([]byte(text), into); err != nil || strings.Contains(text, "key_test_") {
			t.Fatalf("%v in %s", err, text)
		}
	}
	if len(all.Movements) != 5 || all.Requests != 3 || all.Endpoints["POST /v1/payments"] != 2 {
		t.Errorf("all: %+v", all)
	}
	if got := *one.ByKey["mine"]; got != (Tally{Requests: 1, Movements: 2, Taken: 400, Released: 600}) || len(one.Movements) != 2 {
		t.Errorf("one: %+v", got)
	}
	if status, text := s.send(http.MethodPost, "/control/advance?by=169h", "", ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := s.send(http.MethodPost, "/control/advance?by=-1h", "", ""); status != 400 {
		t.Errorf("the clock goes back: %d", status)
	}
}

func TestSeedMakesNamesRepeatable(t *testing.T) {
	a, b, c := &shop{Provider: New(Options{Seed: 7})}, &shop{Provider: New(Options{Seed: 7})}, &shop{Provider: New(Options{})}
	x, y, z := a.pay(1, "card", "deferred"), b.pay(1, "card", "deferred"), c.pay(1, "card", "deferred")
	if x != y || x == z || x == "" {
		t.Errorf("%s, %s and %s", x, y, z)
	}
}

func TestPage(t *testing.T) {
	s := &shop{Provider: New(Options{})}
	id := s.pay(1000, "wallet", "deferred")
	if status, text := s.send(http.MethodGet, "/pay/"+id, "", ""); status != 200 || !strings.Contains(text, "Pay 1000 JPY") {
		t.Errorf("%d %s", status, text)
	}
	for path, want := range map[string]int{"/pay/pay_0": 404, "/pay/pay_0?auto=approve": 404, "/pay/" + id + "?auto=perhaps": 400} {
		if status, _ := s.send(http.MethodGet, path, "", ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	for range 2 { // refreshing the page changes nothing
		if status, _ := s.send(http.MethodPost, "/pay/"+id+"?decision=approve", "", ""); status != http.StatusSeeOther {
			t.Errorf("%d", status)
		}
	}
	if l := s.Ledger("", ""); len(l.Movements) != 1 {
		t.Errorf("%+v", l.Movements)
	}
}
