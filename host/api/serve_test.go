package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// broken fails, in a way of the test's choosing, to load payments.
type broken struct {
	api.Store
	fail func() error
}

func (b broken) Payment(context.Context, sdk.PaymentID) (store.Record, error) {
	return store.Record{}, b.fail()
}

const somebody = "/transactions/00000000-0000-4000-8000-000000000000"

func TestFaultsOfOurs(t *testing.T) {
	tests := map[string]struct {
		fail   func() error
		status int
		code   string
	}{
		"a panic":       {func() error { panic("secret in a panic") }, http.StatusInternalServerError, "server_error"},
		"an error":      {func() error { return errors.New("secret on the disk") }, http.StatusInternalServerError, "server_error"},
		"a full queue":  {func() error { return fmt.Errorf("secret: %w", store.ErrBusy) }, http.StatusTooManyRequests, "too_many_requests"},
		"a late answer": {func() error { return fmt.Errorf("secret: %w", context.DeadlineExceeded) }, http.StatusGatewayTimeout, "gateway_timeout"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *api.Config) { c.Store = broken{c.Store, tt.fail} })
			s := w.get(somebody).refused(tt.status, tt.code)
			if strings.Contains(s.raw, "secret") {
				t.Errorf("the answer tells of our insides: %s", s.raw)
			}
			if !strings.Contains(w.log.String(), s.header.Get("X-Request-Id")) {
				t.Errorf("request %s is not in the log: %s", s.header.Get("X-Request-Id"), w.log)
			}
			w.get("/payment-services").want(http.StatusOK) // the next one is served
		})
	}
}

func TestAccessLogTellsNoSecrets(t *testing.T) {
	w := newShop(t)
	s := w.get("/transactions?external_identifier=private-7&search=hanako")
	line := ""
	for l := range strings.Lines(w.log.String()) {
		if strings.Contains(l, s.header.Get("X-Request-Id")) {
			line += l
		}
	}
	for _, want := range []string{"method=GET", "route=/transactions", "status=200", "merchant_account_id=default", "key_id=" + w.kid, "took="} {
		if !strings.Contains(line, want) {
			t.Errorf("the log line lacks %s: %s", want, line)
		}
	}
	for _, secret := range []string{"private-7", "hanako", w.token} {
		if strings.Contains(line, secret) {
			t.Errorf("the log line tells %s: %s", secret, line)
		}
	}
	w.get("/transactions", authorization("Bearer x"))
	if !strings.Contains(w.log.String(), "status=401") || !strings.Contains(w.log.String(), "token is malformed") {
		t.Errorf("the log does not say why a token was refused: %s", w.log)
	}
}

// Through a real server: what a recorder does not do.
func TestOverTheWire(t *testing.T) {
	w := newShop(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	do := func(verb, path, body string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), verb, server.URL+path, strings.NewReader(body))
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+w.token)
		res, err := server.Client().Do(r)
		w.must(err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		w.must(err)
		return res, string(text)
	}
	created, text := do("POST", "/transactions", text(payment(nil)))
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("create = %d %s", created.StatusCode, text)
	}
	head, text := do("HEAD", "/transactions", "")
	if head.StatusCode != http.StatusOK || text != "" || head.ContentLength <= 0 {
		t.Errorf("HEAD = %d, length %d, body %q", head.StatusCode, head.ContentLength, text)
	}
	if large, text := do("POST", "/transactions", strings.Repeat(" ", 2<<20)); large.StatusCode != http.StatusBadRequest {
		t.Errorf("2 MiB of blanks = %d %s", large.StatusCode, text)
	}
	gone, text := do("DELETE", "/payment-services/"+w.service, "")
	if gone.StatusCode != http.StatusNoContent || text != "" || gone.Header.Get("Content-Type") != "" {
		t.Errorf("DELETE = %d %q %v", gone.StatusCode, text, gone.Header)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := api.New(api.Config{}); err == nil {
		t.Error("New took a configuration without parts")
	}
}
