package sandbox

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// call is one API request on its way through.
type call struct {
	request   *http.Request
	target    target
	body      []byte
	parsed    *parsed // the body, once it has been read as input
	merchant  *book.Merchant
	key       string // the Idempotency-Key, on methods that honour one
	base      string // where the hosted page is
	reference string // of the order it is about, as far as can be told
	plan      plan
	due       []*book.Delivery // webhooks that came of it
}

// do changes or looks at the books, and keeps the webhooks that come of it.
func (c *call) do(cause book.Cause, fn func(*book.Tx)) {
	c.due = append(c.due, c.merchant.Do(cause, fn)...)
}

// merchantName is the name of whose request it is; "" if that is not known.
func (c *call) merchantName() string {
	if c.merchant == nil {
		return ""
	}
	return c.merchant.Name
}

func (c *call) scope() book.Scope {
	return book.Scope{Method: c.request.Method, Path: c.target.path, Key: c.key}
}

// progressKey is the scope, for this merchant, as one text.
func (c *call) progressKey() string {
	return strings.Join([]string{c.request.Header.Get("Authorization"), c.request.Method, c.target.path, c.key}, "\x00")
}

// action does what a request asks, alone with the merchant's books.
type action func(*book.Tx) (answer, error)

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, t target) {
	c, err := s.read(w, r, t)
	refusal := s.admit(c, err)
	c.reference = s.about(c)
	c.plan = s.plan(c)
	entry := s.requests.open(s.clock.Now(), c)
	a, answered := s.carryOut(c, refusal)
	a = s.unlessLost(a)
	s.requests.close(entry, c, a)
	out := s.outgoing(c.due)
	s.sendEarly(r.Context(), out)
	defer s.send(out)
	if !answered {
		reset(w)
		return
	}
	s.finish(w, c, a)
}

// unlessLost keeps an answer back when what it tells of could not be kept: a
// change that would be gone after a restart must not be reported as made.
func (s *Server) unlessLost(a answer) answer {
	if err := s.book.Err(); err != nil {
		return failure(err)
	}
	return a
}

// read takes a request off the wire. The call is there even when err is not nil.
func (s *Server) read(w http.ResponseWriter, r *http.Request, t target) (*call, error) {
	c := &call{request: r, target: t, base: s.base(r)}
	if slices.Contains(writes, r.Method) {
		c.key = r.Header.Get("Idempotency-Key")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c.body = body
	if err != nil {
		return c, malformed("the body cannot be read or is longer than 1 MiB")
	}
	return c, nil
}

func (s *Server) base(r *http.Request) string {
	if s.cfg.PublicURL != "" {
		return strings.TrimRight(s.cfg.PublicURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// admit finds out who is asking, and refuses what need not be looked at further.
func (s *Server) admit(c *call, err error) *answer {
	var a answer
	key := secretKeyOf(c.request.Header.Get("Authorization"))
	switch {
	case err != nil:
		a = failure(err)
	case c.target.area == areaConsumer:
		return nil
	case c.target.area != areaAPI:
		a = wrongAddress(c)
	case !s.accepts(key):
		a = notAuthorized()
	default:
		c.merchant = s.book.Merchant(key)
		return nil
	}
	return &a
}

// about tells the reference of the order that a request is about: its own, or
// that of the order, payment or refund it names.
func (s *Server) about(c *call) (reference string) {
	in, err := c.input()
	if err != nil {
		return ""
	}
	names := []string{c.target.params["id"]}
	for _, field := range []string{"order", "payment"} {
		name, _ := in.fields[field].(string)
		names = append(names, name)
	}
	look := func(tx *book.Tx) bool {
		reference = tx.ReferenceOf(names...)
		return reference != ""
	}
	switch {
	case c.target.area == areaConsumer:
		c.due = s.everywhere("consumer", look)
	case c.merchant != nil:
		c.do(book.Cause{By: "api"}, func(tx *book.Tx) { look(tx) })
	}
	if reference == "" {
		reference, _ = in.fields["reference"].(string)
	}
	return reference
}

// answer does what a request asks.
func (s *Server) answer(c *call) answer {
	if c.target.area == areaConsumer {
		return s.consumer(c)
	}
	return s.perform(c)
}

func wrongAddress(c *call) answer {
	if len(c.target.allowed) > 0 {
		a := refused(methodNotAllowed, c.request.Method+" is not among the methods of this address")
		a.header = map[string]string{"Allow": strings.Join(c.target.allowed, ", ")}
		return a
	}
	return refused(routeNotFound, "there is nothing at this address")
}

// perform runs the endpoint once per idempotency key. Everything happens under
// the merchant's lock, so a second request with the same key waits for the
// first and gets the same answer [INF].
func (s *Server) perform(c *call) answer {
	act, parseErr := c.target.handle(s, c)
	var a answer
	cause := book.Cause{By: "api", Key: c.key, Reading: c.request.Method == http.MethodGet}
	c.do(cause, func(tx *book.Tx) {
		scope := c.scope()
		if c.key != "" {
			if kept, found, conflict := tx.Recall(scope, c.body); conflict {
				a = refused(idempotencyConflict, "this Idempotency-Key was used with another body")
				return
			} else if found {
				a = s.again(c, kept)
				return
			}
		}
		a = run(tx, act, parseErr)
		if r, ok := c.plan.first(fault.VisibilityDelay); ok {
			tx.HideCreated(tx.Now().Add(time.Duration(r.MS)*time.Millisecond), r.Only == "lists")
		}
		if c.key != "" {
			tx.Remember(scope, c.body, a.reply(c))
		}
	})
	return a
}

// reply is what is kept of an answer.
func (a answer) reply(c *call) book.Reply {
	if a.opened != nil {
		return book.Reply{Status: a.status, Session: a.opened, Base: c.base}
	}
	return book.Reply{Status: a.status, Body: a.body}
}

// again is the answer that was kept.
func (s *Server) again(c *call, kept book.Reply) answer {
	a := answer{status: kept.Status, body: kept.Body, replayed: true}
	if kept.Session != nil {
		opened := kept.Session.AsOpened()
		a.body = wire.Encode(wire.NewSession(c.merchant.Mode, opened, s.pageURL(kept.Base, c.merchant.Mode, opened), true))
	}
	return a
}

func run(tx *book.Tx, act action, parseErr error) answer {
	if parseErr != nil {
		return failure(parseErr)
	}
	a, err := act(tx)
	if err != nil {
		return failure(err)
	}
	return a
}
