package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// oneByOne plays with one deed of each kind after the other.
func oneByOne(ctx context.Context, l *suite.Lane, play func(*deed.Deed) error) error {
	deeds, err := deed.Ready(ctx, l)
	if err != nil {
		return err
	}
	var wrong []error
	for _, d := range deeds {
		if err := play(d); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", d.Op, err))
		}
	}
	return errors.Join(wrong...)
}

var storedFailure = suite.Case{
	ID: "keys/stored-failure", Requirement: "PC-IDEM-011", Profile: suite.Core, Needs: needs, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultKeyError)},
	Rule: "A server error that the provider keeps with a key stays UNKNOWN however often the key is sent, and has no effect.",
	Why:  "A replayed error told as a clean failure invites the host to another connector while nobody has looked.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return oneByOne(ctx, l, func(d *deed.Deed) error {
			if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultKeyError, Times: 1}); err != nil {
				return err
			}
			const step = "sending a key that keeps a server error"
			once, again := d.Do(ctx), d.Again(ctx)
			return errors.Join(l.Behave(ctx),
				suite.Outcome(step, once.Answer, once.Err, sdk.OutcomeUnknown),
				suite.Outcome(step+" again", again.Answer, again.Err, sdk.OutcomeUnknown),
				d.Took(ctx, step, 0),
			)
		})
	},
}

var freshAfterFailure = suite.Case{
	ID: "keys/new-key-after-stored-failure", Requirement: "PC-IDEM-011", Profile: suite.Core, Needs: needs, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultKeyError)},
	Rule: "After a server error that the provider keeps with a key, a new key does the write, once.",
	Why:  "A payment that was repaired must not stay uncapturable because of what a key remembers.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return oneByOne(ctx, l, func(d *deed.Deed) error {
			if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultKeyError, Times: 1}); err != nil {
				return err
			}
			d.Do(ctx)
			if err := l.Behave(ctx); err != nil {
				return err
			}
			fresh := d.Twin()
			const step = "asking under a new key"
			if r := fresh.Do(ctx); !r.Done() {
				return suite.Brokenf(step, "success", "%s", r)
			}
			return fresh.Took(ctx, step, 1)
		})
	},
}

var busyKey = suite.Case{
	ID: "keys/busy", Requirement: "PC-IDEM-012", Profile: suite.Core, Needs: needs, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultKeyBusy)},
	Rule: "A key that the provider still works on is key_in_progress, and once it is done the same key tells the result of the one effect.",
	Why:  "Who takes it for a failure charges again while the first charge is being made.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return oneByOne(ctx, l, func(d *deed.Deed) error {
			if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultKeyBusy, Milliseconds: time.Hour.Milliseconds(), Times: 1}); err != nil {
				return err
			}
			wrong := []error{
				suite.Failed("sending a key that is in progress", d.Do(ctx).Err, sdk.CodeKeyInProgress),
				suite.Failed("sending a key that is still in progress", d.Again(ctx).Err, sdk.CodeKeyInProgress),
				l.Behave(ctx),
			}
			const step = "sending a key that has come to its end"
			if r := d.Again(ctx); !r.Done() || r.Err != nil {
				wrong = append(wrong, suite.Brokenf(step, "its result", "%s", r))
			}
			return errors.Join(append(wrong, d.Took(ctx, step, 1))...)
		})
	},
}

// lifetime is how long a key of the operation holds; 0 means for ever.
func lifetime(l *suite.Lane, op sdk.Operation) time.Duration {
	return time.Duration(l.Description.Manifest.Idempotency[op].KeyLifetime)
}

var writes = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpVoid, sdk.OpRefund, sdk.OpIncrement}

func keysExpire(m sdk.Manifest) bool {
	for _, op := range writes {
		if f := m.Idempotency[op]; f.Mode == sdk.IdempotencyNative && f.KeyLifetime > 0 {
			return true
		}
	}
	return false
}

// margin is how long before the end of its life a key must still hold.
const margin = time.Minute

// aged does every deed whose keys expire, lets time pass until before or after the end
// of their lives, and sends them again.
func aged(ctx context.Context, l *suite.Lane, by time.Duration, judge func(d *deed.Deed, before, after deed.Result) error) error {
	deeds, err := deed.Ready(ctx, l)
	if err != nil {
		return err
	}
	deeds = slices.DeleteFunc(deeds, func(d *deed.Deed) bool { return lifetime(l, d.Op) == 0 })
	slices.SortStableFunc(deeds, func(a, b *deed.Deed) int { return int(lifetime(l, a.Op) - lifetime(l, b.Op)) })
	before := make(map[*deed.Deed]deed.Result, len(deeds))
	for _, d := range deeds {
		if before[d], err = first(ctx, d); err != nil {
			return err
		}
	}
	var wrong []error
	passed := time.Duration(0)
	for _, d := range deeds {
		if wait := lifetime(l, d.Op) + by - passed; wait > 0 {
			if err := l.Advance(ctx, wait); err != nil {
				return err
			}
			passed += wait
		}
		if err := judge(d, before[d], d.Again(ctx)); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", d.Op, err))
		}
	}
	return errors.Join(wrong...)
}

var withinLifetime = suite.Case{
	ID: "keys/within-its-lifetime", Requirement: "PC-IDEM-013", Profile: suite.Core, Needs: needs, Sim: true, Alone: true,
	Uses: []sim.Ability{sim.CanClock}, When: keysExpire, WhenText: "no key is said to expire",
	Rule: "A key holds for as long as the manifest says: a minute before its end it still has its one effect.",
	Why:  "A host sends the same key for as long as it is told that it holds; a shorter life is a second charge.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return aged(ctx, l, -margin, func(d *deed.Deed, before, after deed.Result) error {
			const step = "sending it again a minute before its key ends"
			return errors.Join(same(step, before, after), d.Took(ctx, step, 1))
		})
	},
}

var afterLifetime = suite.Case{
	ID: "keys/after-its-lifetime", Requirement: "PC-IDEM-014", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpVoid}, Sim: true, Alone: true,
	Uses: []sim.Ability{sim.CanClock}, When: keysExpire, WhenText: "no key is said to expire",
	Rule: "A key whose life has ended is never an invitation to another attempt: it is in doubt, or its effect is told.",
	Why:  "The provider has forgotten, and the money has moved all the same.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpVoid) // what can be done once only: a second effect would be the host's own
		if err != nil {
			return err
		}
		if _, err := first(ctx, d); err != nil {
			return err
		}
		if err := l.Advance(ctx, lifetime(l, d.Op)+margin); err != nil {
			return err
		}
		const step = "sending it again after its key has ended"
		return errors.Join(noInvitation(step, d.Again(ctx)), d.Took(ctx, step, 1))
	},
}

// noInvitation checks that an answer does not ask for another attempt.
func noInvitation(step string, r deed.Result) error {
	if r.Err == nil {
		return nil
	}
	switch retry := sdk.AsError(r.Err).Retry(); retry {
	case sdk.RetryReconcileFirst, sdk.RetryNever:
		return nil
	case sdk.RetrySameKey, sdk.RetrySameKeyAfter, sdk.RetryFixed, sdk.RetryOtherInstrument, sdk.RetryOtherConnector, sdk.RetryStepUp:
		return suite.Brokenf(step, "RECONCILE_FIRST, or NEVER", "%s: %s", retry, r)
	}
	return nil
}
