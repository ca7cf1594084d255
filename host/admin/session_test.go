package admin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/admin"
)

func TestALinkWithTheTokenOpensASession(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	a := b.get("/console?token=" + url.QueryEscape(token)).want(http.StatusSeeOther)
	if a.header.Get("Location") != "/console" {
		t.Errorf("it leads to %q", a.header.Get("Location"))
	}
	line := a.header.Get("Set-Cookie")
	cookie, err := http.ParseSetCookie(line)
	if err != nil {
		t.Fatal(err)
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/console" || cookie.Domain != "" || len(cookie.Value) < 26 {
		t.Errorf("the cookie is %s", line)
	}
	if strings.Contains(line, token) || strings.Contains(line, url.QueryEscape(token)) {
		t.Error("the cookie carries the token")
	}
	b.get("/console").want(http.StatusOK).says("Overview", "Acme Pay")
	if other := w.operator(); other.cookies[cookie.Name] == cookie.Value {
		t.Error("two sessions have the same cookie")
	}
}

func TestTheFormWithTheTokenOpensASessionAndGoesOn(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1)
	b := w.browser()
	page := "/console/payments/" + string(id)
	form := b.get(page).want(http.StatusUnauthorized).says(`type="password"`).silent("¥2,500").form()
	form.Set("token", " "+token+"\n")
	if a := b.post("/console/login", form).want(http.StatusSeeOther); a.header.Get("Location") != page {
		t.Errorf("it leads to %q, want %q", a.header.Get("Location"), page)
	}
	b.get(page).want(http.StatusOK).says("¥2,500")
}

func TestTheWayInLeadsNowhereElse(t *testing.T) {
	w := newWorld(t)
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "/v1/keys", "javascript:alert(1)", "/consolation", "",
		"/console/login", "/console?token=x", "\r\nSet-Cookie: a=b",
	} {
		a := w.browser().post("/console/login", url.Values{"token": {token}, "next": {next}}).want(http.StatusSeeOther)
		if a.header.Get("Location") != "/console" {
			t.Errorf("%q leads to %q", next, a.header.Get("Location"))
		}
	}
}

func TestAWrongTokenOpensNothing(t *testing.T) {
	w := newWorld(t)
	const guess = "a-guess-of-somebody"
	form := url.Values{"token": {guess}, "next": {"/console/connectors/acme"}}
	for name, a := range map[string]answer{
		"by link":         w.browser().get("/console?token=" + guess),
		"by an empty one": w.browser().get("/console?token="),
		"by form":         w.browser().post("/console/login", form),
		"by no form":      w.browser().post("/console/login", url.Values{}),
	} {
		a.want(http.StatusUnauthorized).says("not the operators’ token", `action="/console/login"`).silent(guess)
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie is set", name)
		}
	}
	w.browser().post("/console/login", form).says(`value="/console/connectors/acme"`)
	w.browser().post("/console/login", url.Values{"token": {strings.Repeat("x", 20<<10)}}).want(http.StatusUnauthorized).says("could not be read")
	w.browser().post("/console/login", url.Values{"token": {token}}, "Sec-Fetch-Site", "cross-site").want(http.StatusUnauthorized)
	if strings.Contains(w.log.String(), guess) {
		t.Error("the log holds what was tried")
	}
	if !strings.Contains(w.log.String(), "wrong token") {
		t.Error("nothing was logged")
	}
}

func TestNothingIsShownWithoutASession(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1)
	for _, path := range []string{"/console", "/console?q=shop", "/console/payments/" + string(id), "/console/connectors/acme", "/console/nothing", "/console/payments/nobody"} {
		for name, cookies := range map[string]map[string]string{
			"no cookie": {}, "a made-up one": {"connectorhost_console": "x"},
		} {
			b := &browser{w, cookies}
			a := b.get(path).want(http.StatusUnauthorized).says("Sign in").silent("Acme", "¥", string(id)+"<", "shop-1")
			if a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: no challenge", path, name)
			}
		}
	}
	if a := w.browser().get("/console/").want(http.StatusSeeOther); a.header.Get("Location") != "/console" {
		t.Errorf("/console/ leads to %q", a.header.Get("Location"))
	}
}

func TestASessionEnds(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	w.clock.advance(8*time.Hour - time.Second)
	b.get("/console").want(http.StatusOK)
	w.clock.advance(time.Second)
	b.get("/console").want(http.StatusUnauthorized)

	b = w.operator()
	b.get("/console").want(http.StatusOK)
	restarted, err := admin.New(w.config)
	w.must(err)
	w.handler = restarted
	b.get("/console").want(http.StatusUnauthorized)
}

