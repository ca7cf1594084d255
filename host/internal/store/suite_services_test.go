package store

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

func testService(id string) *PaymentService {
	return &PaymentService{
		ID: id, MerchantAccount: "default", Connector: "smartpay", Method: "smartpay", DisplayName: "Smartpay ¥",
		Active: true, Position: 3, Mode: sdk.ModeTest, Config: map[string]string{"public_key": "pk"},
		Secrets:    map[string]sdk.Secret{"secret_key": sdk.NewSecret("canary-account"), "empty": sdk.NewSecret("")},
		Currencies: []string{"JPY"}, Countries: []string{"JP"},
		Webhook: &Webhook{RegistrationID: "wh_2", URL: "https://host.example/webhooks/1", Secrets: []sdk.SigningSecret{
			{RegistrationID: "wh_2", Secret: sdk.NewSecret("canary-webhook-new")},
			{RegistrationID: "wh_1", Secret: sdk.NewSecret("canary-webhook-old")},
		}},
	}
}

func keepService(t *testing.T, s *Store, service *PaymentService) *PaymentService {
	t.Helper()
	if err := s.SaveService(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	return service
}

func keepsServices(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	service := keepService(t, s, testService("s1"))
	keepService(t, s, &PaymentService{ID: "bare"})
	if want := ledger.Kept(c.now()); service.CreatedAt != want || service.UpdatedAt != want {
		t.Errorf("created %v, updated %v, want %v", service.CreatedAt, service.UpdatedAt, want)
	}
	for _, want := range []*PaymentService{service, {ID: "bare", Revision: 1, CreatedAt: service.CreatedAt, UpdatedAt: service.UpdatedAt}} {
		got, err := s.Service(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "service", got, *want)
	}
	c.advance(time.Second)
	changed, err := s.UpdateService(t.Context(), "s1", func(p *PaymentService) error {
		p.Webhook.Secrets = p.Webhook.Secrets[:1]
		delete(p.Secrets, "empty")
		p.Config, p.Active, p.Deleted = nil, false, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Service(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "changed service", got, changed)
	if len(got.Secrets) != 1 || len(got.Webhook.Secrets) != 1 || !got.UpdatedAt.After(got.CreatedAt) {
		t.Errorf("changed service = %+v, want one secret of each kind left", got)
	}
	refusal := errors.New("no")
	_, err = s.UpdateService(t.Context(), "s1", func(p *PaymentService) error { p.DisplayName = "x"; return refusal })
	if err != refusal { //nolint:errorlint // it must come back as it is
		t.Errorf("error = %v, want the change's own", err)
	}
	if got, err = s.Service(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	same(t, "service after a refused change", got, changed)
	if _, err := s.Service(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such service: error = %v, want ErrNotFound", err)
	}
	_, err = s.UpdateService(t.Context(), "nobody", func(*PaymentService) error { t.Error("changed nobody"); return nil })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("updating no such service: error = %v, want ErrNotFound", err)
	}
}

func countsRevisions(t *testing.T, open opener) {
	s := open(t, time.Now)
	service := keepService(t, s, testService("s1"))
	steps := []struct {
		what   string
		change func(*PaymentService)
		want   int64
	}{
		{"nothing", func(*PaymentService) {}, 1},
		{"its name", func(p *PaymentService) { p.DisplayName = "x" }, 1},
		{"a revision of the caller's own", func(p *PaymentService) { p.Revision = 77 }, 1},
		{"a configuration value", func(p *PaymentService) { p.Config["public_key"] = "other" }, 2},
		{"a secret", func(p *PaymentService) { p.Secrets["secret_key"] = sdk.NewSecret("other") }, 3},
		{"a secret, taken away", func(p *PaymentService) { delete(p.Secrets, "secret_key") }, 4},
	}
	for _, step := range steps {
		step.change(service)
		if keepService(t, s, service); service.Revision != step.want {
			t.Errorf("after changing %s: revision %d, want %d", step.what, service.Revision, step.want)
		}
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			if _, err := s.UpdateService(t.Context(), "s1", func(p *PaymentService) error {
				p.Config["n"+strconv.Itoa(i)] = "x"
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got, err := s.Service(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Config) != 17 || got.Revision != 20 {
		t.Errorf("after 16 parallel changes: %d values at revision %d, want 17 at 20", len(got.Config), got.Revision)
	}
}

func listsServices(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	for _, service := range []PaymentService{
		{ID: "third", MerchantAccount: "a", Position: 2},
		{ID: "first", MerchantAccount: "a", Position: 1, Secrets: map[string]sdk.Secret{"k": sdk.NewSecret("v")}},
		{ID: "second", MerchantAccount: "b", Position: 1},
		{ID: "gone", MerchantAccount: "a", Position: 0, Deleted: true},
	} {
		c.advance(time.Second)
		keepService(t, s, &service)
	}
	tests := map[string]struct {
		account string
		deleted bool
		want    []string
	}{
		"one account's":               {"a", false, []string{"first", "third"}},
		"one account's, with deleted": {"a", true, []string{"gone", "first", "third"}},
		"everybody's":                 {"", false, []string{"first", "second", "third"}},
		"nobody's":                    {"nobody", true, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			services, err := s.Services(t.Context(), tt.account, tt.deleted)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, service := range services {
				got = append(got, service.ID)
				if service.ID == "first" && service.Secrets["k"].Reveal() != "v" {
					t.Error("a listed service lacks its secret")
				}
			}
			same(t, "services", got, tt.want)
		})
	}
}

func keepsKeys(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := APIKey{
		ID: "kid-1", PublicKey: []byte{0x30, 0, 0xff}, DisplayName: "shop", Scopes: []string{"*.read"},
		MerchantAccounts: []string{"default"}, Active: true,
	}
	second := APIKey{ID: "kid-0"}
	for _, key := range []*APIKey{&first, &second} {
		if err := s.SaveKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
	}
	first.Active = false
	if err := s.SaveKey(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	got, err := s.Key(t.Context(), "kid-1")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "key", got, first)
	all, err := s.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keys", all, []APIKey{first, second})
	if _, err := s.Key(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such key: error = %v, want ErrNotFound", err)
	}
}

func keepsJournal(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	want := []JournalEntry{
		{Connector: "other", At: ledger.Kept(c.now().Add(time.Hour)), Name: "started"},
		{Connector: "smartpay", Name: "crashed", Context: []byte(`{"exit":2}`)},
		{Connector: "smartpay", Name: "started"},
	}
	for i := len(want) - 1; i >= 0; i-- {
		if err := s.AppendJournal(t.Context(), want[i]); err != nil {
			t.Fatal(err)
		}
		if want[i].ID = int64(len(want) - i); want[i].At.IsZero() {
			want[i].At = ledger.Kept(c.now())
		}
		c.advance(time.Second)
	}
	for connector, tt := range map[string][]JournalEntry{"": want, "smartpay": want[1:], "nobody": nil} {
		got, err := s.Journal(t.Context(), connector, 10)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "journal of "+connector, got, tt)
	}
	got, err := s.Journal(t.Context(), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "newest entry", got, want[:1])
}

func keepsFacts(t *testing.T, open opener) {
	s := open(t, time.Now)
	if _, err := s.Meta(t.Context(), "active/smartpay"); !errors.Is(err, ErrNotFound) {
		t.Errorf("before it is set: error = %v, want ErrNotFound", err)
	}
	for _, want := range []string{"sha256:1", "sha256:2", ""} {
		if err := s.SetMeta(t.Context(), "active/smartpay", want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Meta(t.Context(), "active/smartpay"); got != want || err != nil {
			t.Errorf("fact = %q, %v, want %q", got, err, want)
		}
	}
}

func closes(t *testing.T, open opener) {
	s := open(t, time.Now)
	rec := create(t, s, newPayment())
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	closeStore(t, s)
	closeStore(t, s)
	work := map[string]error{
		"ping":   s.Ping(t.Context()),
		"create": s.Create(t.Context(), newPayment(), nil),
	}
	_, work["read"] = s.Payment(t.Context(), rec.Payment.ID)
	_, work["update"] = s.Update(t.Context(), rec.Payment.ID, nil, func(*Record) error { return nil })
	for what, err := range work {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after closing: error = %v, want ErrClosed", what, err)
		}
	}
}
