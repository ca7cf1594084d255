package doubt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// patience is the deadline of a call whose answer will not come: enough for the request
// to leave a busy machine, and for the part of it that the connector keeps back to be more
// than a hiccup.
const patience = 4 * time.Second

// A trouble is one way in which writes go wrong, and what a connector may say of it.
type trouble struct {
	id, requirement string
	rule, why       string
	faults          []proxy.Fault
	acted           bool // the provider acts on the request
	outcomes        []sdk.Outcome
	categories      []sdk.Category // that the error may have; any if there are none
	late            bool           // the answer never comes: the caller has a deadline
	fresh           bool           // the calls go to a process that rests no connection from before
	slow            bool
}

var (
	unknown   = []sdk.Outcome{sdk.OutcomeUnknown}
	untouched = []sdk.Outcome{sdk.OutcomeNotAttempted}
	neither   = []sdk.Outcome{sdk.OutcomeUnknown, sdk.OutcomeNotAttempted}
	ambiguous = []sdk.Category{sdk.CategoryProviderAmbiguous}
	lost      = []sdk.Category{sdk.CategoryProviderAmbiguous, sdk.CategoryPlugin}
	puzzled   = []sdk.Category{sdk.CategoryProviderAmbiguous, sdk.CategoryIntegrity, sdk.CategoryUnmapped}
)

func (t trouble) asCase() suite.Case {
	return suite.Case{
		ID: t.id, Requirement: t.requirement, Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
		Sim: true, Slow: t.slow || t.late, Rule: t.rule, Why: t.why,
		Run: func(ctx context.Context, l *suite.Lane) error {
			deeds, err := deed.Ready(ctx, l)
			if err != nil {
				return err
			}
			if t.fresh {
				other, err := l.Another(ctx)
				if err != nil {
					return err
				}
				l.Use(other)
			}
			var wrong []error
			for i, f := range t.faults {
				if i > 0 && t.acted { // what was done cannot be done again
					if deeds, err = deed.Ready(ctx, l); err != nil {
						return err
					}
				}
				wrong = append(wrong, t.strike(ctx, l, f, deeds))
			}
			if !t.acted && errors.Join(wrong...) == nil {
				return stillPossible(ctx, deeds)
			}
			return errors.Join(wrong...)
		},
	}
}

// strike asks for every deed under a fault, and then looks for the truth.
func (t trouble) strike(ctx context.Context, l *suite.Lane, f proxy.Fault, deeds []*deed.Deed) error {
	mark := l.Mark()
	if err := l.Break(f); err != nil {
		return err
	}
	results := t.ask(ctx, deeds)
	left := gone(l, mark)
	if err := l.Heal(); err != nil {
		return err
	}
	step := describe(f)
	wrong := []error{left}
	if away := l.Proxy.Elsewhere(); !away.Silent() {
		wrong = append(wrong, suite.Brokenf(step, "nobody else to be asked", "%d connections to where it leads", away.Connections))
	}
	for i, d := range deeds {
		if err := t.judge(step, results[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", d.Op, err))
		}
	}
	return errors.Join(append(wrong, t.truth(ctx, l, step, deeds))...)
}

func (t trouble) ask(ctx context.Context, deeds []*deed.Deed) []deed.Result {
	if t.late {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = limited
	}
	return deed.DoAll(ctx, deeds)
}

// judge holds what the connector said to what it can know.
func (t trouble) judge(step string, r deed.Result) error {
	if !slices.Contains(t.outcomes, r.Outcome()) {
		return suite.Brokenf(step, fmt.Sprintf("outcome %v", t.outcomes), "%s", r)
	}
	return sane(step, r.Err, t.categories)
}

// sane holds an error to its possible categories. A crash is never one.
func sane(step string, err error, categories []sdk.Category) error {
	e := sdk.AsError(err)
	switch {
	case e.Code == sdk.CodePluginPanic || e.Code == sdk.CodePluginCrash:
		return suite.Brokenf(step, "a mapped error", "the connector broke down: %v", err)
	case len(categories) > 0 && !slices.Contains(categories, e.Category()):
		return suite.Brokenf(step, fmt.Sprintf("an error of %v", categories), "%s, which is %s (%v)", e.Code, e.Category(), err)
	}
	return nil
}

// truth holds the books to what the fault let through. What was done is then found by our
// reference alone; what was not can still be done, once, with the same key.
func (t trouble) truth(ctx context.Context, l *suite.Lane, step string, deeds []*deed.Deed) error {
	ledger, err := l.Ledger(ctx)
	if err != nil {
		return err
	}
	return deed.Each(deeds, func(d *deed.Deed) error {
		if !t.acted {
			return happened(step, d, ledger, 0)
		}
		return errors.Join(happened(step, d, ledger, 1), d.Known(ctx, "after "+step, true))
	})
}

// stillPossible asks again for what did not happen, with the same key.
func stillPossible(ctx context.Context, deeds []*deed.Deed) error {
	return deed.Each(deeds, func(d *deed.Deed) error {
		const step = "asking again, with the same key, when all is well"
		if r := d.Again(ctx); !r.Done() {
			return suite.Brokenf(step, "success", "%s", r)
		}
		return d.Took(ctx, step, 1)
	})
}

// happened holds the books to what a fault let through. An effect that is missing is a
// fault that did not strike as it was meant to.
func happened(step string, d *deed.Deed, ledger sim.Ledger, want int) error {
	got, err := d.EffectsIn(ledger)
	switch {
	case err != nil:
		return err
	case got < want:
		return fmt.Errorf("%w: %s: the request never reached the provider", suite.ErrBlocked, step)
	case got > want:
		return suite.Brokenf(step, fmt.Sprintf("%d effects in the provider's books", want), "%d", got)
	}
	return nil
}

// gone checks that the connector holds no request open that its caller has given up.
func gone(l *suite.Lane, mark suite.Mark) error {
	for _, x := range l.Since(mark).Exchanges {
		if x.End == proxy.UnderWay {
			return suite.Brokenf("after the call", "the connector to have let go of its request", "%s %s is still under way", x.Request.Method, x.Request.Target)
		}
	}
	return nil
}

// describe says what a fault is, for people.
func describe(f proxy.Fault) string {
	s := string(f.What)
	if f.What == proxy.Instead || f.What == proxy.ActThenAnswer {
		status := f.Reply.Status
		if status == 0 {
			status = 200
		}
		body := string(f.Reply.Body)
		if len(body) > 40 {
			body = body[:40] + "…"
		}
		s += fmt.Sprintf(" %d %q", status, body)
	}
	return "a call with " + s
}
