package store

import (
	"context"

	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// SaveService keeps a payment service, new or changed, as a whole. It sets Revision (1
// for a new service, one more than before if Config or Secrets changed), UpdatedAt,
// and CreatedAt for a new one. Secrets are sealed.
func (s *Store) SaveService(ctx context.Context, service *PaymentService) error {
	var was PaymentService
	load := func() []question {
		questions := s.loadService(&was, service.ID)
		questions[0].must = false // it may be new
		return questions
	}
	err := s.db.change(ctx, "service "+service.ID, load, func() (changes, error) {
		return s.savedService(&was, service)
	})
	if err != nil {
		return fmt.Errorf("saving payment service %s: %w", service.ID, err)
	}
	return nil
}

// UpdateService changes a payment service with nobody else changing it in between, and
// returns it as kept. An error of change is returned as it is and nothing is changed. If
// another host was quicker, change runs again on what that host left. The rules of
// SaveService apply.
func (s *Store) UpdateService(
	ctx context.Context, id string, change func(*PaymentService) error,
) (PaymentService, error) {
	var was, is PaymentService
	load := func() []question {
		// Read twice, so that change can alter one without the other.
		return append(s.loadService(&was, id), s.loadService(&is, id)...)
	}
	var ofCaller error
	err := s.db.change(ctx, "service "+id, load, func() (changes, error) {
		if ofCaller = change(&is); ofCaller != nil {
			return nil, ofCaller
		}
		if is.ID != id {
			return nil, errors.New("a change altered the id")
		}
		return s.savedService(&was, &is)
	})
	switch {
	case ofCaller != nil:
		return PaymentService{}, ofCaller
	case err != nil:
		return PaymentService{}, fmt.Errorf("updating payment service %s: %w", id, err)
	}
	return is, nil
}

// Service returns a payment service, deleted or not, or [ErrNotFound].
func (s *Store) Service(ctx context.Context, id string) (service PaymentService, err error) {
	if err := s.db.ask(ctx, s.loadService(&service, id)...); err != nil {
		return PaymentService{}, fmt.Errorf("payment service %s: %w", id, err)
	}
	return service, nil
}

// Services lists payment services by position, then age. An empty merchantAccount
// means those of all.
func (s *Store) Services(
	ctx context.Context, merchantAccount string, includeDeleted bool,
) (services []PaymentService, err error) {
	const where = `WHERE (merchant_account = ? OR ? = '') AND deleted <= ? `
	args := []any{merchantAccount, merchantAccount, bit(includeDeleted)}
	places := make(map[string]int)
	err = s.db.ask(ctx, question{
		query: selectServices + where + `ORDER BY position, created_at, id`, args: args,
		scan: func(r row) error {
			service, err := scanService(r)
			places[service.ID] = len(services)
			services = append(services, service)
			return err
		},
	}, s.unseal(func(id string) *PaymentService { return &services[places[id]] },
		`(SELECT id FROM services `+where+`)`, args...))
	return services, err
}

// savedService is the change that turns was, which may be nothing, into is.
func (s *Store) savedService(was, is *PaymentService) (changes, error) {
	now := ledger.Kept(s.now())
	// Its time tells one version of a service from the next, so it never stands still.
	if !now.After(was.UpdatedAt) {
		now = was.UpdatedAt.Add(time.Microsecond)
	}
	is.Revision, is.UpdatedAt, is.CreatedAt = was.Revision, now, ledger.Kept(is.CreatedAt)
	if is.CreatedAt.IsZero() {
		is.CreatedAt = now
	}
	if was.Revision == 0 || !maps.Equal(was.Config, is.Config) || !maps.EqualFunc(was.Secrets, is.Secrets, sdk.Secret.Equal) {
		is.Revision++
	}
	var c changes
	c.must(errStale, saveService, is.ID, is.MerchantAccount, is.Connector, is.Method, is.DisplayName, bit(is.Active),
		bit(is.Deleted), int64(is.Position), string(is.Mode), is.Revision, mapJSON(is.Config),
		listJSON(is.Currencies), listJSON(is.Countries), webhookJSON(is.Webhook), at(is.CreatedAt), at(is.UpdatedAt),
		at(was.UpdatedAt))
	c.add(`DELETE FROM secrets WHERE service = ?`, is.ID)
	for field, secret := range is.sealedFields() {
		c.add(`INSERT INTO secrets (service, field, key_id, sealed) VALUES (?,?,?,?)`,
			is.ID, field, s.key.id, s.key.seal(is.ID, field, secret))
	}
	return c, nil
}

const saveService = `INSERT INTO services (id, merchant_account, connector, method, display_name, active, deleted,
	position, mode, revision, config, currencies, countries, webhook, created_at, updated_at)
	VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET
	merchant_account = excluded.merchant_account, connector = excluded.connector, method = excluded.method,
	display_name = excluded.display_name, active = excluded.active, deleted = excluded.deleted,
	position = excluded.position, mode = excluded.mode, revision = excluded.revision, config = excluded.config,
	currencies = excluded.currencies, countries = excluded.countries, webhook = excluded.webhook,
	created_at = excluded.created_at, updated_at = excluded.updated_at
	WHERE services.updated_at = ?`

const selectServices = `SELECT id, merchant_account, connector, method, display_name, active, deleted, position,
	mode, revision, config, currencies, countries, webhook, created_at, updated_at FROM services `

// loadService asks for one service.
func (s *Store) loadService(into *PaymentService, id string) []question {
	*into = PaymentService{}
	return []question{{
		query: selectServices + `WHERE id = ?`, args: []any{id}, must: true,
		scan: func(r row) (err error) {
			*into, err = scanService(r)
			return err
		},
	}, s.unseal(func(string) *PaymentService { return into }, `(?)`, id)}
}

func scanService(r row) (PaymentService, error) {
	var s PaymentService
	var webhook *webhookRow
	var created, updated micros
	err := r.Scan(&s.ID, &s.MerchantAccount, &s.Connector, &s.Method, &s.DisplayName, &s.Active, &s.Deleted,
		&s.Position, &s.Mode, &s.Revision, fromJSON(&s.Config), fromJSON(&s.Currencies),
		fromJSON(&s.Countries), fromJSON(&webhook), &created, &updated)
	s.CreatedAt, s.UpdatedAt = created.time(), updated.time()
	if webhook != nil {
		s.Webhook = &Webhook{RegistrationID: webhook.RegistrationID, URL: webhook.URL}
		for _, registration := range webhook.Signing {
			s.Webhook.Secrets = append(s.Webhook.Secrets, sdk.SigningSecret{RegistrationID: registration})
		}
	}
	return s, err
}

// A webhookRow is a webhook without its secrets: of each, only what registration it
// belongs to.
type webhookRow struct {
	RegistrationID string   `json:"registration_id"`
	URL            string   `json:"url"`
	Signing        []string `json:"signing,omitempty"`
}

func webhookJSON(w *Webhook) any {
	if w == nil {
		return nil
	}
	kept := webhookRow{RegistrationID: w.RegistrationID, URL: w.URL}
	for _, secret := range w.Secrets {
		kept.Signing = append(kept.Signing, secret.RegistrationID)
	}
	return toJSON(kept)
}

func mapJSON(m map[string]string) any {
	if m == nil {
		return nil
	}
	return toJSON(m)
}

// Names of sealed fields start with what they are, so that no two can be one.
const (
	accountSecret = "account/"
	signingSecret = "webhook/"
)

// sealedFields are all secrets of a service under the names they are sealed for.
func (p *PaymentService) sealedFields() map[string]sdk.Secret {
	fields := make(map[string]sdk.Secret)
	for name, secret := range p.Secrets {
		fields[accountSecret+name] = secret
	}
	if p.Webhook != nil {
		for i, signing := range p.Webhook.Secrets {
			fields[signingSecret+strconv.Itoa(i)] = signing.Secret
		}
	}
	return fields
}

// unseal asks for the secrets of the services that among says, and puts them into those.
func (s *Store) unseal(service func(id string) *PaymentService, among string, args ...any) question {
	return question{
		query: `SELECT service, field, key_id, sealed FROM secrets WHERE service IN ` + among, args: args,
		scan: func(r row) error {
			var id, field, keyID string
			var sealed []byte
			if err := r.Scan(&id, &field, &keyID, &sealed); err != nil {
				return err
			}
			secret, err := s.key.open(id, field, keyID, sealed)
			if err != nil {
				return err
			}
			return service(id).put(field, secret)
		},
	}
}

// put puts a secret where sealedFields found it.
func (p *PaymentService) put(field string, secret sdk.Secret) error {
	if name, ok := strings.CutPrefix(field, accountSecret); ok {
		if p.Secrets == nil {
			p.Secrets = make(map[string]sdk.Secret)
		}
		p.Secrets[name] = secret
		return nil
	}
	if position, ok := strings.CutPrefix(field, signingSecret); ok && p.Webhook != nil {
		if i, err := strconv.Atoi(position); err == nil && i >= 0 && i < len(p.Webhook.Secrets) {
			p.Webhook.Secrets[i].Secret = secret
			return nil
		}
	}
	return fmt.Errorf("secret %q of service %s: there is no such field", field, p.ID)
}
