// Package token makes and checks the signed tokens that merchants' calls carry.
//
// A token is a compact JWS over SHA-512 by a P-521 key (ES512). Its header names the
// key by the RFC 7638 thumbprint of the public half; its claims say who issued it,
// when it is valid and what it may do. Which algorithm a signature is checked with
// follows from the key that the host holds, never from the token. The package keeps
// no keys, and takes the same token as often as it comes until it expires.
//
// Checking a signature on P-521 costs more than all else that a host does for a small
// request. A [Verifier] therefore remembers which signatures it has found good. It
// remembers nothing else: times, claims and whether the key is still one of ours are
// looked at each time.
package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Leeway is how far the clocks of merchant and host may be apart.
const Leeway = 10 * time.Second

// maxLength bounds the text of a token, which is read before anything is known of its
// sender.
const maxLength = 16 << 10

// Claims are what a token says, all of it required but Embed.
type Claims struct {
	jwt.RegisteredClaims
	Scopes []string `json:"scopes"`
	// Embed pins what a token in a buyer's browser may be used for.
	Embed json.RawMessage `json:"embed,omitempty"`
}

// Validate is called once the signature and the times were found good.
func (c Claims) Validate() error {
	switch {
	case c.ID == "":
		return errors.New("the claim jti is missing")
	case c.Issuer == "":
		return errors.New("the claim iss is missing")
	case c.Scopes == nil:
		return errors.New("the claim scopes is missing")
	}
	return nil
}

// remembered is how many good signatures a Verifier remembers. They are 32 bytes each.
const remembered = 16 << 10

// A Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	good *lru.Cache[[sha256.Size]byte, struct{}]
}

// NewVerifier returns a Verifier that remembers nothing yet.
func NewVerifier() *Verifier {
	good, err := lru.New[[sha256.Size]byte, struct{}](remembered)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &Verifier{good: good}
}

// Verify checks raw at the given time and returns what it says and the key that it
// is signed with. find returns the public key that a thumbprint names; its error is
// in the chain of Verify's.
func (v *Verifier) Verify(
	raw string, now time.Time, find func(kid string) (*ecdsa.PublicKey, error),
) (claims Claims, kid string, err error) {
	if len(raw) > maxLength {
		return Claims{}, "", fmt.Errorf("the token has %d bytes, at most %d are read", len(raw), maxLength)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES512.Alg()}),
		jwt.WithStrictDecoding(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
	)
	_, err = parser.ParseWithClaims(raw, &claims, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("the header demands an extension")
		}
		kid, _ = t.Header["kid"].(string)
		if kid == "" {
			return nil, errors.New("the header names no key")
		}
		public, err := find(kid)
		if err != nil {
			return nil, err
		}
		if alg := algorithm(public); t.Method.Alg() != alg {
			return nil, fmt.Errorf("the header says %s, the key is for %s", t.Method.Alg(), alg)
		}
		t.Method = memory{t.Method, v.good}
		return public, nil
	})
	if err != nil {
		return Claims{}, kid, err
	}
	return claims, kid, nil
}

// A memory is a signing method that checks a good signature once.
type memory struct {
	jwt.SigningMethod
	good *lru.Cache[[sha256.Size]byte, struct{}]
}

// Verify implements [jwt.SigningMethod].
func (m memory) Verify(signed string, signature []byte, key any) error {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return fmt.Errorf("the key is a %T", key)
	}
	point, err := public.Bytes()
	if err != nil {
		return fmt.Errorf("encoding the public key: %w", err)
	}
	// Only the last part has a length of the sender's, so no text can pass for another.
	text := sha256.Sum256([]byte(signed))
	sum := sha256.Sum256(slices.Concat(point, text[:], signature))
	if _, ok := m.good.Get(sum); ok {
		return nil
	}
	if err := m.SigningMethod.Verify(signed, signature, key); err != nil {
		return err
	}
	m.good.Add(sum, struct{}{})
	return nil
}

// algorithm is what signatures of a key are checked with.
func algorithm(public *ecdsa.PublicKey) string {
	if public.Curve == elliptic.P521() {
		return jwt.SigningMethodES512.Alg()
	}
	return "none of ours"
}

// Sign makes a token that is valid from now for ttl.
func Sign(private *ecdsa.PrivateKey, issuer string, scopes []string, ttl time.Duration, now time.Time) (string, error) {
	kid, err := Thumbprint(&private.PublicKey)
	if err != nil {
		return "", err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES512, Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			ID:        uuid.NewString(),
			Issuer:    issuer,
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Scopes: scopes,
	})
	t.Header["kid"] = kid
	return t.SignedString(private)
}

// NewKey makes a P-521 key pair.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }

// Thumbprint is the RFC 7638 SHA-256 thumbprint of a P-521 key: the kid of its tokens.
func Thumbprint(public *ecdsa.PublicKey) (string, error) {
	if public.Curve != elliptic.P521() {
		return "", fmt.Errorf("the key is on %s, only P-521 is used", public.Params().Name)
	}
	point, err := public.Bytes() // 4, then x and y, each padded to the length of the field
	if err != nil {
		return "", fmt.Errorf("encoding the public key: %w", err)
	}
	coordinates, size := point[1:], (len(point)-1)/2
	encode := base64.RawURLEncoding.EncodeToString
	jwk := fmt.Sprintf(`{"crv":"P-521","kty":"EC","x":"%s","y":"%s"}`,
		encode(coordinates[:size]), encode(coordinates[size:]))
	sum := sha256.Sum256([]byte(jwk))
	return encode(sum[:]), nil
}

// ParsePublic reads a public P-521 key in PKIX DER form.
func ParsePublic(der []byte) (*ecdsa.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading a public key: %w", err)
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P521() {
		return nil, errors.New("a public key must be on the curve P-521")
	}
	return public, nil
}

// ParsePrivate reads a private P-521 key in PKCS#8 PEM form. Its errors do not repeat
// any of the text.
func ParsePrivate(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("a private key must be PEM of type PRIVATE KEY (PKCS#8)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key is not PKCS#8")
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P521() {
		return nil, errors.New("a private key must be on the curve P-521")
	}
	return private, nil
}
