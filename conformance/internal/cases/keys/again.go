package keys

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// needs are the operations without which there is nothing to look at.
var needs = []sdk.Operation{sdk.OpAuthorize}

// twice is what goes wrong when a key does not hold.
const twice = "Hosts send again whenever they do not know: without a key that holds, each doubt is a second charge or a second refund."

// first asks for a deed as other cases prove that it works.
func first(ctx context.Context, d *deed.Deed) (deed.Result, error) {
	r := d.Do(ctx)
	if !r.Done() {
		return r, fmt.Errorf("%w: %s: %s", suite.ErrBlocked, d.Op, r)
	}
	return r, nil
}

// same checks that an answer is the one that was given before.
func same(step string, before, after deed.Result) error {
	if !after.Done() || after.Err != nil {
		return suite.Brokenf(step, before.String(), "%s", after)
	}
	amount := func(r deed.Result) string {
		if r.Answer.Amount == nil {
			return "unsaid"
		}
		return r.Answer.Amount.String()
	}
	return errors.Join(
		suite.Equal(step+": the outcome", after.Outcome(), before.Outcome()),
		suite.Equal(step+": the provider's name", after.Ref, before.Ref),
		suite.Equal(step+": the amount", amount(after), amount(before)),
		suite.Equal(step+": the page", after.Page, before.Page),
	)
}

var sentAgain = suite.Case{
	ID: "keys/sent-again", Requirement: "PC-IDEM-001", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A write sent three times with one key has one effect and three equal answers.", Why: twice,
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		return deed.Each(deeds, func(d *deed.Deed) error {
			before, err := first(ctx, d)
			if err != nil {
				return err
			}
			return errors.Join(
				same("sending it a second time", before, d.Again(ctx)),
				same("sending it a third time", before, d.Again(ctx)),
				d.Took(ctx, "sending it three times", 1),
			)
		})
	},
}

// crowd is how many send at once.
const crowd = 32

var sentAtOnce = suite.Case{
	ID: "keys/sent-at-once", Requirement: "PC-IDEM-002", Profile: suite.Core, Needs: needs, Sim: true, Slow: true,
	Rule: "A write sent 32 times at the same time with one key has one effect; whoever is not told its result is told that it is under way.",
	Why:  "Two hosts that take over the same payment send at the same moment.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, d := range deeds { // one kind after the other: 32 is enough at a time
			if err := together(ctx, d); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", d.Op, err))
			}
		}
		return errors.Join(wrong...)
	},
}

func together(ctx context.Context, d *deed.Deed) error {
	results := make([]deed.Result, crowd)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = d.Do(ctx) })
	}
	all.Wait()
	var settled *deed.Result
	const step = "sending it 32 times at once"
	var wrong []error
	for i := range results {
		r := results[i]
		switch {
		case r.Code() == sdk.CodeKeyInProgress:
		case settled == nil && r.Done():
			settled = &results[i]
		case settled == nil:
			wrong = append(wrong, suite.Brokenf(step, "a result, or key_in_progress", "%s", r))
		default:
			wrong = append(wrong, same(step, *settled, r))
		}
	}
	if settled == nil {
		wrong = append(wrong, suite.Brokenf(step, "a result for at least one", "none"))
	}
	return errors.Join(append(wrong, d.Took(ctx, step, 1))...)
}

var sentByAnother = suite.Case{
	ID: "keys/sent-by-another-process", Requirement: "PC-IDEM-003", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A write sent again with its key by another process of the connector has one effect and the same answer.",
	Why:  "Restarts and swaps change the process under a payment: what it remembered is gone.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		before := make(map[*deed.Deed]deed.Result, len(deeds))
		for _, d := range deeds {
			if before[d], err = first(ctx, d); err != nil {
				return err
			}
		}
		if err := swap(ctx, l); err != nil {
			return err
		}
		return deed.Each(deeds, func(d *deed.Deed) error {
			const step = "sending it again by another process"
			return errors.Join(same(step, before[d], d.Again(ctx)), d.Took(ctx, step, 1))
		})
	},
}

// swap puts another process in the place of the lane's.
func swap(ctx context.Context, l *suite.Lane) error {
	other, err := l.Another(ctx)
	if err != nil {
		return fmt.Errorf("starting another process: %w", err)
	}
	l.Use(other)
	return nil
}

// amounts are the writes whose amount the host chooses.
func amounts(ctx context.Context, l *suite.Lane) ([]*deed.Deed, error) {
	return deed.Ready(ctx, l, sdk.OpAuthorize, sdk.OpCapture, sdk.OpRefund, sdk.OpIncrement)
}

var otherAmount = suite.Case{
	ID: "keys/other-amount", Requirement: "PC-IDEM-004", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A key sent again with another amount is refused with key_conflict, or told to be a mismatch; never success, and there is no second effect.",
	Why:  "An old success told as the answer to a new request ships goods that were never paid for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := amounts(ctx, l)
		if err != nil {
			return err
		}
		return deed.Each(deeds, func(d *deed.Deed) error {
			if _, err := first(ctx, d); err != nil {
				return err
			}
			const step = "sending its key with half the amount"
			r := d.Of(d.Minor / 2).Again(ctx)
			var wrong error
			if r.Code() != sdk.CodeKeyConflict && (r.Err == nil || sdk.AsError(r.Err).Category() != sdk.CategoryIntegrity) {
				wrong = suite.Brokenf(step, "key_conflict, or a mismatch", "%s", r)
			}
			return errors.Join(wrong, d.Took(ctx, step, 1))
		})
	},
}
