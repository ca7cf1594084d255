// Package secrets holds the cases about what must not get out: the secrets of accounts
// and of webhooks, and what is known about buyers.
//
// Every lane has credentials of its own, which are looked for in every form in which they
// could be told. That answers and errors do not tell them is a law of every call; here
// the provider is made to say them, the log is read, and so is whatever the system shows
// of a process.
package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		echoed, said, signingSecret, noRecord,
		elsewhere, untrustedTLS,
		logged, personalLogged, processTable, files,
	}
}

var needs = []sdk.Operation{sdk.OpAuthorize}

// told checks that an error says no secret of the account's, in none of its parts.
func told(l *suite.Lane, step string, err error) error {
	if err == nil {
		return nil
	}
	e := sdk.AsError(err)
	parts, encodeErr := json.Marshal(struct {
		Fields   []sdk.FieldError
		Provider sdk.Provider
		Network  *sdk.Network
	}{e.Fields, e.Provider, e.Network})
	if encodeErr != nil {
		return fmt.Errorf("%w: %w", suite.ErrSuite, encodeErr)
	}
	return hidden(l, step+", the error", append(parts, err.Error()...), l.Account.Secrets)
}

// hidden checks that a text tells none of the secrets.
func hidden(l *suite.Lane, step string, text []byte, secrets map[string]sdk.Secret) error {
	for name, secret := range secrets {
		if form := l.Leaks(text, secret.Reveal()); form != "" {
			return suite.Brokenf(step, "not to tell the "+name, "it tells it %s", form)
		}
	}
	return nil
}

// calls asks for a write, a read and a check of credentials, of those that are offered,
// and holds each failure to the rule. It wants at least one.
func calls(ctx context.Context, l *suite.Lane, step string) error {
	failures := map[sdk.Operation]error{sdk.OpAuthorize: l.Invoke(ctx, sdk.OpAuthorize)}
	for _, op := range []sdk.Operation{sdk.OpFindPayment, sdk.OpCheckCredentials, sdk.OpRegisterWebhook} {
		if l.Description.Operations.Has(op) {
			failures[op] = l.Invoke(ctx, op)
		}
	}
	var wrong []error
	failed := false
	for op, err := range failures {
		failed = failed || err != nil
		wrong = append(wrong, told(l, fmt.Sprintf("%s, %s", op, step), err))
	}
	if !failed {
		return fmt.Errorf("%w: %s: nothing failed", suite.ErrBlocked, step)
	}
	return errors.Join(wrong...)
}

// echoing are the statuses with which a provider says a request again.
var echoing = []int{200, 400, 401, 402, 403, 404, 406, 409, 422, 429, 500, 503}

var echoed = suite.Case{
	ID: "secrets/echoed", Requirement: "PC-SEC-001", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "What the provider repeats of a request, in its body or its headers, brings no secret into an error.",
	Why:  "Errors go to logs, to tickets and to merchants' screens; a key in one of them is everybody's.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		for _, status := range echoing {
			if err := l.Break(proxy.Fault{What: proxy.Echo, Reply: proxy.Reply{Status: status}}); err != nil {
				return err
			}
			wrong = append(wrong, calls(ctx, l, fmt.Sprintf("answered with %d and its own request", status)), l.Heal())
		}
		return errors.Join(wrong...)
	},
}

var said = suite.Case{
	ID: "secrets/said-by-provider", Requirement: "PC-SEC-001", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A secret in the provider's error code, message or request id is masked before it is told.",
	Why:  "\"Invalid key sk_live_…\" is what many providers answer, and it must not be what we pass on.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		refusals := l.Fixtures().Errors
		if len(refusals) == 0 {
			return fmt.Errorf("%w: errors is missing", suite.ErrNotTestable)
		}
		var wrong []error
		for _, f := range refusals {
			var values map[string]any
			if json.Unmarshal([]byte(f.Body), &values) != nil {
				continue
			}
			for name, secret := range l.Account.Secrets {
				body, err := json.Marshal(spoken(values, secret.Reveal()))
				if err != nil {
					return fmt.Errorf("%w: %w", suite.ErrSuite, err)
				}
				reply := proxy.Reply{Status: f.Status, Body: body, Header: http.Header{
					"Content-Type": {"application/json"}, "X-Request-Id": {secret.Reveal()},
				}}
				if err := l.Break(proxy.Fault{What: proxy.Instead, Reply: reply}); err != nil {
					return err
				}
				step := fmt.Sprintf("answered with %d and the %s in every text", f.Status, name)
				wrong = append(wrong, calls(ctx, l, step), l.Heal())
			}
		}
		return errors.Join(wrong...)
	},
}

