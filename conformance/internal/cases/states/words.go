package states

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// unheard is a status that no provider has.
const unheard = "conformance_unheard_of"

var strange = []sim.Ability{sim.CanFault(sim.FaultStatus)}

var unknownStatusIsUnknown = suite.Case{
	ID: "state/unknown-status", Requirement: "PC-STATE-009", Profile: suite.Core, Sim: true, Uses: strange,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "A status that no table lists is UNKNOWN in a lookup, with the provider's word kept.",
	Why:   "A new word that is read as pending is waited for, for ever; read as success it is goods given away.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, _, err := anywhere(ctx, l)
		if err != nil {
			return err
		}
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultStatus, Value: unheard}); err != nil {
			return err
		}
		snapshot, err := p.Find(ctx)
		if err != nil {
			return err
		}
		const step = "looking up a payment of an unheard-of status"
		return errors.Join(
			suite.Equal(step+": state", snapshot.State, sdk.StateUnknown),
			suite.Equal(step+": the provider's word", snapshot.Provider.Status, unheard))
	},
}

// anywhere is an approved payment, in whichever capture mode is offered first.
func anywhere(ctx context.Context, l *suite.Lane) (*suite.Payment, sdk.CaptureRef, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, "", err
	}
	p, err := l.AuthorizedIn(ctx, cell, l.Amount())
	return p, "", err
}

// strangely plays a write whose answer has an unheard-of status, and expects doubt with
// the word kept.
func strangely(ctx context.Context, l *suite.Lane, step string, write func() (sdk.Answer, error)) error {
	if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultStatus, Value: unheard}); err != nil {
		return err
	}
	a, err := write()
	if wrong := suite.Outcome(step, a, err, sdk.OutcomeUnknown); wrong != nil {
		return wrong
	}
	kept := a.Provider.Status
	if err != nil {
		kept = sdk.AsError(err).Provider.Status
	}
	return suite.Equal(step+": the provider's word", kept, unheard)
}

var unknownStatusOfAuthorization = suite.Case{
	ID: "state/unknown-status-of-authorization", Requirement: "PC-STATE-009", Profile: suite.Core, Sim: true, Uses: strange,
	Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule:  "An authorization that is answered with an unheard-of status is in doubt, with the provider's word kept.",
	Why:   "Nobody knows what it means, so nobody may act as if they did.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return err
		}
		return strangely(ctx, l, "authorizing, answered with an unheard-of status", func() (sdk.Answer, error) {
			p, err := l.Open(ctx, cell, l.Amount())
			return p.Result.Answer, err
		})
	},
}

// strangelyFrom is the case that a write on a stage is in doubt.
func strangelyFrom(
	id string, profile suite.Profile, what string, from stage,
	write func(context.Context, *suite.Payment, sdk.CaptureRef) (sdk.Answer, error), needs ...sdk.Operation,
) suite.Case {
	return suite.Case{
		ID: id, Requirement: "PC-STATE-009", Profile: profile, Sim: true, Uses: strange,
		Needs: append([]sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}, needs...),
		Rule:  "A " + what + " that is answered with an unheard-of status is in doubt, with the provider's word kept.",
		Why:   "Nobody knows what it means, so nobody may act as if they did.",
		Run: func(ctx context.Context, l *suite.Lane) error {
			p, capture, err := from(ctx, l)
			if err != nil {
				return err
			}
			return strangely(ctx, l, "a "+what+", answered with an unheard-of status", func() (sdk.Answer, error) {
				return write(ctx, p, capture)
			})
		},
	}
}

var (
	unknownStatusOfCapture = strangelyFrom("state/unknown-status-of-capture", suite.DelayedCapture, "capture", held,
		func(ctx context.Context, p *suite.Payment, _ sdk.CaptureRef) (sdk.Answer, error) {
			result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
			return result.Answer, err
		}, sdk.OpCapture)
	unknownStatusOfVoid = strangelyFrom("state/unknown-status-of-void", suite.DelayedCapture, "void", held,
		func(ctx context.Context, p *suite.Payment, _ sdk.CaptureRef) (sdk.Answer, error) {
			result, err := p.Void(ctx)
			return result.Answer, err
		}, sdk.OpVoid)
	unknownStatusOfRefund = strangelyFrom("state/unknown-status-of-refund", suite.Refunds, "refund", captured,
		func(ctx context.Context, p *suite.Payment, capture sdk.CaptureRef) (sdk.Answer, error) {
			result, err := p.Refund(ctx, capture, p.Request.Amount.Minor)
			return result.Answer, err
		}, sdk.OpRefund)
)

var documentedStatuses = suite.Case{
	ID: "state/documented-statuses", Requirement: "PC-STATE-010", Profile: suite.Core, Sim: true, Uses: strange,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "Every status that the provider documents has a state, and it is the one that the documentation means.",
	Why:   "The status that nobody mapped is the one that the first incident is about.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		statuses := l.Fixtures().Statuses
		if len(statuses) == 0 {
			return fmt.Errorf("%w: statuses is missing, must list the provider's words for a payment's state", suite.ErrNotTestable)
		}
		stages := map[string]*suite.Payment{}
		for _, status := range slices.Sorted(maps.Keys(statuses)) {
			means := statuses[status]
			name, set := stageFor(l, means)
			if stages[name] == nil {
				p, err := set(ctx, l)
				if err != nil {
					return err
				}
				stages[name] = p
			}
			if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultStatus, Value: status}); err != nil {
				return err
			}
			snapshot, err := stages[name].Find(ctx)
			if err != nil {
				return suite.Brokenf(fmt.Sprintf("looking up %s that is %q", name, status), string(means), "%v", err)
			}
			if err := suite.Equal(fmt.Sprintf("looking up %s that is %q", name, status), snapshot.State, means); err != nil {
				return err
			}
			if err := l.Behave(ctx); err != nil {
				return err
			}
		}
		return nil
	},
}

