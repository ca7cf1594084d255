package api

import "time"

// An Amount is money: a decimal string of the major unit, with exactly as many
// decimals as the currency has, such as "10.50" EUR and "1050" JPY.
type Amount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// A Payment is a payment as the provider holds it. A field that an answer left out is
// nil or empty.
type Payment struct {
	ID         string    `json:"id"`
	Reference  string    `json:"reference"`
	Status     string    `json:"status"`
	Revision   int64     `json:"revision"`
	Amount     *Amount   `json:"amount"` // as asked for
	Authorized *Amount   `json:"authorized"`
	Captured   *Amount   `json:"captured"`
	Released   *Amount   `json:"released"`
	Refunded   *Amount   `json:"refunded"`
	Captures   []Move    `json:"captures"`
	Refunds    []Move    `json:"refunds"`
	Reason     string    `json:"reason"` // of a decline
	Page       string    `json:"page"`   // where the buyer approves
	PageEnds   time.Time `json:"page_ends"`
	HeldUntil  time.Time `json:"held_until"`
}

// A Move is a capture or a refund.
type Move struct {
	ID        string    `json:"id"`
	Payment   string    `json:"payment"`
	Amount    *Amount   `json:"amount"`
	Status    string    `json:"status"`
	Operation string    `json:"operation"`
	CreatedAt time.Time `json:"created_at"`
}

// A Moved answers a write on a payment.
type Moved struct {
	Capture  *Move    `json:"capture"`
	Refund   *Move    `json:"refund"`
	Released *Amount  `json:"released"` // by this write
	Payment  *Payment `json:"payment"`
}

// An Instrument is a stored way to pay.
type Instrument struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	Page     string    `json:"page"`
	PageEnds time.Time `json:"page_ends"`
}

// A Check is the answer to the question whether an instrument is good.
type Check struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// A Webhook is a registration.
type Webhook struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Secret string `json:"secret"`
}

// A List is the answer to a search.
type List[T any] struct {
	Items []T `json:"items"`
}

// An Event is what a webhook says.
type Event struct {
	ID      string   `json:"id"`
	Type    string   `json:"type"`
	Mode    string   `json:"mode"`
	Payment *Payment `json:"payment"`
}

// Terms are what a payment is asked for with.
type Terms struct {
	Reference     string            `json:"reference"`
	Amount        Amount            `json:"amount"`
	Country       string            `json:"country"`
	Capture       string            `json:"capture"` // immediate or deferred
	Method        string            `json:"method"`
	Instrument    string            `json:"instrument,omitempty"`
	Buyer         *Buyer            `json:"buyer,omitempty"`
	Billing       *Person           `json:"billing,omitempty"`
	Shipping      *Person           `json:"shipping,omitempty"`
	Items         []Item            `json:"items,omitempty"`
	ReturnURL     string            `json:"return_url,omitempty"`
	CancelURL     string            `json:"cancel_url,omitempty"`
	Locale        string            `json:"locale,omitempty"`
	Description   string            `json:"description,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	ApproveBefore *time.Time        `json:"approve_before,omitempty"`
}

// A Buyer is the shop's name for who pays.
type Buyer struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A Person is somebody at an address.
type Person struct {
	GivenName  string   `json:"given_name,omitempty"`
	FamilyName string   `json:"family_name,omitempty"`
	Email      string   `json:"email,omitempty"`
	Phone      string   `json:"phone,omitempty"`
	Address    *Address `json:"address,omitempty"`
}

// An Address is a postal address.
type Address struct {
	Country      string `json:"country,omitempty"`
	Postcode     string `json:"postcode,omitempty"`
	Region       string `json:"region,omitempty"`
	RegionCode   string `json:"region_code,omitempty"`
	Town         string `json:"town,omitempty"`
	Line1        string `json:"line_1,omitempty"`
	Line2        string `json:"line_2,omitempty"`
	House        string `json:"house,omitempty"`
	Organization string `json:"organization,omitempty"`
}

// An Item is a line of what is bought, in minor units, which the provider only shows.
type Item struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
	Unit     int64  `json:"unit"`
	Discount int64  `json:"discount,omitempty"`
	Tax      int64  `json:"tax,omitempty"`
	Kind     string `json:"kind,omitempty"`
}

// An Order asks for money of a payment to be moved.
type Order struct {
	Amount    *Amount `json:"amount,omitempty"`
	Final     bool    `json:"final,omitempty"`
	Operation string  `json:"operation,omitempty"` // our name for it, which the provider keeps
	Reason    string  `json:"reason,omitempty"`
	Note      string  `json:"note,omitempty"`
}

// A Storing asks for an instrument to be stored.
type Storing struct {
	Method    string `json:"method"`
	ReturnURL string `json:"return_url,omitempty"`
	CancelURL string `json:"cancel_url,omitempty"`
}

// A Checking asks whether an instrument is good.
type Checking struct {
	Currency   string `json:"currency"`
	Country    string `json:"country"`
	Method     string `json:"method"`
	Instrument string `json:"instrument,omitempty"`
}

// A Registering asks for events to be sent to a URL, instead of to where the named
// registration sent them.
type Registering struct {
	URL      string   `json:"url"`
	Events   []string `json:"events"`
	Replaces string   `json:"replaces,omitempty"`
}
