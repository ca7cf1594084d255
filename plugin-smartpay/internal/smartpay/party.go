package smartpay

import (
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// customerOf is who pays, and where they live: the billing contact.
func customerOf(req sdk.AuthorizeRequest) api.CustomerInfo {
	var info api.CustomerInfo
	if req.Buyer != nil {
		info.Reference = req.Buyer.ExternalID
	}
	if req.Billing == nil {
		return info
	}
	info.EmailAddress = req.Billing.Email
	info.FirstName = req.Billing.FirstName
	info.LastName = req.Billing.LastName
	info.PhoneNumber = req.Billing.Phone
	if req.Billing.Address != nil {
		address := addressOf(*req.Billing.Address)
		info.Address = &address
	}
	return info
}

// shippingOf is where the goods go. Smartpay has no place for a recipient's name.
func shippingOf(to *sdk.Contact, fee int64) api.ShippingInfo {
	var info api.ShippingInfo
	if to != nil && to.Address != nil {
		info.Address = addressOf(*to.Address)
	}
	if fee > 0 {
		info.FeeAmount, info.FeeCurrency = fee, string(currency)
	}
	return info
}

// addressOf keeps every part of an address: what Smartpay has no name for becomes a
// further line.
func addressOf(a sdk.Address) api.Address {
	var further []string
	for _, line := range []string{a.Line2, a.House, a.Organization} {
		if line != "" {
			further = append(further, line)
		}
	}
	further = append(further, "", "", "")
	return api.Address{
		Line1:              a.Line1,
		Line2:              further[0],
		Line3:              further[1],
		Line4:              further[2],
		Locality:           a.City,
		AdministrativeArea: a.State,
		PostalCode:         a.PostalCode,
		Country:            a.Country,
	}
}

// personal is what a request says of people: who they are, how to reach them and where
// they live.
func personal(req sdk.AuthorizeRequest) []string {
	var words []string
	if req.Buyer != nil {
		words = append(words, req.Buyer.ExternalID, req.Buyer.DisplayName)
	}
	for _, who := range []*sdk.Contact{req.Billing, req.Shipping} {
		if who == nil {
			continue
		}
		words = append(words, who.FirstName, who.LastName, who.Email, who.Phone)
		if a := who.Address; a != nil {
			words = append(words, a.PostalCode, a.City, a.Line1, a.Line2, a.House, a.Organization)
		}
	}
	return words
}
