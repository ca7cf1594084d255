package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A stored is a record together with what only the store needs to know of it.
type stored struct {
	Record
	seq     int64 // the payment's number in the database
	version int64
	events  int64
}

const selectPayment = `SELECT p.seq, p.id, p.reference, p.merchant_account, p.service, p.connector, p.method,
	p.country, p.currency, p.amount, p.intent, p.return_url, p.external_id, p.buyer_external_id, p.metadata, p.approval_expires_at,
	p.created_at, p.updated_at, p.closed_why, p.closed_at, p.truth, p.version, p.events, r.body
	FROM payments p LEFT JOIN requests r ON r.payment = p.seq `

// The ways to ask for one payment.
const (
	wherePaymentID = `WHERE p.id = ?`
	whereReference = `WHERE p.reference = ?`
	whereOrder     = `WHERE p.order_ref = ? AND p.order_ref <> '' AND p.connector = ? LIMIT 2`
	whereCapture   = `WHERE p.seq IN (SELECT payment FROM captures WHERE ref = ? AND connector = ? LIMIT 2)`
	whereMove      = `WHERE p.seq = (SELECT payment FROM operations WHERE id = ? AND kind IN ('capture', 'refund'))`
)

// load asks for the one payment that where selects.
func load(into *stored, where string, args ...any) []question {
	*into = stored{}
	return []question{{
		query: selectPayment + where, args: args, must: true,
		scan: func(r row) error {
			payment, err := scanPayment(r)
			if err == nil && into.seq != 0 {
				err = fmt.Errorf("payments %s and %s both claim it", into.Payment.ID, payment.Payment.ID)
			}
			*into = payment
			return err
		},
	}, {
		query: selectOperations + `WHERE payment IN (SELECT p.seq FROM payments p ` + where + `) ORDER BY position`, args: args,
		scan: func(r row) error {
			_, op, err := scanOperation(r)
			into.Operations = append(into.Operations, op)
			return err
		},
	}}
}

func scanPayment(r row) (stored, error) {
	var (
		s         stored
		p         = &s.Payment
		expires   micros
		created   micros
		updated   micros
		closedWhy *string
		closedAt  micros
		request   []byte
	)
	err := r.Scan(&s.seq, &p.ID, &p.Reference, &s.MerchantAccount, &s.Service, &s.Connector, &s.Method,
		&s.Country, &p.Amount.Currency, &p.Amount.Minor, &p.Intent, &s.ReturnURL, &s.ExternalID, &s.BuyerExternalID,
		fromJSON(&s.Metadata), &expires, &created, &updated, &closedWhy, &closedAt, fromJSON(&s.Truth),
		&s.version, &s.events, &request)
	p.ApprovalExpiresAt, p.CreatedAt, s.UpdatedAt = expires.time(), created.time(), updated.time()
	s.Request = json.RawMessage(request)
	if closedWhy != nil {
		s.Closing = &ledger.Closing{Reason: ledger.ClosingReason(*closedWhy), At: closedAt.time()}
	}
	return s, err
}

const selectOperations = `SELECT payment, id, kind, idempotency_key, amount, currency, final, capture_ref, attempt,
	outcome, processed, processed_currency, ref, code, provider, part_of, external_id, reason, release, created_at, updated_at
	FROM operations `

func scanOperation(r row) (payment int64, op ledger.Operation, err error) {
	var (
		processed *int64
		currency  *string
		created   micros
		updated   micros
	)
	err = r.Scan(&payment, &op.ID, &op.Kind, &op.Key, &op.Amount.Minor, &op.Amount.Currency, &op.Final,
		&op.Capture, &op.Attempt, &op.Outcome, &processed, &currency, &op.Ref, &op.Code,
		fromJSON(&op.Provider), &op.PartOf, &op.ExternalID, &op.Reason, &op.Release, &created, &updated)
	if err == nil && (processed == nil) != (currency == nil) {
		err = errors.New("operation has a processed amount without a currency, or the reverse")
	}
	if err == nil && processed != nil {
		op.Processed = &sdk.Money{Minor: *processed, Currency: sdk.Currency(*currency)}
	}
	op.CreatedAt, op.UpdatedAt = created.time(), updated.time()
	return payment, op, err
}
