package states

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var managing = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture, sdk.OpFindPayment}

var followsTheBooks = suite.Case{
	ID: "state/follows-the-books", Requirement: "PC-STATE-001", Profile: suite.DelayedCapture, Sim: true, Needs: managing,
	Rule: "After every operation a lookup tells the state that the amounts make, and those amounts.",
	Why:  "A state that is kept beside the money drifts away from it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		if err := derived(ctx, p, "looking up a hold"); err != nil {
			return err
		}
		var capture sdk.CaptureRef
		for _, minor := range portions(l, p.Request.Amount.Minor) {
			result, err := p.Capture(ctx, minor, minor == p.Request.Amount.Minor)
			if err := done("capturing", result.Answer, err); err != nil {
				return err
			}
			capture = result.Capture
			if err := derived(ctx, p, fmt.Sprintf("looking up after capturing %d", minor)); err != nil {
				return err
			}
		}
		if !l.Description.Operations.Has(sdk.OpRefund) {
			return nil
		}
		result, err := p.Refund(ctx, capture, p.Request.Amount.Minor/2)
		if err := done("refunding", result.Answer, err); err != nil {
			return err
		}
		return derived(ctx, p, "looking up after a refund")
	},
}

// portions are amounts to capture one after the other: all, where parts are not offered.
func portions(l *suite.Lane, all int64) []int64 {
	if f := l.Description.Manifest.Features; f.PartialCapture && f.MultipleCapture {
		return []int64{all / 2, all - all/2}
	}
	return []int64{all}
}

// follows are the states that may come after each. A state may always stay.
var follows = map[sdk.State][]sdk.State{
	sdk.StateRequiresAction: {
		sdk.StateProcessing, sdk.StateAuthorized, sdk.StateCaptured, sdk.StateDeclined, sdk.StateCanceled, sdk.StateExpired,
	},
	sdk.StateProcessing: {
		sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired,
	},
	sdk.StateAuthorized: {
		sdk.StatePartiallyCaptured, sdk.StateCaptured, sdk.StateProcessing, sdk.StateVoided, sdk.StateExpired,
	},
	sdk.StatePartiallyCaptured: {sdk.StateCaptured},
}

// path checks that states follow one another. The empty state was not told.
func path(states []sdk.State) error {
	last := sdk.State("")
	for _, s := range states {
		if s == "" || s == last {
			continue
		}
		if last != "" && !slices.Contains(follows[last], s) {
			return suite.Brokenf("following the states", fmt.Sprintf("%s to be followed by one of %v", last, follows[last]), "%s", s)
		}
		last = s
	}
	return nil
}

var legalPath = suite.Case{
	ID: "state/legal-path", Requirement: "PC-STATE-002", Profile: suite.DelayedCapture, Sim: true, Needs: managing,
	Rule: "The states that answers and lookups tell of one payment follow one another as the contract allows.",
	Why:  "A payment that goes back to a state it has left is paid for, or shipped, twice.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(sdk.CaptureManual)
		if err != nil {
			return err
		}
		p, err := l.Open(ctx, cell, l.Amount())
		if err != nil {
			return suite.Blocking("authorizing", err)
		}
		states := []sdk.State{stateIn(p.Result.Payment)}
		look := func() error {
			for range 2 {
				snapshot, err := p.Find(ctx)
				if err != nil {
					return err
				}
				states = append(states, snapshot.State)
			}
			return nil
		}
		err = look()
		err = errors.Join(err, p.Finish(ctx), look())
		for _, minor := range portions(l, p.Request.Amount.Minor) {
			result, failed := p.Capture(ctx, minor, minor == p.Request.Amount.Minor)
			states = append(states, stateIn(result.Payment))
			err = errors.Join(err, done("capturing", result.Answer, failed), look())
		}
		if err != nil {
			return err
		}
		if len(states) > 0 && states[len(states)-1] != sdk.StateCaptured {
			return suite.Brokenf("following the states to their end", string(sdk.StateCaptured), "%s", states[len(states)-1])
		}
		return path(states)
	},
}

func stateIn(s *sdk.Snapshot) sdk.State {
	if s == nil {
		return ""
	}
	return s.State
}

var saleIsCaptured = suite.Case{
	ID: "state/sale", Requirement: "PC-STATE-003", Profile: suite.AutomaticCapture, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "An approved payment with automatic capture is captured or on its way, never a hold.",
	Why:   "A host that sees a hold captures it, which is a second time.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureAutomatic)
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		if snapshot.State == sdk.StateProcessing {
			return nil
		}
		return suite.Equal("looking up a payment captured at once", snapshot.State, sdk.StateCaptured)
	},
}

var holdIsNotCaptured = suite.Case{
	ID: "state/hold", Requirement: "PC-STATE-003", Profile: suite.DelayedCapture, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "An approved payment with manual capture is a hold, and nothing was taken.",
	Why:   "Taking money before the goods are shipped is against the rules of card schemes, and of some laws.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		return errors.Join(
			suite.Equal("looking up a hold", snapshot.State, sdk.StateAuthorized),
			p.Moved(ctx, "authorizing", suite.Sums{Held: p.Request.Amount.Minor}))
	},
}

// A word is what a provider calls a state, and whether anything was captured, on which
// what the word means may depend.
type word struct {
	status   string
	captured bool
}

var sameWordSameState = suite.Case{
	ID: "state/same-word", Requirement: "PC-STATE-004", Profile: suite.DelayedCapture, Sim: true, Needs: managing,
	Rule: "One word of the provider means one state, in the answer to a write and in a lookup.",
	Why:  "Two tables that should agree do not, and which one counts depends on what arrives first.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		means := map[word]sdk.State{}
		hear := func(s *sdk.Snapshot, captured bool) error {
			if s == nil || s.State == "" || s.Provider.Status == "" {
				return nil
			}
			w := word{s.Provider.Status, captured}
			if known, ok := means[w]; ok && known != s.State {
				return suite.Brokenf(fmt.Sprintf("hearing %q twice", w.status), "one state, "+string(known), "also %s", s.State)
			}
			means[w] = s.State
			return nil
		}
		wrong := []error{hear(p.Result.Payment, false)}
		look := func(captured bool) {
			snapshot, err := p.Find(ctx)
			if err == nil {
				err = hear(snapshot, captured)
			}
			wrong = append(wrong, err)
		}
		look(false)
		other, err := l.Open(ctx, p.Cell, l.Amount())
		if err != nil {
			return suite.Blocking("authorizing", err)
		}
		wrong = append(wrong, hear(other.Result.Payment, false))
		if snapshot, err := other.FindByReference(ctx); err == nil {
			wrong = append(wrong, hear(snapshot, false))
		}
		for _, minor := range portions(l, p.Request.Amount.Minor) {
			result, err := p.Capture(ctx, minor, minor == p.Request.Amount.Minor)
			if err := done("capturing", result.Answer, err); err != nil {
				return err
			}
			wrong = append(wrong, hear(result.Payment, true))
			look(true)
		}
		if len(means) == 0 {
			wrong = append(wrong, suite.Brokenf("looking up", "the provider's own word for the state", "none"))
		}
		return errors.Join(wrong...)
	},
}
