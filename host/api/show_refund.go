package api

import (
	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A refund is one return of money as merchants see it.
type refund struct {
	Type                        string        `json:"type"`
	ID                          string        `json:"id"`
	TransactionID               sdk.PaymentID `json:"transaction_id"`
	MerchantAccountID           string        `json:"merchant_account_id"`
	ReconciliationID            sdk.Reference `json:"reconciliation_id"`
	TransactionReconciliationID sdk.Reference `json:"transaction_reconciliation_id"`
	Status                      string        `json:"status"`
	Currency                    sdk.Currency  `json:"currency"`
	Amount                      int64         `json:"amount"`
	TargetType                  string        `json:"target_type"`
	TargetID                    *string       `json:"target_id"`
	Reason                      *string       `json:"reason"`
	ExternalIdentifier          *string       `json:"external_identifier"`
	TransactionExternalID       *string       `json:"transaction_external_identifier"`
	ProviderID                  *string       `json:"payment_service_refund_id"`
	ErrorCode                   *string       `json:"error_code"`
	RawResponseCode             *string       `json:"raw_response_code"`
	RawResponseText             *string       `json:"raw_response_description"`
	Settled                     bool          `json:"settled"`
	SettledAmount               int64         `json:"settled_amount"`
	SettledCurrency             *string       `json:"settled_currency"`
	Creator                     *struct{}     `json:"creator"`
	CreatedAt                   instant       `json:"created_at"`
	UpdatedAt                   instant       `json:"updated_at"`
}

// targetMethod is what every refund here goes to.
const targetMethod = "payment-method"

// renderRefund is the one place that says how a refund looks.
func renderRefund(rec store.Record, m ledger.Move) refund {
	created, updated := moveTimes(rec, m)
	id := moveID(rec, "refund", m)
	r := refund{
		Type: "refund", ID: id, TransactionID: rec.Payment.ID, MerchantAccountID: rec.MerchantAccount,
		ReconciliationID: reconciliationID(id), TransactionReconciliationID: rec.Payment.Reference,
		Status: refundStatus(m), Currency: rec.Payment.Amount.Currency, Amount: m.Amount, TargetType: targetMethod,
		TransactionExternalID: optional(rec.ExternalID), ProviderID: optional(m.Ref),
		ErrorCode:       optional(ledger.ErrorCode(m.Code)),
		RawResponseCode: optional(m.Provider.Code), RawResponseText: optional(m.Provider.Message),
		CreatedAt: instant(created), UpdatedAt: instant(updated),
	}
	if m.Asked != nil {
		r.Reason, r.ExternalIdentifier = optional(m.Asked.Reason), optional(m.Asked.ExternalID)
	}
	return r
}

func refundStatus(m ledger.Move) string {
	switch m.Status {
	case sdk.MoveSucceeded:
		return "succeeded"
	case sdk.MovePending, sdk.MoveUnknown:
		return "processing"
	case sdk.MoveCanceled:
		return "voided"
	case sdk.MoveFailed, sdk.MoveReversed:
	}
	return refused(m)
}

// reconciliationID is a refund's short name, made of its id as a payment's is.
func reconciliationID(id string) sdk.Reference {
	parsed, err := uuid.Parse(id)
	if err != nil { // this host names refunds by UUIDs
		return ""
	}
	return settle.Reference(parsed)
}
