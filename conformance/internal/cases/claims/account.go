package claims

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// uses calls the operations by which an account is tried out: those of them that are
// offered. A check of credentials that answers "not valid" has refused too.
func uses(ctx context.Context, l *suite.Lane, a sdk.Account) (map[sdk.Operation]error, error) {
	outcome := map[sdk.Operation]error{}
	if l.Description.Operations.Has(sdk.OpCheckCredentials) {
		call := suite.Reading(l.NewCall())
		call.Account = a
		check, err := l.Remote.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: call})
		if err == nil && !check.Valid {
			err = sdk.Errorf("check_credentials", sdk.CodeCredentialsInvalid, "%s", check.Reason)
		}
		outcome[sdk.OpCheckCredentials] = err
	}
	if !l.Description.Operations.Has(sdk.OpAuthorize) {
		return outcome, nil
	}
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return nil, err
	}
	req, err := l.Authorization(cell, l.Amount())
	if err != nil {
		return nil, err
	}
	req.Call.Account = a
	_, outcome[sdk.OpAuthorize] = l.Remote.Authorize(ctx, req)
	return outcome, nil
}

// refusedAt expects everything that an account is used for to be refused, naming the
// field, before the provider hears of it.
func refusedAt(ctx context.Context, l *suite.Lane, step, pointer string, a sdk.Account) error {
	mark := l.Mark()
	outcome, err := uses(ctx, l, a)
	if err != nil {
		return err
	}
	var wrong []error
	for op, err := range outcome {
		wrong = append(wrong, suite.Named(fmt.Sprintf("%s %s", op, step), err, pointer))
	}
	return errors.Join(append(wrong, l.Nothing(step, mark))...)
}

// copied is an account whose fields can be changed.
func copied(a sdk.Account) sdk.Account {
	a.Config, a.Secrets = maps.Clone(a.Config), maps.Clone(a.Secrets)
	return a
}

// with is the account with a field set where it belongs.
func with(a sdk.Account, f schemas.Field, value string) sdk.Account {
	a = copied(a)
	if f.Secret {
		a.Secrets[f.Name] = sdk.NewSecret(value)
	} else {
		a.Config[f.Name] = value
	}
	return a
}

// at is where in a request a field is.
func at(f schemas.Field) string {
	if f.Secret {
		return schemas.Pointer("call", "account", "secrets", f.Name)
	}
	return schemas.Pointer("call", "account", "config", f.Name)
}

func accountSchema(l *suite.Lane) (*schemas.AccountSchema, error) {
	a, err := schemas.CompileAccount(l.Description.Manifest.ConfigSchema)
	if err != nil {
		return nil, suite.Brokenf("compiling the config schema", "a JSON Schema", "%v", err)
	}
	return a, nil
}

// judged are the faults that the config schema finds in an account.
func judged(schema *schemas.AccountSchema, a sdk.Account) []schemas.Violation {
	secrets := map[string]string{}
	for name, secret := range a.Secrets {
		secrets[name] = secret.Reveal()
	}
	return schema.ValidateAccount(a.Config, secrets)
}

var missingCredentialIsRefused = suite.Case{
	ID: "account/missing-field", Requirement: "PC-CAP-010", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Each field that the config schema requires is missed when it is missing, by its JSON Pointer.",
	Why:  "Half-configured accounts fail at the first customer instead of at set-up.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		schema, err := accountSchema(l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range schema.Fields() {
			if !f.Required {
				continue
			}
			a := copied(l.Account)
			delete(a.Config, f.Name)
			delete(a.Secrets, f.Name)
			wrong = append(wrong, refusedAt(ctx, l, "without "+f.Name, at(f), a))
		}
		return errors.Join(wrong...)
	},
}

// ill are values that few fields take. The config schema decides which.
var ill = []string{"", " ", "x", "\n", "line\nbreak", "\x00", "鍵", "key with spaces", strings.Repeat("x", 10_001)}

var illValueIsRefused = suite.Case{
	ID: "account/ill-value", Requirement: "PC-CAP-010", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "A value that the config schema does not allow is refused, naming the field, before the provider is called.",
	Why:  "A mistyped key is found at the first customer instead of at set-up.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		schema, err := accountSchema(l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range schema.Fields() {
			for _, value := range ill {
				if a := with(l.Account, f, value); len(judged(schema, a)) > 0 {
					wrong = append(wrong, refusedAt(ctx, l, fmt.Sprintf("with the %s %.20q", f.Name, value), at(f), a))
				}
			}
		}
		return errors.Join(wrong...)
	},
}

var wellValueIsTaken = suite.Case{
	ID: "account/allowed-value", Requirement: "PC-CAP-011", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "A value that the config schema allows for an optional field is not refused by the connector itself.",
	Why:  "A form that takes what the connector does not tells the merchant that all is well.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		schema, err := accountSchema(l)
		if err != nil {
			return err
		}
		var wrong []error
		for _, f := range schema.Fields() {
			if _, used := l.Account.Config[f.Name]; used || f.Required || f.Secret {
				continue // what the provider knows is not ours to invent
			}
			for _, value := range ill {
				a := with(l.Account, f, value)
				if len(judged(schema, a)) == 0 {
					wrong = append(wrong, takes(ctx, l, fmt.Sprintf("with the %s %.20q", f.Name, value), a))
				}
			}
		}
		return errors.Join(wrong...)
	},
}

// takes expects that nothing an account is used for fails in the connector itself.
func takes(ctx context.Context, l *suite.Lane, step string, a sdk.Account) error {
	outcome, err := uses(ctx, l, a)
	if err != nil {
		return err
	}
	var wrong []error
	for op, err := range outcome {
		if err == nil {
			continue
		}
		if e := sdk.AsError(err); len(e.Fields) > 0 || e.Code == sdk.CodePluginPanic || e.Code == sdk.CodePluginMalformed {
			wrong = append(wrong, suite.Brokenf(fmt.Sprintf("%s %s", op, step), "an answer of the provider's", "%v", err))
		}
	}
	return errors.Join(wrong...)
}

