package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/admin"
)

// requestTo is a request that a pattern matches.
func requestTo(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer("{name}", "acme", "{id}", "00000000-0000-4000-8000-000000000001", "{kid}", "some-key").Replace(path)
}

func TestEveryEndpointNeedsTheToken(t *testing.T) {
	strangers := map[string]string{
		"nothing":                 "",
		"a wrong token":           "Bearer " + strings.ToUpper(token),
		"the beginning of it":     "Bearer " + token[:len(token)-1],
		"more than it":            "Bearer " + token + "x",
		"an empty token":          "Bearer ",
		"the token without word":  token,
		"the token by basic auth": "Basic " + token,
	}
	w := newWorld(t)
	w.paid(1)
	patterns := admin.Endpoints()
	if len(patterns) < 15 {
		t.Fatalf("only %d endpoints are known", len(patterns))
	}
	for _, pattern := range patterns {
		method, path := requestTo(pattern)
		for name, authorization := range strangers {
			t.Run(pattern+" with "+name, func(t *testing.T) {
				w.t = t
				a := w.sendAs(authorization, method, path, "{}").want(http.StatusUnauthorized).says("token is needed")
				if a.header.Get("WWW-Authenticate") != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("headers are %v", a.header)
				}
			})
		}
	}
	if did := w.host.did(); did != "" || len(w.payments.asked) > 0 {
		t.Errorf("for strangers the host did %q and settled %v", did, w.payments.asked)
	}
	for _, pattern := range patterns {
		method, path := requestTo(pattern)
		if a := w.send(method, path, "{}"); a.status == http.StatusUnauthorized {
			t.Errorf("%s does not take the token", pattern)
		}
	}
}

func TestHealthAndReadinessNeedNoToken(t *testing.T) {
	w := newWorld(t)
	w.sendAs("", "GET", "/healthz", nil).want(http.StatusOK).says(`"alive"`)
	w.sendAs("", "GET", "/readyz", nil).want(http.StatusOK).says(`"ready"`)
}

func TestWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		method, path string
		status       int
	}{
		"an unknown path":      {"GET", "/v1/nothing", http.StatusNotFound},
		"a method that is not": {"PATCH", "/v1/connectors/acme/swap", http.StatusMethodNotAllowed},
		"writing to a list":    {"DELETE", "/v1/connectors", http.StatusMethodNotAllowed},
		"no such connector":    {"GET", "/v1/connectors/nobody", http.StatusNotFound},
		"its history":          {"GET", "/v1/connectors/nobody/history", http.StatusNotFound},
		"no such payment":      {"GET", "/v1/payments/00000000-0000-4000-8000-00000000dead", http.StatusNotFound},
		"no payment's id":      {"GET", "/v1/payments/..%2f..%2fetc%2fpasswd", http.StatusNotFound},
		"no such key":          {"DELETE", "/v1/keys/nobody", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.send(tt.method, tt.path, nil).want(tt.status)
		})
	}
}

func TestRootLeadsToTheConsole(t *testing.T) {
	w := newWorld(t)
	if a := w.sendAs("", "GET", "/", nil).want(http.StatusSeeOther); a.header.Get("Location") != "/console" {
		t.Errorf("it leads to %q", a.header.Get("Location"))
	}
}

func TestIncompleteConfigIsRefused(t *testing.T) {
	whole := newWorld(t).config
	for name, change := range map[string]func(*admin.Config){
		"no host":     func(c *admin.Config) { c.Host = nil },
		"no store":    func(c *admin.Config) { c.Store = nil },
		"no payments": func(c *admin.Config) { c.Payments = nil },
		"no metrics":  func(c *admin.Config) { c.Metrics = nil },
		"no token":    func(c *admin.Config) { c.Token = "" },
		"no mode":     func(c *admin.Config) { c.Mode = "" },
		"no logger":   func(c *admin.Config) { c.Logger = nil },
		"no clock":    func(c *admin.Config) { c.Now = nil },
	} {
		c := whole
		change(&c)
		if _, err := admin.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
