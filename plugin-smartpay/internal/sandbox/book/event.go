package book

import (
	"encoding/json"
	"slices"
)

// EventType names what a webhook tells of (smartpay-api.md §9.2).
type EventType string

// The event types this provider sends of itself. Payout and merchant-user
// events exist too ([EventTypes]) but nothing in a sandbox causes them.
const (
	OrderAuthorized      EventType = "order.authorized"
	OrderRejected        EventType = "order.rejected"
	OrderCanceled        EventType = "order.canceled"
	PaymentCreated       EventType = "payment.created"
	RefundCreated        EventType = "refund.created"
	TokenCreated         EventType = "token.created"
	TokenApproved        EventType = "token.approved"
	TokenRejected        EventType = "token.rejected"
	TokenDeleted         EventType = "token.deleted"
	TokenDisabled        EventType = "token.disabled"
	TokenEnabled         EventType = "token.enabled"
	TokenUsed            EventType = "token.used"
	CouponCreated        EventType = "coupon.created"
	CouponUpdated        EventType = "coupon.updated"
	PromotionCodeCreated EventType = "promotion_code.created"
	PromotionCodeUpdated EventType = "promotion_code.updated"
)

// EventTypes lists all twenty types an endpoint may subscribe to.
func EventTypes() []EventType {
	return []EventType{
		OrderAuthorized, OrderRejected, OrderCanceled, PaymentCreated, RefundCreated,
		TokenCreated, TokenApproved, TokenRejected, TokenDeleted, TokenDisabled, TokenEnabled, TokenUsed,
		"payout.generated", "payout.paid", CouponCreated, CouponUpdated, PromotionCodeCreated, PromotionCodeUpdated,
		"merchant_user.created", "merchant_user.password_reset",
	}
}

// Event is something that happened, with the object it happened to as it was
// when the change was complete.
type Event struct {
	ID   ID
	Type EventType
	At   int64 // milliseconds since the epoch
	Mode Mode
	Data json.RawMessage `json:",omitempty"`

	subject   any
	broadcast bool // to everybody
}

// Delivery is one event owed to one webhook endpoint. It stays owed, across
// restarts when the book has a file, until [Merchant.Settle].
type Delivery struct {
	Merchant  *Merchant `json:"-"`
	Seq       int64     // counts the merchant's deliveries
	Endpoint  ID
	Event     *Event
	Reference string // of the order the event is about, if any
}

// Endpoint is where a merchant wants webhooks sent. No subscriptions means all.
type Endpoint struct {
	ID            ID
	Created       int64
	Updated       int64
	Active        bool
	URL           string
	Description   string
	Subscriptions []string
	Secret        string
	Metadata      json.RawMessage `json:",omitempty"`
	Deleted       bool
}

// wants reports whether the endpoint is to be told of events of type t.
func (e *Endpoint) wants(t EventType) bool {
	if !e.on() {
		return false
	}
	return len(e.Subscriptions) == 0 || slices.Contains(e.Subscriptions, string(t))
}

func (e *Endpoint) on() bool { return e.Active && !e.Deleted }

// EndpointChange is what a merchant may say about an endpoint; nil leaves be.
type EndpointChange struct {
	Active        *bool
	URL           *string
	Description   *string
	Subscriptions *[]string
	Metadata      json.RawMessage `json:",omitempty"`
}

func (c EndpointChange) apply(e *Endpoint) {
	set(&e.Active, c.Active)
	set(&e.URL, c.URL)
	set(&e.Description, c.Description)
	set(&e.Subscriptions, c.Subscriptions)
	if c.Metadata != nil {
		e.Metadata = c.Metadata
	}
}

// CreateEndpoint registers an endpoint and makes its signing secret.
func (tx *Tx) CreateEndpoint(change EndpointChange) *Endpoint {
	e := &Endpoint{ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), Active: true, Secret: tx.m.book.ids.letters(40)}
	change.apply(e)
	insert(tx, &tx.m.endpoints, e.ID, e)
	return e
}

// Endpoint finds an endpoint that has not been deleted.
func (tx *Tx) Endpoint(id string) (*Endpoint, error) {
	if e, ok := find(tx, &tx.m.endpoints, KindEndpoint, id); ok && !e.Deleted {
		return e, nil
	}
	return nil, missing(EndpointNotFound, id)
}

// Endpoints lists endpoints from a position, newest first.
func (tx *Tx) Endpoints(from, limit int) Page[Endpoint] {
	return tx.m.endpoints.page(from, limit, func(e *Endpoint) bool { return !e.Deleted })
}

// UpdateEndpoint changes an endpoint; its secret stays.
func (tx *Tx) UpdateEndpoint(id string, change EndpointChange) (*Endpoint, error) {
	e, err := tx.Endpoint(id)
	if err != nil {
		return nil, err
	}
	change.apply(e)
	e.Updated = tx.ms()
	tx.touch(e)
	return e, nil
}

// RotateSecret gives an endpoint a new signing secret.
func (tx *Tx) RotateSecret(id string) (*Endpoint, error) {
	e, err := tx.Endpoint(id)
	if err != nil {
		return nil, err
	}
	e.Secret, e.Updated = tx.m.book.ids.letters(40), tx.ms()
	tx.touch(e)
	return e, nil
}

// DeleteEndpoint removes an endpoint; deliveries still owed to it are dropped.
func (tx *Tx) DeleteEndpoint(id string) error {
	e, err := tx.Endpoint(id)
	if err != nil {
		return err
	}
	e.Deleted = true
	tx.touch(e)
	return nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
