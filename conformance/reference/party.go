package reference

import (
	"github.com/connectorhost/connectorhost/conformance/reference/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

func buyerOf(b *sdk.Buyer) *api.Buyer {
	if b == nil {
		return nil
	}
	return &api.Buyer{ID: b.ExternalID, Name: b.DisplayName}
}

func personOf(c *sdk.Contact) *api.Person {
	if c == nil {
		return nil
	}
	p := &api.Person{GivenName: c.FirstName, FamilyName: c.LastName, Email: c.Email, Phone: c.Phone}
	if a := c.Address; a != nil {
		p.Address = &api.Address{
			Country: a.Country, Postcode: a.PostalCode, Region: a.State, RegionCode: a.StateCode, Town: a.City,
			Line1: a.Line1, Line2: a.Line2, House: a.House, Organization: a.Organization,
		}
	}
	return p
}

func itemsOf(cart []sdk.CartItem) []api.Item {
	var items []api.Item
	for _, i := range cart {
		items = append(items, api.Item{
			Name: i.Name, Quantity: i.Quantity, Unit: i.UnitAmount, Discount: i.DiscountAmount, Tax: i.TaxAmount,
			Kind: string(i.Kind),
		})
	}
	return items
}
