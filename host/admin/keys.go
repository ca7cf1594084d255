package admin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// A keyView is a merchant's key without what nobody needs to see.
type keyView struct {
	ID               string   `json:"id"`
	DisplayName      string   `json:"display_name"`
	Scopes           []string `json:"scopes"`
	MerchantAccounts []string `json:"merchant_accounts"` // empty means all
	Active           bool     `json:"active"`
	CreatedAt        string   `json:"created_at"`
}

func viewOf(k store.APIKey) keyView {
	return keyView{k.ID, k.DisplayName, k.Scopes, k.MerchantAccounts, k.Active, stamp(k.CreatedAt)}
}

func (s *server) listKeys(r *http.Request) (any, error) {
	keys, err := s.Store.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = viewOf(k)
	}
	return items(views), nil
}

// A keyOrder asks for the public half of a key pair to be trusted. The private half
// never comes here.
type keyOrder struct {
	ID               string   `json:"id"`
	PublicKey        []byte   `json:"public_key"` // PKIX, DER, in base64
	DisplayName      string   `json:"display_name"`
	Scopes           []string `json:"scopes"`
	MerchantAccounts []string `json:"merchant_accounts"`
}

// scopePattern is what a scope looks like: "transactions.read", "*.write", "embed".
var scopePattern = regexp.MustCompile(`^(embed|([a-z][a-z-]*|\*)\.(read|write))$`)

// check says what is wrong with an order.
func (o keyOrder) check() error {
	wrong := func(format string, args ...any) error {
		return &problem{http.StatusBadRequest, fmt.Sprintf(format, args...)}
	}
	parsed, err := x509.ParsePKIXPublicKey(o.PublicKey)
	if err != nil {
		return wrong("public_key is no public key in PKIX, DER and base64: %v", err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P521() {
		return wrong("public_key must be an elliptic-curve key on P-521, for tokens signed with ES512")
	}
	if name, err := thumbprint(public); err != nil || o.ID != name {
		return wrong("id must be the key's RFC 7638 thumbprint, which is %q", name)
	}
	if len(o.Scopes) == 0 {
		return wrong("scopes is missing, must name what the key's tokens may do, such as *.read")
	}
	for _, scope := range o.Scopes {
		if !scopePattern.MatchString(scope) {
			return wrong("scope %q is unknown, must be like transactions.read, *.write or embed", scope)
		}
	}
	return nil
}

// thumbprint is a key's name after RFC 7638: tokens say it in their kid.
func thumbprint(public *ecdsa.PublicKey) (string, error) {
	point, err := public.Bytes() // 4, then x and y
	if err != nil {
		return "", err
	}
	half, encode := (len(point)-1)/2, base64.RawURLEncoding.EncodeToString
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-521","kty":"EC","x":"%s","y":"%s"}`,
		encode(point[1:1+half]), encode(point[1+half:])))
	return encode(sum[:]), nil
}

func (s *server) createKey(r *http.Request) (any, error) {
	var order keyOrder
	if err := body(r, &order); err != nil {
		return nil, err
	}
	if err := order.check(); err != nil {
		return nil, err
	}
	switch known, err := s.Store.Key(r.Context(), order.ID); {
	case err == nil && !known.Active:
		return nil, &problem{http.StatusConflict, "this key was revoked, and stays so: make another one"}
	case err == nil:
		return nil, &problem{http.StatusConflict, "this key is trusted already: revoke it, and make another one"}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	key := store.APIKey{
		ID: order.ID, PublicKey: order.PublicKey, DisplayName: order.DisplayName, Scopes: order.Scopes,
		MerchantAccounts: order.MerchantAccounts, Active: true, CreatedAt: s.Now(),
	}
	if err := s.Store.SaveKey(r.Context(), &key); err != nil {
		return nil, err
	}
	return viewOf(key), nil
}

func (s *server) revokeKey(r *http.Request) (any, error) {
	key, err := s.Store.Key(r.Context(), r.PathValue("kid"))
	if err != nil {
		return nil, err
	}
	key.Active = false
	if err := s.Store.SaveKey(r.Context(), &key); err != nil {
		return nil, err
	}
	return viewOf(key), nil
}
