package lookup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// slack is what clocks may differ by. No time zone is so near.
const slack = 5 * time.Minute

// near checks that a time that was told is one that can have been.
func near(step string, told, from, until time.Time) error {
	if told.IsZero() {
		return nil // it was not told
	}
	if told.Before(from.Add(-slack)) || told.After(until.Add(slack)) {
		return suite.Brokenf(step, fmt.Sprintf("a time from %s to %s", from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339)),
			"%s", told.UTC().Format(time.RFC3339))
	}
	return nil
}

var timesAreRight = suite.Case{
	ID: "lookup/times", Requirement: "PC-SYNC-012", Profile: suite.Core, Sim: true, Needs: finding,
	Rule: "The times that a lookup tells of captures, refunds and a hold's end are when that happens, in whatever zone.",
	Why:  "A time that is read in the wrong zone is nine hours off: holds end before they begin.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := approved(ctx, l)
		if err != nil {
			return err
		}
		m, has := l.Description.Manifest, l.Description.Operations.Has
		begun := l.Now()
		wrong := []error{}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		if lasts := time.Duration(m.Limits.AuthorizationLifetime); lasts > 0 && !snapshot.ExpiresAt.IsZero() {
			wrong = append(wrong, near("looking up when a hold ends", snapshot.ExpiresAt, begun.Add(lasts-time.Hour), l.Now().Add(lasts)))
		}
		if p.Cell.Mode == sdk.CaptureManual && has(sdk.OpCapture) {
			result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
			if err := done("capturing", result.Answer, err); err != nil {
				return err
			}
		}
		if snapshot, err = p.Find(ctx); err != nil {
			return err
		}
		if has(sdk.OpRefund) && len(snapshot.Captures) > 0 {
			result, err := p.Refund(ctx, snapshot.Captures[0].Ref, p.Request.Amount.Minor)
			if err := done("refunding", result.Answer, err); err != nil {
				return err
			}
			if snapshot, err = p.Find(ctx); err != nil {
				return err
			}
		}
		told := 0
		for _, c := range snapshot.Captures {
			told++
			wrong = append(wrong, near("looking up when a capture was made", c.At, begun, l.Now()))
		}
		for _, r := range snapshot.Refunds {
			told++
			wrong = append(wrong, near("looking up when a refund was made", r.At, begun, l.Now()))
		}
		if told == 0 {
			wrong = append(wrong, suite.Brokenf("looking up a captured payment", "its capture", "none"))
		}
		return errors.Join(wrong...)
	},
}

var pageEndsInTime = suite.Case{
	ID: "lookup/page-ends", Requirement: "PC-SYNC-012", Profile: suite.Redirect, Sim: true, Needs: finding,
	Rule: "The end of a buyer's page is after now, and no later than the host or the manifest allows.",
	Why:  "A host that waits for a page that has ended, or gives up one that has not, loses the buyer.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		for _, m := range l.Description.Manifest.Methods {
			if m.Flow == sdk.FlowRedirect {
				cell.Method = m
			}
		}
		p, err := l.Open(ctx, cell, l.Amount())
		if err != nil {
			return suite.Blocking("authorizing", err)
		}
		if p.Result.Next == nil {
			return suite.Brokenf("authorizing with a method whose buyer approves on a page", "a page", "none")
		}
		ends := p.Result.Next.ExpiresAt
		now := l.Now()
		if !ends.After(now) {
			return suite.Brokenf("authorizing: when the page ends", "after now", "%s", ends.Sub(now))
		}
		return near("authorizing: when the page ends", ends, now, p.Request.ApprovalExpiresAt)
	},
}
