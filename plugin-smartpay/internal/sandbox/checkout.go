package sandbox

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/page"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// pageURL is where a buyer answers a session: <session>.<time>.<signature>,
// the shape of the provider's own (smartpay-api.md §5.6).
func (s *Server) pageURL(base string, mode book.Mode, session *book.Session) string {
	id := session.ID.Text(book.KindSession, mode)
	at := base62(session.Created / 1000)
	return base + "/checkout/" + id + "." + at + "." + s.sign(id, at)
}

// sign gives 86 base62 characters that only this sandbox can make. Two letters
// stand for two characters each, which costs a signature nothing that matters.
func (s *Server) sign(id, at string) string {
	mac := hmac.New(sha512.New, []byte(s.book.Secret()))
	mac.Write([]byte("page:" + id + "." + at))
	return strings.NewReplacer("-", "A", "_", "B").Replace(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

func base62(n int64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var out []byte
	for ; n > 0 || len(out) == 0; n /= 62 {
		out = append([]byte{digits[n%62]}, out...)
	}
	return string(out)
}

// visit is one request for a hosted page.
type visit struct {
	server  *Server
	tx      *book.Tx
	session *book.Session
	query   url.Values
	action  string // "approve", "decline", "cancel", or "" to look
	card    string
	onPage  bool // a person is looking, so that a soft decline can be told and tried again
	path    string
	accepts string // languages
}

// reply is what the visit leads to: a redirect, or a page.
type reply struct {
	location string
	status   int
	view     page.View
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	v := visit{server: s, path: r.URL.EscapedPath(), query: r.URL.Query(), accepts: r.Header.Get("Accept-Language")}
	switch r.Method {
	case http.MethodHead:
	case http.MethodGet:
		// The sandbox's own: an address that answers for itself, for scripts.
		v.action, v.card = v.query.Get("auto"), v.query.Get("card")
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		v.action, v.card, v.onPage = r.PostFormValue("action"), r.PostFormValue("card"), true
	default:
		h.Set("Allow", "GET, HEAD, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	answer, due := s.visit(v, name)
	if s.book.Err() != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	out := s.outgoing(due)
	s.sendEarly(r.Context(), out)
	if v.onPage {
		// Browsers keep a page they have left as it was, no-store or not, and
		// show it again when the buyer goes back: a form that still asks. A cookie
		// that changes makes them ask here instead. Nothing ever reads it.
		http.SetCookie(w, &http.Cookie{
			Name: "answered", Value: base62(time.Now().UnixNano()), Path: path.Dir(v.path),
			HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	if answer.location != "" {
		// To the byte what the shop asked for: http.Redirect would tidy it up.
		h["Location"] = []string{answer.location}
		w.WriteHeader(http.StatusSeeOther)
	} else if err := page.Write(w, answer.status, answer.view); err != nil {
		s.log.Warn("hosted page not written", "error", err)
	}
	s.send(out)
}

// visit finds the session that a page is for and answers.
func (s *Server) visit(v visit, name string) (reply, []*book.Delivery) {
	out := reply{status: http.StatusNotFound, view: page.View{State: page.Unknown, Language: v.language()}}
	id, rest, _ := strings.Cut(name, ".")
	at, signature, _ := strings.Cut(rest, ".")
	if !hmac.Equal([]byte(signature), []byte(s.sign(id, at))) {
		return out, nil
	}
	due := s.everywhere("page", func(tx *book.Tx) bool {
		session, err := tx.Session(id)
		if err != nil {
			return false
		}
		v.tx, v.session = tx, session
		out = v.answer()
		return true
	})
	return out, due
}

// answer does what the buyer asks, if the session still waits for it. A
// repeated answer leads where the first one led, without a second effect.
func (v visit) answer() reply {
	state := v.state()
	approved, gone := v.session.SuccessURL, v.session.CancelURL
	switch {
	case v.action == "":
		return v.look(state, false)
	case state == page.Open:
		return v.decide()
	case v.action == "approve" && state == page.Approved:
		return reply{location: approved}
	case v.action != "approve" && (state == page.Rejected || state == page.Expired):
		return reply{location: gone}
	}
	return v.look(state, true)
}

func (v visit) decide() reply {
	decline, soft := v.action == "decline", v.card == page.CardSoftDeclined || v.card == "soft"
	if v.action == "approve" {
		decline = soft || v.card == page.CardDeclined
	}
	switch {
	case v.action == "cancel":
		// [INF] the order keeps waiting; [UNK] whether the page can be opened
		// again. Here it can, so the back button is not a dead end.
		return reply{location: v.session.CancelURL}
	case decline && soft && v.action == "approve" && v.onPage:
		v.decline(true)
		return reply{location: v.path + "?lang=" + v.language() + "&declined=soft"}
	case decline:
		v.decline(soft)
		return reply{location: v.session.CancelURL}
	case v.action == "approve":
		v.approve()
		return reply{location: v.session.SuccessURL}
	}
	return v.look(page.Open, true)
}

func (v visit) approve() {
	if v.session.Order != nil {
		v.tx.Approve(v.session.Order)
		return
	}
	v.tx.DecideToken(v.session.Token, true)
}

func (v visit) decline(soft bool) {
	switch {
	case v.session.Order != nil:
		v.tx.Decline(v.session.Order, soft)
	case !soft:
		v.tx.DecideToken(v.session.Token, false)
	}
}

// endings says what the page tells of orders that did not go well.
var endings = map[book.Status]page.State{book.Rejected: page.Rejected, book.Canceled: page.Canceled}

// state is what the page has to say, before anything is done.
func (v visit) state() page.State {
	waiting, state := false, page.Approved
	if o := v.session.Order; o != nil {
		waiting = o.Status == book.RequiresAuthorization
		if s, over := endings[o.Status]; over {
			state = s
		}
	} else {
		waiting = v.session.Token.Status == book.TokenWaiting
		if v.session.Token.Status == book.TokenRefused {
			state = page.Rejected
		}
	}
	switch {
	case waiting && v.tx.Closed(v.session):
		return page.Expired
	case waiting:
		return page.Open
	}
	return state
}

// look draws the page. A page that was asked to do what can no longer be done
// says so in its status as well.
func (v visit) look(state page.State, inVain bool) reply {
	out := reply{status: http.StatusOK, view: page.View{
		State: state, Language: v.language(), Path: v.path, Shop: v.server.cfg.ShopName, Reference: v.session.Reference,
		Token: v.session.Token != nil, Expires: time.UnixMilli(v.session.Expires()),
		SuccessURL: v.session.SuccessURL, CancelURL: v.session.CancelURL, SoftNotice: v.query.Get("declined") == "soft",
	}}
	switch {
	case state == page.Expired:
		out.status = http.StatusGone
	case inVain && state == page.Open:
		out.status = http.StatusBadRequest
	case inVain:
		out.status = http.StatusConflict
	}
	if o := v.session.Order; o != nil {
		if code := v.query.Get("promotion-code"); code != "" && state == page.Open {
			out.view.CodeNotice = !v.tx.Redeem(o, code)
		}
		out.view.Lines, out.view.Fee = cart(o)
		out.view.Total = o.Amount
		if o.Discount != nil {
			out.view.Discount = o.Discount.Amount
			out.view.Total -= o.Discount.Amount
		}
	}
	return out
}

// cart spells the lines of an order, and what of it is the shipping fee.
func cart(o *book.Order) (lines []page.Line, fee int64) {
	items := wire.Items(o)
	fee = o.Amount
	for _, item := range items {
		line := page.Line{Name: item.Name, Quantity: item.Quantity, Amount: item.Amount * item.Quantity}
		if line.Name == "" {
			line.Name = item.Description
		}
		if line.Name == "" {
			line.Name = item.Kind
		}
		if item.Kind == wire.Deduction {
			line.Amount = -line.Amount
		}
		fee -= line.Amount
		lines = append(lines, line)
	}
	return lines, max(0, fee)
}

// language is what the buyer chose, else what the shop asked for, else what the
// browser prefers, else Japanese.
func (v visit) language() string {
	chosen := v.query.Get("lang")
	if chosen == "" && v.session != nil {
		chosen = v.session.Locale
	}
	if chosen == "" {
		first, _, _ := strings.Cut(v.accepts, ",")
		chosen, _, _ = strings.Cut(strings.TrimSpace(first), "-")
	}
	if strings.EqualFold(chosen, "en") {
		return "en"
	}
	return "ja"
}

// redirectOf is where the browser of a buyer who has decided goes.
func redirectOf(session *book.Session, approved bool) string {
	switch {
	case session == nil:
		return ""
	case approved:
		return session.SuccessURL
	}
	return session.CancelURL
}
