package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// lookBack is how old a payment may be that a case looks up.
const lookBack = time.Minute

var byReference = suite.Case{
	ID: "lookup/by-reference", Requirement: "PC-SYNC-001", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A payment is found by our reference alone, and it is the same as by the provider's name.",
	Why:  "When the answer to an authorization is lost, our reference is all that there is.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := approved(ctx, l)
		if err != nil {
			return err
		}
		ours, err := p.FindByReference(ctx)
		if err != nil {
			return err
		}
		theirs, err := p.Find(ctx)
		if err != nil {
			return err
		}
		return errors.Join(
			suite.Equal("looking up by our reference: order", ours.Order, p.Result.Order),
			same("looking up by either name", ours, theirs))
	},
}

// same checks that two snapshots say the same.
func same(step string, got, want *sdk.Snapshot) error {
	a, err := json.Marshal(got)
	if err != nil {
		return fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	return suite.Equal(step, string(a), string(b))
}

var notThere = suite.Case{
	ID: "lookup/not-there", Requirement: "PC-SYNC-002", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A reference that was never used is not found, and that is as sure as the manifest says.",
	Why:  "A host sends again what surely is not there; if it was there, the buyer pays twice.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		if _, err := approved(ctx, l); err != nil { // another payment, which must not be taken for it
			return err
		}
		mark := l.Mark()
		f, err := find(ctx, l, l.NewCall(), "")
		const step = "looking up a reference that was never used"
		if err != nil {
			return suite.Brokenf(step, "not found", "%v", err)
		}
		if l.Heard(mark) == 0 {
			return suite.Brokenf(step, "the provider to be asked", "it heard nothing")
		}
		return errors.Join(
			suite.Equal(step+": found", f.Found, false),
			suite.Equal(step+": authoritative", f.Authoritative, l.Description.Manifest.Features.NotFoundAuthoritative))
	},
}

var notThereByOrder = suite.Case{
	ID: "lookup/not-there-by-order", Requirement: "PC-SYNC-002", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A name of the provider's that names nothing is not found, which is no error.",
	Why:  "An error is tried again for ever; not found is an answer.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		if l.Fixtures().Order == "" {
			return fmt.Errorf("%w: order is missing", suite.ErrNotTestable)
		}
		mark := l.Mark()
		f, err := find(ctx, l, l.NewCall(), l.Fixtures().Order)
		const step = "looking up an order that does not exist"
		if err != nil {
			return suite.Brokenf(step, "not found", "%v", err)
		}
		if l.Heard(mark) == 0 {
			return suite.Brokenf(step, "the provider to be asked", "it heard nothing")
		}
		return suite.Equal(step+": found", f.Found, false)
	},
}

const manyTimes = 100

var readOnly = suite.Case{
	ID: "lookup/read-only", Requirement: "PC-SYNC-003", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A hundred lookups ask for no change, change nothing, and say the same.",
	Why:  "Hosts look up as often as they like; a lookup that acts is a write without a key.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := approved(ctx, l)
		if err != nil {
			return err
		}
		first, err := p.Find(ctx)
		if err != nil {
			return suite.Blocking("looking up", err)
		}
		before, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		mark := l.Mark()
		for range manyTimes {
			snapshot, err := p.Find(ctx)
			if err != nil {
				return err
			}
			if err := same("looking up again", snapshot, first); err != nil {
				return err
			}
		}
		after, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		if l.Heard(mark) < manyTimes {
			return suite.Brokenf("looking up a hundred times", "the provider to be asked each time", "%d requests", l.Heard(mark))
		}
		return errors.Join(
			suite.Equal("looking up a hundred times: requests for a change", len(l.Wrote(mark)), 0),
			suite.Equal("looking up a hundred times: writes in the provider's books", after.Writes, before.Writes),
			p.Moved(ctx, "looking up a hundred times", sums(before, p)))
	},
}

func sums(l sim.Ledger, p *suite.Payment) suite.Sums {
	for _, x := range l.Find(string(p.Request.Call.Reference)) {
		return suite.SumsOf(x)
	}
	return suite.Sums{}
}

