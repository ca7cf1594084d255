package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/simulator"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/simtest"
)

// What the protocol asks of every simulator is asked of this one.
func TestSimulator(t *testing.T) {
	server := httptest.NewServer(simulator.New())
	defer server.Close()
	simtest.Run(t, server.URL+simulator.Path, func(lane sim.Lane, reference string) error {
		status, err := post(lane, "/v1/charges", "key-"+reference, charge(reference, 500))
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("refused with %d", status)
		}
		return err
	})
}

func charge(reference string, amount int64) string {
	return fmt.Sprintf(`{"order_number": %q, "amount": %d, "currency": "EUR", "country": "DE", "customer": "c"}`, reference, amount)
}

func post(lane sim.Lane, path, key, body string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, lane.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+lane.Values["key"])
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// The books are what the suite believes, so they are tested by themselves.
func TestBooks(t *testing.T) {
	server := httptest.NewServer(simulator.New())
	defer server.Close()
	suite, err := sim.Dial(t.Context(), server.URL+simulator.Path)
	if err != nil {
		t.Fatal(err)
	}
	lane, err := suite.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refund := func(amount int64) string {
		return fmt.Sprintf(`{"amount": %d, "currency": "EUR", "reason": "fraud", "label": "l"}`, amount)
	}
	for _, step := range []struct {
		name, path, key, body string
		want                  int
	}{
		{"a charge", "/v1/charges", "k1", charge("R1", 900), 201},
		{"the same charge again", "/v1/charges", "k1", charge("R1", 900), 201},
		{"another charge with its key", "/v1/charges", "k1", charge("R1", 901), 409},
		{"a refund of a part", "/v1/charges/ch_1/refunds", "k2", refund(400), 201},
		{"the same refund again", "/v1/charges/ch_1/refunds", "k2", refund(400), 201},
		{"a refund of more than is left", "/v1/charges/ch_1/refunds", "k3", refund(501), 422},
		{"a refund of what is left", "/v1/charges/ch_1/refunds", "k4", refund(500), 201},
	} {
		if got, err := post(lane, step.path, step.key, step.body); err != nil || got != step.want {
			t.Errorf("%s: %d %v, want %d", step.name, got, err, step.want)
		}
	}
	books, err := suite.Ledger(t.Context(), lane)
	if err != nil {
		t.Fatal(err)
	}
	want := "[{R1 ch_1 EUR 900 [{hold 900 k1 } {take 900 k1 ch_1} {return 400 k2 re_2} {return 500 k4 re_3}]}]"
	if got := fmt.Sprint(books.Payments); got != want {
		t.Errorf("the books say\n%s, want\n%s", got, want)
	}
}
