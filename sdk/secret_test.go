package sdk_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

const hidden = "hunter2-hunter2"

// A keeper hides a secret where fmt cannot call its methods.
type keeper struct {
	secret sdk.Secret
	inside map[string]sdk.Secret
}

// TestSecretNeverLeaks tries every way that a value is commonly made visible, on a
// secret alone and on everything that may hold one.
func TestSecretNeverLeaks(t *testing.T) {
	secret := sdk.NewSecret(hidden)
	account := sdk.Account{ID: "a", Secrets: map[string]sdk.Secret{"key": secret}}
	holders := map[string]any{
		"a secret":               secret,
		"a pointer to it":        &secret,
		"a list":                 []sdk.Secret{secret},
		"a struct":               struct{ S sdk.Secret }{secret},
		"an unexported field":    keeper{secret, map[string]sdk.Secret{"k": secret}},
		"a pointer to the same":  &keeper{secret, map[string]sdk.Secret{"k": secret}},
		"an account":             account,
		"a request":              sdk.VoidRequest{Call: sdk.Call{Account: account}},
		"a webhook request":      sdk.WebhookRequest{Secrets: []sdk.SigningSecret{{Secret: secret}}},
		"a webhook registration": sdk.WebhookRegistration{ID: "w", Secret: secret},
	}
	for holder, v := range holders {
		for way, show := range waysToShow() {
			t.Run(holder+" through "+way, func(t *testing.T) {
				if got := show(v); strings.Contains(got, hidden) || strings.Contains(got, inHex(hidden)) {
					t.Errorf("the secret is visible in %q", got)
				}
			})
		}
	}
}

func inHex(s string) string { return fmt.Sprintf("%x", s) }

// waysToShow holds what turns a value into bytes. An encoder that refuses the value
// shows its error, which must not give the secret away either.
func waysToShow() map[string]func(v any) string {
	ways := map[string]func(v any) string{
		"json": func(v any) string { b, err := json.Marshal(v); return fmt.Sprint(string(b), err) },
		"xml":  func(v any) string { b, err := xml.Marshal(v); return fmt.Sprint(string(b), err) },
		"gob": func(v any) string {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return fmt.Sprint(b.String(), err)
		},
		"an error": func(v any) string { return fmt.Errorf("bad value: %v", v).Error() },
		"slog text": func(v any) string {
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
			return b.String()
		},
		"slog json": func(v any) string {
			var b bytes.Buffer
			slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
			return b.String()
		},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%+q", "%10.3s"} {
		ways[verb] = func(v any) string { return fmt.Sprintf(verb, v) }
	}
	return ways
}

func TestSecretShowsAPlaceholder(t *testing.T) {
	s := sdk.NewSecret(hidden)
	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for way, got := range map[string]string{
		"String":      s.String(),
		"Sprintf":     fmt.Sprintf("%x", s),
		"MarshalText": string(text),
		"LogValue":    s.LogValue().String(),
	} {
		if got != "[secret]" {
			t.Errorf("%s gives %q, want [secret]", way, got)
		}
	}
}

func TestSecretKeepsItsValue(t *testing.T) {
	tests := map[string]struct {
		secret sdk.Secret
		value  string
		empty  bool
	}{
		"a value":         {sdk.NewSecret(hidden), hidden, false},
		"an empty value":  {sdk.NewSecret(""), "", true},
		"the zero secret": {sdk.Secret{}, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.secret.Reveal(); got != tt.value {
				t.Errorf("Reveal() = %q, want %q", got, tt.value)
			}
			if got := tt.secret.Empty(); got != tt.empty {
				t.Errorf("Empty() = %v, want %v", got, tt.empty)
			}
		})
	}
}

func TestSecretEqual(t *testing.T) {
	tests := map[string]struct {
		a, b sdk.Secret
		want bool
	}{
		"the same value twice":    {sdk.NewSecret("a"), sdk.NewSecret("a"), true},
		"different values":        {sdk.NewSecret("a"), sdk.NewSecret("b"), false},
		"one a prefix of another": {sdk.NewSecret("a"), sdk.NewSecret("ab"), false},
		"nothing and empty":       {sdk.Secret{}, sdk.NewSecret(""), true},
		"nothing and a value":     {sdk.Secret{}, sdk.NewSecret("a"), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.a.Equal(tt.b); got != tt.want {
				t.Errorf("Equal = %v, want %v", got, tt.want)
			}
		})
	}
}
