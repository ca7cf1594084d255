package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var manifestIsStable = Case{
	ID: "manifest/stable", Level: Must,
	Rule: "The manifest is the same every time, also in another process.",
	Why:  "A host that routes by a capability which comes and goes loses payments.",
	Run: func(ctx context.Context, b *Bench) error {
		first, err := json.Marshal(b.plugin.Description())
		if err != nil {
			return errors.Join(errSuite, err)
		}
		for i := range 100 {
			d, err := b.plugin.Describe(ctx)
			if err != nil {
				return fmt.Errorf("describing for the %d. time: %w", i+1, err)
			}
			if again, _ := json.Marshal(d); string(again) != string(first) {
				return fmt.Errorf("differs at the %d. call", i+1)
			}
		}
		other, err := b.start(ctx)
		if err != nil {
			return fmt.Errorf("starting a second process: %w", err)
		}
		again, _ := json.Marshal(other.Description())
		if err := other.Stop(ctx); err != nil {
			return fmt.Errorf("stopping the second process: %w", err)
		}
		if string(again) != string(first) {
			return errors.New("differs in another process")
		}
		return b.witness.nothingSent()
	},
}

var manifestMatchesSchema = Case{
	ID: "manifest/schema", Level: Must,
	Rule: "The manifest validates against manifest.schema.json.",
	Why:  "What a host cannot read it cannot enforce.",
	Run: func(_ context.Context, b *Bench) error {
		schema, err := schemas.Compile("manifest")
		if err != nil {
			return errors.Join(errSuite, err)
		}
		var wrong []error
		for _, v := range schema.ValidateValue(b.plugin.Description().Manifest) {
			wrong = append(wrong, fmt.Errorf("%s %s", v.Pointer, v.Message))
		}
		return errors.Join(wrong...)
	},
}

var closureHolds = Case{
	ID: "capability/closure", Level: Must,
	Rule: "Capabilities come with those they need: authorize with find_payment, webhooks with a scheme, a write with its idempotency.",
	Why:  "A payment whose answer is lost and that cannot be looked up stays in doubt for ever.",
	Run: func(_ context.Context, b *Bench) error {
		d := b.plugin.Description()
		needs := map[sdk.Operation]sdk.Operation{sdk.OpAuthorize: sdk.OpFindPayment, sdk.OpCapture: sdk.OpAuthorize, sdk.OpRefund: sdk.OpFindPayment}
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

var healthServes = Case{
	ID: "process/health", Level: Must,
	Rule: "A fresh process says that it serves, without calling the provider.",
	Why:  "A host takes a process that does not answer out of service.",
	Run: func(ctx context.Context, b *Bench) error {
		h, err := b.plugin.Health(ctx)
		if err != nil {
			return err
		}
		if !h.Serving {
			return fmt.Errorf("says that it does not serve: %s", h.Reason)
		}
		return b.witness.nothingSent()
	},
}

var undeclaredIsRefused = Case{
	ID: "capability/undeclared-refused", Level: Must,
	Rule: "An operation that is not offered is refused with operation_unsupported, and the provider hears nothing.",
	Why:  "What works without being declared escapes every limit the host sets.",
	Run: func(ctx context.Context, b *Bench) error {
		var wrong []error
		for _, op := range sdk.AllOperations() {
			if b.plugin.Description().Operations.Has(op) {
				continue
			}
			if err := b.refused(b.invoke(ctx, op), "", sdk.CodeOperationUnsupported); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", op, err))
			}
		}
		return errors.Join(wrong...)
	},
}

var pastDeadlineIsRefused = Case{
	ID: "deadline/past", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "A call whose deadline has passed is not attempted.",
	Why:  "Work that nobody waits for must not move money.",
	Run: func(ctx context.Context, b *Bench) error {
		late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
		defer cancel()
		return b.refused(b.invoke(late, sdk.OpAuthorize), "")
	},
}

// spoilt makes a case that spoils the fixtures' authorize request in one way and
// expects it to be refused before the provider hears of it.
func spoilt(pointer string, spoil func(*sdk.AuthorizeRequest), codes ...sdk.Code) func(context.Context, *Bench) error {
	return func(ctx context.Context, b *Bench) error {
		req, err := b.authorize()
		if err != nil {
			return err
		}
		spoil(&req)
		_, err = b.plugin.Authorize(ctx, req)
		return b.refused(err, pointer, codes...)
	}
}

var foreignCurrencyIsRefused = Case{
	ID: "authorize/foreign-currency", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "A currency outside the manifest is refused, naming the field.",
	Why:  "A wrong currency is a wrong amount.",
	Run: spoilt("/amount", func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "XAF" },
		sdk.CodeUnsupportedCurrency, sdk.CodeInvalidField, sdk.CodeSchemaViolation),
}

