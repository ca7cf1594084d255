package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const timedText = "the webhook scheme has no time: its tolerance is 0"

// timed reports whether the signature scheme has a time.
func timed(m sdk.Manifest) bool { return m.Webhook != nil && m.Webhook.Tolerance > 0 }

// precision is the coarsest time that a scheme signs.
const precision = time.Second

// readAt reads the delivery at the edges of a tolerance. When exactly it was signed is
// known to lie between after, cut to the precision, and its arrival: each edge is tried on
// the far side of both.
func (m *letter) readAt(ctx context.Context, tolerance time.Duration) error {
	at := func(now time.Time) func(*sdk.WebhookRequest) {
		return func(r *sdk.WebhookRequest) { r.Now, r.Tolerance = now, tolerance }
	}
	earliest, latest := m.after.Add(-precision), m.sent.At
	stale := func(step string, now time.Time) error {
		reading, err := m.lane.Remote.ReadWebhook(ctx, m.request(at(now)))
		if wrong := unbelieved(step, reading, err); wrong != nil {
			return wrong
		}
		return suite.Equal(step, reading.Refused.Code, sdk.CodeTimestampSkew)
	}
	return errors.Join(
		m.believed(ctx, "reading it when it is as old as allowed", at(earliest.Add(tolerance))),
		m.believed(ctx, "reading it when it is as far ahead as allowed", at(latest.Add(-tolerance))),
		stale("reading it when it is one second too old", latest.Add(tolerance+time.Second)),
		stale("reading it when it is one second too far ahead", earliest.Add(-tolerance-time.Second)),
		stale("reading it a day later", latest.Add(24*time.Hour)),
	)
}

var tooOld = suite.Case{
	ID: "hooks/too-old", Requirement: "PC-HOOK-012", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	When: timed, WhenText: timedText,
	Rule: "A delivery that was signed longer ago, or further ahead, than the manifest allows is refused with timestamp_skew, to the second.",
	Why:  "Whoever has once recorded a delivery could send it for ever.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		return m.readAt(ctx, time.Duration(l.Description.Manifest.Webhook.Tolerance))
	},
}

var hostsTolerance = suite.Case{
	ID: "hooks/hosts-tolerance", Requirement: "PC-HOOK-013", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	When: timed, WhenText: timedText,
	Rule: "The tolerance that counts is the host's, where it asks for another than the manifest's.",
	Why:  "An operator who narrows the window believes that it is narrower.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		return m.readAt(ctx, time.Duration(l.Description.Manifest.Webhook.Tolerance)/5)
	},
}
