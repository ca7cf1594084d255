package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A service is a payment service as merchants see it. Its fields are those that are
// no secrets.
type service struct {
	Type                string       `json:"type"`
	ID                  string       `json:"id"`
	MerchantAccountID   string       `json:"merchant_account_id"`
	DefinitionID        string       `json:"payment_service_definition_id"`
	DisplayName         string       `json:"display_name"`
	Method              string       `json:"method"`
	Active              bool         `json:"active"`
	IsDeleted           bool         `json:"is_deleted"`
	Position            int          `json:"position"`
	Status              string       `json:"status"`
	AcceptedCurrencies  []string     `json:"accepted_currencies"`
	AcceptedCountries   []string     `json:"accepted_countries"`
	Fields              []fieldValue `json:"fields"`
	ReportingFields     []fieldValue `json:"reporting_fields"`
	Tokenization        bool         `json:"payment_method_tokenization_enabled"`
	NetworkTokens       bool         `json:"network_tokens_enabled"`
	OpenLoop            bool         `json:"open_loop"`
	SettlementReporting bool         `json:"settlement_reporting_enabled"`
	ThreeDSecure        bool         `json:"three_d_secure_enabled"`
	MerchantProfile     *struct{}    `json:"merchant_profile"`
	WebhookURL          *string      `json:"webhook_url"`
	CreatedAt           instant      `json:"created_at"`
	UpdatedAt           instant      `json:"updated_at"`
}

// renderService is the one place that says how a payment service looks.
func (s *server) renderService(svc store.PaymentService) service {
	shown := service{
		Type: "payment-service", ID: svc.ID, MerchantAccountID: svc.MerchantAccount,
		DefinitionID: definitionID(svc.Connector, svc.Method), DisplayName: svc.DisplayName, Method: svc.Method,
		Active: svc.Active, IsDeleted: svc.Deleted, Position: svc.Position, Status: s.serviceStatus(svc),
		AcceptedCurrencies: orEmpty(svc.Currencies), AcceptedCountries: orEmpty(svc.Countries),
		Fields: []fieldValue{}, ReportingFields: []fieldValue{},
		WebhookURL: optional(s.PublicURL + "/webhooks/" + svc.ID),
		CreatedAt:  instant(svc.CreatedAt), UpdatedAt: instant(svc.UpdatedAt),
	}
	for name, value := range svc.Config {
		shown.Fields = append(shown.Fields, fieldValue{name, value})
	}
	slices.SortFunc(shown.Fields, func(a, b fieldValue) int { return cmp.Compare(a.Key, b.Key) })
	return shown
}

// serviceStatus is "pending" while the provider has not been told where to deliver,
// though the connector can tell it.
func (s *server) serviceStatus(svc store.PaymentService) string {
	x, _, ok := s.offer(definitionID(svc.Connector, svc.Method))
	if ok && svc.Webhook == nil && x.Description.Operations.Has(sdk.OpRegisterWebhook) {
		return "pending"
	}
	return "created"
}

func orEmpty(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// list enumerates texts for a message.
func list(texts []string) string {
	const most = 12
	if len(texts) > most {
		return strings.Join(texts[:most], ", ") + " …"
	}
	return strings.Join(texts, ", ")
}

// sorted puts details into the order of their pointers.
func sorted(details []detail) []detail {
	slices.SortStableFunc(details, func(a, b detail) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return details
}
