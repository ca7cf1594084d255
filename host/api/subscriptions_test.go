package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
)

const hooks = "/webhook-subscriptions"

func TestSubscriptionFromCreateToDelete(t *testing.T) {
	w := newWorld(t)
	created := w.post(hooks, fields{"url": "https://shop.example/hooks?a=1&b=2"}).want(http.StatusCreated).has(fields{
		"type": "webhook-subscription", "merchant_account_id": "default", "url": "https://shop.example/hooks?a=1&b=2",
		"active": true, "rotating": false, "authentication": nil, "creator": nil,
	})
	secret := created.text("secret")
	if len(secret) != 64 {
		t.Errorf("secret has %d characters", len(secret))
	}
	path := hooks + "/" + created.text("id")
	if got := w.get(path).want(http.StatusOK).raw; got != created.raw {
		t.Errorf("GET = %s, want %s", got, created.raw)
	}
	basic := fields{"kind": "basic", "username": "host", "password": "pass word"}
	w.send("PUT", path, fields{"active": false, "authentication": basic}).want(http.StatusOK).has(fields{
		"active": false, "url": "https://shop.example/hooks?a=1&b=2", "secret": secret,
		"authentication.kind": "basic", "authentication.username": "host", "authentication.password": "********",
	})
	kept := func() string {
		t.Helper()
		sub, err := w.store.Subscription(t.Context(), created.text("id"))
		w.must(err)
		return sub.Username + ":" + sub.Password.Reveal()
	}
	w.send("PUT", path, fields{"authentication": fields{"kind": "basic", "username": "host", "password": "********"}}).want(http.StatusOK)
	if got := kept(); got != "host:pass word" {
		t.Errorf("after what was shown is sent back: %s", got)
	}
	w.send("PUT", path, fields{"url": "http://other.example:81"}).want(http.StatusOK).has(fields{
		"url": "http://other.example:81", "authentication.username": "host",
	})
	w.send("PUT", path, fields{"authentication": nil}).want(http.StatusOK).has(fields{"authentication": nil})
	if got := kept(); got != ":" {
		t.Errorf("after authentication was taken away: %s", got)
	}
	w.get(hooks).want(http.StatusOK).has(fields{"items.0.id": created.text("id"), "items.0.secret": nil, "items.1": nil, "limit": 20})
	w.send("DELETE", path, nil).want(http.StatusNoContent)
	for _, verb := range []string{"GET", "PUT", "DELETE"} {
		w.send(verb, path, nil).refused(http.StatusNotFound, "not_found")
	}
	w.post(path+"/rotate-secret", nil).refused(http.StatusNotFound, "not_found")
	w.get(hooks+"/no-uuid").refused(http.StatusNotFound, "not_found")
	for _, leak := range []string{secret, "pass word"} {
		if strings.Contains(w.log.String(), leak) {
			t.Errorf("the log holds the secret %q", leak)
		}
	}
}

func TestSecretsRotate(t *testing.T) {
	w := newWorld(t)
	created := w.post(hooks, fields{"url": "https://shop.example"}).want(http.StatusCreated)
	path := hooks + "/" + created.text("id")
	second := w.post(path+"/rotate-secret", nil).want(http.StatusOK).has(fields{"rotating": true, "url": "https://shop.example"}).text("secret")
	if second == created.text("secret") {
		t.Error("the new secret is the old one")
	}
	sub, err := w.store.Subscription(t.Context(), created.text("id"))
	w.must(err)
	if sub.Previous.Reveal() != created.text("secret") || sub.Secret.Reveal() != second {
		t.Error("the secret before is not kept")
	}
	w.clock.advance(api.RotationTime - time.Second)
	w.token = w.sign(w.key, "*.read", "*.write")
	w.get(path).has(fields{"rotating": true, "secret": second})
	w.clock.advance(time.Second)
	w.get(path).has(fields{"rotating": false, "secret": second})
}

