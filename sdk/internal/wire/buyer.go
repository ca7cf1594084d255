package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func toBuyer(b *sdk.Buyer) *pb.Buyer {
	if b == nil {
		return nil
	}
	return &pb.Buyer{ExternalIdentifier: b.ExternalID, DisplayName: b.DisplayName}
}

func fromBuyer(m *pb.Buyer) *sdk.Buyer {
	if m == nil {
		return nil
	}
	return &sdk.Buyer{ExternalID: m.GetExternalIdentifier(), DisplayName: m.GetDisplayName()}
}

func toContact(c *sdk.Contact) *pb.Contact {
	if c == nil {
		return nil
	}
	return &pb.Contact{
		FirstName:    c.FirstName,
		LastName:     c.LastName,
		EmailAddress: c.Email,
		PhoneNumber:  c.Phone,
		Address:      toAddress(c.Address),
	}
}

func fromContact(m *pb.Contact) *sdk.Contact {
	if m == nil {
		return nil
	}
	return &sdk.Contact{
		FirstName: m.GetFirstName(),
		LastName:  m.GetLastName(),
		Email:     m.GetEmailAddress(),
		Phone:     m.GetPhoneNumber(),
		Address:   fromAddress(m.GetAddress()),
	}
}

func toAddress(a *sdk.Address) *pb.Address {
	if a == nil {
		return nil
	}
	return &pb.Address{
		Country:           a.Country,
		PostalCode:        a.PostalCode,
		State:             a.State,
		StateCode:         a.StateCode,
		City:              a.City,
		Line1:             a.Line1,
		Line2:             a.Line2,
		HouseNumberOrName: a.House,
		Organization:      a.Organization,
	}
}

func fromAddress(m *pb.Address) *sdk.Address {
	if m == nil {
		return nil
	}
	return &sdk.Address{
		Country:      m.GetCountry(),
		PostalCode:   m.GetPostalCode(),
		State:        m.GetState(),
		StateCode:    m.GetStateCode(),
		City:         m.GetCity(),
		Line1:        m.GetLine1(),
		Line2:        m.GetLine2(),
		House:        m.GetHouseNumberOrName(),
		Organization: m.GetOrganization(),
	}
}

func toCartItem(i sdk.CartItem) *pb.CartItem {
	return &pb.CartItem{
		Name:               i.Name,
		Quantity:           i.Quantity,
		UnitAmount:         i.UnitAmount,
		DiscountAmount:     i.DiscountAmount,
		TaxAmount:          i.TaxAmount,
		ProductType:        string(i.Kind),
		ExternalIdentifier: i.ExternalID,
		Sku:                i.SKU,
		Description:        i.Description,
		ProductUrl:         i.ProductURL,
		ImageUrl:           i.ImageURL,
		Categories:         i.Categories,
	}
}

func fromCartItem(m *pb.CartItem) sdk.CartItem {
	return sdk.CartItem{
		Name:           m.GetName(),
		Quantity:       m.GetQuantity(),
		UnitAmount:     m.GetUnitAmount(),
		DiscountAmount: m.GetDiscountAmount(),
		TaxAmount:      m.GetTaxAmount(),
		Kind:           sdk.CartKind(m.GetProductType()),
		ExternalID:     m.GetExternalIdentifier(),
		SKU:            m.GetSku(),
		Description:    m.GetDescription(),
		ProductURL:     m.GetProductUrl(),
		ImageURL:       m.GetImageUrl(),
		Categories:     m.GetCategories(),
	}
}