var agreesWithCapture = suite.Case{
	ID: "lookup/agrees-with-capture", Requirement: "PC-SYNC-004", Profile: suite.DelayedCapture, Sim: true,
	Needs: with(sdk.OpCapture),
	Rule:  "A lookup shows a capture under the name, with the amount and the operation that its answer told.",
	Why:   "A capture that two paths tell differently is two captures.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		req := p.Capturing(p.Request.Amount.Minor, true)
		result, err := l.Remote.Capture(ctx, req)
		if err := done("capturing", result.Answer, err); err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		const step = "looking up a capture"
		if err := suite.Equal(step+": captures", len(snapshot.Captures), 1); err != nil {
			return err
		}
		c := snapshot.Captures[0]
		return errors.Join(
			suite.Equal(step+": its name", c.Ref, result.Capture), suite.Amount(step+": its amount", c.Amount, req.Amount),
			operation(step, c.Operation, req.Call.OperationID))
	},
}

// done blocks where a write that other cases prove did not take effect.
func done(step string, a sdk.Answer, err error) error {
	return suite.Blocking(step, suite.Done(step, a, err))
}

// operation checks that a capture or refund carries our operation, where it carries any.
func operation(step string, got, want sdk.OperationID) error {
	if got == "" {
		return nil
	}
	return suite.Equal(step+": our operation", got, want)
}

var agreesWithRefund = suite.Case{
	ID: "lookup/agrees-with-refund", Requirement: "PC-SYNC-004", Profile: suite.Refunds, Sim: true, Needs: with(sdk.OpRefund),
	Rule: "A lookup shows a refund under the name, with the amount and the operation that its answer told.",
	Why:  "A refund that two paths tell differently is two refunds.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		req := p.Refunding(capture, p.Request.Amount.Minor)
		result, err := l.Remote.Refund(ctx, req)
		if err := done("refunding", result.Answer, err); err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		const step = "looking up a refund"
		if err := suite.Equal(step+": refunds", len(snapshot.Refunds), 1); err != nil {
			return err
		}
		r := snapshot.Refunds[0]
		return errors.Join(
			suite.Equal(step+": its name", r.Ref, result.Refund), suite.Amount(step+": its amount", r.Amount, req.Amount),
			operation(step, r.Operation, req.Call.OperationID))
	},
}

var agreesWithVoid = suite.Case{
	ID: "lookup/agrees-with-void", Requirement: "PC-SYNC-004", Profile: suite.DelayedCapture, Sim: true, Needs: with(sdk.OpVoid),
	Rule: "What a void's answer tells of the payment is what a lookup then tells.",
	Why:  "Whichever comes last is believed.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		result, err := p.Void(ctx)
		if err := done("voiding", result.Answer, err); err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		wrong := []error{suite.Equal("looking up after a void: state", snapshot.State, sdk.StateVoided)}
		if told := result.Payment; told != nil && told.State != "" {
			wrong = append(wrong, suite.Equal("the state in a void's answer", told.State, snapshot.State))
		}
		if result.Released != nil {
			wrong = append(wrong, suite.Amount("looking up after a void: released", snapshot.Released, *result.Released))
		}
		return errors.Join(wrong...)
	},
}

var equalCaptures = suite.Case{
	ID: "lookup/equal-captures", Requirement: "PC-SYNC-005", Profile: suite.DelayedCapture, Sim: true, Needs: with(sdk.OpCapture),
	When:     func(m sdk.Manifest) bool { return m.Features.PartialCapture && m.Features.MultipleCapture },
	WhenText: "multiple capture is not claimed",
	Rule:     "Captures of one amount are listed each, under their own names.",
	Why:      "When the answer to the second is lost, the first must not be taken for it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		listed := newListing[sdk.CaptureRef]()
		for range 2 {
			req := p.Capturing(p.Request.Amount.Minor/4, false)
			result, err := l.Remote.Capture(ctx, req)
			if err := done("capturing", result.Answer, err); err != nil {
				return err
			}
			listed.made(result.Capture, req.Call.OperationID)
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		for _, c := range snapshot.Captures {
			listed.seen(c.Ref, c.Operation)
		}
		return listed.check("looking up two equal captures")
	},
}