// stageFor is a payment whose amounts do not contradict a state, since a connector may
// read a word together with what was captured.
func stageFor(l *suite.Lane, s sdk.State) (string, func(context.Context, *suite.Lane) (*suite.Payment, error)) {
	manual := slices.Contains(l.Description.Manifest.CaptureModes, sdk.CaptureManual)
	switch {
	case s == sdk.StateCaptured:
		return "a captured payment", func(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
			p, _, err := captured(ctx, l)
			return p, err
		}
	case s == sdk.StatePartiallyCaptured && manual:
		return "a partly captured payment", func(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
			p, _, err := held(ctx, l)
			if err != nil {
				return nil, err
			}
			result, err := p.Capture(ctx, p.Request.Amount.Minor/2, false)
			return p, done("capturing", result.Answer, err)
		}
	case (s == sdk.StateAuthorized || s == sdk.StateVoided || s == sdk.StateExpired) && manual:
		return "a held payment", func(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
			p, _, err := held(ctx, l)
			return p, err
		}
	}
	return "a new payment", func(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
		cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
		if err != nil {
			return nil, err
		}
		p, err := l.Open(ctx, cell, l.Amount())
		return p, suite.Blocking("authorizing", err)
	}
}

var olderIsNotNewer = suite.Case{
	ID: "state/older-is-not-newer", Requirement: "PC-STATE-011", Profile: suite.DelayedCapture, Sim: true, Uses: strange,
	Needs: managing,
	Rule:  "A provider that tells an earlier state again is not told on as newer than what was told before.",
	Why:   "A replica that lags turns a captured payment into a hold, and the hold is captured.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		first, err := p.Find(ctx)
		if err != nil {
			return suite.Blocking("looking the payment up", err)
		}
		result, err := p.Capture(ctx, p.Request.Amount.Minor, true)
		if err := done("capturing", result.Answer, err); err != nil {
			return err
		}
		latest, err := p.Find(ctx)
		if err != nil {
			return suite.Blocking("looking the payment up", err)
		}
		if err := l.Fault(ctx, sim.Fault{Kind: sim.FaultStatus, Value: first.Provider.Status}); err != nil {
			return err
		}
		stale, err := p.Find(ctx)
		if err != nil {
			return nil // it contradicts what was captured, and says so
		}
		const step = "looking up a payment that reads as it did before"
		if stale.State == latest.State || stale.State == sdk.StateUnknown || latest.Revision == 0 {
			return nil
		}
		if stale.Revision > latest.Revision {
			return suite.Brokenf(step, fmt.Sprintf("%s to be of revision %d or before", stale.State, latest.Revision), "%d", stale.Revision)
		}
		return nil
	},
}

var expiredIsExpired = suite.Case{
	ID: "state/expired", Requirement: "PC-STATE-012", Profile: suite.DelayedCapture, Sim: true,
	Uses: []sim.Ability{sim.CanDashboard}, Needs: managing,
	Rule: "A hold that the provider let lapse is EXPIRED in a lookup, and a capture of it is refused.",
	Why:  "Goods are shipped for money that is no longer held.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		if err := l.Dashboard(ctx, sim.Dashboard{Reference: string(p.Request.Call.Reference), Does: "expire"}); err != nil {
			return err
		}
		return over(ctx, p)
	},
}

// over checks that a hold has ended.
func over(ctx context.Context, p *suite.Payment) error {
	snapshot, err := p.Find(ctx)
	if err != nil {
		return err
	}
	if err := suite.Equal("looking up a hold that has lapsed", snapshot.State, sdk.StateExpired); err != nil {
		return err
	}
	_, err = p.Capture(ctx, p.Request.Amount.Minor, true)
	return p.Stays(ctx, "capturing a hold that has lapsed", err,
		suite.Sums{Held: p.Request.Amount.Minor, Released: p.Request.Amount.Minor})
}

var holdEndsInTime = suite.Case{
	ID: "state/hold-ends-in-time", Requirement: "PC-STATE-012", Profile: suite.DelayedCapture, Sim: true, Alone: true,
	Uses: []sim.Ability{sim.CanClock}, Needs: managing,
	When:     func(m sdk.Manifest) bool { return m.Limits.AuthorizationLifetime > 0 },
	WhenText: "how long a hold lasts is not claimed",
	Rule:     "A hold lasts as long as the manifest says, and no longer.",
	Why:      "A host that plans captures by the manifest is too late, or in needless haste.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		lasts := time.Duration(l.Description.Manifest.Limits.AuthorizationLifetime)
		margin := min(time.Minute, lasts/10)
		if err := l.Advance(ctx, lasts-margin); err != nil {
			return err
		}
		if err := derived(ctx, p, "looking up a hold just before its end"); err != nil {
			return err
		}
		if err := l.Advance(ctx, 2*margin); err != nil {
			return err
		}
		return over(ctx, p)
	},
}
