package settle

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// schedule is how long to wait before each further look at a payment in doubt. After
// the last step it is looked at once a day and its story says that it needs a person.
var schedule = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// sweepBatch bounds how many payments one sweep takes on, and sweepWorkers how many
// of them at once.
const (
	sweepBatch   = 200
	sweepWorkers = 4
)

// Run settles what is in doubt and closes what the buyer let lapse, until ctx ends.
// It returns when all its work has stopped.
func (e *Engine) Run(ctx context.Context) {
	ticker := time.NewTicker(e.Sweep)
	defer ticker.Stop()
	for {
		e.SweepOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// SweepOnce looks once at every payment that is due.
func (e *Engine) SweepOnce(ctx context.Context) {
	e.each(ctx, "unsettled", e.Store.Unsettled, e.settleDue)
	overdue := func(ctx context.Context, limit int) ([]sdk.PaymentID, error) {
		return e.Store.AwaitingApproval(ctx, e.Now(), limit)
	}
	e.each(ctx, "awaiting approval", overdue, e.expire)
}

// each runs work over the payments that list names, a few at a time.
func (e *Engine) each(ctx context.Context, what string, list func(context.Context, int) ([]sdk.PaymentID, error), work func(context.Context, sdk.PaymentID) error) {
	ids, err := list(ctx, sweepBatch)
	if err != nil {
		if ctx.Err() == nil {
			e.Logger.ErrorContext(ctx, "listing payments", "what", what, "error", err)
		}
		return
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, sweepWorkers)
	for _, id := range ids {
		if ctx.Err() != nil || e.busyHere(id) {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if err := work(ctx, id); err != nil && ctx.Err() == nil {
				e.Logger.WarnContext(ctx, "payment is still unsettled", "what", what, "payment_id", id, "error", err)
			}
		})
	}
	wg.Wait()
}

// settleDue settles a payment if its next look is due, and sets the one after.
func (e *Engine) settleDue(ctx context.Context, id sdk.PaymentID) error {
	e.mu.Lock()
	w := e.due[id]
	if e.Now().Before(w.at) {
		e.mu.Unlock()
		return nil
	}
	step := schedule[min(w.times, len(schedule)-1)]
	e.due[id] = wait{at: e.Now().Add(step), times: w.times + 1}
	e.mu.Unlock()
	settled, err := e.Settle(ctx, id)
	if settled {
		e.mu.Lock()
		delete(e.due, id)
		e.mu.Unlock()
		return nil
	}
	if w.times+1 == len(schedule) {
		_, noteErr := e.change(ctx, id, nil, func(rec *store.Record) error {
			rec.Added = append(rec.Added, event("settlement-needs-operator", e.Now(), map[string]any{"looks": w.times + 1}))
			return nil
		})
		err = errors.Join(err, noteErr)
	}
	return err
}

// expire closes a payment whose buyer did not approve in time, having asked the
// provider first: an approval in the last second is an approval.
func (e *Engine) expire(ctx context.Context, id sdk.PaymentID) error {
	rec, err := e.Look(ctx, id, SourceSettle)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !unavailable(err) {
		return err
	}
	if err != nil && e.Now().Before(rec.Payment.ApprovalExpiresAt.Add(e.CallTimeout)) {
		return err // ask again before giving up on asking
	}
	_, err = e.Close(ctx, id, ledger.ClosedExpired)
	return err
}
