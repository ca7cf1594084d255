package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/connectorhost/connectorhost/host/api/internal/strictjson"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A transaction is a payment as merchants see it. Clients insist that its fields
// without a pointer are there and are not null.
type transaction struct {
	Type              string        `json:"type"`
	ID                sdk.PaymentID `json:"id"`
	ReconciliationID  sdk.Reference `json:"reconciliation_id"`
	MerchantAccountID string        `json:"merchant_account_id"`

	Currency         sdk.Currency  `json:"currency"`
	Amount           int64         `json:"amount"`
	Status           ledger.Status `json:"status"`
	AuthorizedAmount int64         `json:"authorized_amount"`
	CapturedAmount   int64         `json:"captured_amount"`
	RefundedAmount   int64         `json:"refunded_amount"`
	SettledAmount    int64         `json:"settled_amount"`
	SettledCurrency  *string       `json:"settled_currency"`
	Settled          bool          `json:"settled"`
	Country          *string       `json:"country"`

	Intent        string `json:"intent"`
	IntentOutcome string `json:"intent_outcome"`

	ExternalIdentifier  *string             `json:"external_identifier"`
	PaymentMethod       paymentMethod       `json:"payment_method"`
	Method              string              `json:"method"`
	InstrumentType      string              `json:"instrument_type"`
	PaymentService      paymentServiceBrief `json:"payment_service"`
	Buyer               json.RawMessage     `json:"buyer"`
	ShippingDetails     json.RawMessage     `json:"shipping_details"`
	CartItems           json.RawMessage     `json:"cart_items"`
	Metadata            map[string]string   `json:"metadata"`
	Description         *string             `json:"description"`
	StatementDescriptor json.RawMessage     `json:"statement_descriptor"`
	GiftCardRedemptions []struct{}          `json:"gift_card_redemptions"`
	PaymentSource       string              `json:"payment_source"`
	MerchantInitiated   bool                `json:"merchant_initiated"`
	IsSubsequentPayment bool                `json:"is_subsequent_payment"`
	MultiTender         bool                `json:"multi_tender"`
	AccountFunding      bool                `json:"account_funding_transaction"`
	PendingReview       bool                `json:"pending_review"`
	Disputed            bool                `json:"disputed"`
	CheckoutSessionID   *string             `json:"checkout_session_id"`
	SessionToken        *string             `json:"session_token"`
	ProviderID          *string             `json:"payment_service_transaction_id"`
	AdditionalIDs       map[string]*string  `json:"additional_identifiers"`
	ErrorCode           *string             `json:"error_code"`
	RawResponseCode     *string             `json:"raw_response_code"`
	RawResponseText     *string             `json:"raw_response_description"`
	AuthResponseCode    *string             `json:"auth_response_code"`
	ISOResponseCode     *string             `json:"iso_response_code"`
	AuthorizedAt        *instant            `json:"authorized_at"`
	CapturedAt          *instant            `json:"captured_at"`
	VoidedAt            *instant            `json:"voided_at"`
	CanceledAt          *instant            `json:"canceled_at"`
	ApprovalExpiresAt   *instant            `json:"approval_expires_at"`
	ApprovalTimedOutAt  *instant            `json:"buyer_approval_timedout_at"`
	CreatedAt           instant             `json:"created_at"`
	UpdatedAt           instant             `json:"updated_at"`
}

type paymentMethod struct {
	Type           string       `json:"type"`
	Method         string       `json:"method"`
	Mode           string       `json:"mode"`
	ApprovalURL    *string      `json:"approval_url"`
	ApprovalTarget *string      `json:"approval_target"`
	Country        *string      `json:"country"`
	Currency       sdk.Currency `json:"currency"`
}

// A paymentServiceBrief is a payment service where another resource names it.
type paymentServiceBrief struct {
	Type         string `json:"type"`
	ID           string `json:"id"`
	DefinitionID string `json:"payment_service_definition_id"`
	Method       string `json:"method"`
	DisplayName  string `json:"display_name"`
}

const modeRedirect = "redirect"

// showTransaction answers with a transaction.
func (s *server) showTransaction(ctx context.Context, status int, rec store.Record) (answer, error) {
	t, err := s.transaction(ctx, rec)
	if err != nil {
		return answer{}, err
	}
	return reply(status, t)
}

// transaction looks up what a payment's own record does not say, and renders it.
func (s *server) transaction(ctx context.Context, rec store.Record) (transaction, error) {
	name := rec.Connector
	svc, err := s.Store.Service(ctx, rec.Service)
	switch {
	case err == nil:
		name = svc.DisplayName
	case !errors.Is(err, store.ErrNotFound):
		return transaction{}, fmt.Errorf("loading the payment service of payment %s: %w", rec.Payment.ID, err)
	}
	return renderTransaction(rec, name)
}

