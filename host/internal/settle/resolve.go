package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// Settle tries once to learn how a payment's open operations ended, and lets go of a
// hold that a buyer approved too late. It reports whether nothing is left to do. It
// never invents an end, and does nothing while a call for the payment may be on its way.
func (e *Engine) Settle(ctx context.Context, id sdk.PaymentID) (bool, error) {
	rec, err := e.Store.Payment(ctx, id)
	if err != nil || e.UnderWay(&rec) > 0 {
		return false, err
	}
	return e.settle(ctx, rec, e.CallTimeout)
}

// settle is Settle with a look that may take so long.
func (e *Engine) settle(ctx context.Context, rec store.Record, patience time.Duration) (bool, error) {
	rec, found, blind := e.look(ctx, rec, SourceSettle, patience)
	if blind != nil && !tookTooLong(blind) {
		return false, blind
	}
	var err error
	for _, op := range rec.View().Unsettled {
		if rec, err = e.resolve(ctx, rec, op, found); err != nil {
			return false, err
		}
	}
	v := rec.View()
	if len(v.Unsettled) > 0 || blind != nil {
		return false, blind
	}
	if v.LateApproval && v.Open() > 0 {
		return e.letGo(ctx, rec)
	}
	return true, nil
}

// tookTooLong reports whether a lookup found no end in its time, as where a provider can
// only be searched and has very much to search.
func tookTooLong(err error) bool {
	failed, ok := errors.AsType[*sdk.Error](err)
	return ok && (failed.Code == sdk.CodeReadTimeout || failed.Code == sdk.CodeExpiredInQueue)
}

// resolve deals with one operation that a fresh lookup did not settle.
func (e *Engine) resolve(ctx context.Context, rec store.Record, id sdk.OperationID, found sdk.PaymentFinding) (store.Record, error) {
	op := *rec.Operation(id)
	if op.Outcome == sdk.OutcomePending && op.Code != sdk.CodeKeyInProgress {
		return rec, nil // the provider has it; it will say
	}
	lease, err := e.acquire(ctx, rec.Connector, sdk.Call{
		OperationID: op.ID, PaymentID: rec.Payment.ID, Attempt: op.Attempt + 1,
	})
	if err != nil {
		return rec, err
	}
	defer lease.Release()
	manifest := lease.Description.Manifest
	fact := manifest.Idempotency[op.Kind]
	remembered := fact.KeyLifetime == 0 || e.Now().Sub(op.CreatedAt) < time.Duration(fact.KeyLifetime)
	byKey := fact.Mode == sdk.IdempotencyNative && remembered
	decided := absent(op, found, manifest) || byKey && asksForPage(op, rec.Method, manifest)
	if e.Now().Sub(op.UpdatedAt) <= time.Duration(manifest.VisibilityDelay) || !decided {
		return rec, nil // not seeing it proves nothing yet
	}
	switch {
	case byKey, fact.Mode == sdk.IdempotencyLookup:
		return e.sendAgain(ctx, rec, op, lease)
	case fact.Mode == sdk.IdempotencyNative && !(op.Kind == sdk.OpAuthorize && found.Found):
		return e.giveUp(ctx, rec, op)
	}
	return rec, nil
}

// absent reports whether the lookup proves that the operation has had no effect: what it
// says nothing of it proves nothing about. An authorization that is there but whose
// approval page is not known counts: sent again with its key, it tells the page.
func absent(op ledger.Operation, found sdk.PaymentFinding, m sdk.Manifest) bool {
	if !found.Found {
		return found.Authoritative
	}
	says := found.Payment != nil && m.Features.NotFoundAuthoritative
	switch op.Kind {
	case sdk.OpAuthorize:
		return true
	case sdk.OpCapture:
		return says && found.Payment.Captured != nil
	case sdk.OpRefund:
		return says && found.Payment.Refunded != nil
	case sdk.OpVoid, sdk.OpCancel:
		return says && found.Payment.State != "" && found.Payment.State != sdk.StateUnknown
	case sdk.OpIncrement, sdk.OpCheckCredentials, sdk.OpFindPayment, sdk.OpFindRefund, sdk.OpReadWebhook,
		sdk.OpRegisterWebhook, sdk.OpTokenize, sdk.OpDeleteToken, sdk.OpZeroAuthorize:
	}
	return false
}

// asksForPage reports whether an operation is to bring the page on which the buyer
// approves. Until he does, no money moves; and whether the provider has the order or not,
// what comes next is the same: the request again, with its key, which tells the page. So
// there is nothing that a lookup would have to prove.
func asksForPage(op ledger.Operation, method string, m sdk.Manifest) bool {
	return op.Kind == sdk.OpAuthorize && slices.ContainsFunc(m.Methods, func(of sdk.PaymentMethod) bool {
		return of.Name == method && of.Flow == sdk.FlowRedirect
	})
}

// sendAgain repeats the identical request with the same key.
func (e *Engine) sendAgain(ctx context.Context, rec store.Record, op ledger.Operation, lease *Lease) (store.Record, error) {
	id := rec.Payment.ID
	account, err := e.account(ctx, rec.Service)
	if err != nil {
		return rec, err
	}
	e.enter(id)
	defer e.leave(id)
	var again ledger.Operation
	rec, err = e.change(ctx, id, nil, func(rec *store.Record) error {
		now := rec.Operation(op.ID)
		if now.Outcome.Settled() || now.Attempt != op.Attempt {
			return &BusyError{Payment: id, Operation: op.Kind}
		}
		now.Attempt++
		now.Outcome, now.UpdatedAt = "", e.Now() // it is on its way again
		again = *now
		rec.Added = append(rec.Added, requested(again, lease))
		return nil
	})
	if err != nil {
		return rec, err
	}
	return e.perform(ctx, rec, again, lease, account)
}

// giveUp records that an operation never took effect: the provider, whose word on it
// is final, has nothing, and it is too late to send it again.
func (e *Engine) giveUp(ctx context.Context, rec store.Record, op ledger.Operation) (store.Record, error) {
	return e.change(ctx, rec.Payment.ID, nil, func(rec *store.Record) error {
		now := rec.Operation(op.ID)
		if now.Outcome.Settled() {
			return nil
		}
		now.Outcome, now.Code, now.UpdatedAt = sdk.OutcomeNotAttempted, sdk.CodeNotFound, e.Now()
		rec.Added = append(rec.Added, answered(now, reply{}, e.Now()))
		return nil
	})
}

// letGo voids a hold that appeared after the payment had been closed.
func (e *Engine) letGo(ctx context.Context, rec store.Record) (bool, error) {
	done, err := e.void(ctx, rec.MerchantAccount, rec.Payment.ID, "approved after the payment was closed", nil)
	if err != nil {
		if busy := (*BusyError)(nil); errors.As(err, &busy) {
			return false, nil
		}
		return false, fmt.Errorf("letting go of a late approval: %w", err)
	}
	return done.Operation.Outcome == sdk.OutcomeSucceeded, nil
}
