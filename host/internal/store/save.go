package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A snapshot is a payment as the database has it: what a change is compared with. It
// shares nothing with the record, which is for the change to alter.
type snapshot struct {
	seq, version, events int64
	fixed                [8]string
	columns              columns
	operations           []operationSnapshot
	metadata             map[string]string
	captures             map[string]bool
	updatedAt            time.Time
}

type operationSnapshot struct {
	fixed   [4]string
	columns columns
}

func (s *stored) snapshot() snapshot {
	kept := snapshot{
		seq: s.seq, version: s.version, events: s.events, fixed: fixed(&s.Record), columns: s.columns(),
		metadata: maps.Clone(s.Metadata), captures: captureRefs(&s.Record), updatedAt: s.UpdatedAt,
	}
	for i := range s.Operations {
		op := &s.Operations[i]
		kept.operations = append(kept.operations, operationSnapshot{fixedOperation(op), operationColumns(op)})
	}
	return kept
}

// fixed is what of a payment no change may alter.
func fixed(r *Record) [8]string {
	p := &r.Payment
	return [8]string{
		string(p.ID), string(p.Reference), p.Amount.String(), string(p.Intent), p.CreatedAt.UTC().String(),
		strings.Join([]string{r.MerchantAccount, r.Service, r.Connector, r.Method, r.Country,
			r.BuyerExternalID}, "\x00"), r.ReturnURL,
		string(r.Request),
	}
}

func fixedOperation(op *ledger.Operation) [4]string {
	return [4]string{string(op.ID), string(op.Kind), string(op.Key), op.CreatedAt.UTC().String()}
}

// allows reports what a change altered and must not have.
func (was *snapshot) allows(is *Record) error {
	if was.fixed != fixed(is) {
		return errors.New("a change altered what was fixed when the payment was created")
	}
	if len(is.Operations) < len(was.operations) {
		return errors.New("a change removed an operation")
	}
	for i := range was.operations {
		if was.operations[i].fixed != fixedOperation(&is.Operations[i]) {
			return fmt.Errorf("a change altered the id, kind, key or creation of operation %s", was.operations[i].fixed[0])
		}
	}
	return nil
}

// still reports whether nothing has come of a change.
func (was *snapshot) still(is *stored) bool {
	if len(is.Added)+len(is.Jobs) > 0 || len(is.Operations) != len(was.operations) || !maps.Equal(was.metadata, is.Metadata) {
		return false
	}
	for i := range is.Operations {
		op := &is.Operations[i]
		if fixedOperation(op) != was.operations[i].fixed || !slices.Equal(operationColumns(op), was.operations[i].columns) {
			return false
		}
	}
	return fixed(&is.Record) == was.fixed && slices.Equal(is.columns(), was.columns)
}

// create adds what keeps a new payment.
func (c *changes) create(rec *Record) {
	is := stored{Record: *rec, version: 1, events: int64(len(rec.Added))}
	is.insert(c)
	if rec.Request != nil {
		c.add(`INSERT INTO requests (payment, body) VALUES (`+thePayment+`, ?)`, string(rec.Payment.ID), []byte(rec.Request))
	}
	c.children(&snapshot{}, &is)
}

// change adds what turns was into is.
func (c *changes) change(was *snapshot, is *stored) {
	is.version, is.events = was.version+1, was.events+int64(len(is.Added))
	c.update(errStale, "payments", was.columns, is.columns(), "seq = ? AND version = ?", was.seq, was.version)
	c.children(was, is)
}

// insert adds a new payment.
func (s *stored) insert(c *changes) {
	p := &s.Payment
	fixed := columns{
		{"id", string(p.ID)}, {"reference", string(p.Reference)}, {"merchant_account", s.MerchantAccount},
		{"service", s.Service}, {"connector", s.Connector}, {"method", s.Method}, {"country", s.Country},
		{"currency", string(p.Amount.Currency)}, {"amount", p.Amount.Minor}, {"intent", string(p.Intent)},
		{"return_url", s.ReturnURL}, {"buyer_external_id", s.BuyerExternalID}, {"created_at", at(p.CreatedAt)},
	}
	c.insert(ErrExists, "payments", append(fixed, s.columns()...))
}

