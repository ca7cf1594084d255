package settle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// An intent is a money operation that is about to be written down.
type intent struct {
	kind       sdk.Operation
	externalID string
	reason     string
	// plan fills in what the operation moves, from the newest view. Its error refuses
	// the operation. It runs again inside the transaction that writes the intent.
	plan func(rec *store.Record, v ledger.View, r ledger.Rules, op *ledger.Operation) *sdk.Error
}

// drive takes an operation on an existing payment the whole way.
func (e *Engine) drive(ctx context.Context, account string, id sdk.PaymentID, in intent, idem *store.Idempotency) (Done, error) {
	rec, err := e.owned(ctx, account, id)
	if err != nil {
		return Done{}, err
	}
	lease, err := e.Connectors.Acquire(ctx, rec.Connector)
	if err != nil {
		return Done{}, err
	}
	defer lease.Release()
	credentials, err := e.account(ctx, rec.Service)
	if err != nil {
		return Done{}, err
	}
	op := e.operation(in, lease)
	if err := e.check(&rec, in, &op, lease, credentials); err != nil {
		return Done{}, err
	}
	e.enter(id)
	defer e.leave(id)
	rec, err = e.change(ctx, id, idem, func(rec *store.Record) error {
		if err := begin(rec, in, &op, lease); err != nil {
			return err
		}
		if idem != nil {
			idem.Payment, idem.Operation = id, op.ID
		}
		return nil
	})
	if err != nil {
		return Done{}, err
	}
	rec, err = e.perform(ctx, rec, op, lease, credentials)
	if err != nil {
		return Done{}, err
	}
	return Done{Record: rec, Operation: *rec.Operation(op.ID)}, nil
}

// operation makes the record of an intent.
func (e *Engine) operation(in intent, lease *Lease) ledger.Operation {
	now := e.Now()
	id := uuid.NewString()
	return ledger.Operation{
		ID: sdk.OperationID(id), Kind: in.kind, Key: sdk.IdempotencyKey(id), Attempt: 1,
		ExternalID: in.externalID, Reason: in.reason, Release: lease.Digest,
		CreatedAt: now, UpdatedAt: now,
	}
}

// check refuses, before anything is written, what the connector could not or may not do.
func (e *Engine) check(rec *store.Record, in intent, op *ledger.Operation, lease *Lease, account sdk.Account) error {
	if !lease.Description.Operations.Has(in.kind) {
		return sdk.Unsupported(lease.Description.Manifest.Name, in.kind)
	}
	v := rec.View()
	if err := busy(rec, v); err != nil {
		return err
	}
	if err := in.plan(rec, v, lease.rules(), op); err != nil {
		return err
	}
	req, err := ask(rec, *op, account)
	if err != nil {
		return err
	}
	if refused := lease.Gate.Check(in.kind, req); refused != nil {
		return refused
	}
	return nil
}

// begin writes the intent, having looked at the newest record.
func begin(rec *store.Record, in intent, op *ledger.Operation, lease *Lease) error {
	v := rec.View()
	if err := busy(rec, v); err != nil {
		return err
	}
	before := *op
	if err := in.plan(rec, v, lease.rules(), op); err != nil {
		return err
	}
	if op.Amount != before.Amount || op.Capture != before.Capture {
		return &BusyError{Payment: rec.Payment.ID, Operation: op.Kind} // it changed between look and leap
	}
	rec.Operations = append(rec.Operations, *op)
	rec.Added = append(rec.Added, event("payment-connector-external-transaction-request", op.CreatedAt, map[string]any{
		"operation": op.ID, "kind": op.Kind, "amount": op.Amount.Minor, "currency": op.Amount.Currency,
		"connector": lease.Description.Manifest.Name, "release": lease.Digest,
	}))
	return nil
}

func busy(rec *store.Record, v ledger.View) error {
	if len(v.Unsettled) == 0 {
		return nil
	}
	return &BusyError{Payment: rec.Payment.ID, Operation: rec.Operation(v.Unsettled[0]).Kind}
}

