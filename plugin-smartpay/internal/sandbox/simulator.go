package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// SimPath is where the sandbox speaks conformance.sim/v1, below its address: the
// protocol by which the conformance suite asks for lanes, buyers, faults and the truth.
const SimPath = "/_sandbox/sim/v1"

// simVersion is what the sandbox calls itself in that protocol.
const simVersion = "1.0.0"

// simMerchant is one lane: a merchant of its own, for as long as it is open.
type simMerchant struct{ merchant *book.Merchant }

// do changes the lane's books as a control would.
func (l *simMerchant) do(c *control, fn func(*book.Tx)) {
	c.due = append(c.due, l.merchant.Do(book.Cause{By: "control"}, fn)...)
}

// lanes are the merchants that the suite has opened, by name. The zero lanes are none;
// they are safe for concurrent use.
type lanes struct {
	mu   sync.Mutex
	open map[string]*simMerchant
}

func (l *lanes) add(m *book.Merchant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[string]*simMerchant)
	}
	l.open[m.Name] = &simMerchant{m}
}

func (l *lanes) get(name string) *simMerchant {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[name]
}

func (l *lanes) has(name string) bool { return l.get(name) != nil }

func (l *lanes) remove(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, name)
}

// nothing is the answer, and the body, that says nothing.
type nothing struct{}

// simRefusal is an error of the protocol.
type simRefusal struct {
	status int
	why    string
}

func (r simRefusal) Error() string { return r.why }

func wrongField(field, what string) error {
	return simRefusal{http.StatusBadRequest, field + " " + what}
}

// simControls are the protocol's endpoints.
func simControls(ctl func(method, pattern string, h controlHandler) route) []route {
	lane := func(method, path string, do func(*Server, *control, *simMerchant) (any, error)) route {
		return ctl(method, "/sim/v1/lanes/{lane}"+path, simAnswer(func(s *Server, c *control) (any, error) {
			l := s.lanes.get(c.target.params["lane"])
			if l == nil {
				return nil, simRefusal{http.StatusNotFound, "no such lane is open"}
			}
			return do(s, c, l)
		}))
	}
	return []route{
		ctl("GET", "/sim/v1", simAnswer((*Server).simHello)),
		ctl("POST", "/sim/v1/lanes", simAnswer((*Server).simOpen)),
		ctl("POST", "/sim/v1/clock", simAnswer((*Server).simClock)),
		lane("DELETE", "", (*Server).simClose),
		lane("POST", "/buyer", (*Server).simBuyer),
		lane("GET", "/ledger", (*Server).simLedger),
		lane("POST", "/faults", (*Server).simFault),
		lane("DELETE", "/faults", (*Server).simBehave),
		lane("POST", "/dashboard", (*Server).simDashboard),
		lane("POST", "/events", (*Server).simEvent),
		lane("POST", "/rotate", (*Server).simRotate),
	}
}

// simAnswer answers in the protocol's shape. What the books refuse cannot be done as
// things are.
func simAnswer(do func(*Server, *control) (any, error)) controlHandler {
	return func(s *Server, c *control) (answer, error) {
		body, err := do(s, c)
		if err == nil {
			return ok(body), nil
		}
		refused := simRefusal{http.StatusConflict, err.Error()}
		if asked, is := errors.AsType[simRefusal](err); is {
			refused = asked
		}
		return answer{status: refused.status, body: wire.Encode(struct {
			Error string `json:"error"`
		}{refused.why})}, nil
	}
}

