package lookup

import (
	"context"
	"errors"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// lose plays a write whose answer is lost on the way, after the provider has acted or
// before, and expects doubt.
func lose(l *suite.Lane, step string, how proxy.What, write func() (sdk.Answer, error)) error {
	if err := l.Break(proxy.Fault{What: how, Only: proxy.Writes}); err != nil {
		return err
	}
	a, err := write()
	if wrong := suite.Outcome(step, a, err, sdk.OutcomeUnknown); wrong != nil {
		return suite.Blocking(step, wrong)
	}
	return l.Heal()
}

// lostAuthorization asks for an authorization whose answer is lost.
func lostAuthorization(ctx context.Context, l *suite.Lane, how proxy.What) (*suite.Payment, error) {
	cell, err := l.Cell(sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	var p *suite.Payment
	err = lose(l, "authorizing, with the answer lost", how, func() (sdk.Answer, error) {
		var err error
		if p, err = l.Open(ctx, cell, l.Amount()); p == nil {
			return sdk.Answer{}, err
		}
		return p.Result.Answer, err
	})
	if err == nil {
		p.Result.Order = ""
	}
	return p, err
}

var afterLostAuthorize = suite.Case{
	ID: "lookup/after-lost-answer", Requirement: "PC-SYNC-008", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A payment whose answer was lost is found by our reference alone, and goes on from there.",
	Why:  "Without a name of the provider's the payment can be neither taken nor given back.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := lostAuthorization(ctx, l, proxy.ActThenDrop)
		if err != nil {
			return err
		}
		found, err := p.FindByReference(ctx)
		if err != nil {
			return err
		}
		if found.Order == "" {
			return suite.Brokenf("looking up by our reference", "the provider's name for the payment", "none")
		}
		p.Result.Order = found.Order
		if found.State == sdk.StateRequiresAction {
			if err := p.Buyer(ctx, sim.Approve); err != nil {
				return err
			}
		}
		sums, err := p.Sums(ctx)
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		return suite.Shows("looking up what was in doubt", snapshot, p.Request.Amount.Currency, sums)
	},
}

var afterLostRequest = suite.Case{
	ID: "lookup/after-lost-request", Requirement: "PC-SYNC-008", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "A payment that never reached the provider is not found by our reference, and that is no error.",
	Why:  "A payment in doubt that is never cleared up is a buyer who waits and a cart that is blocked.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := lostAuthorization(ctx, l, proxy.ResetBeforeHeaders)
		if err != nil {
			return err
		}
		f, err := find(ctx, l, p.Request.Call, "")
		const step = "looking up what never reached the provider"
		if err != nil {
			return suite.Brokenf(step, "not found", "%v", err)
		}
		return suite.Equal(step+": found", f.Found, false)
	},
}

var afterLostCapture = suite.Case{
	ID: "lookup/after-lost-capture", Requirement: "PC-SYNC-008", Profile: suite.DelayedCapture, Sim: true,
	Needs: with(sdk.OpCapture),
	Rule:  "A capture whose answer was lost is shown by a lookup, with its name and amount.",
	Why:   "A host that cannot see its capture captures again, or never.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		req := p.Capturing(all, true)
		err = lose(l, "capturing, with the answer lost", proxy.ActThenDrop, func() (sdk.Answer, error) {
			result, err := l.Remote.Capture(ctx, req)
			return result.Answer, err
		})
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		const step = "looking up a capture whose answer was lost"
		if err := suite.Shows(step, snapshot, req.Amount.Currency, suite.Sums{Held: all, Taken: all}); err != nil {
			return err
		}
		return operation(step, snapshot.Captures[0].Operation, req.Call.OperationID)
	},
}

var afterLostVoid = suite.Case{
	ID: "lookup/after-lost-void", Requirement: "PC-SYNC-008", Profile: suite.DelayedCapture, Sim: true, Needs: with(sdk.OpVoid),
	Rule: "A void whose answer was lost is shown by a lookup.",
	Why:  "Goods are shipped for a hold that was let go.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		err = lose(l, "voiding, with the answer lost", proxy.ActThenDrop, func() (sdk.Answer, error) {
			result, err := p.Void(ctx)
			return result.Answer, err
		})
		if err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		return suite.Shows("looking up a void whose answer was lost", snapshot, p.Request.Amount.Currency,
			suite.Sums{Held: all, Released: all})
	},
}

