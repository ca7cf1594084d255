package sdk

import "time"

// An AuthorizeRequest asks for a buyer's money to be reserved or taken.
type AuthorizeRequest struct {
	Call        Call        `json:"call"`
	Amount      Money       `json:"amount"`
	Country     string      `json:"country"` // ISO 3166-1 alpha-2
	CaptureMode CaptureMode `json:"capture_mode"`
	Method      string      `json:"method"` // one of the manifest's methods
	Token       TokenRef    `json:"token,omitempty"`

	Buyer    *Buyer     `json:"buyer,omitempty"`
	Billing  *Contact   `json:"billing,omitempty"`
	Shipping *Contact   `json:"shipping,omitempty"`
	Cart     []CartItem `json:"cart_items,omitempty"`

	// ReturnURL and CancelURL are where the provider sends the buyer's browser. They
	// must reach the provider unchanged, query and percent-encoding included.
	ReturnURL string `json:"return_url,omitempty"`
	CancelURL string `json:"cancel_url,omitempty"`

	Locale      string            `json:"locale,omitempty"` // BCP 47
	Description string            `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	// ApprovalExpiresAt is when the host stops waiting for the buyer.
	ApprovalExpiresAt time.Time `json:"approval_expires_at,omitzero"`
}

// A Buyer is who pays.
type Buyer struct {
	ExternalID  string `json:"external_identifier,omitempty"` // the merchant's name for the buyer
	DisplayName string `json:"display_name,omitempty"`
}

// A Contact is a person at an address.
type Contact struct {
	FirstName string   `json:"first_name,omitempty"`
	LastName  string   `json:"last_name,omitempty"`
	Email     string   `json:"email_address,omitempty"`
	Phone     string   `json:"phone_number,omitempty"` // E.164
	Address   *Address `json:"address,omitempty"`
}

// An Address is a postal address.
type Address struct {
	Country      string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	PostalCode   string `json:"postal_code,omitempty"`
	State        string `json:"state,omitempty"`      // prefecture, province, state
	StateCode    string `json:"state_code,omitempty"` // ISO 3166-2, such as "JP-13"
	City         string `json:"city,omitempty"`
	Line1        string `json:"line1,omitempty"`
	Line2        string `json:"line2,omitempty"`
	House        string `json:"house_number_or_name,omitempty"`
	Organization string `json:"organization,omitempty"`
}

// A CartItem is one line of what is bought. Its amounts are in the minor unit of the
// payment's currency; the line comes to Quantity × UnitAmount − DiscountAmount +
// TaxAmount. A line whose kind is [CartDiscount] is taken off instead of added.
type CartItem struct {
	Name           string   `json:"name"`
	Quantity       int64    `json:"quantity"`
	UnitAmount     int64    `json:"unit_amount"`
	DiscountAmount int64    `json:"discount_amount,omitempty"`
	TaxAmount      int64    `json:"tax_amount,omitempty"`
	Kind           CartKind `json:"product_type,omitempty"`
	ExternalID     string   `json:"external_identifier,omitempty"`
	SKU            string   `json:"sku,omitempty"`
	Description    string   `json:"description,omitempty"`
	ProductURL     string   `json:"product_url,omitempty"`
	ImageURL       string   `json:"image_url,omitempty"`
	Categories     []string `json:"categories,omitempty"`
}

// A CartKind says what a line is.
type CartKind string

// The kinds. The empty kind means physical goods.
const (
	CartPhysical    CartKind = "physical"
	CartDigital     CartKind = "digital"
	CartDiscount    CartKind = "discount"
	CartShippingFee CartKind = "shipping_fee"
	CartSalesTax    CartKind = "sales_tax"
	CartGiftCard    CartKind = "gift_card"
	CartStoreCredit CartKind = "store_credit"
	CartSurcharge   CartKind = "surcharge"
)

// An AuthorizeResult answers an AuthorizeRequest. With [OutcomeRequiresAction] Next
// says where the buyer goes.
type AuthorizeResult struct {
	Answer
	Order OrderRef `json:"order,omitempty"`
	// Session is a second provider reference that Cancel or lookups need, where the
	// provider has one beside the order.
	Session string `json:"session,omitempty"`
	Next    *Next  `json:"next,omitempty"`
}
