package skeleton_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

// Acme is a provider with one call, POST /charges, that takes money at once, and its
// simulator of the first step: lanes, and books that are true.
type acme struct {
	mu    sync.Mutex
	shops map[string]*shop // by API key, which is also the lane's id
}

type shop struct {
	requests int
	charges  []charge
}

type charge struct {
	Reference string `json:"reference"`
	Yen       int64  `json:"yen"`
	key       string
}

// ServeHTTP is the dialect.
func (a *acme) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	shop := a.shops[r.Header.Get("Api-Key")]
	if shop == nil {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	shop.requests++
	c := charge{key: r.Header.Get("Idempotency-Key")}
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, before := range shop.charges {
		if before.key == c.key {
			return // it has happened already
		}
	}
	shop.charges = append(shop.charges, c)
}

// Open implements [skeleton.Handler].
func (a *acme) Open(at string) (sim.Lane, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := rand.Text()
	a.shops[key] = &shop{}
	return sim.Lane{ID: key, URL: at, Values: map[string]string{"key": key}}, nil
}

// Close implements [skeleton.Handler].
func (a *acme) Close(lane string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.shops, lane)
	return nil
}

// Ledger implements [skeleton.Handler].
func (a *acme) Ledger(lane string) (sim.Ledger, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.shops[lane]
	books := sim.Ledger{Requests: s.requests, Writes: s.requests}
	for i, c := range s.charges {
		name := fmt.Sprint("charge-", i+1)
		books.Payments = append(books.Payments, sim.Payment{
			Reference: c.Reference, Order: name, Currency: "JPY", Most: c.Yen, Movements: []sim.Movement{
				{Motion: sim.Hold, Minor: c.Yen, Key: c.key}, {Motion: sim.Take, Minor: c.Yen, Key: c.key, Move: name},
			},
		})
	}
	return books, nil
}

// serve puts the dialect and the protocol at one address.
func (a *acme) serve() *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("POST /charges", a)
	protocol := skeleton.New("/sim/v1", skeleton.About{Name: "acme", Version: "1.0.0"}, a)
	mux.Handle("/sim/v1", protocol)
	mux.Handle("/sim/v1/", protocol)
	return httptest.NewServer(mux)
}

// charged asks for money in the dialect.
func charged(lane sim.Lane, reference, key string) error {
	req, err := http.NewRequest(http.MethodPost, lane.URL+"/charges", strings.NewReader(`{"reference":"`+reference+`","yen":500}`))
	if err != nil {
		return err
	}
	req.Header.Set("Api-Key", lane.Values["key"])
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("refused with %d", res.StatusCode)
	}
	return nil
}

// A whole simulator, of a provider with one call: what the suite asks of it.
func Example() {
	server := (&acme{shops: map[string]*shop{}}).serve()
	defer server.Close()
	ctx := context.Background()
	suite, err := sim.Dial(ctx, server.URL+"/sim/v1")
	if err != nil {
		fmt.Println(err)
		return
	}
	lane, err := suite.Open(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // a connector that sends twice with one key
		if err := charged(lane, "P1", "k1"); err != nil {
			fmt.Println(err)
		}
	}
	books, err := suite.Ledger(ctx, lane)
	fmt.Println(books.Requests, "requests,", len(books.Find("P1")), "payment,", books.Find("P1")[0].Sum(sim.Take), "yen taken,", err)
	fmt.Println(suite.Rotate(ctx, lane))
	// Output:
	// 2 requests, 1 payment, 500 yen taken, <nil>
	// rotate: the simulator cannot do that
}
