// Package admin is the operators' HTTP API: connectors, releases, payments' stories,
// merchants' keys, metrics and the console.
//
// Everything but /healthz and /readyz needs the operators' token: as a bearer token, or
// shown once to the console, which then knows the browser. It is meant for a listener
// that only operators reach. It decides nothing: it asks the host.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/admin/internal/console"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Host is what operators operate.
type Host interface {
	Fleet
	Switch
	Pardon
	Certifier
	Peer
}

// Payments settles what is in doubt.
type Payments interface {
	// Settle tries once, and reports whether nothing is left to do.
	Settle(ctx context.Context, id sdk.PaymentID) (bool, error)
}

// Config is what the API works with. All of it is needed.
type Config struct {
	Host     Host
	Store    *store.Store
	Payments Payments
	Jobs     Jobs
	Metrics  *Metrics
	Token    string
	Mode     sdk.Mode // of every account, for people to see
	Logger   *slog.Logger
	Now      func() time.Time
}

func (c Config) complete() bool {
	return c.Host != nil && c.Store != nil && c.Payments != nil && c.Jobs != nil && c.Metrics != nil &&
		c.Token != "" && c.Mode != "" && c.Logger != nil && c.Now != nil
}

// MaxBinary is the largest connector binary that can be sent for installation, in bytes.
const MaxBinary = 512 << 20

// New returns the API as a handler for "/".
func New(c Config) (http.Handler, error) { return assemble(c, MaxBinary) }

func assemble(c Config, maxBinary int64) (http.Handler, error) {
	if !c.complete() {
		return nil, errors.New("admin: every field of Config must be set")
	}
	s := &server{Config: c, maxBinary: maxBinary, pulse: pulse{mu: make(chan struct{}, 1)}}
	pages, err := console.New(console.Config{
		Host: c.Host, Payments: c.Payments, Store: c.Store, Operator: s.operators,
		Mode: c.Mode, Logger: c.Logger, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.guarded(c.Metrics.handler(c.Logger)))
	mux.Handle("/console", pages)
	mux.Handle("/console/", pages)
	mux.Handle("GET /{$}", http.RedirectHandler("/console", http.StatusSeeOther))
	s.routes(func(pattern string, h handler) { mux.Handle(pattern, s.operator(h)) })
	return mux, nil
}

// server is the API.
type server struct {
	Config
	maxBinary int64
	pulse     pulse
}

// routes names every endpoint that needs the operators' token.
func (s *server) routes(handle func(string, handler)) {
	s.connectorRoutes(handle)
	handle("GET /v1/hosts", s.listHosts)
	handle("GET /v1/payments", s.listPayments)
	handle("GET /v1/payments/{id}", s.showPayment)
	handle("POST /v1/payments/{id}/settle", s.settle)
	handle("GET /v1/keys", s.listKeys)
	handle("POST /v1/keys", s.createKey)
	handle("DELETE /v1/keys/{kid}", s.revokeKey)
}

// A handler answers with a value that is shown as JSON, or with an error.
type handler func(r *http.Request) (any, error)

// operator shows what the handler answers.
func (s *server) operator(h handler) http.Handler {
	return s.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := h(r)
		if err != nil {
			status := statusOf(err)
			if status >= http.StatusInternalServerError {
				s.Logger.ErrorContext(r.Context(), "operator's request failed", "path", r.URL.Path, "status", status, "error", err)
			}
			s.show(w, status, failureOf(err))
			return
		}
		s.show(w, http.StatusOK, answer)
	}))
}

// guarded lets only operators through.
func (s *server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.authorized(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.show(w, http.StatusUnauthorized, map[string]string{"error": "the operators' token is needed", "code": "unauthorized"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorized reports whether a request carries the operators' token.
func (s *server) authorized(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.operators(given)
}

// operators reports whether a token is the operators'. It compares digests, so that
// the time taken tells nothing about the token.
func (s *server) operators(token string) bool {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s *server) show(w http.ResponseWriter, status int, answer any) {
	raw, err := json.Marshal(answer)
	if err != nil {
		s.Logger.Error("answer cannot be encoded", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // a client that hung up has lost nothing but the answer
}

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusOK, map[string]string{"status": "alive"})
}

// readyBound bounds the write that readiness tries, and pulseLife is how long it counts:
// however many ask, the store is not written to more often.
const (
	readyBound = 2 * time.Second
	pulseLife  = time.Second
)

// A pulse is whether the store took a write a moment ago.
type pulse struct {
	mu   chan struct{} // full while somebody looks
	at   time.Time
	lost error
}

// beats reports why the store takes no writes, or nil.
func (p *pulse) beats(ctx context.Context, write func(context.Context) error) error {
	select {
	case p.mu <- struct{}{}:
		defer func() { <-p.mu }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.at.IsZero() || time.Since(p.at) >= pulseLife {
		// Not the caller's context: others believe the result too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyBound)
		defer cancel()
		p.lost = write(ctx)
		p.at = time.Now()
	}
	return p.lost
}

// readyz says whether payments can be taken: the store takes writes, and every
// connector that is active serves. Everybody is told what is not ready; why is for
// operators.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*readyBound)
	defer cancel()
	var missing []string
	miss := func(what, why string) {
		if s.authorized(r) {
			what += ": " + why
		}
		missing = append(missing, what)
	}
	if err := s.pulse.beats(ctx, s.Store.Ping); err != nil {
		miss("the store takes no writes", err.Error())
	}
	for _, c := range s.Host.Connectors() {
		if c.State != supervise.Serving {
			miss(fmt.Sprintf("connector %s is %s", c.Connector, c.State), c.Cause)
		}
	}
	if len(missing) > 0 {
		s.show(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "error": strings.Join(missing, "; ")})
		return
	}
	s.show(w, http.StatusOK, map[string]string{"status": "ready"})
}
