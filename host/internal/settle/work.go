package settle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// The kinds of jobs. The subject of the first four is a payment.
const (
	KindSettle        = "settle"               // learn how an operation in doubt ended
	KindApproval      = "approval-expiry"      // stop waiting for the buyer
	KindLateApproval  = "late-approval"        // look whether the buyer approved all the same
	KindAuthorization = "authorization-expiry" // look whether what was held is let go
	KindSweep         = "sweep"                // find what no job looks after
	KindKeys          = "expire-keys"          // forget old idempotency keys
)

// Kinds says how the engine's jobs are done.
func (e *Engine) Kinds() []jobs.Kind {
	// A look asks the provider, and may send an operation or two again.
	timeout := e.unhurried() + 3*e.CallTimeout
	payment := func(name string, workers int, work func(context.Context, store.Record, jobs.Job) (jobs.Next, error)) jobs.Kind {
		return jobs.Kind{Name: name, Workers: workers, Timeout: timeout, Work: func(ctx context.Context, job jobs.Job) (jobs.Next, error) {
			rec, err := e.Store.Payment(ctx, sdk.PaymentID(job.Subject))
			if errors.Is(err, store.ErrNotFound) {
				return jobs.Next{}, nil // it is not in this database, nor will it be
			}
			if err != nil {
				return jobs.Next{}, err
			}
			if wait := e.UnderWay(&rec); wait > 0 {
				return jobs.Next{In: wait, Uncounted: true}, nil
			}
			return work(ctx, rec, job)
		}}
	}
	return []jobs.Kind{
		payment(KindSettle, 128, e.settleJob),
		payment(KindApproval, 32, e.approvalJob),
		payment(KindLateApproval, 8, e.lateApprovalJob),
		payment(KindAuthorization, 8, e.authorizationJob),
		{Name: KindSweep, Workers: 1, Timeout: time.Minute, Every: e.Sweep, Work: e.sweepJob},
		{Name: KindKeys, Workers: 1, Timeout: time.Minute, Every: time.Minute, Work: e.keysJob},
	}
}

// settleJob looks at a payment in doubt, and says when to look again.
func (e *Engine) settleJob(ctx context.Context, rec store.Record, job jobs.Job) (jobs.Next, error) {
	if is := standingOf(&rec.Ledger, rec.View()); len(rec.View().Unsettled) == 0 && !is.letGo {
		return jobs.Next{}, nil // somebody else learned it
	}
	settled, err := e.settle(ctx, rec, e.unhurried())
	if settled && err == nil {
		return jobs.Next{}, nil
	}
	look := job.Tries + 1
	wait, needsPerson := e.Looks.after(look)
	if absent := notAsked(err); absent {
		// Nobody was asked, so this was no look. The provider may be asked any minute.
		return jobs.Next{In: min(wait, notAskedWait), Uncounted: look >= len(e.Looks)-1}, err
	}
	if needsPerson {
		err = errors.Join(err, e.callForPerson(ctx, rec.Payment.ID, look))
	}
	return jobs.Next{In: wait}, err
}

// notAskedWait is the longest wait before the next look while no connector can be asked.
const notAskedWait = 10 * time.Minute

// notAsked reports whether err says that no connector took the call.
func notAsked(err error) bool {
	failed, ok := errors.AsType[*sdk.Error](err)
	return ok && (failed.Category() == sdk.CategoryPlugin || failed.Category() == sdk.CategoryRateLimit)
}

// callForPerson says in a payment's story that nobody knows how it ended, unless the
// provider has all of it and only takes its time.
func (e *Engine) callForPerson(ctx context.Context, id sdk.PaymentID, looks int) error {
	_, err := e.change(ctx, id, nil, func(rec *store.Record) error {
		if v := rec.View(); len(v.InDoubt) > 0 || (v.LateApproval && v.Open() > 0) {
			rec.Added = append(rec.Added, event("settlement-needs-operator", e.Now(), map[string]any{"looks": looks}))
		}
		return nil
	})
	return err
}

