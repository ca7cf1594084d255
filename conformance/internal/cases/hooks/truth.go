package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// repetitions is how often one delivery is read.
const repetitions = 5

var sameEvent = suite.Case{
	ID: "hooks/same-event", Requirement: "PC-HOOK-019", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "One event has one id and one meaning however often it is delivered and whichever process reads it; another event has another id.",
	Why:  "A host tells repetitions by the id: without it one refund is booked five times, with one for two events the second is lost.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		other, err := l.Another(ctx)
		if err != nil {
			return err
		}
		for i, reader := range []sdk.WebhookReader{l.Remote, l.Remote, l.Remote, l.Remote, other} {
			again, err := reader.ReadWebhook(ctx, m.request(nil))
			step := fmt.Sprintf("reading one delivery, time %d of %d", i+1, repetitions)
			if err != nil {
				return suite.Brokenf(step, "the same answer", "%v", err)
			}
			if err := suite.Equal(step, text(again), text(m.reading)); err != nil {
				return err
			}
		}
		if _, err := pay(ctx, l); err != nil {
			return err
		}
		return differentIDs(ctx, m)
	},
}

// differentIDs waits for the deliveries of a second payment and compares ids.
func differentIDs(ctx context.Context, m *letter) error {
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	taken, err := m.sub.Deliveries(waiting, 2)
	if err != nil {
		return err
	}
	bodies := map[string]string{}
	for _, d := range taken {
		r, err := m.sub.Read(ctx, d)
		if err != nil {
			return suite.Brokenf("reading the events of two payments", "an answer", "%v", err)
		}
		if had, ok := bodies[r.EventID]; ok && had != string(d.Body) {
			return suite.Brokenf("reading the events of two payments", "each to have an id of its own", "two with %q", r.EventID)
		}
		bodies[r.EventID] = string(d.Body)
	}
	return nil
}

// text is what a reading says, to be compared.
func text(r sdk.WebhookReading) string {
	raw, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s refused %v", raw, r.Refused)
}

var agrees = suite.Case{
	ID: "hooks/agrees-with-lookup", Requirement: "PC-HOOK-020", Profile: suite.Webhooks,
	Needs: append([]sdk.Operation{sdk.OpFindPayment}, needs...), Sim: true, Uses: uses,
	Rule: "After each step of a payment a webhook says what a lookup says, in names, amounts and states, as far as it says anything.",
	Why:  "Two truths about one payment: which of them a merchant sees depends on which came first.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		return story(ctx, l, func(step string, p *suite.Payment, about func(sdk.Snapshot) bool) error {
			truth, err := p.Find(ctx)
			if err != nil {
				return fmt.Errorf("%w: looking the payment up: %w", suite.ErrBlocked, err)
			}
			return eventuallyAgrees(ctx, sub, step, truth, about)
		})
	},
}

// story plays a payment through what the connector offers and tells after each step
// which observations are about it.
func story(ctx context.Context, l *suite.Lane, told func(string, *suite.Payment, func(sdk.Snapshot) bool) error) error {
	p, err := pay(ctx, l)
	if err != nil {
		return err
	}
	mine := func(s sdk.Snapshot) bool { return s.Order == p.Result.Order || s.Reference == p.Request.Call.Reference }
	if err := told("the authorization", p, mine); err != nil {
		return err
	}
	ops := l.Description.Operations
	if p.Cell.Mode != sdk.CaptureManual || !ops.Has(sdk.OpCapture) {
		return nil
	}
	taken, err := p.Capture(ctx, p.Request.Amount.Minor, true)
	if err != nil {
		return fmt.Errorf("%w: capturing: %w", suite.ErrBlocked, err)
	}
	err = told("the capture", p, func(s sdk.Snapshot) bool {
		return mine(s) && slices.ContainsFunc(s.Captures, func(c sdk.CaptureSnapshot) bool { return c.Ref == taken.Capture })
	})
	if err != nil || !ops.Has(sdk.OpRefund) {
		return err
	}
	back, err := p.Refund(ctx, taken.Capture, p.Request.Amount.Minor/2)
	if err != nil {
		return fmt.Errorf("%w: refunding: %w", suite.ErrBlocked, err)
	}
	return told("the refund", p, func(s sdk.Snapshot) bool {
		return slices.ContainsFunc(s.Refunds, func(r sdk.RefundSnapshot) bool { return r.Ref == back.Refund })
	})
}

