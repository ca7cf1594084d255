package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A fieldValue is one filled-in field of a payment service. A value that is empty
// clears the field.
type fieldValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A serviceInput is a request to create or change a payment service. What is nil is
// not being changed.
type serviceInput struct {
	DisplayName        *string      `json:"display_name"`
	DefinitionID       string       `json:"payment_service_definition_id"`
	Fields             []fieldValue `json:"fields"`
	AcceptedCurrencies []string     `json:"accepted_currencies"`
	AcceptedCountries  []string     `json:"accepted_countries"`
	Active             *bool        `json:"active"`
	Position           *int         `json:"position"`

	ReportingFields     []fieldValue `json:"reporting_fields"`
	Tokenization        bool         `json:"payment_method_tokenization_enabled"`
	NetworkTokens       bool         `json:"network_tokens_enabled"`
	OpenLoop            bool         `json:"open_loop"`
	SettlementReporting bool         `json:"settlement_reporting_enabled"`
}

// createService configures a connector for a merchant account. The service is stored
// also where the provider could not be told where to send its webhooks: its status
// says "pending" then, and the next change tries again.
func (s *server) createService(c *call) (answer, error) {
	in, err := s.serviceInput(c, false)
	if err != nil {
		return answer{}, err
	}
	x, m, ok := s.offer(in.DefinitionID)
	if !ok {
		return answer{}, invalid(unknownDefinition())
	}
	svc := store.PaymentService{
		ID: uuid.NewString(), MerchantAccount: c.account, Connector: x.Description.Manifest.Name, Method: m.Name,
		Active: true, Mode: s.Mode, Config: map[string]string{}, Secrets: map[string]sdk.Secret{},
	}
	if in.Position == nil {
		others, err := s.Store.Services(c.ctx, c.account, false)
		if err != nil {
			return answer{}, err
		}
		for _, other := range others {
			svc.Position = max(svc.Position, other.Position+1)
		}
	}
	if err := in.apply(&svc, x); err != nil {
		return answer{}, err
	}
	if err := s.Store.SaveService(c.ctx, &svc); err != nil {
		return answer{}, err
	}
	if svc, err = s.register(c.ctx, svc); err != nil {
		return answer{}, err
	}
	return reply(http.StatusCreated, s.renderService(svc))
}

func unknownDefinition() detail {
	return detail{inBody, "/payment_service_definition_id",
		"must be the id of a definition, as GET /payment-service-definitions lists them", string(sdk.CodeInvalidField)}
}

// updateService changes a payment service. What is left out or null stays.
func (s *server) updateService(c *call) (answer, error) {
	in, err := s.serviceInput(c, true)
	if err != nil {
		return answer{}, err
	}
	had, x, err := s.ownService(c)
	if err != nil {
		return answer{}, err
	}
	svc, err := s.Store.UpdateService(c.ctx, had.ID, func(svc *store.PaymentService) error {
		if svc.Deleted {
			return store.ErrNotFound
		}
		return in.apply(svc, x)
	})
	if err != nil {
		return answer{}, err
	}
	if svc.Revision != had.Revision || svc.Webhook == nil {
		if svc, err = s.register(c.ctx, svc); err != nil {
			return answer{}, err
		}
	}
	return reply(http.StatusOK, s.renderService(svc))
}

