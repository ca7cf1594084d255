package api

import "context"

// A Session is a checkout: the page on which a shopper approves an order.
type Session struct {
	ID        SessionID  `json:"id"`
	Object    string     `json:"object"`
	Test      *bool      `json:"test"`
	CreatedAt Millis     `json:"createdAt"`
	URL       string     `json:"url"` // where the shopper goes; opaque, to be used as it is
	Reference string     `json:"reference"`
	ExpiresAt Millis     `json:"expiresAt"` // in the Node client's types only
	Order     Ref[Order] `json:"order"`
}

func (s *Session) check(want subject) error {
	if err := KindSession.identify(s.Object, string(s.ID), s.Test, want); err != nil {
		return err
	}
	if s.Order.Value == nil {
		return KindOrder.name(s.Order.ID, want.other(""))
	}
	return s.Order.Value.check(want.other(""))
}

// A CaptureMethod says when the shopper's money is taken.
type CaptureMethod string

// The capture methods. Official clients export the first one misspelt; this is what
// the documentation says and the API wants.
const (
	CaptureAutomatic CaptureMethod = "automatic"
	CaptureManual    CaptureMethod = "manual"
)

// SessionParams ask for a checkout of a new order. Amount must be what the items and
// the shipping fee come to:
//
//	Σ product and tax amount × quantity − Σ discount amount × quantity + fee
type SessionParams struct {
	Amount        int64             `json:"amount"` // yen
	Currency      string            `json:"currency"`
	CaptureMethod CaptureMethod     `json:"captureMethod"`
	Items         []Item            `json:"items"`
	CustomerInfo  CustomerInfo      `json:"customerInfo"`
	ShippingInfo  ShippingInfo      `json:"shippingInfo"`
	SuccessURL    string            `json:"successUrl"`
	CancelURL     string            `json:"cancelUrl"`
	Description   string            `json:"description,omitempty"` // at most 80 characters
	Reference     string            `json:"reference,omitempty"`   // at most 40 characters; need not be unique
	Locale        string            `json:"locale,omitempty"`      // "en" or "ja"
	Metadata      map[string]string `json:"metadata,omitempty"`    // at most 20 pairs
}

// An ItemKind says whether an item is bought, added on top or taken off.
type ItemKind string

// The kinds of items.
const (
	ItemProduct  ItemKind = "product"
	ItemTax      ItemKind = "tax"
	ItemDiscount ItemKind = "discount" // its amount is positive, and taken off
)

// An Item is one line of an order.
type Item struct {
	Kind        ItemKind `json:"kind"`
	Name        string   `json:"name"`
	Amount      int64    `json:"amount"` // yen, of one
	Currency    string   `json:"currency"`
	Quantity    int64    `json:"quantity,omitempty"` // of products; 0 is sent as nothing and means 1
	Reference   string   `json:"reference,omitempty"`
	Label       string   `json:"label,omitempty"` // not shown to shoppers
	URL         string   `json:"url,omitempty"`
	Description string   `json:"description,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	Images      []string `json:"images,omitempty"` // at most 8 URLs
}

// CustomerInfo is what the merchant knows about the shopper.
type CustomerInfo struct {
	EmailAddress string   `json:"emailAddress,omitempty"`
	FirstName    string   `json:"firstName,omitempty"`
	LastName     string   `json:"lastName,omitempty"`
	PhoneNumber  string   `json:"phoneNumber,omitempty"`
	Reference    string   `json:"reference,omitempty"` // the merchant's name for the shopper
	Address      *Address `json:"address,omitempty"`
}

// ShippingInfo is where the goods go and what that costs.
type ShippingInfo struct {
	Address     Address `json:"address"`
	FeeAmount   int64   `json:"feeAmount,omitempty"` // yen
	FeeCurrency string  `json:"feeCurrency,omitempty"`
}

// An Address is a postal address. Line1, Locality, PostalCode and Country are required.
type Address struct {
	Line1              string `json:"line1"`
	Line2              string `json:"line2,omitempty"`
	Line3              string `json:"line3,omitempty"`
	Line4              string `json:"line4,omitempty"`
	Locality           string `json:"locality"`                     // city, at most 80 characters
	AdministrativeArea string `json:"administrativeArea,omitempty"` // prefecture
	PostalCode         string `json:"postalCode"`
	Country            string `json:"country"` // "JP"
}

// CreateSession starts a checkout and its order. The order in the answer is in full.
func (m Merchant) CreateSession(ctx context.Context, key string, params SessionParams) (*Session, error) {
	return call[Session](ctx, m, request{endpoint: CreateSession, key: key, body: params})
}

// Session reads one checkout session with its order in full.
func (m Merchant) Session(ctx context.Context, id SessionID) (*Session, error) {
	return call[Session](ctx, m, request{endpoint: GetSession, id: string(id), query: expanded()})
}
