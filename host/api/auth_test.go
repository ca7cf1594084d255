package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// authorization replaces the header that every request has.
func authorization(values ...string) option {
	return func(r *http.Request) { r.Header["Authorization"] = values }
}

func TestStrangers(t *testing.T) {
	w := newShop(t)
	foreign, _, _, err := api.NewKeyPair()
	w.must(err)
	off, kid := w.newKey([]string{"*.read"}, nil)
	stored, err := w.store.Key(t.Context(), kid)
	w.must(err)
	stored.Active = false
	w.must(w.store.SaveKey(t.Context(), &stored))
	expired, err := api.Sign(w.key, []string{"*.read"}, time.Minute, noon.Add(-2*time.Minute))
	w.must(err)
	early, err := api.Sign(w.key, []string{"*.read"}, time.Hour, noon.Add(time.Minute))
	w.must(err)
	head, rest, _ := strings.Cut(w.token, ".")

	tests := map[string][]string{
		"no header":             nil,
		"an empty header":       {""},
		"two headers":           {"Bearer " + w.token, "Bearer " + w.token},
		"another scheme":        {"Basic " + w.token},
		"no token":              {"Bearer "},
		"a token that is none":  {"Bearer hello"},
		"a key of nobody's":     {"Bearer " + w.sign(foreign, "*.read")},
		"a key that is off":     {"Bearer " + w.sign(off, "*.read")},
		"expired":               {"Bearer " + expired},
		"not valid yet":         {"Bearer " + early},
		"a signature of others": {"Bearer " + head + "." + strings.Split(rest, ".")[0] + "." + strings.Split(w.sign(foreign, "*.read"), ".")[2]},
	}
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.get("/transactions", authorization(values...)).refused(http.StatusUnauthorized, "unauthorized")
			const want = `{"type":"error","code":"unauthorized","status":401,` +
				`"message":"No valid API authentication found","details":[]}`
			if s.raw != want || s.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("answered %s", s.raw)
			}
		})
	}
	w.t = t
	w.get("/transactions", authorization("bearer "+w.token)).want(http.StatusOK)
}

func TestScopes(t *testing.T) {
	const id = "/transactions/00000000-0000-4000-8000-000000000000"
	const hook = "/webhook-subscriptions/00000000-0000-4000-8000-000000000000"
	tests := map[string]struct {
		verb, path string
		body       any
		scope      string
	}{
		"create":              {"POST", "/transactions", payment(nil), "transactions.write"},
		"list":                {"GET", "/transactions", nil, "transactions.read"},
		"get":                 {"GET", id, nil, "transactions.read"},
		"update":              {"PUT", id, nil, "transactions.write"},
		"capture":             {"POST", id + "/capture", nil, "transactions.write"},
		"void":                {"POST", id + "/void", nil, "transactions.write"},
		"cancel":              {"POST", id + "/cancel", nil, "transactions.write"},
		"sync":                {"POST", id + "/sync", nil, "transactions.read"},
		"refund":              {"POST", id + "/refunds", nil, "transactions.write"},
		"refund all":          {"POST", id + "/refunds/all", nil, "transactions.write"},
		"refunds":             {"GET", id + "/refunds", nil, "transactions.read"},
		"refund of any":       {"GET", "/refunds/00000000-0000-4000-8000-000000000000", nil, "transactions.read"},
		"captures":            {"GET", id + "/captures", nil, "transactions.read"},
		"events":              {"GET", id + "/events", nil, "transactions.read"},
		"actions":             {"GET", id + "/actions", nil, "transactions.read"},
		"settlements":         {"GET", id + "/settlements", nil, "transactions.read"},
		"increment":           {"POST", id + "/authorization/increment", fields{"amount": 1}, "transactions.write"},
		"options":             {"POST", "/payment-options", nil, "payment-options.read"},
		"definitions":         {"GET", "/payment-service-definitions", nil, "payment-service-definitions.read"},
		"definition":          {"GET", "/payment-service-definitions/testpay-testpay", nil, "payment-service-definitions.read"},
		"services":            {"GET", "/payment-services", nil, "payment-services.read"},
		"create a service":    {"POST", "/payment-services", servicing(nil), "payment-services.write"},
		"change a service":    {"PUT", "/payment-services/00000000-0000-4000-8000-000000000000", nil, "payment-services.write"},
		"delete a service":    {"DELETE", "/payment-services/00000000-0000-4000-8000-000000000000", nil, "payment-services.write"},
		"verify credentials":  {"POST", "/payment-services/verify", nil, "payment-services.write"},
		"subscriptions":       {"GET", "/webhook-subscriptions", nil, "webhook-subscriptions.read"},
		"subscription":        {"GET", hook, nil, "webhook-subscriptions.read"},
		"subscribe":           {"POST", "/webhook-subscriptions", fields{"url": "https://shop.example"}, "webhook-subscriptions.write"},
		"resubscribe":         {"PUT", hook, nil, "webhook-subscriptions.write"},
		"unsubscribe":         {"DELETE", hook, nil, "webhook-subscriptions.write"},
		"rotate a secret":     {"POST", hook + "/rotate-secret", nil, "webhook-subscriptions.write"},
		"read one's services": {"GET", "/payment-services/00000000-0000-4000-8000-000000000000", nil, "payment-services.read"},
	}
	w := newShop(t)
	all, _ := w.newKey([]string{"*.read", "*.write"}, nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			_, verb, _ := strings.Cut(tt.scope, ".")
			other := map[string]string{"read": "*.write", "write": "*.read"}[verb]
			try := func(scopes ...string) *sent {
				return w.send(tt.verb, tt.path, tt.body, authorization("Bearer "+w.sign(all, scopes...)))
			}
			for _, scopes := range [][]string{{}, {other}, {"buyers." + verb}, {"*"}, {strings.ToUpper(tt.scope)}} {
				try(scopes...).refused(http.StatusForbidden, "forbidden")
			}
			for _, scope := range []string{tt.scope, "*." + verb} {
				if s := try(scope); s.status == http.StatusForbidden || s.status == http.StatusUnauthorized {
					t.Errorf("%s is not enough: %s", scope, s.raw)
				}
			}
			narrow, _ := w.newKey([]string{other, "buyers." + verb}, nil)
			w.send(tt.verb, tt.path, tt.body, authorization("Bearer "+w.sign(narrow, tt.scope, "*."+verb))).
				refused(http.StatusForbidden, "forbidden")
		})
	}
}

