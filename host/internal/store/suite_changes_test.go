package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

func failedChangeChangesNothing(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := create(t, s, newPayment())
	refusal := errors.New("no")
	idem := &Idempotency{MerchantAccount: "default", Scope: "capture", Key: "k"}
	_, err := s.Update(t.Context(), rec.Payment.ID, idem, func(r *Record) error {
		r.Operations[0].Outcome = sdk.OutcomeSucceeded
		r.ExternalID, r.Metadata = "changed", map[string]string{"a": "b"}
		r.Added = append(r.Added, Event{ID: "e", Name: "n"})
		return refusal
	})
	if err != refusal { //nolint:errorlint // it must come back as it is
		t.Errorf("error = %v, want the change's own", err)
	}
	same(t, "payment", read(t, s, rec.Payment.ID), *rec)
	if _, err := s.Idempotency(t.Context(), "default", "capture", "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("key: error = %v, want ErrNotFound", err)
	}
	_, err = s.Update(t.Context(), "nobody", nil, func(*Record) error { t.Error("changed nobody"); return nil })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("payment that does not exist: error = %v, want ErrNotFound", err)
	}
}

func refusesToAlterWhatWasFixed(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := create(t, s, newPayment())
	tests := map[string]func(*Record){
		"the payment's id":          func(r *Record) { r.Payment.ID = "other" },
		"the reference":             func(r *Record) { r.Payment.Reference = "other" },
		"the amount":                func(r *Record) { r.Payment.Amount.Minor++ },
		"the currency":              func(r *Record) { r.Payment.Amount.Currency = "USD" },
		"the intent":                func(r *Record) { r.Payment.Intent = sdk.CaptureAutomatic },
		"the creation":              func(r *Record) { r.Payment.CreatedAt = r.Payment.CreatedAt.Add(1000) },
		"the merchant account":      func(r *Record) { r.MerchantAccount = "other" },
		"the service":               func(r *Record) { r.Service = "other" },
		"the connector":             func(r *Record) { r.Connector = "other" },
		"the request":               func(r *Record) { r.Request[1] = 'X' },
		"the return url":            func(r *Record) { r.ReturnURL = "" },
		"an operation, removed":     func(r *Record) { r.Operations = nil },
		"an operation's id":         func(r *Record) { r.Operations[0].ID = "other" },
		"an operation's kind":       func(r *Record) { r.Operations[0].Kind = sdk.OpVoid },
		"an operation's key":        func(r *Record) { r.Operations[0].Key = "other" },
		"an operation's first time": func(r *Record) { r.Operations[0].CreatedAt = s.now() },
	}
	for what, change := range tests {
		t.Run(what, func(t *testing.T) {
			_, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error { change(r); return nil })
			if err == nil {
				t.Error("was altered")
			}
			same(t, "payment", read(t, s, rec.Payment.ID), *rec)
		})
	}
}

func keepsChangesThroughPointers(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := newPayment()
	rec.Operations[0].Processed = new(sdk.JPY(1))
	rec.Closing = &ledger.Closing{Reason: ledger.ClosedExpired, At: s.now()}
	rec.Metadata = map[string]string{"a": "1"}
	create(t, s, rec)
	want := update(t, s, rec.Payment.ID, func(r *Record) {
		*r.Operations[0].Processed = sdk.JPY(2)
		r.Closing.Reason = ledger.ClosedByBuyer
		r.Metadata["a"] = "2"
	})
	got := read(t, s, rec.Payment.ID)
	same(t, "payment", got, want)
	if *got.Operations[0].Processed != sdk.JPY(2) || got.Closing.Reason != ledger.ClosedByBuyer || got.Metadata["a"] != "2" {
		t.Errorf("payment = %+v, want the changes", got)
	}
	page, err := s.List(t.Context(), Filter{Metadata: []map[string]string{{"a": "2"}}})
	if err != nil || len(page.Records) != 1 {
		t.Errorf("found %d payments by the changed metadata, %v, want 1", len(page.Records), err)
	}
}

