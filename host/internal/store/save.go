package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// thePayment is the number of the payment whose id is the statement's first argument.
const thePayment = `(SELECT seq FROM payments WHERE id = ?)`

const insertPayment = `INSERT INTO payments (id, reference, merchant_account, service, connector, method, country,
	currency, amount, intent, return_url, created_at, version,
	external_id, metadata, approval_expires_at, updated_at, closed_why, closed_at, truth, events,
	status, error_code, order_ref, authorized, captured, refunded, unsettled, unapproved)
	VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1, ?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`

const updatePayment = `UPDATE payments SET version = version + 1,
	external_id = ?, metadata = ?, approval_expires_at = ?, updated_at = ?, closed_why = ?, closed_at = ?,
	truth = ?, events = ?, status = ?, error_code = ?, order_ref = ?, authorized = ?, captured = ?,
	refunded = ?, unsettled = ?, unapproved = ?
	WHERE seq = ? AND version = ?`

// created is the change that keeps a new payment.
func created(rec *Record) (changes, error) {
	var c changes
	p := &rec.Payment
	fixed := []any{
		string(p.ID), string(p.Reference), rec.MerchantAccount, rec.Service, rec.Connector, rec.Method,
		rec.Country, string(p.Amount.Currency), p.Amount.Minor, string(p.Intent), rec.ReturnURL, at(p.CreatedAt),
	}
	is := stored{Record: *rec, events: int64(len(rec.Added))}
	c.must(ErrExists, insertPayment, append(fixed, is.columns()...)...)
	if rec.Request != nil {
		c.add(`INSERT INTO requests (payment, body) VALUES (`+thePayment+`, ?)`, string(p.ID), []byte(rec.Request))
	}
	c.children(&stored{}, &is)
	return c, nil
}

// changed is the change that turns was into is.
func changed(was, is *stored) (changes, error) {
	if err := sameFixed(&was.Record, &is.Record); err != nil {
		return nil, err
	}
	is.events = was.events + int64(len(is.Added))
	var c changes
	c.must(errStale, updatePayment, append(is.columns(), was.seq, was.version)...)
	c.children(was, is)
	return c, nil
}

// sameFixed reports what a change must not alter and did.
func sameFixed(was, is *Record) error {
	fixed := func(r *Record) [7]string {
		p := &r.Payment
		return [7]string{
			string(p.ID), string(p.Reference), p.Amount.String(), string(p.Intent), p.CreatedAt.UTC().String(),
			r.MerchantAccount + "/" + r.Service + "/" + r.Connector + "/" + r.Method + "/" + r.Country, r.ReturnURL,
		}
	}
	if fixed(was) != fixed(is) || !bytes.Equal(was.Request, is.Request) {
		return errors.New("a change altered what was fixed when the payment was created")
	}
	if len(is.Operations) < len(was.Operations) {
		return errors.New("a change removed an operation")
	}
	for i := range was.Operations {
		a, b := &was.Operations[i], &is.Operations[i]
		if a.ID != b.ID || a.Kind != b.Kind || a.Key != b.Key || !a.CreatedAt.Equal(b.CreatedAt) {
			return fmt.Errorf("a change altered the id, kind, key or creation of operation %s", a.ID)
		}
	}
	return nil
}

// columns are the columns of a payment that can change, derived ones included.
func (s *stored) columns() []any {
	v := s.View()
	var closedWhy, closedAt any
	if s.Closing != nil {
		closedWhy, closedAt = string(s.Closing.Reason), at(s.Closing.At)
	}
	var metadata any
	if s.Metadata != nil {
		metadata = toJSON(s.Metadata)
	}
	return []any{
		s.ExternalID, metadata, at(s.Payment.ApprovalExpiresAt), at(s.UpdatedAt), closedWhy, closedAt,
		toJSON(s.Truth), s.events, string(s.Status(v)), v.Reason.ErrorCode(), string(s.Truth.Order),
		v.Authorized, v.Captured, v.Refunded + v.PendingRefund, bit(unsettled(v)), bit(unapproved(v)),
	}
}