func TestMerchantAccounts(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	made := w.post(path+"/refunds", fields{"amount": 1}).want(http.StatusCreated).text("id")
	other := header("X-GR4VY-MERCHANT-ACCOUNT-ID", "other")

	// The key is for all accounts, the payment is not.
	for _, tt := range []struct{ verb, path string }{
		{"GET", path}, {"PUT", path}, {"POST", path + "/capture"}, {"POST", path + "/void"}, {"POST", path + "/sync"},
		{"POST", path + "/cancel"}, {"POST", path + "/refunds"}, {"GET", path + "/refunds"}, {"GET", path + "/captures"},
		{"GET", path + "/events"}, {"GET", path + "/actions"}, {"GET", "/refunds/" + made},
		{"GET", "/payment-services/" + w.service}, {"PUT", "/payment-services/" + w.service},
		{"DELETE", "/payment-services/" + w.service},
	} {
		w.send(tt.verb, tt.path, nil, other).refused(http.StatusNotFound, "not_found")
	}
	w.get("/transactions", other).has(fields{"items.0": nil})
	w.get("/payment-services", other).has(fields{"items.0": nil})
	w.post("/transactions", payment(fields{"payment_service_id": w.service}), other).
		refused(http.StatusBadRequest, "bad_request", "/payment_service_id")

	own, _ := w.newKey([]string{"*.read"}, []string{"other", "third"})
	token := authorization("Bearer " + w.sign(own, "*.read"))
	w.get("/transactions", token, other).want(http.StatusOK)
	w.get("/transactions", token).refused(http.StatusForbidden, "forbidden")
	w.get("/payment-service-definitions", token).want(http.StatusOK) // about no account

	for _, odd := range []string{"a b", "../x", strings.Repeat("a", 65)} {
		w.get("/transactions", header("X-GR4VY-MERCHANT-ACCOUNT-ID", odd)).
			refused(http.StatusBadRequest, "bad_request", "/X-GR4VY-MERCHANT-ACCOUNT-ID")
	}
	w.get("/transactions", header("X-GR4VY-MERCHANT-ACCOUNT-ID", "")).has(fields{"items.1": nil}).want(http.StatusOK)
}

func TestRevokedKeyIsForgottenSoon(t *testing.T) {
	w := newShop(t)
	w.get("/transactions").want(http.StatusOK)
	stored, err := w.store.Key(t.Context(), w.kid)
	w.must(err)
	stored.Active = false
	w.must(w.store.SaveKey(t.Context(), &stored))
	w.clock.advance(5 * time.Second)
	w.get("/transactions").refused(http.StatusUnauthorized, "unauthorized")
}

// keyless cannot read its keys.
type keyless struct{ api.Store }

func (keyless) Key(context.Context, string) (store.APIKey, error) {
	return store.APIKey{}, errors.New("the disk is gone")
}

// A token that cannot be checked is not the merchant's fault.
func TestKeysThatCannotBeRead(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.Store = keyless{c.Store} })
	s := w.get("/transactions").refused(http.StatusInternalServerError, "server_error")
	if strings.Contains(s.raw, "disk") {
		t.Errorf("the answer tells of our insides: %s", s.raw)
	}
}

// A key that is stored under another key's name must not be believed.
func TestKeyUnderAnotherName(t *testing.T) {
	w := newShop(t)
	foreign, foreignID, _, err := api.NewKeyPair()
	w.must(err)
	_, _, otherDER, err := api.NewKeyPair()
	w.must(err)
	w.must(w.store.SaveKey(t.Context(), &store.APIKey{ID: foreignID, PublicKey: otherDER, Scopes: []string{"*.read"}, Active: true}))
	w.get("/transactions", authorization("Bearer "+w.sign(foreign, "*.read"))).refused(http.StatusInternalServerError, "server_error")
}
