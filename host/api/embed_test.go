package api_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// embedToken is what a shop's server hands to a buyer's browser.
func (w *world) embedToken(scopes []string, embed any) string {
	w.t.Helper()
	block, _ := pem.Decode(w.key)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	w.must(err)
	t := jwt.NewWithClaims(jwt.SigningMethodES512, jwt.MapClaims{
		"iss": "shop", "jti": "1", "nbf": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
		"scopes": scopes, "embed": embed,
	})
	t.Header["kid"] = w.kid
	signed, err := t.SignedString(key.(*ecdsa.PrivateKey))
	w.must(err)
	return signed
}

// A browser's token pays what it was made for and nothing else.
func TestEmbedTokens(t *testing.T) {
	tests := map[string]struct {
		embed  any
		body   fields
		status int
	}{
		"as pinned":                     {fields{"amount": 1000, "currency": "JPY"}, payment(nil), http.StatusCreated},
		"metadata pinned":               {fields{"amount": 1000, "currency": "JPY", "metadata": fields{"Cart": "7", "cart": "8"}}, payment(nil), http.StatusCreated},
		"another amount":                {fields{"amount": 1000, "currency": "JPY"}, payment(fields{"amount": 1}), http.StatusForbidden},
		"another currency":              {fields{"amount": 1000, "currency": "KRW"}, payment(nil), http.StatusForbidden},
		"other metadata":                {fields{"amount": 1000, "currency": "JPY", "metadata": fields{"Cart": "9"}}, payment(nil), http.StatusForbidden},
		"what is pinned left out":       {fields{"amount": 1000, "currency": "JPY", "description": "x"}, payment(nil), http.StatusForbidden},
		"nothing pinned":                {nil, payment(nil), http.StatusForbidden},
		"no amount pinned":              {fields{"currency": "JPY"}, payment(nil), http.StatusForbidden},
		"a claim that is not an object": {"1000 JPY", payment(nil), http.StatusForbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			w.token = w.embedToken([]string{"embed"}, tt.embed)
			w.post("/transactions", tt.body).want(tt.status)
		})
	}
	w := newShop(t)
	path := w.authorized(nil)
	w.token = w.embedToken([]string{"embed"}, fields{"amount": 1000, "currency": "JPY"})
	w.post("/payment-options", nil).want(http.StatusOK)
	w.get("/transactions").want(http.StatusForbidden)
	w.post(path+"/capture", nil).want(http.StatusForbidden)
}