// refundOf looks a refund up by our operation.
func refundOf(ctx context.Context, l *suite.Lane, p *suite.Payment, req sdk.RefundRequest) (sdk.RefundFinding, error) {
	call := req.Call
	call.Key = ""
	return l.Remote.FindRefund(ctx, sdk.FindRefundRequest{Call: call, Order: p.Result.Order, Capture: req.Capture})
}

var afterLostRefund = suite.Case{
	ID: "lookup/after-lost-refund", Requirement: "PC-SYNC-008", Profile: suite.Refunds, Sim: true,
	Needs: with(sdk.OpRefund, sdk.OpFindRefund),
	Rule:  "A refund whose answer was lost is found by our operation alone.",
	Why:   "A host that cannot see its refund refunds again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		req := p.Refunding(capture, p.Request.Amount.Minor)
		err = lose(l, "refunding, with the answer lost", proxy.ActThenDrop, func() (sdk.Answer, error) {
			result, err := l.Remote.Refund(ctx, req)
			return result.Answer, err
		})
		if err != nil {
			return err
		}
		f, err := refundOf(ctx, l, p, req)
		const step = "looking up a refund whose answer was lost"
		if err != nil {
			return suite.Brokenf(step, "it to be found", "%v", err)
		}
		if !f.Found || f.Refund == nil || f.Refund.Ref == "" {
			return suite.Brokenf(step, "it to be found, with the provider's name", "%+v", f)
		}
		return suite.Amount(step+": its amount", f.Refund.Amount, req.Amount)
	},
}

var refundNotYetMade = suite.Case{
	ID: "lookup/after-lost-refund-request", Requirement: "PC-SYNC-008", Profile: suite.Refunds, Sim: true,
	Needs: with(sdk.OpRefund, sdk.OpFindRefund),
	Rule:  "A refund that never reached the provider is not found by our operation, and that is no error.",
	Why:   "A refund in doubt that is never cleared up is a buyer who waits.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		req := p.Refunding(capture, p.Request.Amount.Minor)
		err = lose(l, "refunding, with the request lost", proxy.ResetBeforeHeaders, func() (sdk.Answer, error) {
			result, err := l.Remote.Refund(ctx, req)
			return result.Answer, err
		})
		if err != nil {
			return err
		}
		f, err := refundOf(ctx, l, p, req)
		const step = "looking up a refund that never reached the provider"
		if err != nil {
			return suite.Brokenf(step, "not found", "%v", err)
		}
		return suite.Equal(step+": found", f.Found, false)
	},
}

// hiddenFor is how long a payment stays invisible, by a clock that nobody moves.
const hiddenFor = 10_000 // milliseconds

var notYetVisible = suite.Case{
	ID: "lookup/not-yet-visible", Requirement: "PC-SYNC-009", Profile: suite.Core, Sim: true,
	Uses: []sim.Ability{sim.CanFault(sim.FaultHidden)}, Needs: finding,
	Rule: "A payment that the provider's lookups do not see yet is not found, which is no failure, and is found once they do.",
	Why:  "A payment that is called failed because a replica lags is paid for, and not delivered.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultHidden, Milliseconds: hiddenFor}); err != nil {
			return err
		}
		cell, err := l.Cell(sdk.CaptureManual)
		if err != nil {
			return err
		}
		p, err := l.Open(ctx, cell, l.Amount())
		if err != nil {
			return suite.Blocking("authorizing", err)
		}
		var wrong []error
		for step, order := range map[string]sdk.OrderRef{
			"looking up too early by our reference": "", "looking up too early by the provider's name": p.Result.Order,
		} {
			f, err := find(ctx, l, p.Request.Call, order)
			if err != nil {
				wrong = append(wrong, suite.Brokenf(step, "not found", "%v", err))
			}
			wrong = append(wrong, suite.Equal(step+": found", f.Found, false))
		}
		if err := errors.Join(wrong...); err != nil {
			return err
		}
		if err := l.Behave(ctx); err != nil {
			return err
		}
		_, err = p.FindByReference(ctx)
		return err
	},
}