// perform sends an operation whose intent is durable and writes down what came back.
// It goes on when the merchant hangs up: the answer has to be known.
func (e *Engine) perform(ctx context.Context, rec store.Record, op ledger.Operation, lease *Lease, account sdk.Account) (store.Record, error) {
	ctx = context.WithoutCancel(ctx)
	req, err := ask(&rec, op, account)
	if err != nil {
		return store.Record{}, err
	}
	callCtx, cancel := context.WithTimeout(ctx, e.CallTimeout)
	rep := send(callCtx, lease.Remote, req)
	cancel()
	rec, err = e.change(ctx, rec.Payment.ID, nil, func(rec *store.Record) error {
		record(rec, op.ID, rep, e.Now())
		return nil
	})
	if err != nil {
		return store.Record{}, fmt.Errorf("recording the answer to %s %s: %w", op.Kind, op.ID, err)
	}
	e.Logger.InfoContext(ctx, "operation answered", "payment_id", rec.Payment.ID, "operation_id", op.ID,
		"kind", op.Kind, "attempt", op.Attempt, "outcome", rec.Operation(op.ID).Outcome, "code", rec.Operation(op.ID).Code)
	return rec, nil
}

// change updates a record and tells of a status that changed with it.
func (e *Engine) change(ctx context.Context, id sdk.PaymentID, idem *store.Idempotency, fn func(*store.Record) error) (store.Record, error) {
	return e.Store.Update(ctx, id, idem, func(rec *store.Record) error {
		before := rec.Status(rec.View())
		if err := fn(rec); err != nil {
			return err
		}
		v := rec.View()
		if after := rec.Status(v); after != before {
			rec.Added = append(rec.Added, event("transaction-updated-status", e.Now(), map[string]any{
				"from": before, "to": after, "error_code": v.Reason.ErrorCode(),
			}))
		}
		return nil
	})
}

// rules are the connector's facts that decide which operations are legal.
func (l *Lease) rules() ledger.Rules { return ledger.RulesOf(l.Description.Manifest.Features) }

// owned loads a payment of the given merchant account.
func (e *Engine) owned(ctx context.Context, account string, id sdk.PaymentID) (store.Record, error) {
	rec, err := e.Store.Payment(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	if rec.MerchantAccount != account {
		return store.Record{}, store.ErrNotFound
	}
	return rec, nil
}

// account is the credentials that a call on this payment service carries.
func (e *Engine) account(ctx context.Context, service string) (sdk.Account, error) {
	svc, err := e.Store.Service(ctx, service)
	if err != nil {
		return sdk.Account{}, fmt.Errorf("loading payment service %s: %w", service, err)
	}
	return AccountOf(svc), nil
}

// AccountOf is what a connector is told of a payment service.
func AccountOf(svc store.PaymentService) sdk.Account {
	return sdk.Account{
		ID: svc.ID, Revision: svc.Revision, Mode: svc.Mode, Config: svc.Config, Secrets: svc.Secrets,
	}
}

func (e *Engine) enter(id sdk.PaymentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inFlight[id]++
}

func (e *Engine) leave(id sdk.PaymentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inFlight[id]--; e.inFlight[id] <= 0 {
		delete(e.inFlight, id)
	}
}

// busyHere reports whether this process has a call on the way for the payment.
func (e *Engine) busyHere(id sdk.PaymentID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.inFlight[id] > 0
}

// unavailable reports whether err says that a provider or connector cannot be
// reached now, rather than that something is wrong.
func unavailable(err error) bool {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return false
	}
	switch e.Category() {
	case sdk.CategoryProviderUnavailable, sdk.CategoryProviderAmbiguous, sdk.CategoryRateLimit, sdk.CategoryPlugin:
		return true
	case sdk.CategoryValidation, sdk.CategoryCapability, sdk.CategoryState, sdk.CategoryIdempotency,
		sdk.CategoryAuthentication, sdk.CategoryCustomerAction, sdk.CategoryDeclineSoft, sdk.CategoryDeclineHard,
		sdk.CategoryRisk, sdk.CategoryCreditDecision, sdk.CategoryIntegrity, sdk.CategoryWebhook, sdk.CategoryUnmapped:
	}
	return false
}

// wait is when a payment is to be looked at again, and how often it has been.
type wait struct {
	at    time.Time
	times int
}