var modeIsHeld = suite.Case{
	ID: "account/mode-mismatch", Requirement: "PC-CAP-009", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "Credentials of the one mode are refused in the other with environment_mismatch, and write nothing.",
	Why:  "A test that takes real money, or a sale that takes none.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		a := copied(l.Account)
		a.Mode = sdk.ModeLive
		if l.Account.Mode == sdk.ModeLive {
			a.Mode = sdk.ModeTest
		}
		mark := l.Mark()
		outcome, err := uses(ctx, l, a)
		if err != nil {
			return err
		}
		var wrong []error
		for op, err := range outcome {
			step := fmt.Sprintf("%s in mode %s with credentials for %s", op, a.Mode, l.Account.Mode)
			if op == sdk.OpCheckCredentials {
				wrong = append(wrong, suite.Failed(step, err)) // it may say "not valid" and why in words
				continue
			}
			wrong = append(wrong, suite.Refused(step, err, sdk.CodeEnvironmentMismatch))
		}
		return errors.Join(append(wrong, nothingWritten(ctx, l, mark))...)
	},
}

// nothingWritten checks that the provider was asked for no change and has no payment.
func nothingWritten(ctx context.Context, l *suite.Lane, since suite.Mark) error {
	const step = "looking for what was made at the provider"
	ledger, err := l.Ledger(ctx)
	if err != nil {
		return err
	}
	if n := len(l.Wrote(since)); n > 0 || len(ledger.Payments) > 0 {
		return suite.Brokenf(step, "nothing", "%d requests for a change and %d payments", n, len(ledger.Payments))
	}
	return nil
}

var goodCredentialsAreValid = suite.Case{
	ID: "credentials/good", Requirement: "PC-CAP-008", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpCheckCredentials}, Sim: true,
	Rule: "Good credentials are valid because the provider says so, and checking them makes nothing there.",
	Why:  "A check that asks nobody calls every typing mistake valid.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		check, err := l.Remote.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: suite.Reading(l.NewCall())})
		const step = "checking good credentials"
		switch {
		case err != nil:
			return suite.Brokenf(step, "valid", "%v", err)
		case !check.Valid:
			return suite.Brokenf(step, "valid", "not valid: %s", check.Reason)
		case l.Heard(mark) == 0:
			return suite.Brokenf(step, "the provider to be asked", "it heard nothing")
		}
		return nothingWritten(ctx, l, mark)
	},
}

var wrongCredentialsAreInvalid = suite.Case{
	ID: "credentials/wrong", Requirement: "PC-CAP-008", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpCheckCredentials}, Sim: true,
	Rule: "Credentials that the provider does not accept are not valid, with a reason, and make nothing there.",
	Why:  "The merchant goes live and every payment fails.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		a, err := l.WrongAccount()
		if err != nil {
			return err
		}
		call := suite.Reading(l.NewCall())
		call.Account = a
		mark := l.Mark()
		check, err := l.Remote.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: call})
		const step = "checking wrong credentials"
		switch {
		case err != nil && sdk.AsError(err).Category() != sdk.CategoryAuthentication:
			return suite.Brokenf(step, "not valid", "%v", err)
		case err == nil && check.Valid:
			return suite.Brokenf(step, "not valid", "valid")
		case err == nil && check.Reason == "":
			return suite.Brokenf(step, "a reason", "none")
		case l.Heard(mark) == 0:
			return suite.Brokenf(step, "the provider to be asked", "it heard nothing")
		}
		return nothingWritten(ctx, l, mark)
	},
}

var wrongCredentialsTakeNothing = suite.Case{
	ID: "credentials/wrong-take-nothing", Requirement: "PC-CAP-008", Profile: suite.Core,
	Needs: []sdk.Operation{sdk.OpAuthorize}, Sim: true,
	Rule: "A payment with credentials that the provider does not accept is not attempted, and the fault is called the account's.",
	Why:  "A fault of the merchant's that is called the buyer's is looked for in the wrong place.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		a, err := l.WrongAccount()
		if err != nil {
			return err
		}
		outcome, err := uses(ctx, l, a)
		if err != nil {
			return err
		}
		const step = "authorizing with wrong credentials"
		if wrong := suite.Refused(step, outcome[sdk.OpAuthorize]); wrong != nil {
			return wrong
		}
		e := sdk.AsError(outcome[sdk.OpAuthorize])
		return suite.Equal(step, e.Category(), sdk.CategoryAuthentication)
	},
}

var secretIsNotTold = suite.Case{
	ID: "account/secret-not-told", Requirement: "PC-CAP-012", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "A secret that is refused is not repeated in the refusal.",
	Why:  "A key that was pasted into the wrong field ends in a log.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		schema, err := accountSchema(l)
		if err != nil {
			return err
		}
		const canary = "Qm9yZGVyLWNvbGxpZS04MTQy !"
		var wrong []error
		for _, f := range schema.Fields() {
			if !f.Secret {
				continue
			}
			outcome, err := uses(ctx, l, with(l.Account, f, canary))
			if err != nil {
				return err
			}
			for op, err := range outcome {
				if err == nil {
					continue
				}
				if form := l.Leaks([]byte(fmt.Sprintf("%v %+v", err, sdk.AsError(err))), canary); form != "" {
					wrong = append(wrong, suite.Brokenf(fmt.Sprintf("%s with another %s", op, f.Name), "the secret not to be told", "it %s", form))
				}
			}
		}
		return errors.Join(wrong...)
	},
}
