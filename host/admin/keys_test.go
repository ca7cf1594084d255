package admin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/connectorhost/connectorhost/host/api"
)

// orderFor is the body that makes a new key trusted, after changes.
func orderFor(t *testing.T, changes map[string]any) (kid, body string) {
	t.Helper()
	_, kid, public, err := api.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	order := map[string]any{"id": kid, "public_key": public, "display_name": "shop", "scopes": []string{"*.read", "transactions.write"}}
	for name, value := range changes {
		order[name] = value
	}
	raw, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	return kid, string(raw)
}

func TestAKeyIsTrustedThenRevokedForGood(t *testing.T) {
	w := newWorld(t)
	kid, order := orderFor(t, map[string]any{"merchant_accounts": []string{"default"}})
	w.send("GET", "/v1/keys", nil).want(http.StatusOK).says(`{"items":[]}`)
	made := w.send("POST", "/v1/keys", order).want(http.StatusOK).object()
	if made["id"] != kid || made["active"] != true || dig(made, "merchant_accounts", 0) != "default" {
		t.Errorf("made %v", made)
	}
	w.send("POST", "/v1/keys", order).want(http.StatusConflict).says("trusted already")
	w.send("GET", "/v1/keys", nil).want(http.StatusOK).says(kid, `"active":true`).silent("public_key")
	w.send("DELETE", "/v1/keys/"+kid, nil).want(http.StatusOK).says(`"active":false`)
	w.send("DELETE", "/v1/keys/"+kid, nil).want(http.StatusOK).says(`"active":false`)
	w.send("POST", "/v1/keys", order).want(http.StatusConflict).says("revoked")
	w.send("GET", "/v1/keys", nil).want(http.StatusOK).says(`"active":false`)
}

func TestKeysThatCannotBeTrusted(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := orderFor(t, nil)
	for name, tt := range map[string]struct {
		changes map[string]any
		says    string
	}{
		"no key":              {map[string]any{"public_key": nil}, "public_key"},
		"garbage for a key":   {map[string]any{"public_key": bytes.Repeat([]byte{1}, 90)}, "public_key"},
		"a key on P-256":      {map[string]any{"public_key": short}, "P-521"},
		"no id":               {map[string]any{"id": ""}, "thumbprint"},
		"another key's id":    {map[string]any{"id": other}, "thumbprint"},
		"no scopes":           {map[string]any{"scopes": []string{}}, "scopes"},
		"a scope of no shape": {map[string]any{"scopes": []string{"*.read", "everything"}}, "everything"},
		"an unknown field":    {map[string]any{"admin": true}, "admin"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, order := orderFor(t, tt.changes)
			w.send("POST", "/v1/keys", order).want(http.StatusBadRequest).says(tt.says)
			w.send("GET", "/v1/keys", nil).says(`{"items":[]}`)
		})
	}
}
