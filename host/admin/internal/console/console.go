// Package console is the operators' pages for a browser: what runs, what happened to a
// payment and why, and what happened to a connector.
//
// The pages are made on the server and carry their style with them: no script runs, and
// nothing is fetched from anywhere. They change nothing but for two buttons, which ask
// the host to settle a payment and to restart a connector. Whoever wants in shows the
// operators' token once and gets a session that ends with the browser, with the host,
// or after [SessionLife]. All that a page shows was somebody else's to say, and is
// escaped.
//
// One page needs no session: the one that a development buyer's browser lands on.
package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A Host is the releases and connectors that are shown.
type Host interface {
	ID() string // by which other hosts know this one
	Releases() []fleet.Release
	Connectors() []supervise.Status
	// Certification judges an installed release as it is now.
	Certification(digest string) certificate.Judgement
	// Restart replaces a connector's process by a new one of the same release.
	Restart(ctx context.Context, connector string) (supervise.SwapReport, error)
}

// Payments settles what is in doubt.
type Payments interface {
	// Settle tries once, and reports whether nothing is left to do.
	Settle(ctx context.Context, id sdk.PaymentID) (bool, error)
}

// Config is what the console works with. All of it is needed.
type Config struct {
	Host     Host
	Payments Payments
	Store    *store.Store
	// Operator reports whether a token is the operators'. The time that it takes must
	// tell nothing about the token.
	Operator func(token string) bool
	Mode     sdk.Mode
	Logger   *slog.Logger
	Now      func() time.Time
}

// console is the pages.
type console struct {
	Config
	sessions *sessions
	origin   *http.CrossOriginProtection
	pages    map[string]*template.Template
	policy   string // the Content-Security-Policy
}

// New returns the console as a handler for "/console" and what is below it.
func New(c Config) (http.Handler, error) {
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	s := &console{
		Config: c, sessions: newSessions(c.Now), origin: http.NewCrossOriginProtection(),
		pages: pages, policy: contentPolicy(style),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console", s.enter)
	mux.HandleFunc("POST /console/login", s.login)
	mux.HandleFunc("GET /console/returned", s.returned)
	mux.HandleFunc("GET /console/payments/{id}", s.page(s.payment))
	mux.HandleFunc("POST /console/payments/{id}/settle", s.button(s.settle))
	mux.HandleFunc("GET /console/connectors/{name}", s.page(s.connector))
	mux.HandleFunc("POST /console/connectors/{name}/restart", s.button(s.restart))
	mux.HandleFunc("/console/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, root, http.StatusSeeOther)
	})
	mux.HandleFunc("/console/", s.page(func(*http.Request) (view, error) { return view{}, store.ErrNotFound }))
	return s.guarded(mux), nil
}

// root is the first page.
const root = "/console"

// guarded sets what every answer says about itself, before anything can go wrong.
func (s *console) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", s.policy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// A view is what a page shows.
type view struct {
	page  string // the template
	title string
	data  any
}

// page shows a view to operators, and the way in to everybody else.
func (s *console) page(make func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session := s.sessions.of(r)
		if session == nil {
			s.showLogin(w, r, "", inside(r.URL.EscapedPath()))
			return
		}
		v, err := make(r)
		if err != nil {
			s.fail(w, r, session, err)
			return
		}
		s.show(w, r, http.StatusOK, session, v)
	}
}

// A deed is what a button does. Its notice is shown on the page that it leads back to.
type deed func(r *http.Request) (back, notice string, err error)

// button lets operators do something from a form of ours, and nobody else.
func (s *console) button(do deed) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session := s.sessions.of(r)
		if session == nil {
			s.showLogin(w, r, "", root)
			return
		}
		if err := s.ours(w, r, session); err != nil {
			s.Logger.WarnContext(r.Context(), "console: a form was refused", "path", r.URL.Path, "error", err)
			s.show(w, r, http.StatusForbidden, session, view{"problem", "Not done", problem{
				Heading: "Nothing was done", Text: "This form did not come from a page of your session. Open the page again and press its button.",
			}})
			return
		}
		back, notice, err := do(r)
		if errors.Is(err, store.ErrNotFound) {
			s.fail(w, r, session, err)
			return
		}
		if err != nil {
			s.Logger.WarnContext(r.Context(), "console: not done", "path", r.URL.Path, "error", err)
			notice = "Not done: " + err.Error()
		}
		session.leave(notice)
		http.Redirect(w, r, back, http.StatusSeeOther)
	}
}

// A problem is why a page is not shown.
type problem struct{ Heading, Text string }

// fail shows an error. What went wrong on our side is told in the log.
func (s *console) fail(w http.ResponseWriter, r *http.Request, session *session, err error) {
	if errors.Is(err, store.ErrNotFound) {
		s.show(w, r, http.StatusNotFound, session, view{"problem", "Not found", problem{
			Heading: "There is no such page", Text: "The payment or connector that the address names is not here.",
		}})
		return
	}
	if errors.Is(err, store.ErrCursor) {
		s.show(w, r, http.StatusBadRequest, session, view{"problem", "Not found", problem{
			Heading: "There is no such list", Text: "The address was made for another search. Start from the overview.",
		}})
		return
	}
	s.Logger.ErrorContext(r.Context(), "console: page failed", "path", r.URL.Path, "error", err)
	s.show(w, r, http.StatusInternalServerError, session, view{"problem", "Failed", problem{
		Heading: "This page cannot be shown now", Text: "The host's log says why. connectord doctor says whether the host is well.",
	}})
}

// frame is what every page has around it.
type frame struct {
	Title  string
	Mode   sdk.Mode
	Inside bool // an operator reads it
	CSRF   string
	Notice string
	Now    time.Time
	Data   any
}

// show writes a page whole or, should its template fail, not at all.
func (s *console) show(w http.ResponseWriter, r *http.Request, status int, session *session, v view) {
	f := frame{Title: v.title, Mode: s.Mode, Now: s.Now(), Data: v.data}
	if session != nil {
		f.Inside, f.CSRF, f.Notice = true, session.csrf, session.take()
	}
	var page bytes.Buffer
	if err := s.pages[v.page].ExecuteTemplate(&page, "frame", f); err != nil {
		s.Logger.ErrorContext(r.Context(), "console: template failed", "page", v.page, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) // whoever went away can load it again
}

// maxForm is the largest form that is read, in bytes.
const maxForm = 16 << 10

// form reads a small form.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("reading the form: %w", err)
	}
	return nil
}