// unsettled reports whether somebody has to look at the provider: an operation is in
// doubt, or money is held for a payment that the host had closed.
func unsettled(v ledger.View) bool {
	return len(v.Unsettled) > 0 || (v.LateApproval && v.Open() > 0)
}

// unapproved reports whether the payment waits for its buyer.
func unapproved(v ledger.View) bool {
	return v.State == sdk.StateRequiresAction || v.State == sdk.StateProcessing
}

// children adds what hangs on a payment and differs between was and is.
func (c *changes) children(was, is *stored) {
	id := string(is.Payment.ID)
	for i := range is.Operations {
		switch op := &is.Operations[i]; {
		case i >= len(was.Operations):
			fixed := []any{id, int64(i), string(op.ID), string(op.Kind), string(op.Key), at(op.CreatedAt)}
			c.add(insertOperation, append(fixed, operationColumns(op)...)...)
		case !sameOperation(&was.Operations[i], op):
			c.add(updateOperation, append(operationColumns(op), was.seq, int64(i))...)
		}
	}
	for i, e := range is.Added {
		c.add(`INSERT INTO events (payment, position, id, name, at, context) VALUES (`+thePayment+`,?,?,?,?,?)`,
			id, was.events+int64(i), e.ID, e.Name, at(e.At), blob(e.Context))
	}
	known := captureRefs(&was.Record)
	for ref := range captureRefs(&is.Record) {
		if !known[ref] {
			c.add(`INSERT INTO captures (payment, ref, connector) VALUES (`+thePayment+`,?,?) ON CONFLICT DO NOTHING`,
				id, ref, is.Connector)
		}
	}
	if !maps.Equal(was.Metadata, is.Metadata) {
		c.metadata(was, is)
	}
}

func (c *changes) metadata(was, is *stored) {
	for name, value := range was.Metadata {
		c.add(`DELETE FROM metadata WHERE name = ? AND value = ? AND payment = ?`, name, value, was.seq)
	}
	for name, value := range is.Metadata {
		c.add(`INSERT INTO metadata (payment, name, value) VALUES (`+thePayment+`,?,?)`,
			string(is.Payment.ID), name, value)
	}
}

// captureRefs are the provider's names of the captures on a payment.
func captureRefs(rec *Record) map[string]bool {
	refs := make(map[string]bool)
	for i := range rec.Operations {
		if op := &rec.Operations[i]; op.Kind == sdk.OpCapture && op.Ref != "" {
			refs[op.Ref] = true
		}
	}
	for _, seen := range rec.Truth.Captures {
		refs[string(seen.Ref)] = true
	}
	return refs
}

const insertOperation = `INSERT INTO operations (payment, position, id, kind, idempotency_key, created_at,
	amount, currency, final, capture_ref, attempt, outcome, processed, processed_currency, ref, code, provider,
	part_of, external_id, reason, release, updated_at) VALUES (` + thePayment + `,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`

const updateOperation = `UPDATE operations SET amount = ?, currency = ?, final = ?, capture_ref = ?, attempt = ?, outcome = ?, processed = ?, processed_currency = ?, ref = ?, code = ?,
	provider = ?, part_of = ?, external_id = ?, reason = ?, release = ?, updated_at = ? WHERE payment = ? AND position = ?`

// operationColumns are the columns of an operation that can change.
func operationColumns(op *ledger.Operation) []any {
	var processed, currency, provider any
	if op.Processed != nil {
		processed, currency = op.Processed.Minor, string(op.Processed.Currency)
	}
	if op.Provider != (sdk.Provider{}) {
		provider = toJSON(op.Provider)
	}
	return []any{
		op.Amount.Minor, string(op.Amount.Currency), bit(op.Final), string(op.Capture), int64(op.Attempt),
		string(op.Outcome), processed, currency, op.Ref, string(op.Code), provider,
		string(op.PartOf), op.ExternalID, op.Reason, op.Release, at(op.UpdatedAt),
	}
}

func sameOperation(a, b *ledger.Operation) bool {
	x, y := *a, *b
	if (x.Processed == nil) != (y.Processed == nil) || (x.Processed != nil && *x.Processed != *y.Processed) {
		return false
	}
	x.Processed, y.Processed = nil, nil
	return x == y
}
