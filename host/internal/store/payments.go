package store

import (
	"context"
	"errors"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Create keeps a new payment with its operations and events, and the idempotency key
// that asked for it, in one transaction. It fails with a [*KeyUsedError] if idem,
// which may be nil, names a key that is in use, and with [ErrExists] if the payment's
// id or reference is taken. It sets rec.UpdatedAt, idem.CreatedAt, trims every time to
// the microsecond, and empties rec.Added.
func (s *Store) Create(ctx context.Context, rec *Record, idem *Idempotency) error {
	return errors.ErrUnsupported
}

// Update changes one payment: it reads the newest record, hands it to change, and
// keeps what change made of it, with nobody else changing the payment in between. It
// returns the record as kept.
//
// An error of change is returned as it is and nothing is changed. With idem, Update
// fails with a [*KeyUsedError], before change runs, if its key is in use; otherwise
// the key is kept in the same transaction, as change left it, so change may set
// idem.Operation. change runs at most once, in the caller's goroutine; it must not
// call the store to change the same payment, and should be quick. It may add
// operations, alter them, fold truth, close the payment, and alter ExternalID and
// Metadata; it must not remove operations or alter what was fixed at creation.
func (s *Store) Update(
	ctx context.Context, id sdk.PaymentID, idem *Idempotency, change func(*Record) error,
) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// Payment returns a payment, or [ErrNotFound].
func (s *Store) Payment(ctx context.Context, id sdk.PaymentID) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// PaymentByReference returns the payment with our reference, or [ErrNotFound].
func (s *Store) PaymentByReference(ctx context.Context, ref sdk.Reference) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// PaymentByOrder returns the payment that the connector's provider calls ref, or
// [ErrNotFound]. It fails if two payments claim to be it.
func (s *Store) PaymentByOrder(ctx context.Context, connector string, ref sdk.OrderRef) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// PaymentByCapture returns the payment on which the connector's provider made the
// capture ref, or [ErrNotFound]. It fails if two payments claim it.
func (s *Store) PaymentByCapture(ctx context.Context, connector string, ref sdk.CaptureRef) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// PaymentByMove returns the payment that has the capture or refund operation id, or
// [ErrNotFound].
func (s *Store) PaymentByMove(ctx context.Context, id sdk.OperationID) (Record, error) {
	return Record{}, errors.ErrUnsupported
}

// Unsettled lists payments that somebody has to look at the provider for, the longest
// untouched first: those with an operation in doubt, and those that hold money though
// the host had closed them.
func (s *Store) Unsettled(ctx context.Context, limit int) ([]sdk.PaymentID, error) {
	return nil, errors.ErrUnsupported
}

// AwaitingApproval lists payments that wait for their buyer though their approval time
// ended at or before the given time, the longest overdue first.
func (s *Store) AwaitingApproval(ctx context.Context, before time.Time, limit int) ([]sdk.PaymentID, error) {
	return nil, errors.ErrUnsupported
}

// Events returns what happened to a payment, newest first: at most limit events
// (1 to 100), from where cursor says, and the cursor of the next ones, "" if there are
// none. A payment that does not exist has no events.
func (s *Store) Events(ctx context.Context, id sdk.PaymentID, limit int, cursor string) ([]Event, string, error) {
	return nil, "", errors.ErrUnsupported
}
