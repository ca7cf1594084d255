package lookup

import (
	"context"
	"errors"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

var staff = []sim.Ability{sim.CanDashboard}

// outside has the merchant's staff do something, between two lookups, and checks what
// the second tells.
func outside(ctx context.Context, l *suite.Lane, p *suite.Payment, does string, minor int64, want suite.Sums) (*sdk.Snapshot, error) {
	before, err := p.Find(ctx)
	if err != nil {
		return nil, suite.Blocking("looking up", err)
	}
	err = l.Dashboard(ctx, sim.Dashboard{Reference: string(p.Request.Call.Reference), Does: does, Minor: minor})
	if err != nil {
		return nil, err
	}
	if err := p.Moved(ctx, "a "+does+" outside", want); err != nil {
		return nil, errors.Join(suite.ErrBlocked, err)
	}
	after, err := p.Find(ctx)
	if err != nil {
		return nil, err
	}
	step := "looking up after a " + does + " outside"
	if before.Revision > after.Revision {
		return nil, suite.Brokenf(step, "a revision that does not go back", "%d after %d", after.Revision, before.Revision)
	}
	return after, suite.Shows(step, after, p.Request.Amount.Currency, want)
}

var outsideCapture = suite.Case{
	ID: "lookup/captured-outside", Requirement: "PC-SYNC-007", Profile: suite.DelayedCapture, Sim: true, Uses: staff,
	Needs: finding,
	Rule:  "A lookup shows what was captured outside since the last one, as nobody's operation of ours.",
	Why:   "A connector that remembers instead of asking tells the truth of yesterday.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		snapshot, err := outside(ctx, l, p, "capture", 0, suite.Sums{Held: all, Taken: all})
		if err != nil {
			return err
		}
		const step = "looking up a capture made outside"
		if err := suite.Equal(step+": captures", len(snapshot.Captures), 1); err != nil {
			return err
		}
		return suite.Equal(step+": our operation", snapshot.Captures[0].Operation, "")
	},
}

var outsideVoid = suite.Case{
	ID: "lookup/voided-outside", Requirement: "PC-SYNC-007", Profile: suite.DelayedCapture, Sim: true, Uses: staff,
	Needs: finding,
	Rule:  "A lookup shows what was voided outside since the last one.",
	Why:   "Goods are shipped for money that was let go.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		_, err = outside(ctx, l, p, "void", 0, suite.Sums{Held: all, Released: all})
		return err
	},
}

var outsideRefund = suite.Case{
	ID: "lookup/refunded-outside", Requirement: "PC-SYNC-007", Profile: suite.Refunds, Sim: true, Uses: staff,
	Needs: with(sdk.OpRefund), When: multipleRefund, WhenText: noMultipleRefund,
	Rule: "A refund made outside is shown as nobody's operation of ours, counts, and leaves only the rest to be refunded.",
	Why:  "The merchant's staff refunds by hand, the shop refunds by itself, and the buyer is paid twice.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		all := p.Request.Amount.Minor
		want := suite.Sums{Held: all, Taken: all, Returned: all / 4}
		snapshot, err := outside(ctx, l, p, "refund", all/4, want)
		if err != nil {
			return err
		}
		const step = "looking up a refund made outside"
		if err := suite.Equal(step+": refunds", len(snapshot.Refunds), 1); err != nil {
			return err
		}
		if err := suite.Equal(step+": our operation", snapshot.Refunds[0].Operation, ""); err != nil {
			return err
		}
		_, err = p.Refund(ctx, capture, all)
		return p.Stays(ctx, "refunding what was partly refunded outside", err, want, sdk.CodeAmountExceedsRefundable)
	},
}
