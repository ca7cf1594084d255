package api

import (
	"net/http"
	"slices"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

type optionsRequest struct {
	Country  string       `json:"country"`
	Currency sdk.Currency `json:"currency"`
	Amount   *int64       `json:"amount"`
}

// An option is one way in which a buyer could pay.
type option struct {
	Type     string    `json:"type"`
	Method   string    `json:"method"`
	Mode     string    `json:"mode"`
	Label    string    `json:"label"`
	IconURL  *string   `json:"icon_url"`
	CanStore bool      `json:"can_store_payment_method"`
	CanDelay bool      `json:"can_delay_capture"`
	Context  *struct{} `json:"context"`
}

// listOptions lists the methods for which the merchant has an active payment service
// that accepts what is asked about. What is not asked about excludes nothing.
func (s *server) listOptions(c *call) (answer, error) {
	doc, err := c.body(s.shapes.options)
	if err != nil {
		return answer{}, err
	}
	var o optionsRequest
	if err := doc.into(&o); err != nil {
		return answer{}, err
	}
	services, err := s.Store.Services(c.ctx, c.account, false)
	if err != nil {
		return answer{}, err
	}
	offered := items[option]{Items: []option{}}
	for _, svc := range services {
		x, m, ok := s.offer(definitionID(svc.Connector, svc.Method))
		listed := slices.ContainsFunc(offered.Items, func(o option) bool { return o.Method == svc.Method })
		if ok && !listed && o.fits(svc, x.Description.Manifest.Limits) {
			offered.Items = append(offered.Items, renderOption(x, m))
		}
	}
	return reply(http.StatusOK, offered)
}

// fits reports whether a payment service takes what is asked about.
func (o optionsRequest) fits(svc store.PaymentService, l sdk.Limits) bool {
	switch {
	case !svc.Active || svc.Deleted:
		return false
	case o.Country != "" && !slices.Contains(svc.Countries, o.Country):
		return false
	case o.Currency != "" && !slices.Contains(svc.Currencies, string(o.Currency)):
		return false
	case o.Amount != nil && (*o.Amount < l.MinAmount || (l.MaxAmount > 0 && *o.Amount > l.MaxAmount)):
		return false
	}
	return true
}

// renderOption is the one place that says how a payment option looks.
func renderOption(c Connector, m sdk.PaymentMethod) option {
	has := features(c.Description)
	return option{
		Type: "payment-option", Method: m.Name, Mode: modeOf(m), Label: c.Description.Manifest.DisplayName,
		CanStore: has[tokenization], CanDelay: has["delayed_capture"],
	}
}
