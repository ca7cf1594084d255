package money

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var capturing = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpFindPayment}

func partial(m sdk.Manifest) bool { return m.Features.PartialCapture }

func multiple(m sdk.Manifest) bool { return m.Features.PartialCapture && m.Features.MultipleCapture }

const (
	noPartial  = "partial capture is not claimed"
	noMultiple = "multiple capture is not claimed"
)

// onHold is a case about a payment of which nothing has been captured yet.
func onHold(story func(context.Context, *suite.Lane, *suite.Payment) error) func(context.Context, *suite.Lane) error {
	return func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		return story(ctx, l, p)
	}
}

// take captures and checks that the answer says what was taken, and that the provider's
// books then say what they must.
func take(ctx context.Context, p *suite.Payment, minor int64, final bool, want suite.Sums) (sdk.CaptureResult, error) {
	step := fmt.Sprintf("capturing %d of %d", minor, p.Request.Amount.Minor)
	result, err := p.Capture(ctx, minor, final)
	if wrong := suite.Done(step, result.Answer, err); wrong != nil {
		return result, wrong
	}
	if result.Capture == "" {
		return result, suite.Brokenf(step, "the provider's name for the capture", "none")
	}
	return result, errors.Join(
		p.Moved(ctx, step, want, result.Answer),
		suite.Amount(step+", in the answer", result.Amount, p.Money(minor)))
}

// looks looks the payment up and checks its state and totals.
func looks(ctx context.Context, p *suite.Payment, step string, want suite.Sums) error {
	snapshot, err := p.Find(ctx)
	if err != nil {
		return err
	}
	return suite.Shows(step, snapshot, p.Request.Amount.Currency, want)
}

var captureInFull = suite.Case{
	ID: "capture/full", Requirement: "PC-CAPT-001", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	Rule: "A capture of the whole amount takes the whole amount, once, and the payment is captured.",
	Why:  "A capture that is reported and did not happen is goods given away.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		want := suite.Sums{Held: all, Taken: all}
		if _, err := take(ctx, p, all, true, want); err != nil {
			return err
		}
		return looks(ctx, p, "looking up after a full capture", want)
	}),
}

var captureInPart = suite.Case{
	ID: "capture/partial", Requirement: "PC-CAPT-002", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: partial, WhenText: noPartial,
	Rule: "A capture of a part takes and reports that part, and no more.",
	Why:  "A buyer pays for the item that was out of stock.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		part := p.Request.Amount.Minor / 4
		_, err := take(ctx, p, part, true, suite.Sums{
			Held: p.Request.Amount.Minor, Taken: part, Released: p.Request.Amount.Minor - part,
		})
		return err
	}),
}

var captureInParts = suite.Case{
	ID: "capture/multiple", Requirement: "PC-CAPT-003", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: multiple, WhenText: noMultiple,
	Rule: "Captures of parts add up, each under a name of its own, and of equal ones each counts.",
	Why:  "Orders that ship in parcels are paid in parts; one that is taken for a repetition is never paid.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		names := map[sdk.CaptureRef]bool{}
		for i := range int64(3) {
			result, err := take(ctx, p, all/4, false, suite.Sums{Held: all, Taken: (i + 1) * all / 4})
			if err != nil {
				return err
			}
			names[result.Capture] = true
		}
		return errors.Join(
			suite.Equal("capturing three times: different names", len(names), 3),
			looks(ctx, p, "looking up after three captures", suite.Sums{Held: all, Taken: all / 4 * 3}))
	}),
}

var captureTheRemainder = suite.Case{
	ID: "capture/remainder-closes", Requirement: "PC-CAPT-004", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: multiple, WhenText: noMultiple,
	Rule: "Capturing exactly what is left captures the payment, and nothing is left to be captured.",
	Why:  "A payment that stays open for nothing is captured again by the next job.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		if _, err := take(ctx, p, all/4, false, suite.Sums{Held: all, Taken: all / 4}); err != nil {
			return err
		}
		want := suite.Sums{Held: all, Taken: all}
		if _, err := take(ctx, p, all-all/4, false, want); err != nil {
			return err
		}
		if err := looks(ctx, p, "looking up after the remainder was captured", want); err != nil {
			return err
		}
		_, err := p.Capture(ctx, max(1, l.Description.Manifest.Limits.MinAmount), false)
		return p.Stays(ctx, "capturing once more", err, want)
	}),
}

