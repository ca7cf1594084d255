package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A transactionCreate is what is read of a request to create a transaction. The
// contract has more fields; those that no connector can use are accepted and left
// alone, those that ask for something that cannot be had are refused.
type transactionCreate struct {
	Amount        int64                `json:"amount"`
	Currency      sdk.Currency         `json:"currency"`
	Country       string               `json:"country"`
	PaymentMethod *paymentMethodCreate `json:"payment_method"`
	GiftCards     []json.RawMessage    `json:"gift_cards"`

	Buyer                   *buyerCreate   `json:"buyer"`
	BuyerID                 string         `json:"buyer_id"`
	BuyerExternalIdentifier string         `json:"buyer_external_identifier"`
	ShippingDetailsID       string         `json:"shipping_details_id"`
	CartItems               []sdk.CartItem `json:"cart_items"`

	ExternalIdentifier string            `json:"external_identifier"`
	Description        string            `json:"description"`
	Metadata           map[string]string `json:"metadata"`
	Intent             string            `json:"intent"`
	PaymentServiceID   string            `json:"payment_service_id"`
	ApprovalExpiresAt  time.Time         `json:"approval_expires_at"`
	BrowserInfo        struct {
		Language string `json:"language"`
	} `json:"browser_info"`

	Store                     bool `json:"store"`
	MerchantInitiated         bool `json:"merchant_initiated"`
	IsSubsequentPayment       bool `json:"is_subsequent_payment"`
	AccountFundingTransaction bool `json:"account_funding_transaction"`
}

type paymentMethodCreate struct {
	Method      string       `json:"method"`
	Country     string       `json:"country"`
	Currency    sdk.Currency `json:"currency"`
	RedirectURL string       `json:"redirect_url"`
}

type buyerCreate struct {
	DisplayName        string       `json:"display_name"`
	ExternalIdentifier string       `json:"external_identifier"`
	BillingDetails     *sdk.Contact `json:"billing_details"`
	ShippingDetails    *sdk.Contact `json:"shipping_details"`
}

const intentCapture = "capture"

// createTransaction begins a payment. It answers 201 also where the provider
// declined or could not be reached once the payment was written down: the
// transaction's status says so.
func (s *server) createTransaction(c *call) (answer, error) {
	doc, err := c.body(s.shapes.transaction)
	if err != nil {
		return answer{}, err
	}
	if err := c.embed.permits(doc.value); err != nil {
		return answer{}, err
	}
	var t transactionCreate
	if err := doc.into(&t); err != nil {
		return answer{}, err
	}
	return s.once(c, move{
		scope: "create",
		body:  doc.canonical,
		begin: func(idem *store.Idempotency) (store.Record, sdk.OperationID, error) {
			if refused := s.judge(c.ctx, c.account, t); len(refused) > 0 {
				return store.Record{}, "", invalid(refused...)
			}
			rec, err := s.Engine.Create(c.ctx, t.order(c.account, doc.canonical), idem)
			return rec, "", inMerchantsWords(err, t.pointer)
		},
		show: func(rec store.Record, _ sdk.OperationID) (answer, error) {
			return s.showTransaction(c.ctx, http.StatusCreated, rec)
		},
	})
}

// order turns the merchant's request into the engine's.
func (t transactionCreate) order(account string, body json.RawMessage) settle.NewPayment {
	mode := sdk.CaptureManual
	if t.Intent == intentCapture {
		mode = sdk.CaptureAutomatic
	}
	auth := sdk.AuthorizeRequest{
		Amount:      sdk.Money{Minor: t.Amount, Currency: t.Currency},
		Country:     t.country(),
		CaptureMode: mode,
		Method:      t.PaymentMethod.Method,
		Cart:        t.CartItems,
		Locale:      t.BrowserInfo.Language,
		Description: t.Description,
		Metadata:    t.Metadata,
	}
	if b := t.Buyer; b != nil {
		auth.Billing, auth.Shipping = b.BillingDetails, b.ShippingDetails
		if b.DisplayName != "" || b.ExternalIdentifier != "" {
			auth.Buyer = &sdk.Buyer{ExternalID: b.ExternalIdentifier, DisplayName: b.DisplayName}
		}
	} else if t.BuyerExternalIdentifier != "" {
		auth.Buyer = &sdk.Buyer{ExternalID: t.BuyerExternalIdentifier}
	}
	return settle.NewPayment{
		MerchantAccount:   account,
		Service:           t.PaymentServiceID,
		Authorize:         auth,
		ExternalID:        t.ExternalIdentifier,
		RedirectURL:       t.PaymentMethod.RedirectURL,
		ApprovalExpiresAt: t.ApprovalExpiresAt,
		Body:              body,
	}
}

func (t transactionCreate) country() string {
	if t.Country == "" && t.PaymentMethod != nil {
		return t.PaymentMethod.Country
	}
	return t.Country
}

// pointer translates a JSON Pointer into the connectors' request to one into the
// merchant's. A field that the merchant has no say in points at the whole body.
func (t transactionCreate) pointer(p string) string {
	if p == "/country" && t.Country == "" {
		return "/payment_method/country"
	}
	for _, rule := range []struct{ from, to string }{
		{"/amount/minor", "/amount"},
		{"/amount/currency", "/currency"},
		{"/billing", "/buyer/billing_details"},
		{"/shipping", "/buyer/shipping_details"},
		{"/capture_mode", "/intent"},
		{"/method", "/payment_method/method"},
		{"/return_url", "/payment_method/redirect_url"},
		{"/cancel_url", "/payment_method/redirect_url"},
		{"/locale", "/browser_info/language"},
		{"/token", ""},
		{"/call", ""},
	} {
		if rest, ok := strings.CutPrefix(p, rule.from); ok && (rest == "" || rest[0] == '/') {
			if rule.to == "" {
				return ""
			}
			return rule.to + rest
		}
	}
	return p
}

// inMerchantsWords makes a refusal point into what the merchant sent. One that blames
// no field blames the whole of it.
func inMerchantsWords(err error, pointer func(string) string) error {
	switch refused := err.(type) { //nolint:errorlint // a wrapped one is a fault on the way, not a refusal
	case *settle.NoServiceError:
		return &settle.NoServiceError{Pointer: pointer(refused.Pointer), Message: refused.Message}
	case *sdk.Error:
		told := *refused
		told.Fields = make([]sdk.FieldError, 0, len(refused.Fields))
		for _, f := range refused.Fields {
			told.Fields = append(told.Fields, sdk.FieldError{
				Pointer: pointer(f.Pointer),
				Message: strings.ReplaceAll(f.Message, "/amount/minor", "/amount"),
			})
		}
		return &told
	}
	return err
}

// pick returns the connectors that could take the transaction: that of the service
// it asks for, else all that offer its method.
func (s *server) pick(ctx context.Context, t transactionCreate) []Connector {
	method, all := t.PaymentMethod.Method, s.Connectors.List()
	if t.PaymentServiceID != "" {
		svc, err := s.Store.Service(ctx, t.PaymentServiceID)
		if err != nil { // the engine refuses it, and says why
			return nil
		}
		return filter(all, func(c Connector) bool { return c.Description.Manifest.Name == svc.Connector })
	}
	return filter(all, func(c Connector) bool { return c.offers(method) })
}

func filter[T any](all []T, keep func(T) bool) []T {
	var kept []T
	for _, v := range all {
		if keep(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// offers reports whether the connector has a payment method.
func (c Connector) offers(method string) bool {
	for _, m := range c.Description.Manifest.Methods {
		if m.Name == method {
			return true
		}
	}
	return false
}
