package skeleton

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// maxBody is the longest request that is read.
const maxBody = 1 << 20

// About is what a simulator says of itself that cannot be told from its methods.
type About struct {
	Name, Version string
	// Webhooks says that the provider sends webhooks to where it is asked to.
	Webhooks bool
}

// laneID is what can stand in a path as it is.
var laneID = regexp.MustCompile(`^[0-9A-Za-z_-][0-9A-Za-z._~-]*$`)

// A server is the HTTP side of a handler.
type server struct {
	handler Handler
	hello   sim.Hello

	mu   sync.Mutex
	open map[string]bool
}

// New serves handler below the path base, which has no slash at its end. What it
// returns is safe for concurrent use, and is to be mounted at base and at base+"/".
func New(base string, about About, handler Handler) http.Handler {
	s := &server{handler: handler, open: map[string]bool{}, hello: sim.Hello{
		Protocol: sim.Protocol, Name: about.Name, Version: about.Version, Abilities: abilities(handler, about.Webhooks),
	}}
	lane := base + "/lanes/{lane}"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base, func(w http.ResponseWriter, _ *http.Request) { answer(w, s.hello, nil) })
	mux.HandleFunc("POST "+base+"/lanes", s.openLane)
	mux.HandleFunc("DELETE "+lane, s.closeLane)
	mux.HandleFunc("GET "+lane+"/ledger", s.tellLedger)
	mux.HandleFunc("DELETE "+lane+"/faults", s.behave)
	mux.HandleFunc("POST "+lane+"/faults", inLane(s, (*server).fault))
	mux.HandleFunc("POST "+lane+"/buyer", inLane(s, func(s *server, lane string, b sim.Buyer) error {
		return ask(s, checkBuyer(b), func(h Buyer) error { return h.Buyer(lane, b) })
	}))
	mux.HandleFunc("POST "+lane+"/dashboard", inLane(s, func(s *server, lane string, d sim.Dashboard) error {
		return ask(s, checkDashboard(d), func(h Staff) error { return h.Dashboard(lane, d) })
	}))
	mux.HandleFunc("POST "+lane+"/events", inLane(s, func(s *server, lane string, e sim.Event) error {
		return ask(s, checkEvent(e), func(h Announcer) error { return h.Event(lane, e) })
	}))
	mux.HandleFunc("POST "+lane+"/rotate", inLane(s, func(s *server, lane string, _ none) error {
		return ask(s, nil, func(h Rotator) error { return h.Rotate(lane) })
	}))
	mux.HandleFunc("POST "+base+"/clock", s.advance)
	return here(mux)
}

// abilities are what a handler can do, in the order of the protocol.
func abilities(h Handler, webhooks bool) []sim.Ability {
	var can []sim.Ability
	add := func(a sim.Ability, has bool) {
		if has {
			can = append(can, a)
		}
	}
	_, buyer := h.(Buyer)
	_, clock := h.(Clock)
	_, events := h.(Announcer)
	_, rotate := h.(Rotator)
	_, staff := h.(Staff)
	add(sim.CanBuyer, buyer)
	add(sim.CanClock, clock)
	add(sim.CanWebhooks, webhooks)
	add(sim.CanEvents, events)
	add(sim.CanRotate, rotate)
	add(sim.CanDashboard, staff)
	if f, ok := h.(Faulter); ok {
		for _, kind := range f.Faults() {
			can = append(can, sim.CanFault(kind))
		}
	}
	return can
}