var captureShortOfTheRemainder = suite.Case{
	ID: "capture/one-short-stays-open", Requirement: "PC-CAPT-004", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: multiple, WhenText: noMultiple,
	Rule: "Capturing one unit less than there is leaves the payment open for that unit.",
	Why:  "A payment that is closed too early cannot be paid in full any more.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		short := suite.Sums{Held: all, Taken: all - 1}
		if _, err := take(ctx, p, all-1, false, short); err != nil {
			return err
		}
		if err := looks(ctx, p, "looking up with one unit left", short); err != nil {
			return err
		}
		_, err := take(ctx, p, 1, false, suite.Sums{Held: all, Taken: all})
		return err
	}),
}

var captureKeepsTheRest = suite.Case{
	ID: "capture/keeps-the-rest", Requirement: "PC-CAPT-005", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: multiple, WhenText: noMultiple,
	Rule: "A capture that is not final releases nothing: the rest can still be captured.",
	Why:  "The second parcel cannot be paid for, and the buyer has to be asked again.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		part := suite.Sums{Held: all, Taken: all / 4}
		if _, err := take(ctx, p, all/4, false, part); err != nil {
			return err
		}
		return looks(ctx, p, "looking up after a part was captured", part)
	}),
}

var finalCaptureReleasesTheRest = suite.Case{
	ID: "capture/final-releases", Requirement: "PC-CAPT-006", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: partial, WhenText: noPartial,
	Rule: "A final capture of a part releases the rest, says no other amount for it, and closes the payment.",
	Why:  "Money that stays held for a week makes the buyer's next purchase fail.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		want := suite.Sums{Held: all, Taken: all / 4, Released: all - all/4}
		result, err := take(ctx, p, all/4, true, want)
		if err != nil {
			return err
		}
		if result.Released != nil {
			if err := suite.Equal("a final capture, what it released", *result.Released, p.Money(want.Released)); err != nil {
				return err
			}
		}
		if err := looks(ctx, p, "looking up after a final capture", want); err != nil {
			return err
		}
		_, err = p.Capture(ctx, all/4, false)
		return p.Stays(ctx, "capturing what was released", err, want)
	}),
}

var captureOfTheMost = suite.Case{
	ID: "capture/most", Requirement: "PC-CAPT-007", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	Rule: "Exactly as much as the provider allows can be captured: what is held, and the tolerance where over-capture is claimed.",
	Why:  "A limit that is kept too tight leaves money that was earned.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		most := p.Request.Amount.Minor
		if l.Description.Manifest.Features.OverCapture {
			most = max(most, books.Most)
		}
		_, err = take(ctx, p, most, true, suite.Sums{Held: p.Request.Amount.Minor, Taken: most})
		return err
	}),
}

var captureTooMuch = suite.Case{
	ID: "capture/too-much", Requirement: "PC-CAPT-008", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	Rule: "Capturing one unit more than may be captured is refused, takes nothing, and a right capture then succeeds.",
	Why:  "A buyer is charged more than they have agreed to.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		books, err := p.Books(ctx)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		most := all
		if l.Description.Manifest.Features.OverCapture {
			most = max(most, books.Most)
		}
		_, err = p.Capture(ctx, most+1, false)
		step := fmt.Sprintf("capturing %d of %d", most+1, all)
		if err := p.Stays(ctx, step, err, suite.Sums{Held: all}, sdk.CodeAmountExceedsCapturable); err != nil {
			return err
		}
		_, err = take(ctx, p, all, true, suite.Sums{Held: all, Taken: all})
		return err
	}),
}

var captureTooMuchInParts = suite.Case{
	ID: "capture/too-much-in-parts", Requirement: "PC-CAPT-008", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: multiple, WhenText: noMultiple,
	Rule: "A capture that exceeds what earlier ones have left is refused, and takes nothing.",
	Why:  "Each parcel is within the limit, and all of them together are not.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		part := suite.Sums{Held: all, Taken: all / 2}
		if _, err := take(ctx, p, all/2, false, part); err != nil {
			return err
		}
		_, err := p.Capture(ctx, all, false)
		return p.Stays(ctx, fmt.Sprintf("capturing %d with %d left", all, all-all/2), err, part, sdk.CodeAmountExceedsCapturable)
	}),
}

var captureOfPartUnclaimed = suite.Case{
	ID: "capture/partial-unclaimed", Requirement: "PC-CAPT-009", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: func(m sdk.Manifest) bool { return !partial(m) }, WhenText: "partial capture is claimed",
	Rule: "Without partial capture a smaller amount is refused, and nothing is taken, least of all everything.",
	Why:  "Asked for a part, a connector that can only take all of it takes all of it.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		_, err := p.Capture(ctx, all/2, true)
		step := fmt.Sprintf("capturing %d of %d without partial capture", all/2, all)
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, suite.Sums{Held: all}))
	}),
}

