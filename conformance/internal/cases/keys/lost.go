package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const lostWhy = "This is the ordinary accident: the money has moved and nobody was told. The key is what keeps it from moving again."

// resent is a case in which the answer to a write that took effect is lost, and the
// write is sent again with its key.
func resent(id, rule string, between func(context.Context, *suite.Lane) error, f proxy.Fault) suite.Case {
	return suite.Case{
		ID: id, Requirement: "PC-IDEM-007", Profile: suite.Core, Needs: needs, Sim: true, Rule: rule, Why: lostWhy,
		Run: func(ctx context.Context, l *suite.Lane) error {
			deeds, err := deed.Ready(ctx, l)
			if err != nil {
				return err
			}
			if err := l.Break(f); err != nil {
				return err
			}
			deed.DoAll(ctx, deeds)
			if err := errors.Join(l.Heal(), between(ctx, l)); err != nil {
				return err
			}
			return deed.Each(deeds, func(d *deed.Deed) error { return resumes(ctx, d) })
		},
	}
}

// resumes sends a deed again that took effect already.
func resumes(ctx context.Context, d *deed.Deed) error {
	switch n, err := d.Effects(ctx); {
	case err != nil:
		return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
	case n != 1:
		return fmt.Errorf("%w: a write whose answer was lost has %d effects", suite.ErrBlocked, n)
	}
	const step = "sending it again after its answer was lost"
	r := d.Again(ctx)
	if !r.Done() {
		return suite.Brokenf(step, "the result of the first", "%s", r)
	}
	return d.Took(ctx, step, 1)
}

func nothing(context.Context, *suite.Lane) error { return nil }

var answerDropped = resent("keys/answer-lost",
	"A write whose answer was lost is told its own result when it is sent again, and has one effect.", nothing,
	proxy.Fault{What: proxy.ActThenDrop, Only: proxy.Writes})

var answerCut = resent("keys/answer-cut",
	"A write whose answer was cut off is told its own result when it is sent again, and has one effect.", nothing,
	proxy.Fault{What: proxy.TruncateChunked, Only: proxy.Writes, Bytes: 30})

var serverError = resent("keys/answer-replaced",
	"A write whose answer was replaced by a 502 is told its own result when it is sent again, and has one effect.", nothing,
	proxy.Fault{What: proxy.ActThenAnswer, Only: proxy.Writes, Reply: proxy.HTML(502)})

var answerLostToAnother = resent("keys/answer-lost-to-another-process",
	"A write whose answer was lost has one effect when another process of the connector sends it again.", swap,
	proxy.Fault{What: proxy.ActThenDrop, Only: proxy.Writes})

var oneRequest = suite.Case{
	ID: "keys/one-request", Requirement: "PC-IDEM-008", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A connector sends one write for one call, whatever becomes of it: trying again is the host's.",
	Why:  "Who retries below the host hides from it how often money was asked for, and outlives its deadline.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range []proxy.Fault{
			{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.HTML(503)},
			{What: proxy.ResetBeforeHeaders, Only: proxy.Writes},
			{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.Reply{Status: 500, Body: []byte("{}")}},
			{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.Reply{Status: 408, Body: []byte("{}")}},
		} {
			wrong = append(wrong, counted(ctx, l, deeds, f))
		}
		return errors.Join(wrong...)
	},
}

var oneRequestWhenLimited = suite.Case{
	ID: "keys/one-request-when-limited", Requirement: "PC-IDEM-008", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A connector that meets a limit sends one write for one call, and leaves it to the host to wait.",
	Why:  "Hammering against a limit keeps it shut for everybody.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		return errors.Join(
			counted(ctx, l, deeds, proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.TooMany("0")}),
			counted(ctx, l, deeds, proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.TooMany("1")}),
		)
	},
}

// counted asks for every deed under a fault, and counts the writes.
func counted(ctx context.Context, l *suite.Lane, deeds []*deed.Deed, f proxy.Fault) error {
	if err := l.Break(f); err != nil {
		return err
	}
	var wrong []error
	for _, d := range deeds {
		mark := l.Mark()
		d.Do(ctx)
		step := fmt.Sprintf("%s, answered with %s %d", d.Op, f.What, f.Reply.Status)
		wrong = append(wrong, suite.Equal(step+": the writes that were sent", len(l.Wrote(mark)), 1))
	}
	return errors.Join(append(wrong, l.Heal())...)
}

var sameRequest = suite.Case{
	ID: "keys/same-request", Requirement: "PC-IDEM-009", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A write sent again, also by another process, asks for exactly the same: target and body are equal byte for byte.",
	Why:  "A provider compares what a key was used for: a body that varies is a conflict, and the payment is stuck.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		deeds, err := deed.Ready(ctx, l)
		if err != nil {
			return err
		}
		l.Proxy.Forward(false) // nobody acts on what is only compared
		asked := map[sdk.Operation]string{}
		var wrong []error
		for i := range 3 {
			if i == 2 {
				if err := swap(ctx, l); err != nil {
					return err
				}
			}
			for _, d := range deeds {
				mark := l.Mark()
				d.Again(ctx)
				wrong = append(wrong, unchanged(l, mark, d.Op, asked))
			}
		}
		return errors.Join(wrong...)
	},
}

// unchanged compares the one write since the mark with the one before.
func unchanged(l *suite.Lane, mark suite.Mark, op sdk.Operation, asked map[sdk.Operation]string) error {
	wrote := l.Wrote(mark)
	if len(wrote) != 1 {
		return suite.Brokenf(string(op), "one write", "%d", len(wrote))
	}
	r := wrote[0].Request
	now := r.Method + " " + r.Target + "\n" + string(r.Body)
	before, seen := asked[op]
	asked[op] = now
	if seen && before != now {
		return suite.Brokenf(string(op)+", sent again", before, "%s", now)
	}
	return nil
}
