package wire

import (
	"encoding/json"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
)

// Coupon is a discount a merchant offers.
type Coupon struct {
	head
	Active             bool            `json:"active"`
	Name               string          `json:"name"`
	DiscountType       string          `json:"discountType"`
	DiscountAmount     *int64          `json:"discountAmount,omitempty"`
	DiscountPercentage *int64          `json:"discountPercentage,omitempty"`
	Currency           string          `json:"currency,omitempty"`
	ExpiresAt          *int64          `json:"expiresAt"`
	MaxRedemptionCount *int64          `json:"maxRedemptionCount"`
	RedemptionCount    int64           `json:"redemptionCount"`
	Sponsored          bool            `json:"sponsored"`
	Metadata           json.RawMessage `json:"metadata"`
}

// NewCoupon spells a coupon.
func NewCoupon(mode book.Mode, c *book.Coupon) Coupon {
	w := Coupon{
		head:   newHead(c.ID.Text(book.KindCoupon, mode), "coupon", mode, c.Created, c.Updated),
		Active: c.Active, Name: c.Name, DiscountType: "amount", Currency: c.Currency, ExpiresAt: c.Expires,
		MaxRedemptionCount: c.MaxRedemptions, RedemptionCount: c.Redeemed, Metadata: orEmpty(c.Metadata, emptyObject),
	}
	if c.Percent {
		w.DiscountType, w.DiscountPercentage = "percentage", &c.Percentage
	} else {
		w.DiscountAmount = &c.Amount
	}
	return w
}

// PromotionCode is what a buyer types; Coupon is always an identifier [INF].
type PromotionCode struct {
	head
	Active               bool            `json:"active"`
	Code                 string          `json:"code"`
	Coupon               string          `json:"coupon"`
	Currency             *string         `json:"currency"`
	MinimumAmount        *int64          `json:"minimumAmount"`
	ExpiresAt            *int64          `json:"expiresAt"`
	FirstTimeTransaction bool            `json:"firstTimeTransaction"`
	OnePerCustomer       bool            `json:"onePerCustomer"`
	MaxRedemptionCount   *int64          `json:"maxRedemptionCount"`
	RedemptionCount      int64           `json:"redemptionCount"`
	Metadata             json.RawMessage `json:"metadata"`
}

// NewPromotionCode spells a promotion code.
func NewPromotionCode(mode book.Mode, p *book.PromotionCode) PromotionCode {
	w := PromotionCode{
		head:   newHead(p.ID.Text(book.KindPromotionCode, mode), "promotionCode", mode, p.Created, p.Updated),
		Active: p.Active, Code: p.Code, Coupon: p.Coupon.ID.Text(book.KindCoupon, mode),
		MinimumAmount: p.MinimumAmount, ExpiresAt: p.Expires, FirstTimeTransaction: p.FirstTransaction,
		OnePerCustomer: p.OnePerCustomer, MaxRedemptionCount: p.MaxRedemptions, RedemptionCount: p.Redeemed,
		Metadata: orEmpty(p.Metadata, emptyObject),
	}
	if p.Currency != "" {
		w.Currency = &p.Currency
	}
	return w
}

// Endpoint is a webhook endpoint. It shows its signing secret whenever it is read.
type Endpoint struct {
	head
	Active             bool            `json:"active"`
	URL                string          `json:"url"`
	Description        string          `json:"description,omitempty"`
	EventSubscriptions []string        `json:"eventSubscriptions"`
	SigningSecret      string          `json:"signingSecret"`
	Metadata           json.RawMessage `json:"metadata"`
}

// NewEndpoint spells a webhook endpoint. One that subscribes to all events
// lists none [UNK].
func NewEndpoint(mode book.Mode, e *book.Endpoint) Endpoint {
	return Endpoint{
		head:   newHead(e.ID.Text(book.KindEndpoint, mode), "webhookEndpoint", mode, e.Created, e.Updated),
		Active: e.Active, URL: e.URL, Description: e.Description, EventSubscriptions: list(e.Subscriptions),
		SigningSecret: e.Secret, Metadata: orEmpty(e.Metadata, emptyObject),
	}
}

// eventVersion dates the shape of events (smartpay-api.md §9.3).
const eventVersion = "2022-02-18"

// Event is the envelope a webhook carries; type and data sit under eventData.
type Event struct {
	ID        string    `json:"id"`
	Object    string    `json:"object"`
	CreatedAt int64     `json:"createdAt"`
	Test      bool      `json:"test"`
	EventData EventData `json:"eventData"`
}

// EventData is what happened, and to what.
type EventData struct {
	Type    book.EventType  `json:"type"`
	Version string          `json:"version"`
	Data    json.RawMessage `json:"data"`
}

// NewEvent spells an event.
func NewEvent(e *book.Event) Event {
	return Event{
		ID: e.ID.Text(book.KindEvent, e.Mode), Object: "event", CreatedAt: e.At, Test: e.Mode == book.Test,
		EventData: EventData{Type: e.Type, Version: eventVersion, Data: e.Data},
	}
}

// Collection is one page of a list.
type Collection[T any] struct {
	Object        string `json:"object"`
	PageToken     string `json:"pageToken"`
	NextPageToken string `json:"nextPageToken,omitempty"`
	MaxResults    int    `json:"maxResults"`
	Results       int    `json:"results"`
	Data          []T    `json:"data"`
}