// eventuallyAgrees waits for a delivery that is about the step and says what the lookup
// says: an earlier one may tell of what was so for a moment.
func eventuallyAgrees(
	ctx context.Context, sub *suite.Subscription, step string, truth *sdk.Snapshot, about func(sdk.Snapshot) bool,
) error {
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	var wrong error
	for n := 1; ; n++ {
		taken, err := sub.Deliveries(waiting, n)
		if err != nil {
			return cmp.Or(wrong, err)
		}
		r, err := sub.Read(ctx, taken[n-1])
		if err != nil {
			return suite.Brokenf("reading the webhook of "+step, "an answer", "%v", err)
		}
		for _, s := range r.Observations {
			if !about(s) {
				continue
			}
			if wrong = differences("the webhook of "+step, s, truth); wrong == nil {
				return nil
			}
		}
	}
}

// differences holds whatever an observation says against the truth.
func differences(step string, s sdk.Snapshot, truth *sdk.Snapshot) error {
	var wrong []error
	differ := func(what string, got, want any) {
		if v := reflect.ValueOf(got); !v.IsZero() && !reflect.DeepEqual(got, want) {
			wrong = append(wrong, suite.Brokenf(step, fmt.Sprintf("%s %v, as the lookup has it", what, show(want)), "%v", show(got)))
		}
	}
	differ("order", s.Order, truth.Order)
	differ("reference", s.Reference, truth.Reference)
	differ("state", s.State, truth.State)
	differ("authorized", s.Authorized, truth.Authorized)
	differ("captured", s.Captured, truth.Captured)
	differ("released", s.Released, truth.Released)
	differ("refunded", s.Refunded, truth.Refunded)
	for _, c := range s.Captures {
		at := slices.IndexFunc(truth.Captures, func(o sdk.CaptureSnapshot) bool { return o.Ref == c.Ref })
		if at < 0 {
			wrong = append(wrong, suite.Brokenf(step, "no capture that the lookup does not have", "%s", c.Ref))
			continue
		}
		differ("the capture's amount", c.Amount, truth.Captures[at].Amount)
		differ("the capture's status", c.Status, truth.Captures[at].Status)
	}
	for _, r := range s.Refunds {
		at := slices.IndexFunc(truth.Refunds, func(o sdk.RefundSnapshot) bool { return o.Ref == r.Ref })
		if at < 0 {
			wrong = append(wrong, suite.Brokenf(step, "no refund that the lookup does not have", "%s", r.Ref))
			continue
		}
		differ("the refund's amount", r.Amount, truth.Refunds[at].Amount)
		differ("the refund's status", r.Status, truth.Refunds[at].Status)
	}
	return errors.Join(wrong...)
}

func show(v any) any {
	if m, ok := v.(*sdk.Money); ok && m != nil {
		return m.String()
	}
	return v
}