var foreignCountryIsRefused = Case{
	ID: "authorize/foreign-country", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "A country outside the manifest is refused, naming the field.",
	Why:  "The provider would refuse the buyer after the redirect.",
	Run: spoilt("/country", func(r *sdk.AuthorizeRequest) { r.Country = "AQ" },
		sdk.CodeCountryUnsupported, sdk.CodeInvalidField, sdk.CodeSchemaViolation),
}

var foreignCaptureModeIsRefused = Case{
	ID: "authorize/foreign-capture-mode", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "A capture mode outside the manifest is refused.",
	Why:  "Money would be taken at the wrong time.",
	Run:  spoilt("/capture_mode", func(r *sdk.AuthorizeRequest) { r.CaptureMode = "whenever" }),
}

var zeroAmountIsRefused = Case{
	ID: "authorize/amount-not-positive", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "Zero and negative amounts are refused, naming the field.",
	Why:  "A negative amount pays the buyer.",
	Run: func(ctx context.Context, b *Bench) error {
		for _, minor := range []int64{0, -1, -1 << 63} {
			check := spoilt("/amount", func(r *sdk.AuthorizeRequest) { r.Amount.Minor = minor })
			if err := check(ctx, b); err != nil {
				return fmt.Errorf("amount %d: %w", minor, err)
			}
		}
		return nil
	},
}

var missingFieldIsNamed = Case{
	ID: "authorize/missing-field", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "Every field that the request schema requires is missed when it is missing, by its JSON Pointer.",
	Why:  "A merchant who is told which field can mend it; one who is not opens a ticket.",
	Run: func(ctx context.Context, b *Bench) error {
		manifest := b.plugin.Description().Manifest
		facts, err := schemas.ManifestFacts(manifest)
		if err != nil {
			return errors.Join(errSuite, err)
		}
		schema, err := schemas.Compile("authorize.request", facts["authorize"], manifest.RequestSchemas[sdk.OpAuthorize])
		if err != nil {
			return errors.Join(errSuite, err)
		}
		var wrong []error
		tried := 0
		for _, pointer := range schema.RequiredPointers() {
			req, err := b.authorize()
			if err != nil {
				return err
			}
			if blank(&req, pointer) {
				tried++
				_, err = b.plugin.Authorize(ctx, req)
				if err := b.refused(err, pointer); err != nil {
					wrong = append(wrong, fmt.Errorf("without %s: %w", pointer, err))
				}
			}
		}
		if tried == 0 {
			return fmt.Errorf("%w: no required field could be taken away", errSuite)
		}
		return errors.Join(wrong...)
	},
}

// blank empties the field that a pointer names, and reports whether it could.
func blank(req *sdk.AuthorizeRequest, pointer string) bool {
	call := req.Call
	raw, err := json.Marshal(req)
	if err != nil {
		return false
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return false
	}
	path := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if slices.Contains([]string{"call", "amount"}, path[0]) {
		return false // their absence cannot be told from zero, which has cases of its own
	}
	at := tree
	for _, step := range path[:len(path)-1] {
		next, ok := at[step].(map[string]any)
		if !ok {
			return false
		}
		at = next
	}
	delete(at, path[len(path)-1])
	raw, err = json.Marshal(tree)
	if err != nil {
		return false
	}
	var spoiltRequest sdk.AuthorizeRequest
	if json.Unmarshal(raw, &spoiltRequest) != nil {
		return false
	}
	spoiltRequest.Call = call
	*req = spoiltRequest
	return true
}

var tooManyItemsAreRefused = Case{
	ID: "authorize/too-many-items", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "A cart with one item more than the manifest's limit is refused, naming the field.",
	Why:  "A limit that is not enforced is found by the provider, at the till.",
	Run: func(ctx context.Context, b *Bench) error {
		limit := b.plugin.Description().Manifest.Limits.CartItems
		if limit == 0 {
			return nil // no limit is claimed, so there is none to pass
		}
		return spoilt("/cart_items", func(r *sdk.AuthorizeRequest) {
			r.Cart = slices.Repeat([]sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: 1}}, limit+1)
			r.Amount.Minor = int64(limit + 1)
		})(ctx, b)
	},
}

