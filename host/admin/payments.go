package admin

import (
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// A paymentRow is one payment in a list.
type paymentRow struct {
	ID              sdk.PaymentID `json:"id"`
	Reference       sdk.Reference `json:"reference"`
	MerchantAccount string        `json:"merchant_account_id"`
	Connector       string        `json:"connector"`
	Status          ledger.Status `json:"status"`
	ErrorCode       string        `json:"error_code,omitempty"`
	Amount          sdk.Money     `json:"amount"`
	Authorized      int64         `json:"authorized"`
	Captured        int64         `json:"captured"`
	Released        int64         `json:"released"`
	Refunded        int64         `json:"refunded"`
	Unsettled       int           `json:"unsettled"` // operations whose end nobody knows yet
	CreatedAt       string        `json:"created_at"`
	UpdatedAt       string        `json:"updated_at"`
}

func rowOf(rec store.Record) paymentRow {
	v := rec.View()
	return paymentRow{
		ID: rec.Payment.ID, Reference: rec.Payment.Reference, MerchantAccount: rec.MerchantAccount,
		Connector: rec.Connector, Status: rec.Status(v), ErrorCode: v.Reason.ErrorCode(), Amount: rec.Payment.Amount,
		Authorized: v.Authorized, Captured: v.Captured, Released: v.Released, Refunded: v.Refunded,
		Unsettled: len(v.Unsettled), CreatedAt: stamp(rec.Payment.CreatedAt), UpdatedAt: stamp(rec.UpdatedAt),
	}
}

func (s *server) listPayments(r *http.Request) (any, error) {
	limit, err := limitOf(r, 20, 100)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	filter := store.Filter{MerchantAccount: q.Get("merchant_account_id"), Search: q.Get("search"), Limit: limit, Cursor: q.Get("cursor")}
	for _, status := range q["status"] {
		filter.Statuses = append(filter.Statuses, ledger.Status(status))
	}
	if filter.MerchantAccount == "" {
		filter.MerchantAccount = "default"
	}
	page, err := s.Store.List(r.Context(), filter)
	if err != nil {
		return nil, err
	}
	rows := make([]paymentRow, len(page.Records))
	for i, rec := range page.Records {
		rows[i] = rowOf(rec)
	}
	return map[string]any{"items": rows, "next_cursor": page.Next}, nil
}

// A story is a payment with everything that happened to it.
type story struct {
	paymentRow
	Operations []ledger.Operation `json:"operations"`
	Truth      ledger.Truth       `json:"provider_truth"`
	Closing    *ledger.Closing    `json:"closing,omitempty"`
	Events     []store.Event      `json:"events"` // newest first
}

// storyLength is how many events a story shows.
const storyLength = 200

func (s *server) showPayment(r *http.Request) (any, error) { return s.story(r) }

func (s *server) story(r *http.Request) (story, error) {
	id := sdk.PaymentID(r.PathValue("id"))
	rec, err := s.Store.Payment(r.Context(), id)
	if err != nil {
		return story{}, err
	}
	events, _, err := s.Store.Events(r.Context(), id, storyLength, "")
	if err != nil {
		return story{}, err
	}
	return story{rowOf(rec), rec.Operations, rec.Truth, rec.Closing, events}, nil
}

// settle tries to learn how a payment's open operations ended.
func (s *server) settle(r *http.Request) (any, error) {
	settled, err := s.Payments.Settle(r.Context(), sdk.PaymentID(r.PathValue("id")))
	if err != nil {
		return nil, err
	}
	told, err := s.story(r)
	if err != nil {
		return nil, err
	}
	return struct {
		Settled bool `json:"settled"`
		story
	}{settled, told}, nil
}

// A keyView is a merchant's key without what nobody needs to see.
type keyView struct {
	ID               string   `json:"id"`
	DisplayName      string   `json:"display_name"`
	Scopes           []string `json:"scopes"`
	MerchantAccounts []string `json:"merchant_accounts"` // empty means all
	Active           bool     `json:"active"`
	CreatedAt        string   `json:"created_at"`
}

func viewOf(k store.APIKey) keyView {
	return keyView{k.ID, k.DisplayName, k.Scopes, k.MerchantAccounts, k.Active, stamp(k.CreatedAt)}
}

func (s *server) listKeys(r *http.Request) (any, error) {
	keys, err := s.Store.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = viewOf(k)
	}
	return items(views), nil
}

// A keyOrder asks for the public half of a key pair to be trusted. The private half
// never comes here.
type keyOrder struct {
	ID               string   `json:"id"`
	PublicKey        []byte   `json:"public_key"` // PKIX, DER, in base64
	DisplayName      string   `json:"display_name"`
	Scopes           []string `json:"scopes"`
	MerchantAccounts []string `json:"merchant_accounts"`
}

func (s *server) createKey(r *http.Request) (any, error) {
	var order keyOrder
	if err := body(r, &order); err != nil {
		return nil, err
	}
	if len(order.PublicKey) == 0 || order.ID == "" || len(order.Scopes) == 0 {
		return nil, &problem{http.StatusBadRequest, "id, public_key and scopes must be given"}
	}
	key := store.APIKey{
		ID: order.ID, PublicKey: order.PublicKey, DisplayName: order.DisplayName, Scopes: order.Scopes,
		MerchantAccounts: order.MerchantAccounts, Active: true, CreatedAt: s.Now(),
	}
	if err := s.Store.SaveKey(r.Context(), &key); err != nil {
		return nil, err
	}
	return viewOf(key), nil
}

func (s *server) revokeKey(r *http.Request) (any, error) {
	key, err := s.Store.Key(r.Context(), r.PathValue("kid"))
	if err != nil {
		return nil, err
	}
	key.Active = false
	if err := s.Store.SaveKey(r.Context(), &key); err != nil {
		return nil, err
	}
	return viewOf(key), nil
}
