package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// Create keeps a new payment with its operations and events, and the idempotency key
// that asked for it, in one transaction. It fails with a [*KeyUsedError] if idem,
// which may be nil, names a key that is in use, and with [ErrExists] if the payment's
// id or reference is taken. It sets rec.UpdatedAt, idem.CreatedAt, and the times of the
// payment and its events that are zero, trims every time to the microsecond, and
// empties rec.Added and rec.Jobs.
func (s *Store) Create(ctx context.Context, rec *Record, idem *Idempotency) error {
	now := ledger.Kept(s.now())
	rec.UpdatedAt = now
	if rec.Payment.CreatedAt.IsZero() {
		rec.Payment.CreatedAt = now
	}
	keepTimes(rec, now)
	err := s.db.change(ctx, "", nothing, func() (changes, error) {
		var c changes
		if idem != nil {
			idem.CreatedAt = now
			c.useKey(idem)
		}
		c.create(rec)
		return c, s.callFor(&c, rec.Jobs)
	})
	switch {
	case errors.Is(err, errKeyTaken):
		return s.keyUsed(ctx, idem)
	case err != nil:
		return fmt.Errorf("creating payment %s: %w", rec.Payment.ID, err)
	}
	rec.Added, rec.Jobs = nil, nil
	return nil
}

// Update changes one payment: it reads the newest record, hands it to change, and
// keeps what change made of it, with nobody else changing the payment in between. It
// returns the record as kept.
//
// An error of change is returned as it is and nothing is changed. With idem, Update
// fails with a [*KeyUsedError], before change runs, if its key is in use; otherwise
// the key is kept in the same transaction, as change left it, so change may set
// idem.Operation. change runs in the caller's goroutine, and if another host that shares
// the database was quicker, again on the record as that host left it: what it did before
// must not matter. A change that leaves everything as it was is not made: the record keeps
// its place in lists. It must not call the store to change the same payment, and should be
// quick. It may add
// operations, alter them, fold truth, close the payment, and alter ExternalID and
// Metadata; it must not remove operations, or alter what was
// fixed when the payment or the operation was created.
func (s *Store) Update(
	ctx context.Context, id sdk.PaymentID, idem *Idempotency, change func(*Record) error,
) (Record, error) {
	var is stored
	var told func(*Record) Audience
	load := func() []question {
		var who []question
		who, told = s.audience(id)
		return slices.Concat(unused(idem, s.now()), load(&is, wherePaymentID, string(id)), who)
	}
	var ofCaller error
	plan := func() (changes, error) {
		was := is.snapshot()
		announced := s.watch(&is.Record, told(&is.Record))
		if ofCaller = change(&is.Record); ofCaller != nil {
			return nil, ofCaller
		}
		now := ledger.Kept(s.now())
		if now.Before(was.updatedAt) {
			now = was.updatedAt // the clock went back; the record does not
		}
		keepTimes(&is.Record, now)
		if is.UpdatedAt = was.updatedAt; idem == nil && was.still(&is) {
			return nil, nil
		}
		is.UpdatedAt = now
		if err := was.allows(&is.Record); err != nil {
			return nil, err
		}
		var c changes
		if idem != nil {
			idem.CreatedAt = now
			c.useKey(idem)
		}
		c.change(&was, &is)
		deliveries := announced(&is.Record)
		c.deliver(&is.Record, deliveries, now)
		return c, s.callFor(&c, append(is.Jobs, s.deliveryJobs(deliveries)...))
	}
	err := s.db.change(ctx, "payment "+string(id), load, plan)
	switch {
	case ofCaller != nil:
		return Record{}, ofCaller
	case errors.Is(err, errKeyTaken):
		return Record{}, s.keyUsed(ctx, idem)
	case err != nil:
		return Record{}, fmt.Errorf("updating payment %s: %w", id, err)
	}
	is.Added, is.Jobs = nil, nil
	return is.Record, nil
}

// Payment returns a payment, or [ErrNotFound].
func (s *Store) Payment(ctx context.Context, id sdk.PaymentID) (Record, error) {
	return s.find(ctx, "payment "+string(id), wherePaymentID, string(id))
}

