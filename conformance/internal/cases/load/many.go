package load

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// many is how many payments are under way at the same time.
const many = 64

const mixedWhy = "A variable that two calls share gives one buyer the other's payment."

// each does the same for 0 to n-1 at the same time, and joins what went wrong.
func each(n int, do func(i int) error) error {
	wrong := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { wrong[i] = do(i) })
	}
	all.Wait()
	return errors.Join(wrong...)
}

// opened are payments that were all asked for at the same time, each of an amount of
// its own.
func opened(ctx context.Context, l *suite.Lane, n int, mode sdk.CaptureMode) ([]*suite.Payment, error) {
	cell, err := l.Cell(mode)
	if err != nil {
		return nil, err
	}
	requests := make([]sdk.AuthorizeRequest, n)
	for i := range requests { // one after the other: their ids are the seed's
		if requests[i], err = l.Authorization(cell, l.Amount()+int64(4*i)); err != nil {
			return nil, err
		}
	}
	payments := make([]*suite.Payment, n)
	return payments, each(n, func(i int) error {
		var err error
		payments[i], err = l.OpenAs(ctx, cell, requests[i])
		if err != nil {
			return fmt.Errorf("authorizing one of %d payments at the same time: %w", n, err)
		}
		return nil
	})
}

var manyPayments = suite.Case{
	ID: "load/64-payments", Requirement: "PC-CONC-001", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "64 payments authorized at the same time are 64 payments: each with its own reference, amount and name at the provider.", Why: mixedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		payments, err := opened(ctx, l, many, sdk.CaptureManual)
		if err != nil {
			return err
		}
		ledger, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		const step = "authorizing 64 payments at the same time"
		wrong := []error{suite.Equal(step+": payments in the provider's books", len(ledger.Payments), many)}
		for _, p := range payments {
			found := ledger.Find(string(p.Request.Call.Reference))
			if len(found) != 1 {
				wrong = append(wrong, suite.Brokenf(step, "one payment with each reference", "%d", len(found)))
				continue
			}
			if p.Result.Order != "" {
				wrong = append(wrong, suite.Equal(step+": the name that its caller was told", string(p.Result.Order), found[0].Order))
			}
		}
		return errors.Join(wrong...)
	},
}

var manyCaptures = suite.Case{
	ID: "load/64-captures", Requirement: "PC-CONC-001", Profile: suite.DelayedCapture, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture}, Sim: true, Slow: true,
	Rule: "64 captures at the same time take from each payment its own amount.", Why: mixedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		payments, err := approved(ctx, l, many)
		if err != nil {
			return err
		}
		return each(many, func(i int) error {
			p := payments[i]
			const step = "capturing 64 payments at the same time"
			result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
			if err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
			books, err := p.Books(ctx)
			if err != nil {
				return err
			}
			return errors.Join(
				suite.Amount(step+": what its caller was told", result.Amount, p.Request.Amount),
				suite.Equal(step+": what was taken of it", books.Sum(sim.Take), p.Request.Amount.Minor),
			)
		})
	},
}

// approved are payments whose money is held.
func approved(ctx context.Context, l *suite.Lane, n int) ([]*suite.Payment, error) {
	payments, err := opened(ctx, l, n, sdk.CaptureManual)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrBlocked, err)
	}
	return payments, each(n, func(i int) error { return payments[i].Finish(ctx) })
}

var manyLookups = suite.Case{
	ID: "load/64-lookups", Requirement: "PC-CONC-001", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}, Sim: true, Slow: true,
	Rule: "64 lookups at the same time each tell of the payment that was asked about.", Why: mixedWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		payments, err := opened(ctx, l, many, sdk.CaptureManual)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
		}
		return each(many, func(i int) error {
			p := payments[i]
			seen, err := p.FindByReference(ctx)
			if err != nil {
				return fmt.Errorf("looking 64 payments up at the same time: %w", err)
			}
			return suite.Equal("looking 64 payments up at the same time: our reference", seen.Reference, p.Request.Call.Reference)
		})
	},
}

var strayAnswers = suite.Case{
	ID: "load/stray-answers", Requirement: "PC-CONC-005", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "Calls whose answers are pages, nothing, or of wrong types leave the calls beside them alone.",
	Why:  "One payment that breaks its process down takes all the others with it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		const n = 32
		cell, err := l.Cell(sdk.CaptureManual)
		if err != nil {
			return err
		}
		requests := make([]sdk.AuthorizeRequest, n)
		for i := range requests {
			if requests[i], err = l.Authorization(cell, l.Amount()); err != nil {
				return err
			}
		}
		for i, what := range []proxy.What{proxy.Instead, proxy.Mistype, proxy.ActThenDrop} {
			f := proxy.Fault{What: what, Only: proxy.Writes, Skip: 4 + i, Times: 4, Reply: proxy.HTML(200)}
			if err := l.Break(f); err != nil {
				return err
			}
		}
		results := make([]error, n)
		if err := each(n, func(i int) error {
			_, results[i] = l.OpenAs(ctx, cell, requests[i])
			return nil
		}); err != nil {
			return err
		}
		return errors.Join(l.Heal(), astray(results, 12))
	},
}

// astray checks that as many calls failed as were led astray, in doubt and without
// breaking down.
func astray(results []error, want int) error {
	const step = "authorizing beside calls that were led astray"
	failed := 0
	for _, err := range results {
		if err == nil {
			continue
		}
		failed++
		if e := sdk.AsError(err); e.Outcome() != sdk.OutcomeUnknown || e.Code == sdk.CodePluginPanic || e.Code == sdk.CodePluginCrash {
			return suite.Brokenf(step, "the calls that were led astray to be UNKNOWN", "%s (%v)", e.Code, err)
		}
	}
	return suite.Equal(step+": the calls that did not succeed", failed, want)
}
