package sandbox

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// call is one API request on its way through.
type call struct {
	request   *http.Request
	target    target
	body      []byte
	merchant  *book.Merchant
	key       string // the Idempotency-Key, on methods that honour one
	base      string // where the hosted page is
	reference string // of the order it turned out to be about
}

// action does what a request asks, alone with the merchant's books.
type action func(*book.Tx) (answer, error)

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, t target) {
	c, err := s.read(w, r, t)
	entry := s.requests.open(s.clock.Now(), c)
	var a answer
	var due []*book.Delivery
	if err != nil {
		a = failure(err)
	} else {
		a, due = s.answer(c)
	}
	s.requests.close(entry, c, a)
	a.write(w)
	s.send(due)
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

// answer finds out who is asking and does it.
func (s *Server) answer(c *call) (answer, []*book.Delivery) {
	if c.target.area == areaConsumer {
		return s.consumer(c)
	}
	if c.target.area != areaAPI {
		return wrongAddress(c), nil
	}
	key := secretKeyOf(c.request.Header.Get("Authorization"))
	if !s.accepts(key) {
		return notAuthorized(), nil
	}
	c.merchant = s.book.Merchant(key)
	return s.perform(c)
}

func wrongAddress(c *call) answer {
	if len(c.target.allowed) > 0 {
		a := refused(methodNotAllowed, c.request.Method+" is not among the methods of this address")
		a.allow = strings.Join(c.target.allowed, ", ")
		return a
	}
	return refused(routeNotFound, "there is nothing at this address")
}

// perform runs the endpoint once per idempotency key. Everything happens under
// the merchant's lock, so a second request with the same key waits for the
// first and gets the same answer [INF].
func (s *Server) perform(c *call) (answer, []*book.Delivery) {
	act, parseErr := c.target.handle(s, c)
	var a answer
	due := c.merchant.Do(book.Cause{By: "api", Key: c.key}, func(tx *book.Tx) {
		scope := book.Scope{Method: c.request.Method, Path: c.target.path, Key: c.key}
		if c.key != "" {
			if kept, found, conflict := tx.Recall(scope, c.body); conflict {
				a = refused(idempotencyConflict, "this Idempotency-Key was used with another body")
				return
			} else if found {
				a = answer{status: kept.Status, body: kept.Body, replayed: true}
				return
			}
		}
		a = run(tx, act, parseErr)
		if c.key != "" {
			tx.Remember(scope, c.body, book.Reply{Status: a.status, Body: a.body})
		}
	})
	return a, due
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