// PaymentByReference returns the payment with our reference, or [ErrNotFound].
func (s *Store) PaymentByReference(ctx context.Context, ref sdk.Reference) (Record, error) {
	return s.find(ctx, "reference "+string(ref), whereReference, string(ref))
}

// PaymentByOrder returns the payment that the connector's provider calls ref, or
// [ErrNotFound]. It fails if two payments claim to be it.
func (s *Store) PaymentByOrder(ctx context.Context, connector string, ref sdk.OrderRef) (Record, error) {
	return s.find(ctx, fmt.Sprintf("order %s of %s", ref, connector), whereOrder, string(ref), connector)
}

// PaymentByCapture returns the payment on which the connector's provider made the
// capture ref, or [ErrNotFound]. It fails if two payments claim it.
func (s *Store) PaymentByCapture(ctx context.Context, connector string, ref sdk.CaptureRef) (Record, error) {
	return s.find(ctx, fmt.Sprintf("capture %s of %s", ref, connector), whereCapture, string(ref), connector)
}

// PaymentByMove returns the payment that has the capture or refund operation id, or
// [ErrNotFound].
func (s *Store) PaymentByMove(ctx context.Context, id sdk.OperationID) (Record, error) {
	return s.find(ctx, "operation "+string(id), whereMove, string(id))
}

func (s *Store) find(ctx context.Context, what, where string, args ...any) (Record, error) {
	var found stored
	if err := s.db.ask(ctx, load(&found, where, args...)...); err != nil {
		return Record{}, fmt.Errorf("%s: %w", what, err)
	}
	return found.Record, nil
}

// Unsettled lists payments that somebody has to look at the provider for, the longest
// untouched first: those with an operation in doubt, and those that hold money though
// the host had closed them.
func (s *Store) Unsettled(ctx context.Context, limit int) ([]sdk.PaymentID, error) {
	return s.ids(ctx, `SELECT id FROM payments WHERE unsettled = 1 ORDER BY updated_at, seq LIMIT ?`, limit)
}

// A Mark is a place in the list of [Store.UnsettledBefore]. The zero Mark is before the
// first.
type Mark struct{ updatedAt, seq int64 }

// UnsettledBefore lists the payments of [Store.Unsettled] that nobody has changed since
// the given time, from a mark on, and the mark at which the list goes on. A list shorter
// than the limit was the last.
func (s *Store) UnsettledBefore(ctx context.Context, before time.Time, from Mark, limit int) ([]sdk.PaymentID, Mark, error) {
	var ids []sdk.PaymentID
	err := s.db.ask(ctx, question{
		query: `SELECT id, updated_at, seq FROM payments
			WHERE unsettled = 1 AND updated_at <= ? AND (updated_at, seq) > (?, ?) ORDER BY updated_at, seq LIMIT ?`,
		args: []any{before.UnixMicro(), from.updatedAt, from.seq, limit},
		scan: func(r row) error {
			var id sdk.PaymentID
			err := r.Scan(&id, &from.updatedAt, &from.seq)
			ids = append(ids, id)
			return err
		},
	})
	return ids, from, err
}

// OldestUnsettled is when the payment of [Store.Unsettled] was last changed that is
// untouched for the longest time; zero if there is none.
func (s *Store) OldestUnsettled(ctx context.Context) (time.Time, error) {
	var oldest micros
	err := s.db.ask(ctx, question{
		query: `SELECT min(updated_at) FROM payments WHERE unsettled = 1`,
		scan:  func(r row) error { return r.Scan(&oldest) },
	})
	return oldest.time(), err
}

// AwaitingApproval lists payments that wait for their buyer though their approval time
// ended at or before the given time, the longest overdue first.
func (s *Store) AwaitingApproval(ctx context.Context, before time.Time, limit int) ([]sdk.PaymentID, error) {
	return s.ids(ctx, `SELECT id FROM payments WHERE unapproved = 1 AND approval_expires_at <= ?
		ORDER BY approval_expires_at, seq LIMIT ?`, before.UnixMicro(), limit)
}

func (s *Store) ids(ctx context.Context, query string, args ...any) ([]sdk.PaymentID, error) {
	var ids []sdk.PaymentID
	err := s.db.ask(ctx, question{
		query: query, args: args,
		scan: func(r row) error {
			var id sdk.PaymentID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		},
	})
	return ids, err
}