var anyOrder = suite.Case{
	ID: "hooks/any-order", Requirement: "PC-HOOK-021", Profile: suite.Webhooks,
	Needs: append([]sdk.Operation{sdk.OpFindPayment}, needs...), Sim: true, Uses: uses,
	Rule: "What a delivery means does not depend on which were read before it, and in whatever order a payment's events come they end in its true state.",
	Why:  "Networks reorder: a late \"authorized\" would undo a capture.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		var p *suite.Payment
		err = story(ctx, l, func(_ string, paid *suite.Payment, about func(sdk.Snapshot) bool) error {
			p = paid
			return arrived(ctx, sub, about)
		})
		if err != nil {
			return err
		}
		taken, err := sub.Deliveries(ctx, 1)
		if err != nil {
			return err
		}
		taken = taken[max(0, len(taken)-mostPermuted):]
		forth, err := readAll(ctx, sub, taken)
		if err != nil {
			return err
		}
		slices.Reverse(taken)
		back, err := readAll(ctx, sub, taken)
		if err != nil {
			return err
		}
		slices.Reverse(back)
		for i := range forth {
			if err := suite.Equal("reading the events the other way round", text(back[i]), text(forth[i])); err != nil {
				return err
			}
		}
		return endsTrue(ctx, p, forth)
	},
}

// mostPermuted bounds how many events are put into every order.
const mostPermuted = 5

// arrived waits for a delivery with an observation.
func arrived(ctx context.Context, sub *suite.Subscription, about func(sdk.Snapshot) bool) error {
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	_, _, err := sub.Await(waiting, func(_ suite.Delivery, r sdk.WebhookReading) bool {
		return slices.ContainsFunc(r.Observations, about)
	})
	return err
}

func readAll(ctx context.Context, sub *suite.Subscription, taken []suite.Delivery) ([]sdk.WebhookReading, error) {
	var all []sdk.WebhookReading
	for _, d := range taken {
		r, err := sub.Read(ctx, d)
		if err != nil {
			return nil, suite.Brokenf("reading an event", "an answer", "%v", err)
		}
		all = append(all, r)
	}
	return all, nil
}

// endsTrue folds the readings in every order and compares the end with a lookup. One that
// asks to be read again leads to the lookup by itself.
func endsTrue(ctx context.Context, p *suite.Payment, readings []sdk.WebhookReading) error {
	truth, err := p.Find(ctx)
	if err != nil {
		return fmt.Errorf("%w: looking the payment up: %w", suite.ErrBlocked, err)
	}
	if slices.ContainsFunc(readings, func(r sdk.WebhookReading) bool { return r.ReadAgain }) {
		return nil
	}
	return permute(readings, func(order []sdk.WebhookReading) error {
		var end sdk.Snapshot
		for _, r := range order {
			for _, s := range r.Observations {
				if s.State != "" && cmp.Or(cmp.Compare(rank(s.State), rank(end.State)), cmp.Compare(s.Revision, end.Revision)) > 0 {
					end = s
				}
			}
		}
		if end.State == truth.State {
			return nil
		}
		return suite.Brokenf("folding the events in one of their orders", "state "+string(truth.State), "%s", end.State)
	})
}

// rank orders states by how much has happened, as hosts do.
func rank(s sdk.State) int {
	return slices.IndexFunc([][]sdk.State{
		{""}, {sdk.StateUnknown}, {sdk.StateRequiresAction}, {sdk.StateProcessing}, {sdk.StateAuthorized}, {sdk.StatePartiallyCaptured},
		{sdk.StateCaptured, sdk.StateVoided, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed, sdk.StateExpired},
	}, func(same []sdk.State) bool { return slices.Contains(same, s) })
}

// permute calls try with every order, until one is refused.
func permute[T any](all []T, try func([]T) error) error {
	order := slices.Clone(all)
	var from func(int) error
	from = func(at int) error {
		if at == len(order) {
			return try(order)
		}
		for i := at; i < len(order); i++ {
			order[at], order[i] = order[i], order[at]
			if err := from(at + 1); err != nil {
				return err
			}
			order[at], order[i] = order[i], order[at]
		}
		return nil
	}
	return from(0)
}