func TestSessionsAreBounded(t *testing.T) {
	w := newWorld(t)
	first := w.operator()
	w.clock.advance(time.Second)
	second := w.operator()
	for range 99 {
		w.clock.advance(time.Second)
		w.operator().get("/console").want(http.StatusOK)
	}
	first.get("/console").want(http.StatusUnauthorized)
	second.get("/console").want(http.StatusOK)
}

func TestASessionIsNoTokenForTheAPI(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	for name, value := range b.cookies {
		w.sendAs("", "GET", "/v1/connectors", nil, "Cookie", name+"="+value).want(http.StatusUnauthorized)
		w.sendAs("Bearer "+value, "GET", "/v1/connectors", nil).want(http.StatusUnauthorized)
	}
}

func TestConsolesOfTwoHostsDoNotShareACookie(t *testing.T) {
	w := newWorld(t)
	names := map[string]bool{}
	for _, host := range []string{"127.0.0.1:8081", "127.0.0.1:9081"} { // browsers do not tell ports apart
		out := httptest.NewRecorder()
		w.handler.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/console?token="+url.QueryEscape(token), nil))
		for _, cookie := range out.Result().Cookies() {
			names[cookie.Name] = true
		}
	}
	if len(names) != 2 {
		t.Errorf("the cookies are %v", names)
	}
}

func TestACookieIsSecureWhereTheConnectionIs(t *testing.T) {
	w := newWorld(t)
	a := w.browser().get("/console?token=" + url.QueryEscape(token))
	if strings.Contains(a.header.Get("Set-Cookie"), "Secure") {
		t.Error("without TLS the cookie would be lost")
	}
	out := httptest.NewRecorder() // httptest makes a request for https a request with TLS
	w.handler.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), "GET", "https://127.0.0.1/console?token="+url.QueryEscape(token), nil))
	if !strings.Contains(out.Header().Get("Set-Cookie"), "Secure") {
		t.Errorf("with TLS the cookie is %s", out.Header().Get("Set-Cookie"))
	}
}

// pressed are the buttons: where they are, and what they post to.
func (w *world) pressed() map[string]string {
	id := w.paid(1)
	return map[string]string{
		"/console/payments/" + string(id): "/console/payments/" + string(id) + "/settle",
		"/console/connectors/acme":        "/console/connectors/acme/restart",
	}
}

func TestOnlyFormsOfTheSessionDoAnything(t *testing.T) {
	w := newWorld(t)
	for page, action := range w.pressed() {
		b, other := w.operator(), w.operator()
		form := b.get(page).want(http.StatusOK).says(`action="` + action + `"`).form()
		for name, tt := range map[string]struct {
			browser *browser
			form    url.Values
			header  []string
			status  int
		}{
			"no session":               {w.browser(), form, nil, http.StatusUnauthorized},
			"no word":                  {b, url.Values{}, nil, http.StatusForbidden},
			"an empty word":            {b, url.Values{"csrf": {""}}, nil, http.StatusForbidden},
			"a wrong word":             {b, url.Values{"csrf": {form.Get("csrf") + "x"}}, nil, http.StatusForbidden},
			"another session's word":   {other, form, nil, http.StatusForbidden},
			"another site":             {b, form, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
			"another port":             {b, form, []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
			"another site, older":      {b, form, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
			"more than a form of ours": {b, url.Values{"csrf": form["csrf"], "x": {strings.Repeat("x", 17<<10)}}, nil, http.StatusForbidden},
		} {
			t.Run(action+" with "+name, func(t *testing.T) {
				w.t = t
				tt.browser.post(action, tt.form, tt.header...).want(tt.status)
				if did := w.host.did(); did != "" || len(w.payments.asked) > 0 {
					t.Errorf("the host did %q and settled %v", did, w.payments.asked)
				}
			})
		}
		w.t = t
		b.post(action+"?csrf="+form.Get("csrf"), url.Values{}).want(http.StatusForbidden)
		b.get(action).want(http.StatusNotFound)
	}
	if did := w.host.did(); did != "" || len(w.payments.asked) > 0 {
		t.Errorf("the host did %q and settled %v", did, w.payments.asked)
	}
}

func TestButtonsDoWhatTheySayOnce(t *testing.T) {
	w := newWorld(t)
	for page, action := range w.pressed() {
		b := w.operator()
		form := b.get(page).form()
		if a := b.post(action, form, "Sec-Fetch-Site", "same-origin").want(http.StatusSeeOther); a.header.Get("Location") != page {
			t.Errorf("%s leads to %q", action, a.header.Get("Location"))
		}
		b.get(page).want(http.StatusOK).says(`role="status"`)
		b.get(page).want(http.StatusOK).silent(`role="status"`)
	}
	if did := w.host.did(); did != "restart acme" || len(w.payments.asked) != 1 {
		t.Errorf("the host did %q and settled %v", did, w.payments.asked)
	}
}
