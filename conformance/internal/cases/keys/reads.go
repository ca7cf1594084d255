package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// looks is how often a lookup is repeated.
const looks = 20

var readsChangeNothing = suite.Case{
	ID: "keys/reads-change-nothing", Requirement: "PC-IDEM-015", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "Lookups, however often repeated, ask the provider for no change and tell the same.",
	Why:   "Hosts look whenever they are in doubt: a lookup that writes is a retry that nobody counts.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		r, err := first(ctx, d)
		if err != nil {
			return err
		}
		before, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		mark := l.Mark()
		if err := lookOften(ctx, l, d, sdk.OrderRef(r.Ref)); err != nil {
			return err
		}
		after, err := l.Ledger(ctx)
		if err != nil {
			return err
		}
		const step = "looking the payment up again and again"
		record := l.Since(mark)
		if len(record.Reads()) == 0 {
			return suite.Brokenf(step, "the provider to be asked", "not a single request")
		}
		return errors.Join(
			suite.Equal(step+": requests that are not GET", len(record.Writes()), 0),
			suite.Equal(step+": writes in the provider's books", after.Writes-before.Writes, 0),
		)
	},
}

// lookOften looks a payment up in both ways and expects the same every time.
func lookOften(ctx context.Context, l *suite.Lane, d *deed.Deed, order sdk.OrderRef) error {
	told := map[sdk.OrderRef]string{}
	for range looks {
		for _, o := range []sdk.OrderRef{order, ""} {
			finding, err := l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{
				Call: suite.Reading(d.Call), Order: o, CreatedAt: l.Now().Add(-time.Minute),
			})
			if err != nil {
				return fmt.Errorf("looking the payment up: %w", err)
			}
			now, err := json.Marshal(finding)
			if err != nil {
				return fmt.Errorf("%w: %w", suite.ErrSuite, err)
			}
			if before, seen := told[o]; seen && before != string(now) {
				return suite.Brokenf("looking a second time", before, "%s", now)
			}
			told[o] = string(now)
		}
	}
	return nil
}

var readsLeaveKeysAlone = suite.Case{
	ID: "keys/reads-use-none", Requirement: "PC-IDEM-015", Profile: suite.Core, Sim: true,
	Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Rule:  "A lookup between two sends of one key does not show it to the provider, and does not use it up.",
	Why:   "A key that a lookup has used is a conflict for the write that it was made for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		mark := l.Mark()
		if _, err := l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{Call: d.Call, CreatedAt: l.Now().Add(-time.Minute)}); err != nil {
			return fmt.Errorf("%w: looking for what is not there yet: %w", suite.ErrBlocked, err)
		}
		for _, x := range l.Since(mark).Exchanges {
			if strings.Contains(string(x.Request.Head), string(d.Call.Key)) {
				return suite.Brokenf("looking the payment up", "a request without an idempotency key", "%s carries it", x.Request.Target)
			}
		}
		r := d.Do(ctx)
		if !r.Done() {
			return suite.Brokenf("writing after a lookup", "success", "%s", r)
		}
		return d.Took(ctx, "writing after a lookup", 1)
	},
}

var cancelAgain = suite.Case{
	ID: "keys/cancel-again", Requirement: "PC-IDEM-001", Profile: suite.Redirect, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpCancel}, Sim: true,
	Rule: "Cancelling a payment twice with one key gives two equal answers.", Why: twice,
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := deed.One(ctx, l, sdk.OpAuthorize)
		if err != nil {
			return err
		}
		r, err := first(ctx, d)
		if err != nil {
			return err
		}
		if r.Outcome() != sdk.OutcomeRequiresAction {
			return fmt.Errorf("%w: authorize leaves nothing to cancel: %s", suite.ErrNotTestable, r)
		}
		req := sdk.CancelRequest{Call: l.Next(d.Call), Order: sdk.OrderRef(r.Ref)}
		before, err := l.Remote.Cancel(ctx, req)
		if err != nil {
			return fmt.Errorf("%w: cancelling: %w", suite.ErrBlocked, err)
		}
		req.Call = suite.Again(req.Call)
		after, err := l.Remote.Cancel(ctx, req)
		const step = "cancelling again"
		if err != nil {
			return suite.Brokenf(step, string(before.Outcome), "%v", err)
		}
		return errors.Join(
			suite.Equal(step, after.Outcome, before.Outcome),
			suite.Equal(step+": whether approval is possible", after.ApprovalPossible, before.ApprovalPossible),
		)
	},
}

var tokenAgain = suite.Case{
	ID: "keys/token-again", Requirement: "PC-IDEM-001", Profile: suite.StoredCredentials, Needs: []sdk.Operation{sdk.OpTokenize}, Sim: true,
	Rule: "Storing an instrument twice with one key makes one token; with two keys, two.", Why: "A token more than there are cards is a card that nobody deletes.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		store := func(call sdk.Call) (sdk.TokenRef, error) {
			a, err := l.Remote.Tokenize(ctx, sdk.TokenizeRequest{
				Call: call, Method: l.Description.Manifest.Methods[0].Name,
				ReturnURL: "https://host.example/r", CancelURL: "https://host.example/c",
			})
			if err != nil {
				return "", fmt.Errorf("storing: %w", err)
			}
			return a.Token, nil
		}
		call := l.NewCall()
		one, err := store(call)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
		}
		again, err := store(suite.Again(call))
		if err != nil {
			return err
		}
		other, err := store(l.NewCall())
		if err != nil {
			return err
		}
		if other == one {
			return suite.Brokenf("storing under another key", "another token", "%s again", other)
		}
		return suite.Equal("storing again with the same key: the token", again, one)
	},
}

var webhookAgain = suite.Case{
	ID: "keys/registration-again", Requirement: "PC-IDEM-016", Profile: suite.Webhooks, Needs: []sdk.Operation{sdk.OpRegisterWebhook}, Sim: true,
	Rule: "Registering one URL again, also by another process, keeps the one registration and its secret.",
	Why:  "Two registrations deliver every event twice, and the secret of one of them is not kept.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		register := func(current string) (sdk.WebhookRegistration, error) {
			return l.Remote.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{
				Call: l.NewCall(), URL: "https://host.example/webhooks/again", Current: current,
			})
		}
		one, err := register("")
		if err != nil {
			return fmt.Errorf("%w: registering: %w", suite.ErrBlocked, err)
		}
		if err := swap(ctx, l); err != nil {
			return err
		}
		var wrong []error
		for _, current := range []string{"", one.ID} {
			step := fmt.Sprintf("registering again, knowing %q", current)
			again, err := register(current)
			if err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
			if again.Secret.Reveal() != one.Secret.Reveal() {
				wrong = append(wrong, suite.Brokenf(step, "the same secret", "another"))
			}
			wrong = append(wrong, suite.Equal(step, again.ID, one.ID))
		}
		return errors.Join(wrong...)
	},
}