// spoken is JSON with a word put before each of its texts.
func spoken(tree any, word string) any {
	switch v := tree.(type) {
	case string:
		return word + " " + v
	case []any:
		other := make([]any, len(v))
		for i, x := range v {
			other[i] = spoken(x, word)
		}
		return other
	case map[string]any:
		other := map[string]any{}
		for name, x := range v {
			other[name] = spoken(x, word)
		}
		return other
	}
	return tree
}

var signingSecret = suite.Case{
	ID: "secrets/signing-secret", Requirement: "PC-SEC-002", Profile: suite.Webhooks,
	Needs: []sdk.Operation{sdk.OpReadWebhook, sdk.OpRegisterWebhook, sdk.OpAuthorize}, Sim: true,
	Uses: []sim.Ability{sim.CanWebhooks, sim.CanBuyer},
	Rule: "Neither a reading nor a refusal, nor what is answered to the sender, tells a signing secret or the signature that would fit.",
	Why:  "The answer goes to whoever sent the delivery: a forger would be told how to sign.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		if err := paid(ctx, l); err != nil {
			return err
		}
		taken, err := sub.Deliveries(ctx, 1)
		if err != nil {
			return err
		}
		genuine, forged := sub.Reading(taken[0]), sub.Reading(taken[0])
		forged.Body = append([]byte(" "), forged.Body...)
		bare := genuine
		bare.Headers = nil
		var wrong []error
		for what, req := range map[string]sdk.WebhookRequest{"genuine": genuine, "forged": forged, "bare": bare} {
			r, err := l.Remote.ReadWebhook(ctx, req)
			text, encodeErr := json.Marshal(r)
			if encodeErr != nil {
				return fmt.Errorf("%w: %w", suite.ErrSuite, encodeErr)
			}
			text = append(append(text, fmt.Sprintf("%v %v %v", r.Refused, r.Respond.Headers, err)...), r.Respond.Body...)
			secrets := map[string]sdk.Secret{"signing secret": sub.Registration.Secret}
			wrong = append(wrong, hidden(l, "reading a delivery that is "+what, text, secrets))
		}
		return errors.Join(wrong...)
	},
}

// paid makes a payment that the buyer has approved.
func paid(ctx context.Context, l *suite.Lane) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	_, err = l.AuthorizedIn(ctx, cell, l.Amount())
	return err
}

var noRecord = suite.Case{
	ID: "secrets/no-record", Requirement: "PC-SEC-003", Profile: suite.Core, Needs: needs, Sim: true, Uses: []sim.Ability{sim.CanBuyer},
	Rule: "Answers carry no record of what was sent and received: nobody has asked for one.",
	Why:  "The host stores answers: buyers' addresses would lie in its database for years.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		records := map[string]*sdk.Exchange{"authorizing": p.Result.Exchange}
		if l.Description.Operations.Has(sdk.OpRefund) {
			r, err := p.Refund(ctx, capture, p.Request.Amount.Minor/2)
			if err != nil {
				return fmt.Errorf("%w: refunding: %w", suite.ErrBlocked, err)
			}
			records["refunding"] = r.Exchange
		}
		var wrong []error
		for step, x := range records {
			if x != nil {
				wrong = append(wrong, suite.Brokenf(step, "no record of the exchange", "%s %s with %d bytes", x.Method, x.URL, len(x.Request)))
			}
		}
		return errors.Join(wrong...)
	},
}