// renderTransaction is the one place that says how a payment looks. Service is the
// display name of its payment service.
func renderTransaction(rec store.Record, service string) (transaction, error) {
	e, err := echoOf(rec)
	if err != nil {
		return transaction{}, err
	}
	v := rec.View()
	status := rec.Status(v)
	t := transaction{
		Type: "transaction", ID: rec.Payment.ID, ReconciliationID: rec.Payment.Reference,
		MerchantAccountID: rec.MerchantAccount,

		Currency: rec.Payment.Amount.Currency, Amount: rec.Payment.Amount.Minor, Status: status,
		AuthorizedAmount: v.Authorized, CapturedAmount: v.Captured, RefundedAmount: v.Refunded,
		Country: optional(rec.Country), Intent: intentOf(rec), IntentOutcome: ledger.IntentOutcome(status),

		ExternalIdentifier: optional(rec.ExternalID),
		PaymentMethod:      renderPaymentMethod(rec, status),
		Method:             rec.Method, InstrumentType: modeRedirect,
		PaymentService: paymentServiceBrief{
			Type: "payment-service", ID: rec.Service, DefinitionID: definitionID(rec.Connector, rec.Method),
			Method: rec.Method, DisplayName: service,
		},
		Buyer: e.buyer, ShippingDetails: e.shipping, CartItems: e.CartItems, Metadata: rec.Metadata,
		Description: e.Description, StatementDescriptor: e.StatementDescriptor,
		GiftCardRedemptions: []struct{}{}, PaymentSource: e.PaymentSource,

		ProviderID: optional(string(rec.Truth.Order)), AdditionalIDs: map[string]*string{},
		ErrorCode:       optional(v.Reason.ErrorCode()),
		RawResponseCode: optional(v.Reason.Provider.Code), RawResponseText: optional(v.Reason.Provider.Message),

		AuthorizedAt: at(v.AuthorizedAt), CapturedAt: at(v.CapturedAt), VoidedAt: at(v.VoidedAt),
		CanceledAt: at(v.CanceledAt), ApprovalTimedOutAt: at(v.TimedOutAt),
		ApprovalExpiresAt: at(rec.Payment.ApprovalExpiresAt),
		CreatedAt:         instant(rec.Payment.CreatedAt), UpdatedAt: instant(rec.UpdatedAt),
	}
	return t, nil
}

// renderPaymentMethod shows the approval URL only while approval is needed.
func renderPaymentMethod(rec store.Record, status ledger.Status) paymentMethod {
	m := paymentMethod{
		Type: "payment-method", Method: rec.Method, Mode: modeRedirect,
		Country: optional(rec.Country), Currency: rec.Payment.Amount.Currency,
	}
	if status == ledger.StatusBuyerApprovalPending && rec.Truth.Next != nil {
		m.ApprovalURL, m.ApprovalTarget = optional(rec.Truth.Next.RedirectURL), optional("any")
	}
	return m
}

func intentOf(rec store.Record) string {
	if rec.Payment.Intent == sdk.CaptureAutomatic {
		return intentCapture
	}
	return "authorize"
}

// An echo is what the merchant said of a payment and is told again.
type echo struct {
	Buyer                   map[string]json.RawMessage `json:"buyer"`
	BuyerExternalIdentifier json.RawMessage            `json:"buyer_external_identifier"`
	CartItems               json.RawMessage            `json:"cart_items"`
	Description             *string                    `json:"description"`
	StatementDescriptor     json.RawMessage            `json:"statement_descriptor"`
	PaymentSource           string                     `json:"payment_source"`

	buyer, shipping json.RawMessage
}

// echoOf reads what was kept of the merchant's request.
func echoOf(rec store.Record) (echo, error) {
	e := echo{PaymentSource: "ecommerce"}
	var kept settle.Request
	if err := json.Unmarshal(rec.Request, &kept); err != nil {
		return e, fmt.Errorf("reading the stored request of payment %s: %w", rec.Payment.ID, err)
	}
	if len(kept.Body) > 0 {
		if err := json.Unmarshal(kept.Body, &e); err != nil {
			return e, fmt.Errorf("reading the stored body of payment %s: %w", rec.Payment.ID, err)
		}
	}
	if e.Buyer == nil && len(e.BuyerExternalIdentifier) > 0 && string(e.BuyerExternalIdentifier) != "null" {
		e.Buyer = map[string]json.RawMessage{"external_identifier": e.BuyerExternalIdentifier}
	}
	if e.Buyer == nil {
		return e, nil
	}
	var err error
	if e.shipping, err = typed("shipping-details", e.Buyer["shipping_details"]); err != nil {
		return e, err
	}
	shown := maps.Clone(e.Buyer)
	delete(shown, "shipping_details") // it is shown beside the buyer
	e.buyer, err = withType("buyer", shown)
	return e, err
}

// typed adds the constant type to an object, unless there is none.
func typed(name string, object json.RawMessage) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if len(object) > 0 {
		if err := json.Unmarshal(object, &members); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	if members == nil {
		return nil, nil
	}
	return withType(name, members)
}

func withType(name string, members map[string]json.RawMessage) (json.RawMessage, error) {
	text, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	members["type"] = text
	return strictjson.Canonical(members)
}

// An instant is a time as the API writes it: RFC 3339 in UTC with microseconds.
type instant time.Time

const instantLayout = "2006-01-02T15:04:05.000000-07:00"

// MarshalJSON writes the time.
func (i instant) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(i).UTC().Format(`"` + instantLayout + `"`)), nil
}

// at is a time that may not have come: nil if t is zero.
func at(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	i := instant(t)
	return &i
}

// optional is a text that may not be there: nil if it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