// approvalJob closes a payment whose buyer did not approve in time, having asked the
// provider first: an approval in the last second is an approval.
func (e *Engine) approvalJob(ctx context.Context, rec store.Record, job jobs.Job) (jobs.Next, error) {
	if !waitsForBuyer(rec.View()) {
		return jobs.Next{}, nil
	}
	deadline := rec.Payment.ApprovalExpiresAt
	if left := deadline.Sub(e.Now()); left > 0 {
		return jobs.Next{In: left, Uncounted: true}, nil
	}
	rec, _, err := e.look(ctx, rec, SourceSettle, e.unhurried())
	if err != nil && !unavailable(err) {
		wait, _ := e.Looks.after(job.Tries)
		return jobs.Next{In: wait}, err
	}
	if err != nil && e.Now().Before(deadline.Add(e.CallTimeout)) {
		return jobs.Next{In: e.Looks[0], Uncounted: true}, err // ask again before giving up on asking
	}
	if rec, err = e.Close(ctx, rec.Payment.ID, ledger.ClosedExpired); err != nil {
		return jobs.Next{}, err
	}
	if !waitsForBuyer(rec.View()) {
		return jobs.Next{}, nil
	}
	wait, _ := e.Looks.after(job.Tries + 1) // the provider has it and is at work on it
	return jobs.Next{In: wait}, nil
}