func TestSubscriptionRefuses(t *testing.T) {
	w := newWorld(t)
	good := fields{"url": "https://shop.example"}
	tests := map[string]struct {
		change  fields
		pointer string
	}{
		"no URL":                        {fields{"url": nil}, "/url"},
		"an empty URL":                  {fields{"url": ""}, "/url"},
		"a number":                      {fields{"url": 7}, "/url"},
		"a path":                        {fields{"url": "/hooks"}, "/url"},
		"no host":                       {fields{"url": "https:///hooks"}, "/url"},
		"another scheme":                {fields{"url": "ftp://shop.example"}, "/url"},
		"credentials in the URL":        {fields{"url": "https://me:secret@shop.example"}, "/url"},
		"a fragment":                    {fields{"url": "https://shop.example/#here"}, "/url"},
		"a URL without end":             {fields{"url": "https://shop.example/" + strings.Repeat("a", 2048)}, "/url"},
		"a control character":           {fields{"url": "https://shop.example/\n"}, "/url"},
		"active by word":                {fields{"active": "yes"}, "/active"},
		"an unknown field":              {fields{"events": []any{}}, "/events"},
		"OAuth":                         {fields{"authentication": fields{"kind": "oauth2", "username": "a", "password": "b"}}, "/authentication/kind"},
		"authentication half given":     {fields{"authentication": fields{"kind": "basic", "username": "a"}}, "/authentication/password"},
		"a username with a colon in it": {fields{"authentication": fields{"kind": "basic", "username": "a:b", "password": "c"}}, "/authentication/username"},
	}
	path := hooks + "/" + w.post(hooks, good).want(http.StatusCreated).text("id")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.post(hooks, with(good, tt.change)).refused(http.StatusBadRequest, "bad_request", tt.pointer)
			if strings.Contains(s.raw, "secret@") {
				t.Errorf("the answer repeats a password: %s", s.raw)
			}
			if name != "no URL" {
				w.send("PUT", path, tt.change).refused(http.StatusBadRequest, "bad_request", tt.pointer)
			}
		})
	}
	w.t = t
	w.get(path).has(fields{"url": "https://shop.example", "authentication": nil})
	for range 19 {
		w.post(hooks, good).want(http.StatusCreated)
	}
	w.post(hooks, good).refused(http.StatusBadRequest, "bad_request")
	w.post(hooks, good, header("X-GR4VY-MERCHANT-ACCOUNT-ID", "other")).want(http.StatusCreated)
}

func TestSubscriptionsArePaged(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.clock.advance(time.Second)
		w.post(hooks, fields{"url": fmt.Sprint("https://shop.example/", i)}).want(http.StatusCreated)
	}
	cursor, seen := "", ""
	for {
		s := w.get(hooks + "?limit=2" + cursor).want(http.StatusOK)
		for i := range 2 {
			if url, ok := s.at(fmt.Sprintf("items.%d.url", i)).(string); ok {
				seen += url[len(url)-1:]
			}
		}
		if s.at("next_cursor") == nil {
			break
		}
		cursor = "&cursor=" + s.text("next_cursor")
	}
	if seen != "01234" {
		t.Errorf("pages showed %s", seen)
	}
	w.get(hooks+"?limit=0").refused(http.StatusBadRequest, "bad_request", "/limit")
	w.get(hooks+"?cursor=x").refused(http.StatusBadRequest, "bad_request", "/cursor")
}

func TestSubscriptionsBelongToAccounts(t *testing.T) {
	w := newWorld(t)
	path := hooks + "/" + w.post(hooks, fields{"url": "https://shop.example"}).want(http.StatusCreated).text("id")
	every := header("X-GR4VY-MERCHANT-ACCOUNT-ID", "*")
	all := w.post(hooks, fields{"url": "https://all.example"}, every).want(http.StatusCreated).has(fields{"merchant_account_id": nil})
	for _, account := range []option{header("X-GR4VY-MERCHANT-ACCOUNT-ID", "other"), every} {
		for _, verb := range []string{"GET", "PUT", "DELETE"} {
			w.send(verb, path, nil, account).refused(http.StatusNotFound, "not_found")
		}
	}
	w.get(hooks+"/"+all.text("id")).refused(http.StatusNotFound, "not_found")
	w.get(hooks, every).has(fields{"items.0.url": "https://all.example", "items.1": nil})
	w.get("/transactions", every).refused(http.StatusBadRequest, "bad_request", "/X-GR4VY-MERCHANT-ACCOUNT-ID")
	// Who may act for one account may not listen to all of them.
	own, _ := w.newKey([]string{"*.read", "*.write"}, []string{"default"})
	token := authorization("Bearer " + w.sign(own, "*.read", "*.write"))
	w.post(hooks, fields{"url": "https://spy.example"}, token, every).refused(http.StatusForbidden, "forbidden")
	w.get(hooks, token, every).refused(http.StatusForbidden, "forbidden")
	w.get(hooks, token).want(http.StatusOK)
}