// strictly reads a body that may have no field but those of T: one that is misspelt
// would be a fault that never strikes.
func strictly[T any](c *control) (T, error) {
	var body T
	if len(bytes.TrimSpace(c.body)) == 0 {
		return body, nil
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return body, wrongField("the body", "is not what is expected: "+err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return body, wrongField("the body", "is followed by something")
	}
	return body, nil
}

func (s *Server) simHello(*control) (any, error) {
	abilities := []string{"buyer", "clock", "webhooks", "events", "rotate", "dashboard"}
	for _, kind := range simFaultKinds {
		abilities = append(abilities, "fault:"+kind)
	}
	return simHello{Protocol: simProtocol, Name: "smartpay-sandbox", Version: simVersion, Abilities: abilities}, nil
}

// simOpen opens a lane, which the ledger and the fault scripts know by the same name.
func (s *Server) simOpen(c *control) (any, error) {
	if _, err := strictly[nothing](c); err != nil {
		return nil, err
	}
	key := s.book.NewKey()
	m := s.book.Merchant(key)
	s.requests.watch(m.Name)
	s.lanes.add(m)
	at := "http://" + c.request.Host
	if c.request.TLS != nil {
		at = "https://" + c.request.Host
	}
	return simLane{ID: m.Name, URL: at, Values: map[string]string{"key": key}}, nil
}

// simClose ends a lane. Its webhook endpoints end with it, so that nobody is told of
// what no one waits for; its books stay.
func (s *Server) simClose(c *control, l *simMerchant) (any, error) {
	if _, err := s.simBehave(c, l); err != nil {
		return nil, err
	}
	var err error
	l.do(c, func(tx *book.Tx) { err = l.endpoints(tx, tx.DeleteEndpoint) })
	s.lanes.remove(l.merchant.Name)
	s.requests.unwatch(l.merchant.Name)
	return nothing{}, err
}

// endpoints does fn with the identifier of each webhook endpoint.
func (l *simMerchant) endpoints(tx *book.Tx, fn func(id string) error) error {
	var all []error
	for _, e := range tx.Endpoints(book.Newest, everything).Items {
		all = append(all, fn(e.ID.Text(book.KindEndpoint, l.merchant.Mode)))
	}
	return errors.Join(all...)
}

// everything is more than there can be of anything in a lane.
const everything = 1 << 20

func (s *Server) simClock(c *control) (any, error) {
	a, err := strictly[simAdvance](c)
	if err != nil {
		return nil, err
	}
	if a.Milliseconds < 0 || a.Milliseconds > longestAdvance.Milliseconds() {
		return nil, wrongField("advance_ms", "must be from 0 to a hundred years")
	}
	s.advance(c, milliseconds(a.Milliseconds))
	return simClock{Now: s.clock.Now().UTC()}, nil
}

// simLedger tells the lane's books in the protocol's words.
func (s *Server) simLedger(c *control, l *simMerchant) (any, error) {
	moved := s.movementsOf(c, l)
	seen := s.requests.of(l.merchant.Name)
	out := simLedger{Requests: seen.requests, Writes: seen.writes, Payments: []simPayment{}}
	l.do(c, func(tx *book.Tx) {
		for _, o := range slices.Backward(tx.Orders(book.Newest, everything).Items) {
			p := simPayment{
				Reference: o.Reference, Order: o.ID.Text(book.KindOrder, l.merchant.Mode), Currency: o.Currency,
				Movements: append([]simMovement{}, moved[o.ID]...),
			}
			if o.Expires > 0 { // somebody has approved it
				p.Most = o.Amount
			}
			out.Payments = append(out.Payments, p)
		}
	})
	return out, nil
}

var simMotions = map[book.Motion]string{
	book.Authorized: "hold", book.Captured: "take", book.Released: "release", book.Refunded: "return",
}

// movementsOf are the lane's movements by order, once whatever is due has happened.
func (s *Server) movementsOf(c *control, l *simMerchant) map[book.ID][]simMovement {
	l.do(c, func(*book.Tx) {})
	moved := make(map[book.ID][]simMovement)
	s.book.Movements(func(m book.Movement) bool {
		if m.Merchant != l.merchant {
			return true
		}
		line := viewMovement(m)
		move := simMovement{Motion: simMotions[m.Motion], Minor: m.Amount, Key: m.Cause.Key, Move: line.Payment}
		if line.Refund != "" {
			move.Move = line.Refund
		}
		moved[m.Order] = append(moved[m.Order], move)
		return true
	})
	return moved
}

// longestAdvance bounds how far the clock is moved at once.
const longestAdvance = 100 * 365 * 24 * time.Hour