var missingCredentialIsRefused = Case{
	ID: "account/missing-field", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "An account without a required field is refused before the provider is called.",
	Why:  "Half-configured accounts fail at the first customer instead of at set-up.",
	Run: func(ctx context.Context, b *Bench) error {
		req, err := b.authorize()
		if err != nil {
			return err
		}
		req.Call.Account.Config, req.Call.Account.Secrets = nil, nil
		_, err = b.plugin.Authorize(ctx, req)
		return b.refused(err, "")
	},
}

var unreachableIsInDoubt = Case{
	ID: "outcome/hang-up-is-in-doubt", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "When the provider takes the request and hangs up, the outcome is UNKNOWN.",
	Why:  "A lost answer that is taken for a failure is charged twice.",
	Run: func(ctx context.Context, b *Bench) error {
		req, err := b.authorize()
		if err != nil {
			return err
		}
		res, err := b.plugin.Authorize(ctx, req)
		if b.witness.visits.Load() == 0 {
			return fmt.Errorf("the provider was never called (%w)", err)
		}
		if got := sdk.OutcomeOf(res.Answer, err); got != sdk.OutcomeUnknown {
			return fmt.Errorf("outcome %s, expected %s (%w)", got, sdk.OutcomeUnknown, err)
		}
		return nil
	},
}

var unsignedWebhookIsRefused = Case{
	ID: "webhook/unsigned", Level: Must, Needs: sdk.OpReadWebhook,
	Rule: "A delivery without a signature is refused and yields no observation.",
	Why:  "Anybody could declare a payment paid.",
	Run: func(ctx context.Context, b *Bench) error {
		return b.refusedDelivery(ctx, []sdk.SigningSecret{{RegistrationID: "r", Secret: sdk.NewSecret("MOCKSECRETKEY")}})
	},
}

var webhookWithoutSecretIsRefused = Case{
	ID: "webhook/no-secret", Level: Must, Needs: sdk.OpReadWebhook,
	Rule: "Without a signing secret every delivery is refused: there is no default.",
	Why:  "A default secret is known to everybody.",
	Run: func(ctx context.Context, b *Bench) error {
		return errors.Join(
			b.refusedDelivery(ctx, nil),
			b.refusedDelivery(ctx, []sdk.SigningSecret{{RegistrationID: "r", Secret: sdk.NewSecret("")}}),
		)
	},
}

func (b *Bench) refusedDelivery(ctx context.Context, secrets []sdk.SigningSecret) error {
	call := b.call()
	call.Key = ""
	reading, err := b.plugin.ReadWebhook(ctx, sdk.WebhookRequest{
		Call: call, Method: "POST", URL: "https://host.example/webhooks/x",
		Headers: map[string][]string{"Content-Type": {"application/json"}},
		Body:    []byte(`{"id":"evt_test_1","object":"event"}`), Secrets: secrets, Now: time.Now(), Tolerance: time.Minute,
	})
	switch {
	case err != nil:
		return fmt.Errorf("failed instead of refusing: %w", err)
	case reading.Refused == nil:
		return errors.New("believed")
	case len(reading.Observations) > 0:
		return errors.New("refused, yet it yields observations")
	case reading.Respond.Status >= 200 && reading.Respond.Status < 300:
		return fmt.Errorf("refused, yet acknowledged with %d", reading.Respond.Status)
	}
	return b.witness.nothingSent()
}

var secretsStaySecret = Case{
	ID: "secrets/not-in-answers", Level: Must, Needs: sdk.OpAuthorize,
	Rule: "No error or answer contains a secret of the account.",
	Why:  "Errors end up in logs, tickets and chats.",
	Run: func(ctx context.Context, b *Bench) error {
		req, err := b.authorize()
		if err != nil {
			return err
		}
		res, err := b.plugin.Authorize(ctx, req)
		seen, _ := json.Marshal(res)
		text := string(seen)
		if err != nil {
			text += err.Error()
		}
		for name, secret := range req.Call.Account.Secrets {
			if strings.Contains(text, secret.Reveal()) {
				return fmt.Errorf("the answer contains the secret %s", name)
			}
		}
		return nil
	},
}

var stopIsPrompt = Case{
	ID: "process/stop", Level: Must,
	Rule: "A process stops within three seconds of being asked.",
	Why:  "A release that does not stop holds up every swap.",
	Run: func(ctx context.Context, b *Bench) error {
		other, err := b.start(ctx)
		if err != nil {
			return fmt.Errorf("starting a second process: %w", err)
		}
		if err := other.Stop(ctx); err != nil {
			return err
		}
		select {
		case <-other.Done():
			return nil
		default:
			return errors.New("it says that it stopped, and runs")
		}
	},
}
