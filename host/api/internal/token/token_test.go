package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func thumbprint(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	kid, err := Thumbprint(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

func TestSignedTokenIsVerified(t *testing.T) {
	key := newKey(t)
	raw, err := Sign(key, "connectord", []string{"*.read", "*.write"}, time.Minute, noon)
	if err != nil {
		t.Fatal(err)
	}
	asked := ""
	claims, kid, err := NewVerifier().Verify(raw, noon.Add(30*time.Second), func(kid string) (*ecdsa.PublicKey, error) {
		asked = kid
		return &key.PublicKey, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kid != thumbprint(t, key) || asked != kid {
		t.Errorf("kid = %s, asked for %s, want %s", kid, asked, thumbprint(t, key))
	}
	if got := strings.Join(claims.Scopes, " "); got != "*.read *.write" {
		t.Errorf("scopes = %s", got)
	}
}

// A header or claim whose value is remove is left out.
var remove = new(int)

func forge(t *testing.T, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	h := map[string]any{"alg": "ES512", "typ": "JWT", "kid": thumbprint(t, key)}
	c := map[string]any{
		"iss": "test", "jti": "1", "scopes": []string{"*.read"},
		"nbf": noon.Unix(), "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	}
	for _, change := range []struct{ to, from map[string]any }{{h, header}, {c, claims}} {
		maps.Copy(change.to, change.from)
		maps.DeleteFunc(change.to, func(_ string, v any) bool { return v == any(remove) })
	}
	signed := encode(t, h) + "." + encode(t, c)
	digest := sha512.Sum512([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(append(pad(r), pad(s)...))
}

func pad(n *big.Int) []byte { return n.FillBytes(make([]byte, 66)) }

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func TestVerifyRefuses(t *testing.T) {
	key := newKey(t)
	good := forge(t, key, nil, nil)
	header, rest, _ := strings.Cut(good, ".")
	tests := map[string]string{
		"nothing":                      "",
		"not three parts":              header + "." + rest[:strings.Index(rest, ".")],
		"no signature":                 good[:strings.LastIndex(good, ".")+1],
		"alg none":                     encode(t, map[string]any{"alg": "none", "kid": "x"}) + "." + rest,
		"alg none without a signature": unsigned(t, good),
		"HMAC with the public key":     hmacOf(t, key),
		"another algorithm named":      forge(t, key, map[string]any{"alg": "ES256"}, nil),
		"another key's signature":      forge(t, newKey(t), map[string]any{"kid": thumbprint(t, key)}, nil),
		"a changed claim":              swapClaims(t, good, map[string]any{"scopes": []string{"*.write"}}),
		"a padded signature":           good + "=",
		"no kid":                       forge(t, key, map[string]any{"kid": remove}, nil),
		"a kid that is no text":        forge(t, key, map[string]any{"kid": 7}, nil),
		"an unknown kid":               forge(t, newKey(t), nil, nil),
		"a critical extension":         forge(t, key, map[string]any{"crit": []string{"b64"}}, nil),
		"expired":                      forge(t, key, nil, map[string]any{"exp": noon.Add(-Leeway).Unix()}),
		"not valid yet":                forge(t, key, nil, map[string]any{"nbf": noon.Add(Leeway + time.Second).Unix()}),
		"no exp":                       forge(t, key, nil, map[string]any{"exp": remove}),
		"no nbf":                       forge(t, key, nil, map[string]any{"nbf": remove}),
		"no jti":                       forge(t, key, nil, map[string]any{"jti": remove}),
		"no iss":                       forge(t, key, nil, map[string]any{"iss": remove}),
		"no scopes":                    forge(t, key, nil, map[string]any{"scopes": remove}),
		"scopes that are one text":     forge(t, key, nil, map[string]any{"scopes": "*.read"}),
		"an exp that is a text":        forge(t, key, nil, map[string]any{"exp": "tomorrow"}),
		"a token without end":          strings.Repeat("a", maxLength+1),
	}
	kid := thumbprint(t, key)
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := NewVerifier().Verify(raw, noon, only(kid, &key.PublicKey)); err == nil {
				t.Errorf("Verify accepted %s", raw)
			}
		})
	}
	t.Run("nothing wrong", func(t *testing.T) {
		if _, _, err := NewVerifier().Verify(good, noon, only(kid, &key.PublicKey)); err != nil {
			t.Error(err)
		}
	})
}

var errUnknown = errors.New("unknown key")

func only(kid string, public *ecdsa.PublicKey) func(string) (*ecdsa.PublicKey, error) {
	return func(asked string) (*ecdsa.PublicKey, error) {
		if asked != kid {
			return nil, errUnknown
		}
		return public, nil
	}
}

// The leeway is for clocks that disagree, in both directions.
func TestVerifyForgivesClocks(t *testing.T) {
	key := newKey(t)
	raw := forge(t, key, nil, nil)
	find := only(thumbprint(t, key), &key.PublicKey)
	for name, now := range map[string]time.Time{
		"the host is behind": noon.Add(-Leeway),
		"the host is ahead":  noon.Add(time.Minute + Leeway - time.Second),
	} {
		if _, _, err := NewVerifier().Verify(raw, now, find); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A signature that was found good once is not checked again; everything else is.
func TestVerifierRemembersOnlySignatures(t *testing.T) {
	key, v := newKey(t), NewVerifier()
	good := forge(t, key, nil, nil)
	find := only(thumbprint(t, key), &key.PublicKey)
	for range 2 {
		if _, _, err := v.Verify(good, noon, find); err != nil {
			t.Fatal(err)
		}
	}
	if v.good.Len() != 1 {
		t.Errorf("%d signatures are remembered, want 1", v.good.Len())
	}
	other := newKey(t)
	flipped := []byte(good)
	flipped[len(flipped)-10] ^= 1
	tests := map[string]struct {
		raw  string
		now  time.Time
		find func(string) (*ecdsa.PublicKey, error)
	}{
		"it has expired":                   {good, noon.Add(time.Hour), find},
		"its key is not ours any more":     {good, noon, only("another", &key.PublicKey)},
		"its name is another key's now":    {good, noon, only(thumbprint(t, key), &other.PublicKey)},
		"its signature under other claims": {swapClaims(t, good, map[string]any{"scopes": []string{"*.write"}}), noon, find},
		"a bit of its signature is other":  {string(flipped), noon, find},
	}
	for name, test := range tests {
		for range 2 { // what was refused is not remembered either
			if _, _, err := v.Verify(test.raw, test.now, test.find); err == nil {
				t.Errorf("%s: Verify accepted it", name)
			}
		}
	}
	for range 3 {
		if _, _, err := v.Verify(forge(t, key, nil, nil), noon, find); err != nil { // signatures are random
			t.Fatal(err)
		}
	}
	if v.good.Len() != 4 {
		t.Errorf("%d signatures are remembered, want 4", v.good.Len())
	}
}

func TestVerifyKeepsTheKeySourcesError(t *testing.T) {
	key := newKey(t)
	_, _, err := NewVerifier().Verify(forge(t, key, nil, nil), noon, only("another", &key.PublicKey))
	if !errors.Is(err, errUnknown) {
		t.Errorf("Verify = %v, want %v in its chain", err, errUnknown)
	}
}

// A key on another curve has another algorithm, whatever a header says.
func TestVerifyTakesTheAlgorithmFromTheKey(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	_, _, err = NewVerifier().Verify(forge(t, key, nil, nil), noon, only(thumbprint(t, key), &small.PublicKey))
	if err == nil || !strings.Contains(err.Error(), "the key is for") {
		t.Errorf("Verify = %v, want a refusal of the key", err)
	}
}

func unsigned(t *testing.T, good string) string {
	t.Helper()
	_, rest, _ := strings.Cut(good, ".")
	claims, _, _ := strings.Cut(rest, ".")
	return encode(t, map[string]any{"alg": "none", "typ": "JWT"}) + "." + claims + "."
}

func swapClaims(t *testing.T, good string, claims map[string]any) string {
	t.Helper()
	parts := strings.Split(good, ".")
	return parts[0] + "." + encode(t, claims) + "." + parts[2]
}

// hmacOf signs with the public key as if it were a shared secret.
func hmacOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed := encode(t, map[string]any{"alg": "HS512", "kid": thumbprint(t, key)}) + "." + encode(t, map[string]any{
		"iss": "test", "jti": "1", "scopes": []string{"*.read"}, "nbf": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	})
	mac := hmac.New(sha512.New, der)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// A coordinate with leading zeros keeps them. The expected value is worked out from
// the padded coordinates and RFC 7638 alone.
func TestThumbprintPadsCoordinates(t *testing.T) {
	key := newKey(t)
	for {
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if point[1] == 0 && point[2] == 0 { // one key in 512 has such an x
			x, y := base64.RawURLEncoding.EncodeToString(point[1:67]), base64.RawURLEncoding.EncodeToString(point[67:])
			sum := sha256.Sum256([]byte(`{"crv":"P-521","kty":"EC","x":"` + x + `","y":"` + y + `"}`))
			if got, want := thumbprint(t, key), base64.RawURLEncoding.EncodeToString(sum[:]); got != want {
				t.Errorf("Thumbprint = %s, want %s", got, want)
			}
			return
		}
		key = newKey(t)
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"no PEM":        []byte("hello"),
		"another block": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		"broken DER":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
		"another curve": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ParsePrivate(text); err == nil {
				t.Error("ParsePrivate accepted it")
			}
		})
	}
}

func TestParsePublicRefuses(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"no DER": []byte("x"), "another curve": der} {
		if _, err := ParsePublic(text); err == nil {
			t.Errorf("%s: ParsePublic accepted it", name)
		}
	}
}

var _ jwt.ClaimsValidator = Claims{}
