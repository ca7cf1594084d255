package api

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/sdk"
)

// A definition is what a connector offers for one payment method: what merchants can
// configure as a payment service.
type definition struct {
	Type                        string                  `json:"type"`
	ID                          string                  `json:"id"`
	DisplayName                 string                  `json:"display_name"`
	Method                      string                  `json:"method"`
	Mode                        string                  `json:"mode"`
	IconURL                     *string                 `json:"icon_url"`
	Fields                      []fieldDefinition       `json:"fields"`
	ReportingFields             []fieldDefinition       `json:"reporting_fields"`
	SupportedCurrencies         []sdk.Currency          `json:"supported_currencies"`
	SupportedCountries          []string                `json:"supported_countries"`
	SupportedFeatures           map[feature]bool        `json:"supported_features"`
	RequiredCheckoutFields      []checkoutFields        `json:"required_checkout_fields"`
	Configuration               definitionConfiguration `json:"configuration"`
	SupportedIntegrationClients []string                `json:"supported_integration_clients"`
}

// A fieldDefinition is one thing to fill in. A verifiable one is looked at by the
// verify call.
type fieldDefinition struct {
	Key         string `json:"key"`
	DisplayName string `json:"display_name"`
	Required    bool   `json:"required"`
	Format      string `json:"format"`
	Secret      bool   `json:"secret"`
	Verifiable  bool   `json:"verifiable"`
}

// checkoutFields name what a transaction must carry, as paths below its buyer such as
// "billing_details.address.city", or below the transaction itself.
type checkoutFields struct {
	RequiredFields []string `json:"required_fields"`
	Conditions     struct{} `json:"conditions"`
}

type definitionConfiguration struct {
	ApprovalUITarget           string `json:"approval_ui_target"`
	ApprovalUIHeight           string `json:"approval_ui_height"`
	ApprovalUIWidth            string `json:"approval_ui_width"`
	CartItemsLimit             int    `json:"cart_items_limit"`
	CartItemsRequired          bool   `json:"cart_items_required"`
	CartItemsShouldMatchAmount bool   `json:"cart_items_should_match_amount"`
}

func definitionID(connector, method string) string { return connector + "-" + method }

// definitions are what all connectors of this host offer, by id.
func (s *server) definitions() []definition {
	var all []definition
	for _, c := range s.Connectors.List() {
		for _, m := range c.Description.Manifest.Methods {
			all = append(all, renderDefinition(c, m))
		}
	}
	slices.SortFunc(all, func(a, b definition) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// offer finds the connector and the method that a definition's id names.
func (s *server) offer(id string) (Connector, sdk.PaymentMethod, bool) {
	for _, c := range s.Connectors.List() {
		for _, m := range c.Description.Manifest.Methods {
			if definitionID(c.Description.Manifest.Name, m.Name) == id {
				return c, m, true
			}
		}
	}
	return Connector{}, sdk.PaymentMethod{}, false
}

// renderDefinition is the one place that says how a definition looks.
func renderDefinition(c Connector, m sdk.PaymentMethod) definition {
	manifest := c.Description.Manifest
	d := definition{
		Type: "payment-service-definition", ID: definitionID(manifest.Name, m.Name),
		DisplayName: manifest.DisplayName, Method: m.Name, Mode: modeOf(m),
		Fields: fieldDefinitions(c), ReportingFields: []fieldDefinition{},
		SupportedCurrencies: []sdk.Currency{}, SupportedCountries: slices.Clone(manifest.Countries),
		SupportedFeatures:      features(c.Description),
		RequiredCheckoutFields: requiredFields(c.Gate),
		Configuration: definitionConfiguration{
			ApprovalUITarget: "any", ApprovalUIHeight: "100vh", ApprovalUIWidth: "100vw",
			CartItemsLimit:             cartLimit(manifest.Limits),
			CartItemsRequired:          slices.Contains(c.Gate.RequiredPointers(sdk.OpAuthorize), "/cart_items"),
			CartItemsShouldMatchAmount: manifest.Features.CartMatchesAmount,
		},
	}
	for _, currency := range manifest.Currencies {
		d.SupportedCurrencies = append(d.SupportedCurrencies, currency.Code)
	}
	if m.Flow == sdk.FlowRedirect {
		d.SupportedIntegrationClients = []string{modeRedirect}
	}
	return d
}

// modeOf is how a buyer pays with a method: on a page of the provider, or directly. The
// contract names the direct modes after their methods: card, bank, applepay. Its list of
// modes is open, so a method that it does not know keeps its own name too.
func modeOf(m sdk.PaymentMethod) string {
	if m.Flow == sdk.FlowDirect {
		return m.Name
	}
	return modeRedirect
}

// cartLimit is how many cart items a payment may have. The contract wants a number
// also where no limit is known.
func cartLimit(l sdk.Limits) int {
	if l.CartItems == 0 {
		return math.MaxInt32
	}
	return l.CartItems
}

func fieldDefinitions(c Connector) []fieldDefinition {
	all := []fieldDefinition{}
	for _, f := range c.Gate.FieldNames() {
		all = append(all, fieldDefinition{
			Key: f.Name, DisplayName: f.Title, Required: f.Required, Format: "text", Secret: f.Secret,
			Verifiable: f.Secret && c.Description.Operations.Has(sdk.OpCheckCredentials),
		})
	}
	return all
}

// requiredFields lists what the connector asks of every authorization that is the
// merchant's to give. What every transaction has anyway is left out.
func requiredFields(gate *gatekeep.Gate) []checkoutFields {
	roots := map[string]string{
		"billing": "billing_details", "shipping": "shipping_details", "buyer": "",
		"cart_items": "cart_items", "description": "description",
	}
	names := []string{}
	for _, pointer := range gate.RequiredPointers(sdk.OpAuthorize) {
		root, rest, deep := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
		name, asked := roots[root]
		if !asked {
			continue
		}
		if deep {
			name = strings.Trim(name+"."+strings.ReplaceAll(rest, "/", "."), ".")
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return []checkoutFields{}
	}
	return []checkoutFields{{RequiredFields: names}}
}

func (s *server) listDefinitions(c *call) (answer, error) {
	return showPage(c, s.definitions(), func(d definition) string { return d.ID })
}

func (s *server) getDefinition(c *call) (answer, error) {
	x, m, ok := s.offer(c.PathValue("id"))
	if !ok {
		return answer{}, notFound()
	}
	return reply(http.StatusOK, renderDefinition(x, m))
}
