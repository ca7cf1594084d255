package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/api/internal/strictjson"
)

// A call is one authenticated request.
type call struct {
	*http.Request
	ctx     context.Context
	account string // the merchant account that it is for
	embed   embed  // what a token in a buyer's browser is pinned to; nil for others
}

// An answer is a response of the API. Body is JSON, or nil for none.
type answer struct {
	status int
	body   []byte
}

// An operation is one method of one path.
type operation struct {
	// scopes are what a token may do; any of them lets it in.
	scopes []string
	// global: the operation is not about a merchant account.
	global bool
	// every: the operation can be about all merchant accounts together, "*".
	every bool
	// slow: the operation may wait for a provider.
	slow  bool
	serve func(*server, *call) (answer, error)
}

// A note is what a request adds to its line in the access log.
type note struct {
	id      string
	route   string
	account string
	key     string
	cause   error
}

type noteKey struct{}

func noteOf(ctx context.Context) *note {
	n, ok := ctx.Value(noteKey{}).(*note)
	if !ok {
		return &note{}
	}
	return n
}

// ServeHTTP serves one request and logs it, without its query, headers and bodies:
// those are where secrets are.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := s.Now()
	n := &note{id: uuid.NewString()}
	r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
	out := &response{ResponseWriter: w}
	out.Header().Set("X-Request-Id", n.id)
	defer func() {
		if v := recover(); v != nil {
			s.recovered(out, r, v)
		}
		s.log(r, n, out, s.Now().Sub(began))
	}()
	if r.URL.Path != clean(r.URL.Path) { // ServeMux would redirect, in HTML
		s.refuse(out, r, notFound())
		return
	}
	s.mux.ServeHTTP(out, r)
}

// clean is what ServeMux takes a path to mean.
func clean(p string) string {
	cleaned := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return cleaned
}

// endpoint serves one path. HEAD is GET without a body.
func (s *server) endpoint(verbs map[string]operation) http.Handler {
	allowed := make([]string, 0, len(verbs)+1)
	for verb := range verbs {
		allowed = append(allowed, verb)
		if verb == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noteOf(r.Context()).route = r.Pattern
		verb := r.Method
		if verb == http.MethodHead {
			verb = http.MethodGet
		}
		op, ok := verbs[verb]
		switch {
		case len(verbs) == 0:
			s.refuse(w, r, notFound())
		case !ok:
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.refuse(w, r, methodNotAllowed())
		default:
			s.perform(w, r, op)
		}
	})
}

// errNoPlace is why a request is refused when too many are in work.
var errNoPlace = errors.New("as many requests are in work as may be")

// perform authenticates a request and carries it out in bounded time. A merchant who
// hangs up does not stop a write half-way.
func (s *server) perform(w http.ResponseWriter, r *http.Request, op operation) {
	leave, ok := s.places.take(op.slow)
	if !ok {
		s.refuse(w, r, tooMany(errNoPlace))
		return
	}
	defer leave()
	ctx, limit := r.Context(), readTime
	if op.slow {
		ctx, limit = context.WithoutCancel(ctx), writeTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := s.admit(ctx, r, op)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	a, err := op.serve(s, c)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	write(w, a)
}

// refuse answers with the error envelope.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	noteOf(r.Context()).cause = p
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	a, err := reply(p.Status, p)
	if err != nil { // a problem is made of texts
		a = answer{status: http.StatusInternalServerError}
	}
	write(w, a)
}

// recovered answers a request whose handler panicked, if nothing was written yet.
func (s *server) recovered(w *response, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.Logger.ErrorContext(r.Context(), "request handler panicked",
		"request_id", noteOf(r.Context()).id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.status == 0 {
		s.refuse(w, r, unprocessed(http.StatusInternalServerError, fmt.Errorf("panic: %v", v)))
	}
}

// reply makes an answer of a value.
func reply(status int, v any) (answer, error) {
	body, err := strictjson.Canonical(v) // people paste URLs out of it: & stays &
	if err != nil {
		return answer{}, fmt.Errorf("encoding the answer: %w", err)
	}
	return answer{status, body}, nil
}

func write(w http.ResponseWriter, a answer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.body != nil {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	w.Write(a.body) // whoever went away hears the stored answer when they ask again
}

// log writes the access log's line. What went wrong on our side is an error; what
// was refused is told, since a merchant may ask.
func (s *server) log(r *http.Request, n *note, out *response, took time.Duration) {
	route := n.route
	if route == "" {
		route = "none"
	}
	attrs := []slog.Attr{
		slog.String("request_id", n.id),
		slog.String("method", r.Method),
		slog.String("route", route),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Duration("took", took),
	}
	for name, value := range map[string]string{
		"resource_id": r.PathValue("id"), "merchant_account_id": n.account, "key_id": n.key,
	} {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	level := slog.LevelInfo
	if n.cause != nil {
		attrs = append(attrs, slog.String("error", n.cause.Error()))
	}
	switch {
	case errors.Is(n.cause, errNoPlace):
		level = slog.LevelDebug // there may be thousands in a second; the metrics count them
	case out.status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// A response remembers what was written to it.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what is written.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets an http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
