package states

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A deed is one kind of step.
type deed string

const (
	doCapture deed = "capture"
	doFinal   deed = "final capture"
	doVoid    deed = "void"
	doRefund  deed = "refund"
	doAgain   deed = "again" // the last write that succeeded, with its key
	doLook    deed = "find by our reference"
)

// A step asks for a part of what is possible at its time, in eighths: 8 is all of it,
// and 9 is one unit more than there is.
type step struct {
	do    deed
	part  int
	which int // of the captures, for a refund that hangs on one
}

const (
	wholePart = 8
	tooMuch   = 9
)

// A walker plays steps on one payment and knows what must come of each.
type walker struct {
	lane     *suite.Lane
	payment  *suite.Payment
	sums     suite.Sums
	most     int64 // what may be captured in total
	captures []taken
	last     func(context.Context) error // sends the last write again; nil if that means nothing
	said     []string                    // the steps as they were played
}

// taken is a capture and what of it was returned.
type taken struct {
	ref              sdk.CaptureRef
	amount, returned int64
}

// newWalker opens a payment to walk on. With manual capture nothing of it is captured.
func newWalker(ctx context.Context, l *suite.Lane, mode sdk.CaptureMode) (*walker, error) {
	p, err := l.Authorized(ctx, mode)
	if err != nil {
		return nil, err
	}
	books, err := p.Books(ctx)
	if err != nil {
		return nil, err
	}
	w := &walker{lane: l, payment: p, sums: suite.SumsOf(books), most: p.Request.Amount.Minor}
	if l.Description.Manifest.Features.OverCapture {
		w.most = max(w.most, books.Most)
	}
	if w.sums.Taken == 0 {
		return w, nil
	}
	snapshot, err := p.Find(ctx)
	if err != nil {
		return nil, suite.Blocking("looking the payment up", err)
	}
	for _, c := range snapshot.Captures {
		if c.Amount != nil {
			w.captures = append(w.captures, taken{ref: c.Ref, amount: c.Amount.Minor})
		}
	}
	return w, nil
}

// share is a part of an amount, at least one unit of it.
func share(amount int64, part int) int64 {
	if part == tooMuch {
		return amount + 1
	}
	return max(1, amount/wholePart*int64(part)+amount%wholePart*int64(part)/wholePart)
}

// play plays one step and checks everything after it.
func (w *walker) play(ctx context.Context, s step) error {
	if err := w.act(ctx, s); err != nil {
		return err
	}
	var snapshot *sdk.Snapshot
	var err error
	if s.do == doLook {
		snapshot, err = w.payment.FindByReference(ctx)
	} else {
		snapshot, err = w.payment.Find(ctx)
	}
	if err != nil {
		return err
	}
	return suite.Shows("looking up", snapshot, w.payment.Request.Amount.Currency, w.sums)
}

func (w *walker) act(ctx context.Context, s step) error {
	switch s.do {
	case doCapture, doFinal:
		return w.capture(ctx, s)
	case doVoid:
		return w.void(ctx)
	case doRefund:
		return w.refund(ctx, s)
	case doAgain:
		w.say("again")
		if w.last == nil {
			return nil
		}
		return w.last(ctx)
	case doLook:
		w.say("%s", s.do)
	}
	return nil
}

