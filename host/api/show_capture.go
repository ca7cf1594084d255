package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A capture is one taking of money as merchants see it.
type capture struct {
	Type                  string        `json:"type"`
	ID                    string        `json:"id"`
	TransactionID         sdk.PaymentID `json:"transaction_id"`
	MerchantAccountID     string        `json:"merchant_account_id"`
	Currency              sdk.Currency  `json:"currency"`
	Amount                int64         `json:"amount"`
	Status                string        `json:"status"`
	Final                 bool          `json:"final"`
	ProviderID            *string       `json:"payment_service_capture_id"`
	ExternalIdentifier    *string       `json:"external_identifier"`
	TransactionExternalID *string       `json:"transaction_external_identifier"`
	ErrorCode             *string       `json:"error_code"`
	RawResponseCode       *string       `json:"raw_response_code"`
	RawResponseText       *string       `json:"raw_response_description"`
	CapturedAt            *instant      `json:"captured_at"`
	CreatedAt             instant       `json:"created_at"`
	UpdatedAt             instant       `json:"updated_at"`
}

// renderCapture is the one place that says how a capture looks.
func renderCapture(rec store.Record, m ledger.Move) capture {
	created, updated := moveTimes(rec, m)
	c := capture{
		Type: "capture", ID: moveID(rec, "capture", m), TransactionID: rec.Payment.ID,
		MerchantAccountID: rec.MerchantAccount, Currency: rec.Payment.Amount.Currency, Amount: m.Amount,
		Status: captureStatus(m), Final: m.Final, ProviderID: optional(m.Ref),
		TransactionExternalID: optional(rec.ExternalID), ErrorCode: optional(ledger.ErrorCode(m.Code)),
		RawResponseCode: optional(m.Provider.Code), RawResponseText: optional(m.Provider.Message),
		CreatedAt: instant(created), UpdatedAt: instant(updated),
	}
	if m.Asked != nil {
		c.ExternalIdentifier = optional(m.Asked.ExternalID)
	}
	if m.Status == sdk.MoveSucceeded {
		c.CapturedAt = at(m.At)
	}
	return c
}

func captureStatus(m ledger.Move) string {
	switch m.Status {
	case sdk.MoveSucceeded:
		return "succeeded"
	case sdk.MovePending, sdk.MoveUnknown:
		return "pending"
	case sdk.MoveFailed, sdk.MoveCanceled, sdk.MoveReversed:
	}
	return refused(m)
}

// refused tells a provider's no from not having got an answer.
func refused(m ledger.Move) string {
	if m.Asked != nil && m.Asked.Outcome == sdk.OutcomeDeclined {
		return "declined"
	}
	return "failed"
}

// moveID names a capture or refund: by the operation that asked for it, or else by a
// UUID that follows from the provider's name for it and is the same each time.
func moveID(rec store.Record, kind string, m ledger.Move) string {
	if m.Operation != "" {
		return string(m.Operation)
	}
	payment, err := uuid.Parse(string(rec.Payment.ID))
	if err != nil { // this host names payments by UUIDs
		payment = uuid.Nil
	}
	return uuid.NewSHA1(payment, []byte(kind+":"+m.Ref)).String()
}

// moveTimes are when a move began and when it last changed. Of one that nobody here
// asked for, the provider's time is all there is.
func moveTimes(rec store.Record, m ledger.Move) (created, updated time.Time) {
	created, updated = m.At, m.At
	if m.Asked != nil {
		created, updated = m.Asked.CreatedAt, m.Asked.UpdatedAt
		if m.At.After(updated) {
			updated = m.At
		}
	}
	if created.IsZero() {
		created, updated = rec.Payment.CreatedAt, rec.Payment.CreatedAt
	}
	return created, updated
}

// An envelope is the answer that tells how an operation on a transaction went, beside
// the transaction itself.
type envelope struct {
	Type            string      `json:"type"`
	Status          string      `json:"status"`
	Code            *string     `json:"code"`
	RawResponseCode *string     `json:"raw_response_code"`
	RawResponseText *string     `json:"raw_response_description"`
	Transaction     transaction `json:"transaction"`
	CaptureID       *string     `json:"capture_id,omitempty"`
	ProviderID      *string     `json:"payment_service_capture_id,omitempty"`
	ExternalID      *string     `json:"external_identifier,omitempty"`
}

// envelope renders how an operation went. Without the operation, which is how a
// request looks whose first try was cut off before it began, it has failed.
func (s *server) envelope(
	ctx context.Context, kind, status string, rec store.Record, op *ledger.Operation,
) (envelope, error) {
	t, err := s.transaction(ctx, rec)
	if err != nil {
		return envelope{}, err
	}
	e := envelope{Type: kind, Status: status, Transaction: t}
	if op != nil {
		e.Code = optional(ledger.ErrorCode(op.Code))
		e.RawResponseCode, e.RawResponseText = optional(op.Provider.Code), optional(op.Provider.Message)
	}
	return e, nil
}
