package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var restartedBetweenSteps = suite.Case{
	ID: "resilience/restarted-between-steps", Requirement: "PC-PROC-102", Profile: suite.Resilience, Needs: needs, Sim: true,
	Rule: "Every step of a payment's life may be made by another process than the one before.",
	Why:  "Connectors are swapped while payments are under way: what one process remembered the next does not know.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		if _, err := own(ctx, l); err != nil {
			return err
		}
		const step = "looking up what another process has done"
		seen, err := p.FindByReference(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		wrong := []error{
			suite.Equal(step+": the provider's name", seen.Order, p.Result.Order),
			suite.Amount(step+": what was captured", seen.Captured, p.Request.Amount),
		}
		if l.Description.Operations.Has(sdk.OpRefund) {
			wrong = append(wrong, refundedElsewhere(ctx, l, p, capture))
		}
		return errors.Join(wrong...)
	},
}

// refundedElsewhere refunds what another process has captured, and has a third look.
func refundedElsewhere(ctx context.Context, l *suite.Lane, p *suite.Payment, capture sdk.CaptureRef) error {
	req := p.Refunding(capture, p.Request.Amount.Minor)
	a, err := l.Remote.Refund(ctx, req)
	const step = "refunding what another process has captured"
	if err := suite.Outcome(step, a.Answer, err, sdk.OutcomeSucceeded, sdk.OutcomePending); err != nil {
		return err
	}
	if _, err := own(ctx, l); err != nil {
		return err
	}
	find := sdk.FindRefundRequest{Call: req.Call, Order: p.Result.Order, Capture: req.Capture}
	find.Call.Key = ""
	finding, err := l.Remote.FindRefund(ctx, find)
	if err != nil {
		return fmt.Errorf("looking up a refund of another process, by our operation: %w", err)
	}
	books, err := p.Books(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		suite.Equal("looking up a refund of another process, by our operation", finding.Found, true),
		suite.Equal(step+": what was returned", books.Sum(sim.Return), p.Request.Amount.Minor),
	)
}

var takenOver = suite.Case{
	ID: "resilience/two-processes", Requirement: "PC-PROC-102", Profile: suite.Resilience, Needs: needs, Sim: true,
	Rule: "Two processes of a connector that make the same write with one key at the same time come to one effect.",
	Why:  "During a swap two versions run side by side, and a host that took over may not be the only one.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		other, err := l.Another(ctx)
		if err != nil {
			return fmt.Errorf("%w: starting another process: %w", suite.ErrBlocked, err)
		}
		return deed.Each(deeds, func(d *deed.Deed) error {
			theirs := d.By(other)
			results := deed.DoAll(ctx, []*deed.Deed{d, theirs, d, theirs})
			told := false
			for _, r := range results {
				told = told || r.Done() && r.Err == nil
				if !r.Done() {
					return suite.Brokenf("making it by two processes", "its result, or that it is under way", "%s", r)
				}
			}
			return errors.Join(
				suite.Equal("making it by two processes: whether anybody was told its result", told, true),
				d.Took(ctx, "making it by two processes", 1),
			)
		})
	},
}

var outage = suite.Case{
	ID: "resilience/outage", Requirement: "PC-PROC-103", Profile: suite.Resilience, Needs: needs, Sim: true,
	Rule: "When a provider that was out of reach is back, the very next call reaches it.",
	Why:  "A connector that goes on refusing turns an outage of a minute into one of an hour.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range []proxy.Fault{
			{What: proxy.Refuse}, {What: proxy.Instead, Reply: proxy.HTML(503)}, {What: proxy.ResetBeforeHeaders},
		} {
			if err := l.Break(f); err != nil {
				return err
			}
			for range 12 {
				if r := deeds[0].Do(ctx); r.Done() {
					wrong = append(wrong, suite.Brokenf("asking a provider that is out of reach", "no success", "%s", r))
				}
			}
			if err := l.Heal(); err != nil {
				return err
			}
		}
		// A connection that died in the outage may be met once.
		if _, err := deeds[0].Look(ctx); err != nil {
			if _, err := deeds[0].Look(ctx); err != nil {
				wrong = append(wrong, suite.Brokenf("looking up once the provider is back", "an answer", "%v", err))
			}
		}
		return errors.Join(append(wrong, deed.Each(deeds, func(d *deed.Deed) error { return redone(ctx, d) }))...)
	},
}

var staleConnections = suite.Case{
	ID: "resilience/stale-connections", Requirement: "PC-PROC-103", Profile: suite.Resilience, Needs: needs, Sim: true,
	Rule: "Writes after the provider has closed every resting connection succeed, or say the truth and succeed with the same key.",
	Why:  "Balancers close resting connections all day: each must not cost a payment, and must never cost two.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		if err := errors.Join(l.Break(proxy.Fault{What: proxy.Refuse}), l.Heal()); err != nil {
			return err
		}
		results := deed.DoAll(ctx, deeds)
		var wrong []error
		for i, d := range deeds {
			r := results[i]
			if o := r.Outcome(); o == sdk.OutcomeDeclined {
				wrong = append(wrong, suite.Brokenf(string(d.Op)+" after its connections were closed", "no decline", "%s", r))
			}
			wrong = append(wrong, redone(ctx, d))
		}
		return errors.Join(wrong...)
	},
}

// slowness is how long a slow provider takes.
const slowness = 2 * time.Second

var slowProvider = suite.Case{
	ID: "resilience/slow-provider", Requirement: "PC-PROC-103", Profile: suite.Resilience, Needs: needs, Sim: true, Slow: true,
	Rule: "A provider that is slow, and still within the deadline, is waited for.",
	Why:  "A connector of less patience than its caller puts payments in doubt that went well.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Break(proxy.Fault{What: proxy.Delay, Wait: slowness}); err != nil {
			return err
		}
		results := deed.DoAll(ctx, deeds)
		if err := l.Heal(); err != nil {
			return err
		}
		var wrong []error
		for i, d := range deeds {
			if !results[i].Done() {
				wrong = append(wrong, suite.Brokenf(string(d.Op)+" at a slow provider", "success", "%s", results[i]))
			}
			wrong = append(wrong, d.Took(ctx, string(d.Op)+" at a slow provider", 1))
		}
		return errors.Join(wrong...)
	},
}