// columns are the columns of a payment that can change, derived ones included.
func (s *stored) columns() columns {
	var closedWhy, closedAt any
	if s.Closing != nil {
		closedWhy, closedAt = word(s.Closing.Reason), at(s.Closing.At)
	}
	var metadata any
	if s.Metadata != nil {
		metadata = toJSON(s.Metadata)
	}
	return append(columns{
		{"external_id", s.ExternalID}, {"metadata", metadata}, {"approval_expires_at", at(s.Payment.ApprovalExpiresAt)},
		{"updated_at", at(s.UpdatedAt)}, {"closed_why", closedWhy}, {"closed_at", closedAt},
		{"truth", toJSON(s.Truth)}, {"version", s.version}, {"events", s.events},
	}, s.derived()...)
}

// derived are the columns that follow from the ledger and exist only for queries.
func (s *stored) derived() columns {
	v := s.View()
	return columns{
		{"status", string(s.Status(v))}, {"error_code", v.Reason.ErrorCode()}, {"order_ref", string(s.Truth.Order)},
		{"authorized", v.Authorized}, {"captured", v.Captured}, {"refunded", v.Refunded + v.PendingRefund},
		{"unsettled", bit(unsettled(v))}, {"unapproved", bit(unapproved(v))},
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
func (c *changes) children(was *snapshot, is *stored) {
	id := string(is.Payment.ID)
	for i := range is.Operations {
		op := &is.Operations[i]
		if i < len(was.operations) {
			c.update(nil, "operations", was.operations[i].columns, operationColumns(op),
				"payment = ? AND position = ?", was.seq, int64(i))
			continue
		}
		c.insertOf(id, "operations", append(columns{
			{"position", int64(i)}, {"id", string(op.ID)}, {"kind", string(op.Kind)},
			{"idempotency_key", string(op.Key)}, {"created_at", at(op.CreatedAt)},
		}, operationColumns(op)...))
	}
	for i, e := range is.Added {
		c.insertOf(id, "events", columns{
			{"position", was.events + int64(i)}, {"id", e.ID}, {"name", e.Name}, {"at", at(e.At)}, {"context", blob(e.Context)},
		})
	}
	for ref := range captureRefs(&is.Record) {
		if !was.captures[ref] {
			c.add(`INSERT INTO captures (payment, ref, connector) VALUES (`+thePayment+`,?,?) ON CONFLICT DO NOTHING`,
				id, ref, is.Connector)
		}
	}
	if !maps.Equal(was.metadata, is.Metadata) {
		c.metadata(was, is)
	}
}

func (c *changes) metadata(was *snapshot, is *stored) {
	for name, value := range was.metadata {
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

// operationColumns are the columns of an operation that can change.
func operationColumns(op *ledger.Operation) columns {
	var processed, currency, provider any
	if op.Processed != nil {
		processed, currency = number(op.Processed.Minor), word(op.Processed.Currency)
	}
	if op.Provider != (sdk.Provider{}) {
		provider = toJSON(op.Provider)
	}
	return columns{
		{"amount", op.Amount.Minor}, {"currency", string(op.Amount.Currency)}, {"final", bit(op.Final)},
		{"capture_ref", string(op.Capture)}, {"attempt", int64(op.Attempt)}, {"outcome", string(op.Outcome)},
		{"processed", processed}, {"processed_currency", currency}, {"ref", op.Ref}, {"code", string(op.Code)},
		{"provider", provider}, {"part_of", string(op.PartOf)}, {"external_id", op.ExternalID},
		{"reason", op.Reason}, {"release", op.Release}, {"updated_at", at(op.UpdatedAt)},
	}
}
