// Package simulator stands in for Example Pay: it speaks the part of the provider's
// dialect that the connector uses, keeps books, and answers the conformance suite in
// [sim.Protocol]. No money moves, and nothing outlives the process.
//
// It is written from the provider's documentation and not from the connector: it imports
// nothing of the connector's, so that the two can disagree, which is how mistakes show.
// It does not know webhooks, pages, or captures of their own.
package simulator

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

// Path is where the simulator speaks to the suite, below its address.
const Path = "/sim/v1"

// keyLifetime is how long an idempotency key is remembered.
const keyLifetime = 24 * time.Hour

// A Simulator is an [http.Handler] and safe for concurrent use.
type Simulator struct {
	mux *http.ServeMux

	mu        sync.Mutex // held for a whole request, so that each sees whole books
	ahead     time.Duration
	last      int64                // the number in the latest name that was given
	merchants map[string]*merchant // by API key, which is also the lane's id
}

// A merchant is whoever holds one API key.
type merchant struct {
	requests, writes int
	charges          []*charge
	uses             map[string]*use // of idempotency keys
	faults           []*fault
}

type charge struct {
	ID       string
	Order    string
	Amount   int64
	Currency string
	Key      string // the idempotency key that made it
	Created  time.Time
	Hidden   time.Time // until when reads do not see it
	Refunds  []*refund
}

type refund struct {
	ID      string
	Amount  int64
	Label   string
	Key     string
	Created time.Time
	Hidden  time.Time
}

func (c *charge) refunded() (sum int64) {
	for _, r := range c.Refunds {
		sum += r.Amount
	}
	return sum
}

// New returns a simulator that knows the merchants with the given API keys, and those
// that the suite opens.
func New(keys ...string) *Simulator {
	s := &Simulator{mux: http.NewServeMux(), merchants: map[string]*merchant{}}
	for _, key := range keys {
		s.merchants[key] = newMerchant()
	}
	s.speak()
	suite := skeleton.New(Path, skeleton.About{Name: "example-pay-simulator", Version: "0.1.0"}, lanes{s})
	s.mux.Handle(Path, suite)
	s.mux.Handle(Path+"/", suite)
	return s
}

// ServeHTTP serves the provider's API, and the suite below [Path].
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func newMerchant() *merchant { return &merchant{uses: map[string]*use{}} }

// now is the provider's time, which the suite may move ahead.
func (s *Simulator) now() time.Time { return time.Now().UTC().Add(s.ahead) }

// name is a name that was not given before.
func (s *Simulator) name(prefix string) string {
	s.last++
	return prefix + "_" + strconv.FormatInt(s.last, 10)
}

// newKey is an API key that nobody has.
func newKey() string { return "sk_test_" + rand.Text() }
