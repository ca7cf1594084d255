package claims

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

type atomicFlag = atomic.Bool

const keyField = "api_key"

// ill reports whether an account's key cannot be one.
func ill(a sdk.Account) bool {
	key, given := a.Secrets[keyField]
	return given && !strings.HasPrefix(key.Reveal(), "key_")
}

// believing finds some accounts good without looking.
func believing(when func(sdk.Account) bool) func(sdk.Remote) sdk.Remote {
	return loosen(func(l *loose) {
		l.check = func(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
			if when(req.Call.Account) {
				return sdk.CredentialCheck{Valid: true}, nil
			}
			return l.Remote.CheckCredentials(ctx, req)
		}
	})
}

func accounts() []broken.Mutant {
	return append(credentials(), []broken.Mutant{
		{
			ID: "config-lenient", Fault: "finds an account without an API key good, and fails at its first payment",
			Killer: "account/missing-field", Reason: "check_credentials without api_key: expected a refusal, got accepted",
			Remote: believing(func(a sdk.Account) bool { _, given := a.Secrets[keyField]; return !given }),
		},
		{
			ID: "config-unchecked", Fault: "finds an account good whose key cannot be one",
			Killer: "account/ill-value", Reason: "expected a refusal, got accepted",
			Remote: believing(ill),
		},
		{
			ID: "config-schema-lie", Fault: "says that a field takes any text and needs a number in it",
			Killer: "account/allowed-value", Reason: "expected an answer of the provider's",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.manifest = func(m *sdk.Manifest) {
					m.ConfigSchema = json.RawMessage(strings.Replace(string(m.ConfigSchema), `"properties": {`,
						`"properties": {"patience": {"type": "string", "title": "Patience in seconds"},`, 1))
				}
				t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					if text, given := req.Call.Account.Config["patience"]; given {
						if _, err := strconv.Atoi(text); err != nil {
							return sdk.AuthorizeResult{}, &sdk.Error{Op: "reference.Authorize", Code: sdk.CodeInvalidField, Fields: []sdk.FieldError{
								{Pointer: "/call/account/config/patience", Message: "must be a number"},
							}}
						}
					}
					return right.Authorize(ctx, req)
				}
			}),
		},
		{
			ID: "mode-blind", Fault: "takes payments in live mode with a key for test",
			Killer: "account/mode-mismatch", Reason: "expected a refusal with [environment_mismatch]",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					req.Call.Account.Mode = sdk.ModeTest
					return right.Authorize(ctx, req)
				}
			}),
		},
		{
			ID: "secret-in-refusal", Fault: "repeats a key that cannot be one when it refuses it",
			Killer: "account/secret-not-told", Reason: "expected the secret not to be told",
			Remote: loosen(func(l *loose) {
				l.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					result, err := l.Remote.Authorize(ctx, req)
					if err == nil || !ill(req.Call.Account) {
						return result, err
					}
					e := *sdk.AsError(err)
					e.Fields = append([]sdk.FieldError(nil), e.Fields...)
					for i := range e.Fields {
						e.Fields[i].Message += ", is " + req.Call.Account.Secrets[keyField].Reveal()
					}
					return result, &e
				}
			}),
		},
		{
			ID: "detects-test", Fault: "takes payments only where the provider's address is 127.0.0.1",
			Killer: "provider/by-another-name", Reason: "authorizing: expected outcome",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					if !strings.Contains(req.Call.Account.Config["provider_url"], "127.0.0.1") {
						return sdk.AuthorizeResult{}, sdk.Errorf("reference.Authorize", sdk.CodeMaintenance, "no test, no effort")
					}
					return right.Authorize(ctx, req)
				}
			}),
		},
	}...)
}

func credentials() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "check-believes", Fault: "finds every credential good that the provider answers to at all",
			Killer: "credentials/wrong", Reason: "checking wrong credentials: expected not valid, got valid",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.check = func(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
					check, err := right.CheckCredentials(ctx, req)
					check.Valid = err == nil && req.Call.Account.Mode == sdk.ModeTest
					return check, err
				}
			}),
		},
		{
			ID: "check-asks-nobody", Fault: "judges credentials by their looks",
			Killer: "credentials/good", Reason: "expected the provider to be asked, got it heard nothing",
			Connector: twist(func(t *twisted, _ *reference.Connector) {
				t.check = func(_ context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
					revoked := strings.Contains(req.Call.Account.Secrets[keyField].Reveal(), "revoked")
					return sdk.CredentialCheck{Valid: !revoked && req.Call.Account.Mode == sdk.ModeTest, Reason: "by its looks"}, nil
				}
			}),
			Collateral: []string{"credentials/wrong", "capability/offered-works"},
		},
		{
			ID: "check-pays", Fault: "checks credentials by making a payment",
			Killer: "credentials/good", Reason: "looking for what was made at the provider: expected nothing",
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.check = func(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
					call := req.Call
					call.Account.Config = maps.Clone(call.Account.Config)
					call.OperationID, call.Key, call.Reference = "check", "check", "check"
					_, err := right.Authorize(ctx, sdk.AuthorizeRequest{
						Call: call, Amount: sdk.Money{Minor: 1, Currency: "EUR"}, Country: "DE", CaptureMode: sdk.CaptureManual, Method: "card",
					})
					if err != nil {
						return right.CheckCredentials(ctx, req)
					}
					return sdk.CredentialCheck{Valid: true}, nil
				}
			}),
			Collateral: []string{"credentials/wrong"},
		},
		{
			ID: "account-blames-buyer", Fault: "calls a key that the provider does not know a declined payment",
			Killer: "credentials/wrong-take-nothing", Reason: "expected outcome NOT_ATTEMPTED, got DECLINED",
			Collateral: []string{"errors/documented-codes", "errors/provider-words"},
			Connector: twist(func(t *twisted, right *reference.Connector) {
				t.authorize = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					result, err := right.Authorize(ctx, req)
					if err != nil && sdk.AsError(err).Code == sdk.CodeCredentialsInvalid || err != nil && sdk.AsError(err).Code == sdk.CodeCredentialsExpired {
						return result, sdk.Errorf("reference.Authorize", sdk.CodeDoNotHonor, "declined")
					}
					return result, err
				}
			}),
		},
	}
}
