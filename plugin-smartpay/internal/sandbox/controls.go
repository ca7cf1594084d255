package sandbox

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// control is one request for a control.
type control struct{ *call }

// controlHandler answers a control, or says what is wrong with the request.
type controlHandler func(*Server, *control) (answer, error)

// controls is everything under /_sandbox/. The real provider has none of it.
func controls() []route {
	ctl := func(method, pattern string, h controlHandler) route {
		return route{
			area: areaControl, method: method, pattern: split(pattern), name: method + " /_sandbox" + pattern, control: h,
		}
	}
	all := []route{
		ctl("GET", "/healthz", (*Server).health),
		ctl("GET", "/ledger", (*Server).showLedger),
		ctl("DELETE", "/ledger", (*Server).resetLedger),
		ctl("GET", "/clock", (*Server).showClock),
		ctl("POST", "/clock", (*Server).advanceClock),
	}
	all = append(all, faultControls(ctl)...)
	all = append(all, simControls(ctl)...)
	for _, verb := range []string{"approve", "decline", "cancel"} {
		decide := func(s *Server, c *control) (answer, error) { return s.decide(c, verb) }
		all = append(all,
			ctl("POST", "/orders/{order}/"+verb, decide),
			ctl("POST", "/sessions/{session}/"+verb, decide),
			ctl("POST", "/references/{reference}/"+verb, decide),
		)
	}
	return all
}

// serveControl answers controls, to this machine only.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, t target) {
	if !loopback(r.RemoteAddr) {
		refusedHere := refused(routeNotFound, "the controls answer this machine only")
		refusedHere.status = http.StatusForbidden
		refusedHere.write(w)
		return
	}
	plain, err := s.read(w, r, t)
	c := &control{plain}
	var a answer
	switch {
	case err != nil:
		a = failure(err)
	case t.control == nil:
		a = wrongAddress(plain)
	default:
		if a, err = t.control(s, c); err != nil {
			a = failure(err)
		}
	}
	a = s.unlessLost(a)
	out := s.outgoing(c.due)
	s.sendEarly(r.Context(), out)
	a.write(w)
	s.send(out)
}

func loopback(peer string) bool {
	host, _, err := net.SplitHostPort(peer)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func (s *Server) health(*control) (answer, error) {
	return ok(struct {
		Status string `json:"status"`
	}{"ok"}), nil
}

func (s *Server) showLedger(c *control) (answer, error) {
	f, err := newFilter(c.request.URL.Query())
	if err != nil {
		return answer{}, err
	}
	return ok(s.ledger(f)), nil
}

// resetLedger forgets requests; money that has moved stays moved.
func (s *Server) resetLedger(*control) (answer, error) {
	s.requests.reset()
	return answer{status: http.StatusNoContent}, nil
}

type clockView struct {
	Now     int64 `json:"now"`
	AheadMS int64 `json:"ahead_ms"`
}

func (s *Server) showClock(*control) (answer, error) {
	return ok(clockView{Now: s.clock.Now().UnixMilli(), AheadMS: s.clock.Ahead().Milliseconds()}), nil
}

// advanceClock moves time forward, and lets expire what has run out by then.
func (s *Server) advanceClock(c *control) (answer, error) {
	in, err := c.input()
	if err != nil {
		return answer{}, err
	}
	in.require("advance_ms")
	ms := in.integer("advance_ms", 0, longestAdvance.Milliseconds())
	if err := in.err(); err != nil {
		return answer{}, err
	}
	s.advance(c, milliseconds(ms))
	return s.showClock(c)
}

func (s *Server) advance(c *control, d time.Duration) {
	s.book.Advance(d)
	c.due = s.everywhere("clock", func(*book.Tx) bool { return false })
	s.hooks.Wake()
}

// decision is what a control did to an order or a token.
type decision struct {
	Order       json.RawMessage `json:"order,omitempty"`
	Token       json.RawMessage `json:"token,omitempty"`
	RedirectURL string          `json:"redirect_url,omitempty"`
}

// decide is the buyer's answer without a browser. A repeated answer has no
// second effect; one that contradicts an earlier one is refused.
func (s *Server) decide(c *control, verb string) (answer, error) {
	in, err := c.input()
	if err != nil {
		return answer{}, err
	}
	soft := is(in.flag("soft"), false)
	if err := in.err(); err != nil {
		return answer{}, err
	}
	a := failure(&book.Refusal{Code: book.OrderNotFound, Message: "no such order, session or reference"})
	c.due = s.everywhere("control", func(tx *book.Tx) bool {
		order, token, session := c.subject(tx)
		switch {
		case order != nil:
			a = decideOrder(tx, order, session, verb, soft)
		case token != nil:
			a = decideToken(tx, token, session, verb)
		}
		return order != nil || token != nil
	})
	return a, nil
}

// subject finds what a control is about.
func (c *control) subject(tx *book.Tx) (*book.Order, *book.Token, *book.Session) {
	if id := c.target.params["session"]; id != "" {
		if session, err := tx.Session(id); err == nil {
			return session.Order, session.Token, session
		}
		return nil, nil, nil
	}
	order, err := tx.Order(c.target.params["order"])
	if reference := c.target.params["reference"]; reference != "" {
		order, err = tx.OrderByReference(reference)
	}
	if err != nil {
		return nil, nil, nil
	}
	return order, nil, order.Session
}

func decideOrder(tx *book.Tx, o *book.Order, session *book.Session, verb string, soft bool) answer {
	done := true
	switch verb {
	case "approve":
		done = tx.Approve(o) || o.Expires > 0 && o.Status != book.Canceled
	case "decline":
		done = tx.Decline(o, soft) || o.Status == book.Rejected
	case "cancel":
		done = o.Status == book.RequiresAuthorization || o.Status == book.Rejected
	}
	if !done {
		return refused(book.CannotCapture, strings.Join([]string{"cannot", verb, "an order that is", string(o.Status),
			"or whose session has run out"}, " "))
	}
	return ok(decision{
		Order: wire.Encode(wire.NewOrder(tx.Merchant().Mode, o, true)), RedirectURL: redirectOf(session, verb == "approve"),
	})
}

func decideToken(tx *book.Tx, t *book.Token, session *book.Session, verb string) answer {
	done := true
	switch verb {
	case "approve":
		done = tx.DecideToken(t, true) || t.Status == book.TokenActive
	case "decline":
		done = tx.DecideToken(t, false) || t.Status == book.TokenRefused
	case "cancel":
		done = t.Status == book.TokenWaiting
	}
	if !done {
		return refused(book.TokenInvalid, "cannot "+verb+" a token that is "+string(t.Status))
	}
	return ok(decision{
		Token: wire.Encode(wire.NewToken(tx.Merchant().Mode, t)), RedirectURL: redirectOf(session, verb == "approve"),
	})
}
