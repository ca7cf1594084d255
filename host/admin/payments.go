package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/host/admin/internal/story"
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

// statusNames are the statuses that a list can be asked for.
var statusNames = []ledger.Status{
	ledger.StatusProcessing, ledger.StatusBuyerApprovalPending, ledger.StatusAuthorizationSucceeded,
	ledger.StatusAuthorizationDeclined, ledger.StatusAuthorizationFailed, ledger.StatusVoidPending,
	ledger.StatusVoided, ledger.StatusCapturePending, ledger.StatusCaptureSucceeded,
}

func (s *server) listPayments(r *http.Request) (any, error) {
	limit, err := limitOf(r, 20, 100)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	if q.Get("unsettled") == "true" {
		return s.listUnsettled(r.Context(), limit)
	}
	filter := store.Filter{MerchantAccount: q.Get("merchant_account_id"), Search: q.Get("search"), Limit: limit, Cursor: q.Get("cursor")}
	for _, status := range q["status"] {
		if !slices.Contains(statusNames, ledger.Status(status)) {
			return nil, &problem{http.StatusBadRequest, fmt.Sprintf("there is no status %q", status)}
		}
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

// listUnsettled lists payments of all merchant accounts whose end nobody knows, the longest
// untouched first. There is no second page: what is settled leaves the list.
func (s *server) listUnsettled(ctx context.Context, limit int) (any, error) {
	ids, err := s.Store.Unsettled(ctx, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]paymentRow, len(ids))
	for i, id := range ids {
		rec, err := s.Store.Payment(ctx, id)
		if err != nil {
			return nil, err
		}
		rows[i] = rowOf(rec)
	}
	return map[string]any{"items": rows, "next_cursor": ""}, nil
}

// A told is a payment with everything that happened to it.
type told struct {
	paymentRow
	Operations []ledger.Operation `json:"operations"`
	Truth      ledger.Truth       `json:"provider_truth"`
	Closing    *ledger.Closing    `json:"closing,omitempty"`
	Events     []store.Event      `json:"events"` // newest first
	// OlderEvents says that there are more than [storyLength] of them.
	OlderEvents bool `json:"older_events,omitempty"`
	// Looks are what is going to be done about it, those due first first.
	Looks []lookRow `json:"next_looks"`
	// Deliveries are what merchants were or are to be told of it, newest first.
	Deliveries []deliveryRow `json:"deliveries,omitempty"`
}

// A deliveryRow is one webhook to a merchant, without its body.
type deliveryRow struct {
	ID           string `json:"id"`
	Subscription string `json:"subscription_id"`
	Name         string `json:"name"`
	State        string `json:"state"` // waiting, delivered or given_up
	Attempts     int    `json:"attempts"`
	Status       int    `json:"status,omitempty"`
	Problem      string `json:"problem,omitempty"`
	CreatedAt    string `json:"created_at"`
	TriedAt      string `json:"tried_at,omitempty"`
	DueAt        string `json:"due_at,omitempty"`
}

func deliveryOf(d store.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.ID, Subscription: d.Subscription, Name: d.Name, State: "given_up", Attempts: d.Attempts,
		Status: d.Status, Problem: d.Problem, CreatedAt: stamp(d.CreatedAt),
	}
	if !d.TriedAt.IsZero() {
		row.TriedAt = stamp(d.TriedAt)
	}
	switch {
	case d.Delivered:
		row.State = "delivered"
	case !d.DueAt.IsZero():
		row.State, row.DueAt = "waiting", stamp(d.DueAt)
	}
	return row
}

// storyLength is the most events that a story has.
const storyLength = 1000

func (s *server) showPayment(r *http.Request) (any, error) { return s.story(r) }

func (s *server) story(r *http.Request) (told, error) {
	id := sdk.PaymentID(r.PathValue("id"))
	rec, err := s.Store.Payment(r.Context(), id)
	if err != nil {
		return told{}, err
	}
	events, older, err := story.Newest(r.Context(), s.Store, id, storyLength)
	if err != nil {
		return told{}, err
	}
	sent, err := s.Store.Deliveries(r.Context(), id, storyLength)
	if err != nil {
		return told{}, err
	}
	var deliveries []deliveryRow
	for _, d := range sent {
		deliveries = append(deliveries, deliveryOf(d))
	}
	looks, err := s.looks(r.Context(), string(id))
	if err != nil {
		return told{}, err
	}
	return told{rowOf(rec), rec.Operations, rec.Truth, rec.Closing, events, older, looks, deliveries}, nil
}

// settle tries to learn how a payment's open operations ended.
func (s *server) settle(r *http.Request) (any, error) {
	settled, err := s.Payments.Settle(r.Context(), sdk.PaymentID(r.PathValue("id")))
	if err != nil {
		return nil, err
	}
	now, err := s.story(r)
	if err != nil {
		return nil, err
	}
	return struct {
		Settled bool `json:"settled"`
		told
	}{settled, now}, nil
}