func survivesPanics(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := create(t, s, newPayment())
	func() {
		defer func() {
			if cause := recover(); cause != "ouch" {
				t.Errorf("recovered %v, want the change's own panic", cause)
			}
		}()
		_, _ = s.Update(t.Context(), rec.Payment.ID, nil, func(*Record) error { panic("ouch") })
	}()
	same(t, "payment", read(t, s, rec.Payment.ID), *rec)
	got := update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "after" })
	if got.ExternalID != "after" {
		t.Errorf("external id = %q after a panic, want %q", got.ExternalID, "after")
	}
}

func refusesGoneCallers(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := create(t, s, newPayment())
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := s.Create(gone, newPayment(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("create: error = %v, want context.Canceled", err)
	}
	_, err := s.Update(gone, rec.Payment.ID, nil, func(r *Record) error { r.ExternalID = "changed"; return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: error = %v, want context.Canceled", err)
	}
	// One who leaves while somebody else changes the payment.
	inside, done := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		update(t, s, rec.Payment.ID, func(*Record) { close(inside); <-done })
	})
	<-inside
	leaving, leave := context.WithCancel(t.Context())
	wait.Go(func() {
		_, err := s.Update(leaving, rec.Payment.ID, nil, func(*Record) error { t.Error("was let in"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("update: error = %v, want context.Canceled", err)
		}
		close(done)
	})
	leave()
	wait.Wait()
	if got := read(t, s, rec.Payment.ID); got.ExternalID != rec.ExternalID {
		t.Errorf("external id = %q, want it unchanged", got.ExternalID)
	}
}

func serialisesChanges(t *testing.T, open opener) {
	const callers, each = 64, 2
	s := open(t, time.Now)
	rec := create(t, s, newPayment())
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for i := range each {
				_, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
					count, _ := strconv.Atoi(r.Metadata["count"])
					r.Metadata = map[string]string{"count": strconv.Itoa(count + 1)}
					r.Operations = append(r.Operations, ledger.Operation{
						ID: sdk.OperationID(fmt.Sprintf("%d/%d", caller, i)), Kind: sdk.OpRefund, Amount: sdk.JPY(1),
					})
					r.Added = []Event{{ID: "e", Name: strconv.Itoa(count)}}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got := read(t, s, rec.Payment.ID)
	if want := strconv.Itoa(callers * each); got.Metadata["count"] != want {
		t.Errorf("count = %s, want %s", got.Metadata["count"], want)
	}
	seen := make(map[sdk.OperationID]bool)
	for _, op := range got.Operations[1:] {
		seen[op.ID] = true
	}
	if len(seen) != callers*each {
		t.Errorf("%d operations, want %d", len(seen), callers*each)
	}
	next := callers*each - 1
	for cursor, more := "", true; more; more = cursor != "" {
		var events []Event
		var err error
		if events, cursor, err = s.Events(t.Context(), rec.Payment.ID, 100, cursor); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Name != strconv.Itoa(next) {
				t.Fatalf("event %s, want %d", e.Name, next)
			}
			next--
		}
	}
	if next != -1 {
		t.Errorf("%d events are missing", next+1)
	}
}

func keepsPaymentsApart(t *testing.T, open opener) {
	const callers, each = 32, 4
	s := open(t, time.Now)
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			rec := newPayment()
			rec.ExternalID = string(rec.Payment.ID)
			create(t, s, rec)
			for i := range each {
				update(t, s, rec.Payment.ID, func(r *Record) {
					if r.ExternalID != string(rec.Payment.ID) || len(r.Operations) != 1+i {
						t.Errorf("payment %s has external id %s and %d operations", rec.Payment.ID, r.ExternalID, len(r.Operations))
					}
					id := fmt.Sprintf("%s/%d", r.ExternalID, i)
					r.Operations = append(r.Operations, ledger.Operation{ID: sdk.OperationID(id), Kind: sdk.OpCapture})
				})
			}
		})
	}
	wait.Wait()
}

func neverGoesBackInTime(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	rec := create(t, s, newPayment())
	c.advance(-time.Hour)
	got := update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "x" })
	if got.UpdatedAt.Before(rec.UpdatedAt) {
		t.Errorf("updated at %v, before it was at %v", got.UpdatedAt, rec.UpdatedAt)
	}
}

