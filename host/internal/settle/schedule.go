package settle

import (
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Schedule is how long to wait before each look at a payment in doubt. When the last of
// them has told nothing its story says that it needs a person, and it is looked at again
// after as long as the last wait.
type Schedule []time.Duration

// Looks is the schedule for providers as they are.
func Looks() Schedule {
	return Schedule{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
	}
}

// Check says what is wrong with a schedule.
func (s Schedule) Check() error {
	for i, wait := range s {
		if wait <= 0 || wait > 24*time.Hour || (i > 0 && wait < s[i-1]) {
			return fmt.Errorf("wait %d is %s, must be positive, at most a day and no shorter than the one before", i+1, wait)
		}
	}
	return nil
}

// after is how long to wait after a look, the first of which is number 1, and whether that
// look was the one after which a person is needed.
func (s Schedule) after(look int) (wait time.Duration, needsPerson bool) {
	return s[min(look, len(s)-1)], look == len(s)
}

// skew is how far the clocks of two hosts, and the writing down of an answer, are trusted
// to be apart.
const skew = 10 * time.Second

// underWay is how long from now a call of some host's for one of the payment's operations
// may still be on its way: as long as its intent has no answer and is younger than a call
// can be. The legs of one refund are sent one after the other, so those count together.
func underWay(ops []ledger.Operation, callTimeout time.Duration, now time.Time) time.Duration {
	legs := map[sdk.OperationID]time.Duration{}
	for i := range ops {
		legs[root(&ops[i])]++
	}
	longest := time.Duration(0)
	for i := range ops {
		if op := &ops[i]; op.Outcome == "" {
			bound := legs[root(op)]*callTimeout + skew
			longest = max(longest, op.UpdatedAt.Add(bound).Sub(now))
		}
	}
	return longest
}

// root names the operation that a leg belongs to.
func root(op *ledger.Operation) sdk.OperationID {
	if op.PartOf != "" {
		return op.PartOf
	}
	return op.ID
}

// UnderWay is how long from now a call for the payment may still be on its way, from this
// host or, where hosts share the store, from another: as long as that nobody may settle
// the payment. It is 0 if none can be.
func (e *Engine) UnderWay(rec *store.Record) time.Duration {
	switch {
	case e.busyHere(rec.Payment.ID):
		return time.Second // it ends when it ends; this only says when to ask again
	case e.Shared:
		return underWay(rec.Operations, e.CallTimeout, e.Now())
	}
	return 0
}

// A standing is what of a payment decides which jobs there have to be for it.
type standing struct {
	doubts  map[sdk.OperationID]bool // unsettled operations that were answered all the same
	letGo   bool                     // a hold came too late and is still there
	waiting bool                     // for the buyer's approval
	closed  bool                     // nobody waits for the buyer any more
	held    bool                     // money is held and neither taken nor let go
}

func standingOf(l *ledger.Ledger, v ledger.View) standing {
	s := standing{
		letGo: v.LateApproval && v.Open() > 0, waiting: waitsForBuyer(v), closed: l.Closing != nil,
		held: v.Open() > 0 && !v.LateApproval,
	}
	for _, id := range v.Unsettled {
		if l.Operation(id).Outcome == "" {
			continue // it has only just been sent
		}
		if s.doubts == nil {
			s.doubts = map[sdk.OperationID]bool{}
		}
		s.doubts[id] = true
	}
	return s
}

func waitsForBuyer(v ledger.View) bool {
	return v.State == sdk.StateRequiresAction || v.State == sdk.StateProcessing
}

// calls are the jobs that a payment needs since it came to stand as it does now, and those
// that it needs no more: most payments are approved and captured long before anything
// expires, and need not be looked at to find that out.
func (e *Engine) calls(rec *store.Record, was, is standing) []store.Job {
	l := &rec.Ledger
	var list []store.Job
	call := func(kind, key string, due time.Time) {
		list = append(list, store.Job{Kind: kind, Subject: string(l.Payment.ID), Key: key, Due: due})
	}
	for i := range l.Operations { // in the order of the operations, not of the map
		if id := l.Operations[i].ID; is.doubts[id] && !was.doubts[id] {
			call(KindSettle, string(id), e.Now().Add(e.Looks[0]))
		}
	}
	if is.letGo && !was.letGo {
		call(KindSettle, "late", time.Time{})
	}
	if was.waiting && !is.waiting {
		list = append(list, store.Job{Kind: KindApproval, Subject: string(l.Payment.ID), Off: true})
	}
	if was.held && !is.held {
		list = append(list, store.Job{Kind: KindAuthorization, Subject: string(l.Payment.ID), Off: true})
	}
	if is.waiting && !was.waiting {
		call(KindApproval, "", l.Payment.ApprovalExpiresAt)
	}
	if is.closed && !was.closed && !is.letGo && !ended(l.Truth.State) {
		call(KindLateApproval, "", e.Now().Add(lateLooks[0]))
	}
	if is.held && !was.held {
		call(KindAuthorization, "", e.holdEnds(rec))
	}
	return list
}

// ended reports whether a provider's state is one in which nothing can be approved.
func ended(s sdk.State) bool {
	switch s {
	case sdk.StateCaptured, sdk.StateVoided, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired:
		return true
	case "", sdk.StateUnknown, sdk.StateRequiresAction, sdk.StateProcessing, sdk.StateAuthorized, sdk.StatePartiallyCaptured:
	}
	return false
}

// defaultLifetime is how long a hold lasts where neither provider nor connector says.
const defaultLifetime = 7 * 24 * time.Hour

// holdEnds is when the provider is to have let go of what it holds.
func (e *Engine) holdEnds(rec *store.Record) time.Time {
	if !rec.Truth.ExpiresAt.IsZero() {
		return rec.Truth.ExpiresAt
	}
	lifetime := defaultLifetime
	if stated, ok := e.lifetimes.Load(rec.Connector); ok && stated != time.Duration(0) {
		lifetime = stated.(time.Duration) //nolint:forcetypeassert // the map holds nothing else
	}
	held := rec.Truth.AuthorizedAt
	if held.IsZero() {
		held = e.Now()
	}
	return held.Add(lifetime)
}