func (w *walker) say(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// settle checks what became of a write, and whether the books say so.
func (w *walker) settle(ctx context.Context, what string, legal bool, after suite.Sums, a sdk.Answer, err error) error {
	if !legal {
		w.last = nil
		return w.payment.Stays(ctx, what, err, w.sums)
	}
	if err := suite.Done(what, a, err); err != nil {
		return err
	}
	w.sums = after
	return w.payment.Moved(ctx, what, after, a)
}

// repeat makes the write that was just done the one that is sent again. Where the
// provider does not keep keys nobody may.
func repeat[R any](w *walker, op sdk.Operation, first R, name func(R) string, send func(context.Context) (R, error)) {
	w.last = nil
	if w.lane.Description.Manifest.Idempotency[op].Mode != sdk.IdempotencyNative {
		return
	}
	w.last = func(ctx context.Context) error {
		again, err := send(ctx)
		if err != nil {
			return suite.Brokenf("sending the last write again", "the first answer", "%v", err)
		}
		return errors.Join(
			suite.Equal("sending the last write again", name(again), name(first)),
			w.payment.Moved(ctx, "sending the last write again", w.sums))
	}
}

func (w *walker) capture(ctx context.Context, s step) error {
	features := w.lane.Description.Manifest.Features
	open := w.sums.Open()
	minor := share(open, s.part)
	if s.part == tooMuch {
		minor = max(1, w.most-w.sums.Taken+1)
	}
	final := s.do == doFinal
	w.say("%s %d", s.do, minor)
	legal := open > 0 && s.part != tooMuch
	after := w.sums
	after.Taken += minor
	if final || !features.MultipleCapture {
		after.Released += max(0, open-minor)
	}
	req := w.payment.Capturing(minor, final)
	result, err := w.lane.Remote.Capture(ctx, req)
	if wrong := w.settle(ctx, fmt.Sprintf("%s of %d", s.do, minor), legal, after, result.Answer, err); wrong != nil || !legal {
		return wrong
	}
	w.captures = append(w.captures, taken{ref: result.Capture, amount: minor})
	req.Call = suite.Again(req.Call)
	repeat(w, sdk.OpCapture, result, func(r sdk.CaptureResult) string { return string(r.Capture) },
		func(ctx context.Context) (sdk.CaptureResult, error) { return w.lane.Remote.Capture(ctx, req) })
	return nil
}

func (w *walker) void(ctx context.Context) error {
	w.say("void")
	open := w.sums.Open()
	req := w.payment.Voiding()
	result, err := w.lane.Remote.Void(ctx, req)
	if open == 0 && w.sums.Released > 0 && err == nil { // to let go of nothing, again, may succeed
		w.last = nil
		return w.payment.Moved(ctx, "voiding what was released", w.sums)
	}
	legal := open > 0 && (w.sums.Taken == 0 || w.lane.Description.Manifest.Features.VoidAfterPartialCapture)
	after := w.sums
	after.Released += open
	if wrong := w.settle(ctx, "voiding", legal, after, result.Answer, err); wrong != nil || !legal {
		return wrong
	}
	req.Call = suite.Again(req.Call)
	repeat(w, sdk.OpVoid, result, func(r sdk.VoidResult) string { return string(r.Outcome) },
		func(ctx context.Context) (sdk.VoidResult, error) { return w.lane.Remote.Void(ctx, req) })
	return nil
}

// refundable is what a refund may return: of one capture, or of the payment.
func (w *walker) refundable(s step) (int64, *taken) {
	if w.lane.Description.Manifest.RefundScope == sdk.RefundPayment || len(w.captures) == 0 {
		return w.sums.Taken - w.sums.Returned, nil
	}
	of := &w.captures[s.which%len(w.captures)]
	return of.amount - of.returned, of
}

func (w *walker) refund(ctx context.Context, s step) error {
	left, of := w.refundable(s)
	minor := share(left, s.part)
	capture := w.lane.Fixtures().Capture
	if of != nil {
		capture = of.ref
	}
	w.say("refund %d", minor)
	legal := left > 0 && s.part != tooMuch
	after := w.sums
	after.Returned += minor
	req := w.payment.Refunding(capture, minor)
	result, err := w.lane.Remote.Refund(ctx, req)
	if wrong := w.settle(ctx, fmt.Sprintf("refunding %d", minor), legal, after, result.Answer, err); wrong != nil || !legal {
		return wrong
	}
	if of != nil {
		of.returned += minor
	}
	req.Call = suite.Again(req.Call)
	repeat(w, sdk.OpRefund, result, func(r sdk.RefundResult) string { return string(r.Refund) },
		func(ctx context.Context) (sdk.RefundResult, error) { return w.lane.Remote.Refund(ctx, req) })
	return nil
}

// A walk is where steps are played from, and which there may be.
type walk struct {
	mode  sdk.CaptureMode
	deeds []deed
	least int // part that a capture, and a refund, takes at least: 8 where parts are not offered
	give  int
}

// walkOf is the walk that a connector can be taken on.
func walkOf(l *suite.Lane, wanted ...deed) walk {
	m, has := l.Description.Manifest, l.Description.Operations.Has
	w := walk{mode: sdk.CaptureAutomatic, deeds: []deed{doLook, doAgain}, least: 1, give: 1}
	if slices.Contains(m.CaptureModes, sdk.CaptureManual) && has(sdk.OpCapture) {
		w.mode = sdk.CaptureManual
	}
	offered := map[deed]bool{
		doCapture: w.mode == sdk.CaptureManual, doFinal: w.mode == sdk.CaptureManual && m.Features.PartialCapture,
		doVoid: has(sdk.OpVoid), doRefund: has(sdk.OpRefund),
	}
	for _, d := range wanted {
		if offered[d] {
			w.deeds = append(w.deeds, d)
		}
	}
	if !m.Features.PartialCapture {
		w.least = wholePart
	}
	if !m.Features.PartialRefund || !m.Features.MultipleRefund {
		w.give = wholePart
	}
	return w
}

// steps are n steps at random.
func (w walk) steps(l *suite.Lane, n int) []step {
	steps := make([]step, n)
	for i := range steps {
		least := w.least
		do := w.deeds[l.IntN(len(w.deeds))]
		if do == doRefund {
			least = w.give
		}
		// Of two parts the smaller: a payment that is soon at its end has few steps left.
		part := min(l.IntN(tooMuch-least+1), l.IntN(tooMuch-least+1))
		steps[i] = step{do: do, part: least + part, which: l.IntN(4)}
	}
	return steps
}

// try plays steps on a new payment, up to the one that goes wrong, and tells them.
func (w walk) try(ctx context.Context, l *suite.Lane, steps []step) (said []string, err error) {
	walker, err := newWalker(ctx, l, w.mode)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if err := walker.play(ctx, s); err != nil {
			return walker.said, err
		}
	}
	return walker.said, nil
}

