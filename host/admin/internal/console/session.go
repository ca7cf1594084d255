package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SessionLife is how long a session lasts at most: a working day.
const SessionLife = 8 * time.Hour

const (
	// maxSessions bounds the memory of those who open a session for every page: then the
	// one that would end first ends.
	maxSessions = 100
)

// cookieName names the cookie after the address that the browser uses: browsers do not
// tell ports apart, and an operator may have consoles of several hosts open.
func cookieName(r *http.Request) string {
	sum := sha256.Sum256([]byte(r.Host))
	return "connectorhost_" + hex.EncodeToString(sum[:4])
}

// A session is one operator's browser.
type session struct {
	csrf string // what a form of this session must say
	ends time.Time

	mu     sync.Mutex
	notice string
}

// leave keeps a notice for the next page.
func (s *session) leave(notice string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = notice
}

// take returns the notice that was left, once.
func (s *session) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notice := s.notice
	s.notice = ""
	return notice
}

// sessions are those that have not ended, by the hash of their cookie: neither the
// memory of this process nor the time of a lookup gives a cookie away. They end with
// the process.
type sessions struct {
	now  func() time.Time
	mu   sync.Mutex
	live map[[sha256.Size]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, live: map[[sha256.Size]byte]*session{}}
}

// open begins a session and returns its cookie's value.
func (s *sessions) open() string {
	cookie, now := rand.Text(), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var first [sha256.Size]byte
	for key, other := range s.live {
		if !now.Before(other.ends) {
			delete(s.live, key)
		} else if s.live[first] == nil || other.ends.Before(s.live[first].ends) {
			first = key
		}
	}
	if len(s.live) >= maxSessions {
		delete(s.live, first)
	}
	s.live[sha256.Sum256([]byte(cookie))] = &session{csrf: rand.Text(), ends: now.Add(SessionLife)}
	return cookie
}

// of returns the session of a request, or nil.
func (s *sessions) of(r *http.Request) *session {
	for _, cookie := range r.CookiesNamed(cookieName(r)) {
		s.mu.Lock()
		found := s.live[sha256.Sum256([]byte(cookie.Value))]
		s.mu.Unlock()
		if found != nil && s.now().Before(found.ends) {
			return found
		}
	}
	return nil
}

// enter shows the overview to operators. A token in the address is exchanged for a
// session, so that it stays neither in the address bar nor in the history.
func (s *console) enter(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("token") {
		s.admit(w, r, r.URL.Query().Get("token"), root)
		return
	}
	s.page(s.overview)(w, r)
}

// login takes the token from the form.
func (s *console) login(w http.ResponseWriter, r *http.Request) {
	if err := errors.Join(s.origin.Check(r), form(w, r)); err != nil {
		s.showLogin(w, r, "That form could not be read. Try this one.", root)
		return
	}
	s.admit(w, r, strings.TrimSpace(r.PostForm.Get("token")), inside(r.PostForm.Get("next")))
}

// inside is a page of the console to go to, or the first one: an address from outside
// must not lead out.
func inside(next string) string {
	if strings.HasPrefix(next, root+"/payments/") || strings.HasPrefix(next, root+"/connectors/") {
		return next
	}
	return root
}

// admit opens a session for whoever has the token.
func (s *console) admit(w http.ResponseWriter, r *http.Request, token, next string) {
	if !s.Operator(token) {
		s.Logger.WarnContext(r.Context(), "console: a wrong token was refused", "remote", r.RemoteAddr)
		s.showLogin(w, r, "That is not the operators’ token.", next)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: s.sessions.open(), Path: root,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// loginForm is the way in.
type loginForm struct {
	Problem string
	Next    string // the page that was asked for
}

// showLogin shows the way in, and on to next.
func (s *console) showLogin(w http.ResponseWriter, r *http.Request, why, next string) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	s.show(w, r, http.StatusUnauthorized, nil, view{"login", "Sign in", loginForm{why, next}})
}

// ours reports why a form is not one of this session's pages, if it is not.
func (s *console) ours(w http.ResponseWriter, r *http.Request, session *session) error {
	if err := s.origin.Check(r); err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(session.csrf)) != 1 {
		return errors.New("the form does not carry the session's word")
	}
	return nil
}
