package claims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var manifestIsStable = suite.Case{
	ID: "manifest/stable", Requirement: "PC-CAP-004", Profile: suite.Core,
	Rule: "The manifest is the same every time, also in another process, and costs no call to the provider.",
	Why:  "A host that routes by a capability which comes and goes loses payments.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		first, err := json.Marshal(l.Description)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		other, err := l.Another(ctx)
		if err != nil {
			return fmt.Errorf("starting a second process: %w", err)
		}
		for i, remote := range map[string]sdk.Remote{"the same process": l.Remote, "another process": other} {
			for range 50 {
				d, err := remote.Describe(ctx)
				if err != nil {
					return fmt.Errorf("describing in %s: %w", i, err)
				}
				again, err := json.Marshal(d)
				if err != nil {
					return fmt.Errorf("%w: %w", suite.ErrSuite, err)
				}
				if err := suite.Equal("describing in "+i, string(again), string(first)); err != nil {
					return err
				}
			}
		}
		return l.Nothing("describing", mark)
	},
}

var manifestMatchesSchema = suite.Case{
	ID: "manifest/schema", Requirement: "PC-CAP-005", Profile: suite.Core,
	Rule: "The manifest validates against manifest.schema.json.",
	Why:  "What a host cannot read it cannot enforce.",
	Run: func(_ context.Context, l *suite.Lane) error {
		schema, err := schemas.Compile("manifest")
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		var wrong []error
		for _, v := range schema.ValidateValue(l.Description.Manifest) {
			wrong = append(wrong, fmt.Errorf("%s %s", v.Pointer, v.Message))
		}
		return errors.Join(wrong...)
	},
}

var closureHolds = suite.Case{
	ID: "capability/closure", Requirement: "PC-CAP-005", Profile: suite.Core,
	Rule: "Capabilities come with those they need: authorize with find_payment, webhooks with a scheme, a write with its idempotency.",
	Why:  "A payment whose answer is lost and that cannot be looked up stays in doubt for ever.",
	Run: func(_ context.Context, l *suite.Lane) error {
		d := l.Description
		needs := map[sdk.Operation]sdk.Operation{
			sdk.OpAuthorize: sdk.OpFindPayment, sdk.OpCapture: sdk.OpAuthorize, sdk.OpVoid: sdk.OpAuthorize, sdk.OpRefund: sdk.OpFindRefund,
		}
		var wrong []error
		for _, op := range d.Operations {
			if also, ok := needs[op]; ok && !d.Operations.Has(also) {
				wrong = append(wrong, fmt.Errorf("%s is offered without %s", op, also))
			}
			if fact, ok := d.Manifest.Idempotency[op]; op.MovesMoney() && (!ok || fact.Mode == sdk.IdempotencyNone) {
				wrong = append(wrong, fmt.Errorf("%s moves money and declares no idempotency", op))
			}
		}
		if d.Operations.Has(sdk.OpReadWebhook) && (d.Manifest.Webhook == nil || d.Manifest.Webhook.Scheme == "") {
			wrong = append(wrong, errors.New("read_webhook is offered without a signature scheme"))
		}
		if d.Manifest.Features.PartialCapture && !d.Operations.Has(sdk.OpCapture) {
			wrong = append(wrong, errors.New("partial_capture is claimed without capture"))
		}
		return errors.Join(wrong...)
	},
}

var undeclaredIsRefused = suite.Case{
	ID: suite.ProbeID, Requirement: "PC-CAP-002", Profile: suite.Core,
	Rule: "An operation that is not offered is refused with operation_unsupported, outcome NOT_ATTEMPTED.",
	Why:  "What works without being declared escapes every limit the host sets.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return eachUndeclared(l, func(op sdk.Operation, step string) error {
			return suite.Refused(step, l.Invoke(ctx, op), sdk.CodeOperationUnsupported)
		})
	},
}

var refusalIsUnheard = suite.Case{
	ID: "capability/refusal-unheard", Requirement: "PC-CAP-003", Profile: suite.Core,
	Rule: "The provider hears nothing of an operation that is not offered.",
	Why:  "A refusal that comes after the provider was called is a payment that nobody knows of.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return eachUndeclared(l, func(op sdk.Operation, step string) error {
			mark := l.Mark()
			_ = l.Invoke(ctx, op) // what it answers is another case's
			return l.Nothing(step, mark)
		})
	},
}

// eachUndeclared tries every operation of the contract that is not offered.
func eachUndeclared(l *suite.Lane, try func(op sdk.Operation, step string) error) error {
	var wrong []error
	for _, op := range sdk.AllOperations() {
		if !l.Description.Operations.Has(op) {
			wrong = append(wrong, try(op, fmt.Sprintf("calling %s, which is not offered", op)))
		}
	}
	return errors.Join(wrong...)
}

var manifestIsNoAccounts = suite.Case{
	ID: "manifest/no-account-s", Requirement: "PC-CAP-004", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpCheckCredentials},
	Rule: "What a connector offers does not depend on the accounts that it has served.",
	Why:  "One merchant's account decides what another may do.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		other := copied(l.Account)
		other.ID, other.Mode = "conformance-other", sdk.ModeLive
		for _, a := range []sdk.Account{l.Account, other} {
			if _, err := uses(ctx, l, a); err != nil {
				return err
			}
		}
		now, err := l.Remote.Describe(ctx)
		if err != nil {
			return suite.Brokenf("describing", "the manifest", "%v", err)
		}
		was, err := json.Marshal(l.Description)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		is, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		return suite.Equal("describing after two accounts were served", string(is), string(was))
	},
}
