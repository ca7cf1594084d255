package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// An intent is a money operation that is about to be written down.
type intent struct {
	kind       sdk.Operation
	final      bool
	externalID string
	reason     string
	// plan says what is moved, from the newest view: one leg, or several for a refund
	// that has to be split. Its error refuses the operation. It runs again inside the
	// transaction that writes the intent.
	plan func(rec *store.Record, v ledger.View, r ledger.Rules) ([]ledger.Leg, *sdk.Error)
}

// drive takes an operation on an existing payment the whole way.
func (e *Engine) drive(ctx context.Context, account string, id sdk.PaymentID, in intent, idem *store.Idempotency) (Done, error) {
	rec, err := e.owned(ctx, account, id)
	if err != nil {
		return Done{}, err
	}
	lease, err := e.acquire(ctx, rec.Connector, sdk.Call{PaymentID: id, Attempt: 1})
	if err != nil {
		return Done{}, err
	}
	defer lease.Release()
	credentials, err := e.account(ctx, rec.Service)
	if err != nil {
		return Done{}, err
	}
	ops, err := e.check(&rec, in, lease, credentials)
	if err != nil {
		return Done{}, err
	}
	e.enter(id)
	defer e.leave(id)
	rec, err = e.change(ctx, id, idem, func(rec *store.Record) error {
		if err := begin(rec, in, ops, lease); err != nil {
			return err
		}
		if idem != nil {
			idem.Payment, idem.Operation = id, ops[0].ID
		}
		return nil
	})
	if err != nil {
		return Done{}, err
	}
	if rec, err = e.performAll(ctx, rec, ops, lease, credentials); err != nil {
		return Done{}, err
	}
	return Done{Record: rec, Operation: *rec.Operation(ops[0].ID)}, nil
}

// operations makes the records of an intent, one for each leg. The id of a later leg
// follows from that of the first.
func (e *Engine) operations(in intent, legs []ledger.Leg, currency sdk.Currency, release string) []ledger.Operation {
	now := e.Now()
	first := uuid.New()
	ops := make([]ledger.Operation, len(legs))
	for i, leg := range legs {
		id, part := first.String(), sdk.OperationID("")
		if i > 0 {
			id = uuid.NewSHA1(first, fmt.Appendf(nil, "leg %d", i)).String()
			part = ops[0].ID
		}
		ops[i] = ledger.Operation{
			ID: sdk.OperationID(id), Kind: in.kind, Key: sdk.IdempotencyKey(id), Attempt: 1,
			Amount: sdk.Money{Minor: leg.Amount, Currency: currency}, Capture: leg.Capture, Final: in.final,
			PartOf: part, ExternalID: in.externalID, Reason: in.reason, Release: release,
			CreatedAt: now, UpdatedAt: now,
		}
	}
	return ops
}

// check refuses, before anything is written, what the connector could not or may not
// do, and says what is to be written otherwise.
func (e *Engine) check(rec *store.Record, in intent, lease *Lease, account sdk.Account) ([]ledger.Operation, error) {
	if !lease.Description.Operations.Has(in.kind) {
		return nil, sdk.Unsupported(lease.Description.Manifest.Name, in.kind)
	}
	v := rec.View()
	if err := busy(rec, v); err != nil {
		return nil, err
	}
	legs, refused := in.plan(rec, v, lease.rules())
	if refused != nil {
		return nil, refused
	}
	ops := e.operations(in, legs, rec.Payment.Amount.Currency, lease.Digest)
	for _, op := range ops {
		req, err := ask(rec, op, account)
		if err != nil {
			return nil, err
		}
		if refused := lease.Gate.Check(in.kind, req); refused != nil {
			return nil, refused
		}
	}
	return ops, nil
}

// begin writes the intent, having looked at the newest record.
func begin(rec *store.Record, in intent, ops []ledger.Operation, lease *Lease) error {
	v := rec.View()
	if err := busy(rec, v); err != nil {
		return err
	}
	legs, refused := in.plan(rec, v, lease.rules())
	if refused != nil {
		return refused
	}
	if !same(legs, ops) {
		return &BusyError{Payment: rec.Payment.ID, Operation: in.kind} // it changed between look and leap
	}
	rec.Operations = append(rec.Operations, ops...)
	for _, op := range ops {
		rec.Added = append(rec.Added, requested(op, lease))
	}
	return nil
}