var captureAgainUnclaimed = suite.Case{
	ID: "capture/second-unclaimed", Requirement: "PC-CAPT-010", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When:     func(m sdk.Manifest) bool { return partial(m) && !m.Features.MultipleCapture },
	WhenText: "multiple capture is claimed, or partial capture is not",
	Rule:     "Without multiple capture a second capture is refused, and takes nothing.",
	Why:      "A host that was told of one capture has given the rest up already.",
	Run: onHold(func(ctx context.Context, _ *suite.Lane, p *suite.Payment) error {
		all := p.Request.Amount.Minor
		if first, err := p.Capture(ctx, all/2, true); err != nil {
			return suite.Blocking("capturing a part", suite.Done("capturing", first.Answer, err))
		}
		before, err := p.Sums(ctx)
		if err != nil {
			return err
		}
		_, err = p.Capture(ctx, all/2, true)
		return p.Stays(ctx, "capturing a second time", err, before)
	}),
}

// notMoney are amounts that ask for nothing, or for the opposite.
var notMoney = []int64{0, -1}

var captureOfNothing = suite.Case{
	ID: "capture/amount-not-positive", Requirement: "PC-MONEY-010", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	Rule: "A capture of nothing or less is refused, naming the amount, before the provider is asked.",
	Why:  "Some providers read nothing as everything.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		var wrong []error
		for _, minor := range notMoney {
			mark := l.Mark()
			_, err := p.Capture(ctx, minor, false)
			step := fmt.Sprintf("capturing %d", minor)
			wrong = append(wrong, suite.Named(step, err, "/amount"), l.Nothing(step, mark))
		}
		return errors.Join(wrong...)
	}),
}

var captureInForeignCurrency = suite.Case{
	ID: "capture/foreign-currency", Requirement: "PC-MONEY-011", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	Rule: "A capture in a currency outside the manifest is refused, naming the amount, before the provider is asked.",
	Why:  "A number that is taken in the payment's own currency is another amount.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		req := p.Capturing(p.Request.Amount.Minor, true)
		req.Amount.Currency = "XAF"
		mark := l.Mark()
		_, err := l.Remote.Capture(ctx, req)
		const step = "capturing in XAF"
		return errors.Join(suite.Named(step, err, "/amount"), l.Nothing(step, mark))
	}),
}

var captureInOtherCurrency = suite.Case{
	ID: "capture/other-currency", Requirement: "PC-MONEY-011", Profile: suite.DelayedCapture, Sim: true, Needs: capturing,
	When: manyCurrencies, WhenText: oneCurrency,
	Rule: "A capture in another currency than the payment's is refused, and takes nothing.",
	Why:  "A number that is taken in the payment's own currency is another amount.",
	Run: onHold(func(ctx context.Context, l *suite.Lane, p *suite.Payment) error {
		req := p.Capturing(p.Request.Amount.Minor, true)
		req.Amount.Currency = another(l, req.Amount.Currency)
		_, err := l.Remote.Capture(ctx, req)
		step := fmt.Sprintf("capturing %s of %s", req.Amount, p.Request.Amount)
		return errors.Join(suite.Refused(step, err), p.Moved(ctx, step, suite.Sums{Held: p.Request.Amount.Minor}))
	}),
}

const oneCurrency = "only one currency is offered"

func manyCurrencies(m sdk.Manifest) bool { return len(m.Currencies) > 1 }

// another is an offered currency other than the one given.
func another(l *suite.Lane, than sdk.Currency) sdk.Currency {
	for _, c := range l.Description.Manifest.Currencies {
		if c.Code != than {
			return c.Code
		}
	}
	return than
}

var captureAtOnce = suite.Case{
	ID: "capture/automatic", Requirement: "PC-CAPT-011", Profile: suite.AutomaticCapture, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "An authorization with automatic capture takes the whole amount, once, as soon as the buyer has approved.",
	Why:   "Nobody captures such a payment later: what is not taken now is never taken.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureAutomatic)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		want := suite.Sums{Held: all, Taken: all}
		if err := p.Moved(ctx, "authorizing with automatic capture", want, p.Result.Answer); err != nil {
			return err
		}
		return looks(ctx, p, "looking up a payment captured at once", want)
	},
}