var beforeAnswer = suite.Case{
	ID: "hooks/before-answer", Requirement: "PC-HOOK-022", Profile: suite.Webhooks,
	Needs: append([]sdk.Operation{sdk.OpCapture}, needs...), Sim: true, Uses: uses,
	When: func(m sdk.Manifest) bool {
		return slices.Contains(m.CaptureModes, sdk.CaptureManual) && m.Idempotency[sdk.OpCapture].Mode == sdk.IdempotencyNative
	},
	WhenText: "manual capture with native idempotency is not offered",
	Rule:     "A webhook that overtakes the answer to a capture names the very capture that the answer then names.",
	Why:      "Where they differ the host books two captures for one.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		p, err := l.Authorized(ctx, sdk.CaptureManual)
		if err != nil {
			return err
		}
		req := p.Capturing(p.Request.Amount.Minor, true)
		if err := l.Break(proxy.Fault{What: proxy.ActThenDrop, Only: proxy.Writes, Times: 1}); err != nil {
			return err
		}
		if answer, err := l.Remote.Capture(ctx, req); err == nil || sdk.OutcomeOf(answer.Answer, err) != sdk.OutcomeUnknown {
			return fmt.Errorf("%w: a capture whose answer was lost is not in doubt", suite.ErrBlocked)
		}
		if err := l.Heal(); err != nil {
			return err
		}
		seen, err := firstCapture(ctx, sub)
		if err != nil {
			return err
		}
		req.Call = suite.Again(req.Call)
		answer, err := l.Remote.Capture(ctx, req)
		if err != nil {
			return fmt.Errorf("%w: capturing again with the same key: %w", suite.ErrBlocked, err)
		}
		return suite.Equal("comparing the webhook with the answer", seen.Ref, answer.Capture)
	},
}

// firstCapture waits for the first capture that a webhook tells of.
func firstCapture(ctx context.Context, sub *suite.Subscription) (seen sdk.CaptureSnapshot, err error) {
	err = arrived(ctx, sub, func(s sdk.Snapshot) bool {
		if len(s.Captures) > 0 {
			seen = s.Captures[0]
		}
		return len(s.Captures) > 0
	})
	return seen, err
}

var otherMerchant = suite.Case{
	ID: "hooks/other-merchant", Requirement: "PC-HOOK-023", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "What the provider truly sent to another merchant is refused.",
	Why:  "Any customer of the provider's could confirm payments at every other one.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mine, err := received(ctx, l)
		if err != nil {
			return err
		}
		neighbour, err := l.Other(ctx)
		if err != nil {
			return err
		}
		theirs, err := received(ctx, neighbour)
		err = errors.Join(err, neighbour.Lawful(), neighbour.Close(ctx))
		if err != nil {
			return err
		}
		return errors.Join(
			mine.refused(ctx, "reading another merchant's delivery", func(r *sdk.WebhookRequest) {
				r.Headers, r.Body = theirs.sent.Headers, theirs.sent.Body
			}),
			mine.refused(ctx, "reading another merchant's body with our proof", func(r *sdk.WebhookRequest) {
				r.Body = theirs.sent.Body
			}),
		)
	},
}

var otherEnvironment = suite.Case{
	ID: "hooks/other-environment", Requirement: "PC-HOOK-024", Profile: suite.Webhooks, Needs: needs, Sim: true,
	Uses: []sim.Ability{sim.CanWebhooks, sim.CanBuyer},
	Rule: "An event of the one environment is refused for an account of the other.",
	Why:  "A test payment would be shipped.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		r, err := l.Remote.ReadWebhook(ctx, m.request(func(r *sdk.WebhookRequest) {
			r.Call.Account.Mode = sdk.ModeLive
			if l.Account.Mode == sdk.ModeLive {
				r.Call.Account.Mode = sdk.ModeTest
			}
		}))
		const step = "reading an event of the other environment"
		switch {
		case err != nil:
			return suite.Brokenf(step, "an answer that refuses", "no answer: %v", err)
		case r.Refused == nil:
			return suite.Brokenf(step, "the delivery to be refused", "believed with %d observations", len(r.Observations))
		case len(r.Observations) > 0:
			return suite.Brokenf(step, "no observation", "%d", len(r.Observations))
		}
		return nil
	},
}