// here answers peers on this machine only: nothing in the protocol asks who calls.
func here(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			tell(w, http.StatusForbidden, refusal{"a simulator answers this machine only"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) openLane(w http.ResponseWriter, r *http.Request) {
	if err := read(w, r, &none{}); err != nil {
		answer(w, nil, err)
		return
	}
	lane, err := s.handler.Open(at(r))
	if err == nil && !laneID.MatchString(lane.ID) {
		err = fmt.Errorf("the lane's id %q cannot be part of a path", lane.ID)
	}
	if err == nil {
		s.mu.Lock()
		s.open[lane.ID] = true
		s.mu.Unlock()
	}
	answer(w, lane, err)
}

func (s *server) closeLane(w http.ResponseWriter, r *http.Request) {
	lane, err := s.lane(r)
	if err == nil {
		s.mu.Lock()
		delete(s.open, lane)
		s.mu.Unlock()
		err = s.handler.Close(lane)
	}
	answer(w, none{}, err)
}

func (s *server) tellLedger(w http.ResponseWriter, r *http.Request) {
	lane, err := s.lane(r)
	var ledger sim.Ledger
	if err == nil {
		ledger, err = s.handler.Ledger(lane)
	}
	answer(w, whole(ledger), err)
}

// whole writes what is empty as an empty list: null would be something else in many a
// language.
func whole(l sim.Ledger) sim.Ledger {
	l.Payments = append([]sim.Payment{}, l.Payments...)
	for i := range l.Payments {
		l.Payments[i].Movements = append([]sim.Movement{}, l.Payments[i].Movements...)
	}
	return l
}

// behave takes faults back; where none can be armed, there is nothing to do.
func (s *server) behave(w http.ResponseWriter, r *http.Request) {
	lane, err := s.lane(r)
	if f, ok := s.handler.(Faulter); ok && err == nil {
		err = f.Behave(lane)
	}
	answer(w, none{}, err)
}

func (s *server) fault(lane string, f sim.Fault) error {
	h, ok := s.handler.(Faulter)
	if !ok || !slices.Contains(h.Faults(), f.Kind) {
		return fmt.Errorf("%s: %w", sim.CanFault(f.Kind), sim.ErrCannot)
	}
	if err := checkFault(f); err != nil {
		return err
	}
	return h.Fault(lane, f)
}

func (s *server) advance(w http.ResponseWriter, r *http.Request) {
	h, ok := s.handler.(Clock)
	if !ok {
		answer(w, nil, sim.ErrCannot)
		return
	}
	var a sim.Advance
	err := read(w, r, &a)
	if err == nil {
		err = checkAdvance(a)
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	now, err := h.Advance(time.Duration(a.Milliseconds) * time.Millisecond)
	answer(w, sim.Clock{Now: now}, err)
}

// inLane makes a handler of what is asked of one lane.
func inLane[B any](s *server, do func(s *server, lane string, body B) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body B
		lane, err := s.lane(r)
		if err == nil {
			err = read(w, r, &body)
		}
		if err == nil {
			err = do(s, lane, body)
		}
		answer(w, none{}, err)
	}
}

// ask asks the handler, if it can do such a thing and nothing is wrong with what it is
// asked.
func ask[H any](s *server, wrong error, do func(H) error) error {
	h, ok := s.handler.(H)
	switch {
	case !ok:
		return sim.ErrCannot
	case wrong != nil:
		return wrong
	}
	return do(h)
}

// lane is the open lane that a request is about.
func (s *server) lane(r *http.Request) (string, error) {
	id := r.PathValue("lane")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[id] {
		return "", fmt.Errorf("lane %q: %w", id, ErrNotFound)
	}
	return id, nil
}

// at is scheme and host by which the caller reached the simulator.
func at(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// read decodes a request. No body at all is an empty one.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("%w: the body: %w", ErrInvalid, err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: the body: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the body", ErrInvalid)
	}
	return nil
}

// A refusal is the body of an error.
type refusal struct {
	Error string `json:"error"`
}

// answer tells what is, or why not.
func answer(w http.ResponseWriter, body any, err error) {
	switch {
	case err == nil:
		tell(w, http.StatusOK, body)
	case errors.Is(err, sim.ErrCannot):
		tell(w, http.StatusNotImplemented, refusal{err.Error()})
	case errors.Is(err, ErrNotFound):
		tell(w, http.StatusNotFound, refusal{err.Error()})
	case errors.Is(err, ErrInvalid):
		tell(w, http.StatusBadRequest, refusal{err.Error()})
	default:
		tell(w, http.StatusConflict, refusal{err.Error()})
	}
}

func tell(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // impossible: every body is made of strings and numbers
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked can ask again
}