// deleteService takes a payment service out of use. It is kept, with its
// credentials: payments that went through it are still captured and refunded.
func (s *server) deleteService(c *call) (answer, error) {
	had, err := s.service(c)
	if err != nil {
		return answer{}, err
	}
	_, err = s.Store.UpdateService(c.ctx, had.ID, func(svc *store.PaymentService) error {
		svc.Deleted, svc.Active = true, false
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

func (s *server) getService(c *call) (answer, error) {
	svc, err := s.service(c)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, s.renderService(svc))
}

// listServices lists the caller's payment services in the order in which payments
// try them.
func (s *server) listServices(c *call) (answer, error) {
	values, err := c.query()
	if err != nil {
		return answer{}, err
	}
	q := &query{values: values}
	method, deleted := q.text("method"), false
	if q.values.Has("deleted") {
		if yes := q.flag("deleted"); yes != nil {
			deleted = *yes
		}
	}
	if len(q.refused) > 0 {
		return answer{}, invalid(q.refused...)
	}
	found, err := s.Store.Services(c.ctx, c.account, deleted)
	if err != nil {
		return answer{}, err
	}
	var all []service
	for _, svc := range found {
		if svc.Deleted == deleted && (method == "" || svc.Method == method) {
			all = append(all, s.renderService(svc))
		}
	}
	return showPage(c, all, func(x service) string { return x.ID })
}

// service loads the payment service in the path. One that was deleted is not found.
func (s *server) service(c *call) (store.PaymentService, error) {
	id := c.PathValue("id")
	if !isUUID(id) {
		return store.PaymentService{}, notFound()
	}
	svc, err := s.Store.Service(c.ctx, id)
	if err != nil {
		return store.PaymentService{}, err
	}
	if svc.MerchantAccount != c.account || svc.Deleted {
		return store.PaymentService{}, store.ErrNotFound
	}
	return svc, nil
}

// ownService loads the payment service in the path, and its connector.
func (s *server) ownService(c *call) (store.PaymentService, Connector, error) {
	svc, err := s.service(c)
	if err != nil {
		return store.PaymentService{}, Connector{}, err
	}
	x, _, ok := s.offer(definitionID(svc.Connector, svc.Method))
	if !ok {
		return store.PaymentService{}, Connector{}, unprocessed(http.StatusBadGateway,
			errors.New("connector "+svc.Connector+" is not installed"))
	}
	return svc, x, nil
}

// register has the provider notify this host, and keeps the registration. A provider
// that cannot be told now is no reason to refuse the service: payments are settled by
// looking, too.
func (s *server) register(ctx context.Context, svc store.PaymentService) (store.PaymentService, error) {
	told := svc
	if err := s.Notifier.Register(ctx, &told); err != nil {
		s.Logger.WarnContext(ctx, "webhook could not be registered", "request_id", noteOf(ctx).id,
			"payment_service_id", svc.ID, "connector", svc.Connector, "error", err)
		return svc, nil
	}
	if told.Webhook == nil {
		return svc, nil
	}
	return s.Store.UpdateService(context.WithoutCancel(ctx), svc.ID, func(kept *store.PaymentService) error {
		kept.Webhook = told.Webhook
		return nil
	})
}

// serviceInput reads and judges the body of a request to create or change a service.
func (s *server) serviceInput(c *call, change bool) (serviceInput, error) {
	shape := s.shapes.service
	if change {
		shape = s.shapes.serviceUpdate
	}
	doc, err := c.body(shape)
	if err != nil {
		return serviceInput{}, err
	}
	var in serviceInput
	if err := doc.into(&in); err != nil {
		return serviceInput{}, err
	}
	if found := in.unsupported(); len(found) > 0 {
		return serviceInput{}, invalid(found...)
	}
	return in, nil
}

// unsupported lists what the contract lets a merchant switch on and this host has not.
func (in serviceInput) unsupported() []detail {
	var found []detail
	for pointer, asked := range map[string]bool{
		"/reporting_fields":                    len(in.ReportingFields) > 0,
		"/payment_method_tokenization_enabled": in.Tokenization,
		"/network_tokens_enabled":              in.NetworkTokens,
		"/open_loop":                           in.OpenLoop,
		"/settlement_reporting_enabled":        in.SettlementReporting,
	} {
		if asked {
			found = append(found, detail{inBody, pointer, "must be left out or off: it is not offered",
				string(sdk.CodeOperationUnsupported)})
		}
	}
	return sorted(found)
}

// apply changes svc, or says why it must not be changed so.
func (in serviceInput) apply(svc *store.PaymentService, x Connector) error {
	manifest := x.Description.Manifest
	var supported []string
	for _, currency := range manifest.Currencies {
		supported = append(supported, string(currency.Code))
	}
	found := beyond("/accepted_currencies", in.AcceptedCurrencies, supported)
	found = append(found, beyond("/accepted_countries", in.AcceptedCountries, manifest.Countries)...)
	fields := in.merge(svc)
	if in.Fields != nil {
		if refused := x.Gate.CheckFields(fields); refused != nil {
			found = append(found, in.blame(refused)...)
		}
	}
	if len(found) > 0 {
		return invalid(found...)
	}
	if in.DisplayName != nil {
		svc.DisplayName = *in.DisplayName
	}
	if in.Active != nil {
		svc.Active = *in.Active
	}
	if in.Position != nil {
		svc.Position = *in.Position
	}
	if in.AcceptedCurrencies != nil {
		svc.Currencies = in.AcceptedCurrencies
	}
	if in.AcceptedCountries != nil {
		svc.Countries = in.AcceptedCountries
	}
	if in.Fields != nil {
		svc.Config, svc.Secrets = split(fields, x)
	}
	return nil
}

// merge is what the service's fields become.
func (in serviceInput) merge(svc *store.PaymentService) map[string]string {
	fields := map[string]string{}
	maps.Copy(fields, svc.Config)
	for name, secret := range svc.Secrets {
		fields[name] = secret.Reveal()
	}
	for _, f := range in.Fields {
		if f.Value == "" {
			delete(fields, f.Key)
		} else {
			fields[f.Key] = f.Value
		}
	}
	return fields
}

// split puts the fields where they belong.
func split(fields map[string]string, x Connector) (config map[string]string, secrets map[string]sdk.Secret) {
	config, secrets = map[string]string{}, map[string]sdk.Secret{}
	for name, value := range fields {
		if x.Gate.Secret(name) {
			secrets[name] = sdk.NewSecret(value)
		} else {
			config[name] = value
		}
	}
	return config, secrets
}

// beyond lists the values that are not among those supported.
func beyond(pointer string, values, supported []string) []detail {
	var found []detail
	for i, value := range values {
		if !slices.Contains(supported, value) {
			found = append(found, detail{inBody, pointer + "/" + strconv.Itoa(i),
				"must be one that the connector supports: " + list(supported), string(sdk.CodeInvalidField)})
		}
	}
	return found
}

// blame turns a refusal of fields by name into pointers at where the merchant gave
// them, or should have.
func (in serviceInput) blame(refused *sdk.Error) []detail {
	var found []detail
	for _, f := range refused.Fields {
		pointer, message := "/fields", f.Pointer[min(1, len(f.Pointer)):]+" "+f.Message
		for i, given := range in.Fields {
			if "/"+given.Key == f.Pointer {
				pointer, message = "/fields/"+strconv.Itoa(i)+"/value", f.Message
			}
		}
		found = append(found, detail{inBody, pointer, message, string(codeOf(refused))})
	}
	return found
}
