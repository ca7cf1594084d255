package doubt

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// storms are faults of all sorts, under which advice is given.
func storms() []proxy.Fault {
	return []proxy.Fault{
		writes(proxy.ActThenDrop), {What: proxy.Refuse}, writes(proxy.ActThenAnswer, proxy.HTML(502)),
		writes(proxy.ResetBeforeHeaders), {What: proxy.TruncateChunked, Only: proxy.Writes, Bytes: 1 << 20},
		instead(503, jsonType, "{}"), writes(proxy.ActThenAnswer, proxy.Empty()), instead(429, jsonType, "{}"),
	}
}

var evidence = suite.Case{
	ID: "doubt/not-attempted-is-true", Requirement: "PC-TIME-011", Profile: suite.Core, Needs: finding, Sim: true, Slow: true,
	Rule: "Under any fault, a write of which NOT_ATTEMPTED or DECLINED is said has no effect in the provider's books.",
	Why:  "What is said not to have happened is done again elsewhere.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		for _, f := range storms() {
			deeds, err := deed.Ready(ctx, l)
			if err != nil {
				return err
			}
			if err := l.Break(f); err != nil {
				return err
			}
			results := deed.DoAll(ctx, deeds)
			if err := l.Heal(); err != nil {
				return err
			}
			for i, d := range deeds {
				if o := results[i].Outcome(); o == sdk.OutcomeNotAttempted || o == sdk.OutcomeDeclined {
					wrong = append(wrong, d.Took(ctx, fmt.Sprintf("%s said %s of %s", d.Op, o, describe(f)), 0))
				}
			}
		}
		return errors.Join(wrong...)
	},
}

var robot = suite.Case{
	ID: "doubt/advice-followed", Requirement: "PC-ERR-106", Profile: suite.Core, Needs: finding, Sim: true, Slow: true,
	Rule: "Whoever follows the advice of every error to the letter, fault after fault, comes to exactly one effect.",
	Why:  "Hosts are robots: advice that is wrong once is wrong at every payment.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		all := storms()
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for i := range all {
			// Each deed meets two faults in a row, then calm; each fault comes first once.
			if i > 0 {
				if deeds, err = deed.Ready(ctx, l); err != nil {
					return err
				}
			}
			for _, d := range deeds {
				wrong = append(wrong, obey(ctx, l, d, all[i], all[(i+3)%len(all)]))
			}
		}
		return errors.Join(wrong...)
	},
}

var robotWhenLimited = suite.Case{
	ID: "doubt/advice-when-limited", Requirement: "PC-ERR-106", Profile: suite.Core, Needs: finding, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultRateLimit)},
	Rule: "What the provider's own limit refuses is done once when it is sent again as advised.",
	Why:  "A key that is used up by a refusal makes the retry a lie.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultRateLimit, Seconds: 3}); err != nil {
			return err
		}
		var wrong []error
		for i, r := range deed.DoAll(ctx, deeds) {
			wrong = append(wrong, suite.Refused(string(deeds[i].Op)+" at the provider's limit", r.Err, sdk.CodeRateLimited))
		}
		if err := l.Behave(ctx); err != nil {
			return err
		}
		for _, d := range deeds {
			wrong = append(wrong, obey(ctx, l, d))
		}
		return errors.Join(wrong...)
	},
}

// maxSteps bounds an obedient robot.
const maxSteps = 10

// obey has a robot want one deed, under one fault after the other and then none, and do
// as it is told until it is told that the deed is done.
func obey(ctx context.Context, l *suite.Lane, d *deed.Deed, faults ...proxy.Fault) error {
	tried := []*deed.Deed{d}
	for step := range maxSteps {
		if step < len(faults) {
			if err := l.Break(faults[step]); err != nil {
				return err
			}
		}
		r := d.Do(ctx)
		if err := l.Heal(); err != nil {
			return err
		}
		next, done, err := advised(ctx, d, r)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Op, err)
		}
		if done {
			return once(ctx, tried)
		}
		if next != d {
			tried = append(tried, next)
		}
		d = next
	}
	return suite.Brokenf(fmt.Sprintf("following the advice on %s", d.Op), "an end", "none after %d steps", maxSteps)
}

// advised is what to ask for next, as the error says, or that the deed is done.
func advised(ctx context.Context, d *deed.Deed, r deed.Result) (next *deed.Deed, done bool, err error) {
	if r.Done() {
		return nil, true, nil
	}
	d.Call = suite.Again(d.Call)
	e := sdk.AsError(r.Err)
	if e == nil {
		return nil, false, suite.Brokenf("asking", "success, or an error", "%s", r)
	}
	switch e.Retry() {
	case sdk.RetrySameKey, sdk.RetrySameKeyAfter:
		return d, false, nil
	case sdk.RetryReconcileFirst:
		seen, err := d.Look(ctx)
		return d, err == nil && d.Shows(seen), err
	case sdk.RetryFixed, sdk.RetryOtherInstrument, sdk.RetryOtherConnector, sdk.RetryStepUp:
		return d.Twin(), false, nil
	case sdk.RetryNever:
	}
	return nil, false, suite.Brokenf("asking", "advice that leads on: the deed was possible", "%s: %s", e.Retry(), r)
}

// once checks that all that was tried came to one effect.
func once(ctx context.Context, tried []*deed.Deed) error {
	seen, effects := map[sdk.Reference]bool{}, 0
	for _, d := range tried {
		if seen[d.Reference()] { // another key for the same payment: its books were read
			continue
		}
		seen[d.Reference()] = true
		n, err := d.Effects(ctx)
		if err != nil {
			return err
		}
		effects += n
	}
	return suite.Equal(fmt.Sprintf("the effects of %s, asked for as advised", tried[0].Op), effects, 1)
}
