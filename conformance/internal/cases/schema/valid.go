package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// enough is how many requests of each operation are tried.
const enough = 1000

func validIsTaken(op sdk.Operation) suite.Case {
	return suite.Case{
		ID: fmt.Sprintf("schema/%s-valid", op), Requirement: "PC-SCH-001", Profile: suite.Core, Needs: []sdk.Operation{op},
		Sim: true, Slow: true, Timeout: 3 * time.Minute,
		Rule: fmt.Sprintf("No %s request that the schemas allow fails in the connector itself.", op),
		Why:  "A buyer whose name the schema allows and the code does not is turned away at the till.",
		Run: func(ctx context.Context, l *suite.Lane) error {
			w, err := open(l, op)
			if err != nil {
				return err
			}
			made, enough := 0, l.Tries(enough)
			for tries := 0; made < enough; tries++ {
				if tries > 50*enough {
					return fmt.Errorf("%w: only %d of %d tries made a request that is allowed", suite.ErrSuite, made, tries)
				}
				doc, err := w.vary()
				if err != nil {
					return err
				}
				q, ok := w.judge(doc)
				if !ok {
					continue
				}
				made++
				if err := takes(ctx, l, fmt.Sprintf("%s request %d, which the schemas allow", op, made), q); err != nil {
					return errors.Join(err, told(doc))
				}
			}
			return nil
		},
	}
}

// vary makes a request like the base with some fields made anew and some left out.
func (w *workshop) vary() (map[string]any, error) {
	doc, err := w.fresh()
	if err != nil {
		return nil, err
	}
	nodes := expand(w.nodes)
	for _, name := range fields(nodes) {
		if name == "call" {
			continue
		}
		switch w.n(6) {
		case 0:
			delete(doc, name)
		case 1, 2:
			if v := w.value(field(nodes, name)); v != nil {
				doc[name] = v
			}
		}
	}
	w.balance(doc)
	return doc, nil
}

// balance makes the amount what the cart comes to, where it must be.
func (w *workshop) balance(doc map[string]any) {
	if w.op != sdk.OpAuthorize || !w.lane.Description.Manifest.Features.CartMatchesAmount {
		return
	}
	q, err := decode(w.op, doc, w.lane.Account)
	if err != nil {
		return
	}
	r, _ := q.value.(sdk.AuthorizeRequest)
	total, err := sdk.CartTotal(r.Cart)
	if amount, ok := doc["amount"].(map[string]any); ok && err == nil && len(r.Cart) > 0 {
		doc["amount"] = map[string]any{"minor": total, "currency": amount["currency"]}
	}
}

// takes sends a request that is allowed. The provider may refuse it; the connector, of
// its own accord and for what it looks like, may not.
func takes(ctx context.Context, l *suite.Lane, step string, q request) error {
	mark := l.Mark()
	_, err := q.send(ctx, l.Remote)
	if err == nil {
		return nil
	}
	e := sdk.AsError(err)
	switch e.Category() { //nolint:exhaustive // the others are the provider's to give
	case sdk.CategoryPlugin:
		return suite.Brokenf(step, "an answer", "%v", err)
	case sdk.CategoryValidation, sdk.CategoryCapability:
		if l.Proxy.Since(mark).Silent() {
			return suite.Brokenf(step, "the provider to be asked", "%v", err)
		}
	}
	return nil
}

// told shows the request that a failure is about.
func told(doc map[string]any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	const most = 2000
	return fmt.Errorf("the request was %.*s", most, text)
}

var optionalMayBeLeftOut = suite.Case{
	ID: "schema/optional-left-out", Requirement: "PC-SCH-003", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "Each optional field of a payment may be left out.",
	Why:  "A merchant who does not know a buyer's phone number cannot sell to them.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		w, err := open(l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		full, err := w.full()
		if err != nil {
			return err
		}
		var wrong []error
		tried := 0
		for _, path := range paths(full) {
			if path[0] == "call" {
				continue
			}
			doc, err := w.fresh()
			if err != nil {
				return err
			}
			call := doc["call"]
			if doc, err = without(full, path); err != nil {
				return err
			}
			doc["call"] = call
			q, ok := w.judge(doc)
			if !ok {
				continue // it is not optional
			}
			tried++
			a, err := q.send(ctx, l.Remote)
			wrong = append(wrong, suite.Outcome("authorizing without "+pointer(path), a, err,
				sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction, sdk.OutcomeDeclined))
		}
		if tried == 0 {
			return fmt.Errorf("%w: no field could be left out", suite.ErrSuite)
		}
		return errors.Join(wrong...)
	},
}

var leastIsEnough = suite.Case{
	ID: "schema/least-is-enough", Requirement: "PC-SCH-003", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "A payment with nothing but what the schemas require is taken.",
	Why:  "What is needed and not required is found missing by a panic.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		w, err := open(l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		doc, err := w.fresh()
		if err != nil {
			return err
		}
		for removed := true; removed; {
			removed = false
			for _, path := range paths(doc) {
				if path[0] == "call" {
					continue
				}
				less, err := without(doc, path)
				if err != nil {
					return err
				}
				if _, ok := w.judge(less); ok {
					doc, removed = less, true
					break
				}
			}
		}
		q, _ := w.judge(doc)
		a, err := q.send(ctx, l.Remote)
		return suite.Outcome("authorizing with the least that is required", a, err,
			sdk.OutcomeSucceeded, sdk.OutcomePending, sdk.OutcomeRequiresAction)
	},
}
