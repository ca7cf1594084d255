package certificate

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"
)

// skew is how far the clock of who signed may be ahead.
const skew = 5 * time.Minute

// Sign makes a certificate. Claims that do not certify are [ErrNotCertifiable].
func Sign(claims Claims, key PrivateKey) ([]byte, error) {
	if err := claims.Certifiable(); err != nil {
		return nil, err
	}
	if len(key.key) != ed25519.PrivateKeySize {
		return nil, errors.New("signing: there is no key")
	}
	statement, err := claims.statement()
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	raw, err := seal(statement, ed25519.Sign(key.key, preAuth(statement)), key.Public().ID())
	if err == nil && len(raw) > MaxSize {
		err = fmt.Errorf("the certificate would have %d bytes, at most %d are read", len(raw), MaxSize)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return raw, nil
}

// Verify returns what a certificate says of the program with that SHA-256, in hex, if it
// was signed with one of keys. An error is a [*Finding]: the first thing that is wrong.
func Verify(raw []byte, keys []PublicKey, binary string, now time.Time) (Claims, error) {
	claims, _, err := open(raw, keys)
	if err != nil {
		return Claims{}, err
	}
	if f := claims.about(binary); f != nil {
		return Claims{}, f
	}
	if f := claims.early(now); f != nil {
		return Claims{}, f
	}
	return claims, nil
}

func (c Claims) about(binary string) *Finding {
	if c.Binary == binary {
		return nil
	}
	return finding(DigestMismatch, "it is about %s %s with SHA-256 %.12s, and the SHA-256 of this program is %.12s",
		c.Connector, c.Version, c.Binary, binary)
}

func (c Claims) early(now time.Time) *Finding {
	if !c.TestedAt.After(now.Add(skew)) {
		return nil
	}
	return finding(NotYet, "it says that the test was on %s, and it is %s", stamp(c.TestedAt), stamp(now))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// open returns claims that can be believed as far as the key can, and the key. The error
// is a [*Finding].
func open(raw []byte, keys []PublicKey) (Claims, PublicKey, error) {
	statement, sig, keyID, err := unseal(raw)
	if err != nil {
		return Claims{}, PublicKey{}, err
	}
	for _, key := range keys {
		if len(key.key) != ed25519.PublicKeySize || key.ID() != keyID {
			continue
		}
		if !ed25519.Verify(key.key, preAuth(statement), sig) {
			return Claims{}, PublicKey{}, finding(BadSignature, "%s did not sign this", key)
		}
		claims, err := claimsOf(statement)
		return claims, key, err
	}
	return Claims{}, PublicKey{}, finding(UnknownKey, "it is signed with key %.12q, which is not trusted", keyID)
}