func listsUnsettled(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	inDoubt := create(t, s, newPayment())
	c.advance(time.Second)
	late := newPayment()
	late.Operations[0].Outcome = sdk.OutcomeRequiresAction
	late.Closing = &ledger.Closing{Reason: ledger.ClosedExpired, At: c.now()}
	late.Truth.Fold(sdk.Snapshot{State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}, c.now())
	create(t, s, late)
	held := newPayment()
	held.Operations[0].Outcome = sdk.OutcomeSucceeded
	create(t, s, held)
	check := func(what string, limit int, want ...sdk.PaymentID) {
		t.Helper()
		got, err := s.Unsettled(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		sameOrNone(t, what, got, want)
	}
	check("all", 10, inDoubt.Payment.ID, late.Payment.ID)
	check("the longest untouched", 1, inDoubt.Payment.ID)
	update(t, s, inDoubt.Payment.ID, func(r *Record) { r.Operations[0].Outcome = sdk.OutcomeDeclined })
	check("after the doubt is gone", 10, late.Payment.ID)
	update(t, s, late.Payment.ID, func(r *Record) {
		r.Truth.Fold(sdk.Snapshot{State: sdk.StateVoided, Released: new(sdk.JPY(1000))}, c.now())
	})
	check("after the hold is gone", 10)
}

func listsOverdueApprovals(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	deadline := c.now().Add(30 * time.Minute)
	waiting := func(until time.Time) *Record {
		rec := newPayment()
		rec.Operations[0].Outcome = sdk.OutcomeRequiresAction
		rec.Payment.ApprovalExpiresAt = until
		return create(t, s, rec)
	}
	second, first := waiting(deadline), waiting(deadline.Add(-time.Minute))
	waiting(deadline.Add(time.Minute))
	approved := waiting(deadline)
	update(t, s, approved.Payment.ID, func(r *Record) {
		r.Truth.Fold(sdk.Snapshot{State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}, c.now())
	})
	closed := waiting(deadline)
	update(t, s, closed.Payment.ID, func(r *Record) { r.Closing = &ledger.Closing{Reason: ledger.ClosedByMerchant, At: c.now()} })
	got, err := s.AwaitingApproval(t.Context(), deadline, 10)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "overdue", got, []sdk.PaymentID{first.Payment.ID, second.Payment.ID})
	got, err = s.AwaitingApproval(t.Context(), deadline, 1)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the longest overdue", got, []sdk.PaymentID{first.Payment.ID})
}

// What is told twice changes nothing: the payment keeps its place in lists.
func leavesWhatIsTheSame(t *testing.T, open opener) {
	clock := newClock()
	s := open(t, clock.now)
	id := threePayments(t, s).Payment.ID
	before := read(t, s, id)
	clock.advance(time.Minute)
	after := update(t, s, id, func(r *Record) {
		r.Metadata = map[string]string{"basket": "17"}
		r.Truth.Fold(sdk.Snapshot{Order: "order_1", State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}, clock.now())
	})
	same(t, "what was told again", after, before)
	same(t, "what is kept", read(t, s, id), before)
	for what, change := range map[string]func(*Record){
		"an event":           func(r *Record) { r.Added = []Event{{ID: "e3", Name: "looked"}} },
		"a pair":             func(r *Record) { r.Metadata = map[string]string{"basket": "18"} },
		"an operation's end": func(r *Record) { r.Operations[2].Code = sdk.CodeNotFound },
		"an operation":       func(r *Record) { r.Operations = append(r.Operations, ledger.Operation{ID: "x", Kind: sdk.OpVoid}) },
		"a closing":          func(r *Record) { r.Closing = &ledger.Closing{Reason: ledger.ClosedExpired, At: clock.now()} },
		"a sighting":         func(r *Record) { r.Truth.Fold(sdk.Snapshot{State: sdk.StateVoided}, clock.now()) },
	} {
		now := clock.advance(time.Minute)
		if got := update(t, s, id, change).UpdatedAt; !got.Equal(ledger.Kept(now)) {
			t.Errorf("after %s the record was updated at %s, want %s", what, got, now)
		}
	}
}