var equalRefunds = suite.Case{
	ID: "lookup/equal-refunds", Requirement: "PC-SYNC-005", Profile: suite.Refunds, Sim: true, Needs: with(sdk.OpRefund),
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "Refunds of one amount are listed each, under their own names.",
	Why:  "When the answer to the second is lost, the first must not be taken for it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return refunds(ctx, l, 2)
	},
}

func multipleRefund(m sdk.Manifest) bool {
	return m.Features.PartialRefund && m.Features.MultipleRefund
}

const noMultipleRefund = "multiple refund is not claimed"

// refunds makes so many equal refunds and checks that a lookup lists each.
func refunds(ctx context.Context, l *suite.Lane, n int) error {
	p, capture, err := l.Captured(ctx)
	if err != nil {
		return err
	}
	listed := newListing[sdk.RefundRef]()
	for range n {
		req := p.Refunding(capture, p.Request.Amount.Minor/int64(n))
		result, err := l.Remote.Refund(ctx, req)
		if err := done("refunding", result.Answer, err); err != nil {
			return err
		}
		listed.made(result.Refund, req.Call.OperationID)
	}
	snapshot, err := p.Find(ctx)
	if err != nil {
		return err
	}
	for _, r := range snapshot.Refunds {
		listed.seen(r.Ref, r.Operation)
	}
	return listed.check(fmt.Sprintf("looking up %d equal refunds", n))
}

// A listing compares what was made with what is listed.
type listing[R ~string] struct {
	operations map[R]sdk.OperationID
	listed     map[R]int
	wrong      []error
}

func newListing[R ~string]() *listing[R] {
	return &listing[R]{operations: map[R]sdk.OperationID{}, listed: map[R]int{}}
}

func (l *listing[R]) made(ref R, op sdk.OperationID) { l.operations[ref] = op }

func (l *listing[R]) seen(ref R, op sdk.OperationID) {
	l.listed[ref]++
	if want, ok := l.operations[ref]; ok && op != "" && op != want {
		l.wrong = append(l.wrong, suite.Brokenf("looking up "+string(ref)+": our operation", string(want), "%s", op))
	}
}

func (l *listing[R]) check(step string) error {
	missing, strange := 0, 0
	for ref := range l.operations {
		if l.listed[ref] != 1 {
			missing++
		}
	}
	for ref := range l.listed {
		if _, ok := l.operations[ref]; !ok {
			strange++
		}
	}
	return errors.Join(append(l.wrong,
		suite.Equal(step+": of which are not listed once", missing, 0),
		suite.Equal(step+": listed and never made", strange, 0))...)
}

const (
	many      = 120 // more than a page of any provider that we know
	manyMoves = 24
)

var manyPayments = suite.Case{
	ID: "lookup/many-payments", Requirement: "PC-SYNC-006", Profile: suite.Core, Sim: true, Slow: true, Needs: finding,
	Rule: "The oldest of 120 payments is found by our reference.",
	Why:  "A lookup that reads the first page only finds nothing on a busy day, and the buyer pays again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		first, err := l.Open(ctx, cell, l.Amount())
		for n := 1; n < many && err == nil; n++ {
			_, err = l.Open(ctx, cell, l.Amount())
		}
		if err != nil {
			return suite.Blocking("authorizing", err)
		}
		_, err = first.FindByReference(ctx)
		return err
	},
}

var manyRefunds = suite.Case{
	ID: "lookup/many-refunds", Requirement: "PC-SYNC-006", Profile: suite.Refunds, Sim: true, Needs: with(sdk.OpRefund),
	When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "A lookup lists every one of 24 refunds.",
	Why:  "A refund that is not listed is made again.",
	Run:  func(ctx context.Context, l *suite.Lane) error { return refunds(ctx, l, manyMoves) },
}