// run takes so many walks, and reports the first that goes wrong as short as it gets.
func (w walk) run(ctx context.Context, l *suite.Lane, walks, longest int) error {
	for range l.Tries(walks) {
		steps := w.steps(l, longest/2+l.IntN(longest/2+1))
		if _, err := w.try(ctx, l, steps); err != nil {
			if !wrong(err) {
				return err
			}
			return w.shortest(ctx, l, steps, err)
		}
	}
	return nil
}

// wrong reports whether an error is about the connector.
func wrong(err error) bool {
	_, broken := errors.AsType[*suite.Broken](err)
	return broken && !errors.Is(err, suite.ErrSuite) && !errors.Is(err, suite.ErrNotTestable) && !errors.Is(err, suite.ErrBlocked)
}

// shortest takes away steps for as long as something still goes wrong, and tells what is
// left.
func (w walk) shortest(ctx context.Context, l *suite.Lane, steps []step, failure error) error {
	said, err := w.try(ctx, l, steps)
	if !wrong(err) {
		return fmt.Errorf("a walk that does not go wrong again: %w", failure)
	}
	steps, failure = steps[:len(said)], err // the last one said is the one that goes wrong
	for i := 0; i < len(steps); {
		shorter := slices.Delete(slices.Clone(steps), i, i+1)
		if told, err := w.try(ctx, l, shorter); wrong(err) {
			steps, said, failure = shorter[:len(told)], told, err
			continue
		}
		i++
	}
	broken, _ := errors.AsType[*suite.Broken](failure)
	return suite.Brokenf("the walk: authorize "+fmt.Sprint(l.Amount())+"; "+strings.Join(said, "; ")+": "+broken.Step,
		broken.Expected, "%s", broken.Actual)
}

var walkCaptures = suite.Case{
	ID: "walk/captures", Requirement: "PC-STATE-013", Profile: suite.DelayedCapture, Sim: true, Slow: true, Needs: managing,
	Rule: "Whatever captures and voids follow one another, answers, lookups and the provider's books agree after each.",
	Why:  "What works alone goes wrong in an order that nobody has thought of.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return walkOf(l, doCapture, doCapture, doFinal, doVoid).run(ctx, l, 12, 8)
	},
}

var walkRefunds = suite.Case{
	ID: "walk/refunds", Requirement: "PC-STATE-013", Profile: suite.Refunds, Sim: true, Slow: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpRefund, sdk.OpFindPayment},
	Rule:  "Whatever captures and refunds follow one another, answers, lookups and the provider's books agree after each.",
	Why:   "What works alone goes wrong in an order that nobody has thought of.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return walkOf(l, doCapture, doRefund, doRefund).run(ctx, l, 12, 12)
	},
}

var walkLong = suite.Case{
	ID: "walk/long", Requirement: "PC-STATE-013", Profile: suite.Resilience, Sim: true, Slow: true, Timeout: 3 * time.Minute,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "Forty walks of up to twenty steps, of every operation on a payment, end as a model of amounts says.",
	Why:   "The order that nobody has thought of comes in the first week.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return walkOf(l, doCapture, doCapture, doCapture, doCapture, doFinal, doVoid, doRefund, doRefund, doRefund).
			run(ctx, l, 40, 20)
	},
}