// same reports whether the operations are those that the legs ask for.
func same(legs []ledger.Leg, ops []ledger.Operation) bool {
	return slices.EqualFunc(legs, ops, func(l ledger.Leg, op ledger.Operation) bool {
		return l.Capture == op.Capture && l.Amount == op.Amount.Minor
	})
}

// requested is the event that tells of a request that is about to leave.
func requested(op ledger.Operation, lease *Lease) store.Event {
	return event("payment-connector-external-transaction-request", op.UpdatedAt, map[string]any{
		"operation": op.ID, "kind": op.Kind, "attempt": op.Attempt, "amount": op.Amount.Minor, "currency": op.Amount.Currency,
		"connector": lease.Description.Manifest.Name, "release": lease.Digest,
	})
}

// performAll sends the legs one after the other. Once a leg is refused, those after it
// are not sent; once one is in doubt, they wait until settling gets to them.
func (e *Engine) performAll(ctx context.Context, rec store.Record, ops []ledger.Operation, lease *Lease, account sdk.Account) (store.Record, error) {
	for i, op := range ops {
		var err error
		if rec, err = e.perform(ctx, rec, op, lease, account); err != nil {
			return rec, err
		}
		switch rec.Operation(op.ID).Outcome {
		case sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction:
		case sdk.OutcomeUnknown:
			return rec, nil
		case sdk.OutcomeDeclined, sdk.OutcomeNotAttempted:
			return e.abandon(ctx, rec, ops[i+1:], rec.Operation(op.ID).Code)
		}
	}
	return rec, nil
}

// abandon closes legs that were written down and will not be sent.
func (e *Engine) abandon(ctx context.Context, rec store.Record, ops []ledger.Operation, why sdk.Code) (store.Record, error) {
	if len(ops) == 0 {
		return rec, nil
	}
	return e.keep(ctx, rec.Payment.ID, func(rec *store.Record) error {
		for _, op := range ops {
			leg := rec.Operation(op.ID)
			leg.Outcome, leg.Code, leg.UpdatedAt = sdk.OutcomeNotAttempted, why, e.Now()
			rec.Added = append(rec.Added, answered(leg, reply{}, e.Now()))
		}
		return nil
	})
}

func busy(rec *store.Record, v ledger.View) error {
	if len(v.InDoubt) == 0 {
		return nil
	}
	return &BusyError{Payment: rec.Payment.ID, Operation: rec.Operation(v.InDoubt[0]).Kind}
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
	rep := e.deliver(callCtx, rec, lease, req)
	cancel()
	rec, err = e.keep(ctx, rec.Payment.ID, func(rec *store.Record) error {
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

// deliver sends a request to the connector that is leased. If that process has just died
// and the request never left this host, it is sent to the one that takes its place, if
// that runs the same release: merchants need not notice.
func (e *Engine) deliver(ctx context.Context, rec store.Record, lease *Lease, req any) reply {
	rep := send(ctx, lease.Remote, req)
	if failed, ok := errors.AsType[*sdk.Error](rep.err); !ok || failed.Code != sdk.CodePluginUnavailable {
		return rep
	}
	next, err := e.acquire(ctx, rec.Connector, sdk.Call{PaymentID: rec.Payment.ID, Attempt: 1})
	if err != nil {
		return rep // what it said was true
	}
	defer next.Release()
	if next.Digest != lease.Digest {
		return rep
	}
	return send(ctx, next.Remote, req)
}

// change updates a record, tells of a status that changed with it, and calls for the jobs
// that its new standing needs.
func (e *Engine) change(ctx context.Context, id sdk.PaymentID, idem *store.Idempotency, fn func(*store.Record) error) (store.Record, error) {
	return e.Store.Update(ctx, id, idem, func(rec *store.Record) error {
		v := rec.View()
		before, stood := rec.Status(v), standingOf(&rec.Ledger, v)
		if err := fn(rec); err != nil {
			return err
		}
		v = rec.View()
		if after := rec.Status(v); after != before {
			rec.Added = append(rec.Added, event("transaction-updated-status", e.Now(), map[string]any{
				"from": before, "to": after, "error_code": v.Reason.ErrorCode(),
			}))
		}
		rec.Jobs = append(rec.Jobs, e.calls(rec, stood, standingOf(&rec.Ledger, v))...)
		return nil
	})
}

// rules are the connector's facts that decide which operations are legal.
func (l *Lease) rules() ledger.Rules { return ledger.RulesOf(l.Description.Manifest) }

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