// lateLooks is how long to wait before each look at a payment that was closed while its
// buyer could still approve it. Webhooks and syncs tell of a late approval too; the looks
// are for when they do not.
var lateLooks = []time.Duration{
	2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// lateApprovalJob looks whether the buyer approved a payment after it was closed. If so,
// what was seen calls for the job that lets the hold go. The looks end when the provider
// says that nothing can be approved any more, or, some time after the approval page was to
// expire, with a word in the story.
func (e *Engine) lateApprovalJob(ctx context.Context, rec store.Record, job jobs.Job) (jobs.Next, error) {
	over := func(rec *store.Record) bool {
		return rec.Closing == nil || rec.View().Authorized > 0 || ended(rec.Truth.State)
	}
	if over(&rec) {
		return jobs.Next{}, nil
	}
	rec, found, err := e.look(ctx, rec, SourceSettle, e.unhurried())
	if err == nil && (over(&rec) || (!found.Found && found.Authoritative)) {
		return jobs.Next{}, nil
	}
	look := job.Tries + 1
	if look < len(lateLooks) {
		return jobs.Next{In: lateLooks[look]}, err
	}
	if next := rec.Truth.Next; next != nil && !e.Now().After(next.ExpiresAt) {
		return jobs.Next{In: next.ExpiresAt.Sub(e.Now()) + lateLooks[0]}, err
	}
	if err != nil {
		return jobs.Next{In: lateLooks[len(lateLooks)-1]}, err // the last look is one that was taken
	}
	return jobs.Next{}, e.tell(ctx, rec.Payment.ID, "approval-still-possible", map[string]any{
		"looks": look, "state": rec.Truth.State, "provider": rec.Truth.Provider,
	})
}

// holdLooks is how often a hold that outlives its time is looked at, once a day.
const holdLooks = 30

// authorizationJob looks at a hold whose time is over. What the provider says is what is
// true: if it has let go, that is folded in; if it still holds the money, that is left as
// it is and told in the story, once.
func (e *Engine) authorizationJob(ctx context.Context, rec store.Record, job jobs.Job) (jobs.Next, error) {
	if !standingOf(&rec.Ledger, rec.View()).held {
		return jobs.Next{}, nil
	}
	if left := e.holdEnds(&rec).Sub(e.Now()); left > 0 {
		return jobs.Next{In: left, Uncounted: true}, nil
	}
	rec, _, err := e.look(ctx, rec, SourceSettle, e.unhurried())
	if err != nil {
		wait, _ := e.Looks.after(3)
		return jobs.Next{In: wait, Uncounted: true}, err
	}
	v := rec.View()
	if !standingOf(&rec.Ledger, v).held || job.Tries+1 >= holdLooks {
		return jobs.Next{}, nil
	}
	if left := e.holdEnds(&rec).Sub(e.Now()); left > 0 {
		return jobs.Next{In: left, Uncounted: true}, nil // the provider has prolonged it
	}
	if job.Tries == 0 {
		err = e.tell(ctx, rec.Payment.ID, "authorization-outlived", map[string]any{
			"amount": v.Open(), "currency": rec.Payment.Amount.Currency, "ended": e.holdEnds(&rec), "provider": rec.Truth.Provider,
		})
	}
	return jobs.Next{In: 24 * time.Hour}, err
}

// tell adds an event to a payment's story.
func (e *Engine) tell(ctx context.Context, id sdk.PaymentID, name string, facts map[string]any) error {
	_, err := e.change(ctx, id, nil, func(rec *store.Record) error {
		rec.Added = append(rec.Added, event(name, e.Now(), facts))
		return nil
	})
	return err
}

// sweepPage is how many payments are looked through at once.
const sweepPage = 500

// sweepJob finds payments that have to be looked at and that no job looks after: those of
// a host that died between an intent and its answer, and those of times before there were
// jobs. It goes on as long as it finds some.
func (e *Engine) sweepJob(ctx context.Context, _ jobs.Job) (jobs.Next, error) {
	before := e.Now()
	if e.Shared {
		before = before.Add(-e.CallTimeout - skew) // what is younger may be on its way
	}
	var from store.Mark
	for {
		ids, next, err := e.Store.UnsettledBefore(ctx, before, from, sweepPage)
		if err != nil {
			return jobs.Next{}, fmt.Errorf("listing unsettled payments: %w", err)
		}
		if err := e.lookAfter(ctx, KindSettle, ids); err != nil {
			return jobs.Next{}, err
		}
		if len(ids) < sweepPage {
			break
		}
		from = next
	}
	overdue, err := e.Store.AwaitingApproval(ctx, e.Now().Add(-2*e.CallTimeout-skew), sweepPage)
	if err != nil {
		return jobs.Next{}, fmt.Errorf("listing overdue approvals: %w", err)
	}
	return jobs.Next{}, e.lookAfter(ctx, KindApproval, overdue)
}

// lookAfter has a job look at each of the payments that has none and no call on its way
// from here.
func (e *Engine) lookAfter(ctx context.Context, kind string, ids []sdk.PaymentID) error {
	var subjects []string
	for _, id := range ids {
		if !e.busyHere(id) {
			subjects = append(subjects, string(id))
		}
	}
	alone, err := e.Jobs.Without(ctx, kind, subjects)
	if err != nil {
		return err
	}
	list := make([]store.Job, len(alone))
	for i, subject := range alone {
		list[i] = store.Job{Kind: kind, Subject: subject}
	}
	added, err := e.Jobs.Add(ctx, list...)
	if err != nil {
		return fmt.Errorf("calling for looks at %d payments: %w", len(list), err)
	}
	if added > 0 {
		e.Logger.InfoContext(ctx, "payments that nobody looked after", "kind", kind, "count", added)
	}
	return nil
}

// keysPage is how many keys are forgotten in one change.
const keysPage = 250

// keysJob forgets idempotency keys that have become too old, until none is left.
func (e *Engine) keysJob(ctx context.Context, _ jobs.Job) (jobs.Next, error) {
	for {
		n, err := e.Store.ExpireIdempotency(ctx, keysPage)
		if err != nil {
			return jobs.Next{}, fmt.Errorf("forgetting idempotency keys: %w", err)
		}
		if n < keysPage {
			return jobs.Next{}, nil
		}
	}
}
