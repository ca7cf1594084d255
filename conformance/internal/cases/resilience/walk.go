package resilience

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// steps is how long a walk is.
const steps = 16

var walk = suite.Case{
	ID: "resilience/walk", Requirement: "PC-PROC-104", Profile: suite.Resilience, Needs: needs, Sim: true, Slow: true, Timeout: time.Minute,
	Rule: "Along a random walk of writes, faults and restarts every write that its caller insists on, by looking and sending again, is done exactly once.",
	Why:  "Accidents come in combinations that nobody has thought of.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var path []string
		for range l.Tries(steps) {
			deeds, err := deed.Ready(ctx, l)
			if err != nil {
				return err
			}
			d := deeds[l.IntN(len(deeds))]
			path = append(path, string(d.Op))
			if err := insist(ctx, l, d, &path); err != nil {
				return fmt.Errorf("along %s: %w", strings.Join(path, ", "), err)
			}
		}
		return nil
	},
}

// accidents are what may happen at a step.
var accidents = []proxy.Fault{
	{What: proxy.ActThenDrop, Only: proxy.Writes},
	{What: proxy.ResetBeforeHeaders, Only: proxy.Writes},
	{What: proxy.Refuse},
	{What: proxy.ResetOnConnect},
	{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.HTML(503)},
	{What: proxy.ActThenAnswer, Only: proxy.Writes, Reply: proxy.HTML(504)},
	{What: proxy.TruncateChunked, Only: proxy.Writes, Bytes: 25},
	{What: proxy.Mistype},
	{What: proxy.ActThenAnswer, Only: proxy.Writes, Reply: proxy.Null()},
	{What: proxy.Duplicate, Only: proxy.Writes},
	{What: proxy.Instead, Reply: proxy.TooMany("1")},
}

// insist wants a deed done: accident after accident it looks, and sends it again.
func insist(ctx context.Context, l *suite.Lane, d *deed.Deed, path *[]string) error {
	for range 1 + l.IntN(3) {
		f := accidents[l.IntN(len(accidents))]
		*path = append(*path, string(f.What))
		if err := l.Break(f); err != nil {
			return err
		}
		r := d.Do(ctx)
		if err := l.Heal(); err != nil {
			return err
		}
		if err := truthful(ctx, d, r, f); err != nil {
			return err
		}
		d.Call = suite.Again(d.Call)
		if l.IntN(3) == 0 {
			*path = append(*path, "restart")
			if _, err := own(ctx, l); err != nil {
				return err
			}
		}
	}
	// A connection that died in an accident may be met once.
	if r := d.Again(ctx); !r.Done() {
		*path = append(*path, "again")
		return errors.Join(redone(ctx, d))
	}
	return d.Took(ctx, "insisting", 1)
}

// truthful holds what was said under an accident to the books.
func truthful(ctx context.Context, d *deed.Deed, r deed.Result, f proxy.Fault) error {
	n, err := d.Effects(ctx)
	if err != nil {
		return err
	}
	step := fmt.Sprintf("%s under %s", d.Op, f.What)
	switch o := r.Outcome(); {
	case n > 1:
		return suite.Brokenf(step, "one effect at most", "%d", n)
	case r.Done() && n != 1:
		return suite.Brokenf(step, "an effect, as was said", "%s, and none in the provider's books", r)
	case o == sdk.OutcomeDeclined:
		return suite.Brokenf(step, "no decline: nobody has declined", "%s", r)
	case o == sdk.OutcomeNotAttempted && n != 0 && d.Call.Attempt == 1:
		return suite.Brokenf(step, "no effect, as was said", "%s, and %d in the provider's books", r, n)
	}
	return nil
}
