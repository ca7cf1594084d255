package guard

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestMaskText(t *testing.T) {
	secrets := func(values ...string) mask {
		c := sdk.Call{Account: sdk.Account{Secrets: map[string]sdk.Secret{}}}
		for _, v := range values {
			c.Account.Secrets[v] = sdk.NewSecret(v)
		}
		return hide(c)
	}
	tests := map[string]struct {
		mask mask
		text string
		want string
	}{
		"no secrets":               {secrets(), "as it was", "as it was"},
		"one":                      {secrets("abc"), "key=abc&x=abc", "key=[secret]&x=[secret]"},
		"an empty one":             {secrets(""), "as it was", "as it was"},
		"one inside another":       {secrets("abc", "abcdef"), "abcdef abc", "[secret] [secret]"},
		"one that is not there":    {secrets("abc"), "nothing", "nothing"},
		"nothing to look at":       {secrets("abc"), "", ""},
		"a key beside the account": {hide(sdk.Call{}, sdk.SigningSecret{Secret: sdk.NewSecret("whsec")}), "whsec!", "[secret]!"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.mask.text(tt.text); got != tt.want {
				t.Errorf("text(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

// TestWhatComesBackGivesNoSecretAway plays an author who puts the key everywhere.
func TestWhatComesBackGivesNoSecretAway(t *testing.T) {
	s := complete()
	leak := "GET https://api.stub.example/?key=" + key
	s.answer.Exchange = &sdk.Exchange{Method: "GET", URL: leak, Status: 500, Request: leak, Response: leak}
	s.do = func(context.Context, sdk.Operation, any) error {
		return &sdk.Error{
			Code:     sdk.CodeHTTP5xx,
			Fields:   []sdk.FieldError{{Pointer: "/x", Message: leak}},
			Provider: sdk.Provider{Message: leak},
			Err:      errors.New(leak),
		}
	}
	res, err := guarded(t, s).Authorize(t.Context(), authorization())
	e := sdk.AsError(err)
	masked := strings.ReplaceAll(leak, key, "[secret]")
	want := &sdk.Exchange{Method: "GET", URL: masked, Status: 500, Request: masked, Response: masked}
	if diff := cmp.Diff(want, res.Exchange); diff != "" {
		t.Errorf("exchange (-want +got):\n%s", diff)
	}
	for _, said := range []string{e.Error(), e.Provider.Message, e.Fields[0].Message, e.Err.Error()} {
		if strings.Contains(said, key) || !strings.Contains(said, "[secret]") {
			t.Errorf("%q, want the secret masked", said)
		}
	}
	if got := s.answer.Exchange.URL; got != leak {
		t.Error("the author's own record was changed")
	}
}

func TestACauseWithoutASecretIsKept(t *testing.T) {
	e := hide(call()).error("stub.x", sdk.Errorf("", sdk.CodeReadTimeout, "reading: %w", io.ErrUnexpectedEOF))
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("%v lost its cause", e)
	}
}

// A forgetful connector repeats the signing secret in its refusal.
type forgetful struct{ *stub }

func (forgetful) ReadWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return sdk.WebhookReading{
		Refused: sdk.Errorf("", sdk.CodeSignatureInvalid, "not signed with %s", req.Secrets[0].Secret.Reveal()),
		Respond: sdk.Respond{Status: 401},
	}, nil
}

func (forgetful) CheckCredentials(
	_ context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	return sdk.CredentialCheck{Reason: "the provider does not know " + req.Call.Account.Secrets["key"].Reveal()}, nil
}

func TestARefusedDeliveryGivesNoSigningSecretAway(t *testing.T) {
	reading, err := guarded(t, forgetful{complete()}).ReadWebhook(t.Context(), sdk.WebhookRequest{
		Call: call(), Method: "POST", URL: "/webhooks/ps-1", Now: time.Now(),
		Secrets: []sdk.SigningSecret{{RegistrationID: "w1", Secret: sdk.NewSecret("whsec_1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := reading.Refused.Error(), "stub.read_webhook: signature_invalid: not signed with [secret]"; got != want {
		t.Errorf("refused = %s, want %s", got, want)
	}
}

func TestAVerdictGivesNoSecretAway(t *testing.T) {
	check, err := guarded(t, forgetful{complete()}).CheckCredentials(t.Context(), sdk.CheckCredentialsRequest{Call: call()})
	if err != nil {
		t.Fatal(err)
	}
	if want := "the provider does not know [secret]"; check.Reason != want {
		t.Errorf("reason = %q, want %q", check.Reason, want)
	}
}
