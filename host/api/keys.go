package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/api/internal/token"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// keyStaleness is how long a key that was revoked, on whichever host, may still let
// somebody in.
const keyStaleness = time.Second

// A keyring remembers the keys that requests were signed with, for a short while. It
// never holds more than there are keys.
type keyring struct {
	source Keys
	now    func() time.Time
	mu     sync.Mutex
	known  map[string]trusted
}

// A trusted key was read at the given time.
type trusted struct {
	store.APIKey
	public *ecdsa.PublicKey
	read   time.Time
}

// find returns the key that kid names, active or not, or [store.ErrNotFound].
func (k *keyring) find(ctx context.Context, kid string) (trusted, error) {
	now := k.now()
	k.mu.Lock()
	known, ok := k.known[kid]
	k.mu.Unlock()
	if ok && now.Sub(known.read) < keyStaleness {
		return known, nil
	}
	key, err := k.source.Key(ctx, kid)
	if err != nil {
		return trusted{}, err
	}
	public, err := token.ParsePublic(key.PublicKey)
	if err != nil {
		return trusted{}, fmt.Errorf("key %s: %w", key.ID, err)
	}
	if own, err := token.Thumbprint(public); err != nil || own != kid {
		return trusted{}, fmt.Errorf("key %s is stored under the name of another key", kid)
	}
	fresh := trusted{key, public, now}
	k.mu.Lock()
	k.known[kid] = fresh
	k.mu.Unlock()
	return fresh, nil
}

// NewKeyPair makes a merchant's key pair: the private half in PEM (PKCS#8, P-521),
// which the merchant keeps; the public half in DER (PKIX), which the host keeps; and
// kid, the name by which tokens say that they are signed with it.
func NewKeyPair() (privatePEM []byte, kid string, publicDER []byte, err error) {
	private, err := token.NewKey()
	if err != nil {
		return nil, "", nil, err
	}
	if kid, err = token.Thumbprint(&private.PublicKey); err != nil {
		return nil, "", nil, err
	}
	if publicDER, err = x509.MarshalPKIXPublicKey(&private.PublicKey); err != nil {
		return nil, "", nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, "", nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), kid, publicDER, nil
}

// Sign makes a token with the given scopes that is valid from now for ttl.
func Sign(privatePEM []byte, scopes []string, ttl time.Duration, now time.Time) (string, error) {
	private, err := token.ParsePrivate(privatePEM)
	if err != nil {
		return "", err
	}
	return token.Sign(private, "connectord", scopes, ttl, now)
}

// PublicHalf returns what [NewKeyPair] returned beside privatePEM.
func PublicHalf(privatePEM []byte) (kid string, publicDER []byte, err error) {
	private, err := token.ParsePrivate(privatePEM)
	if err != nil {
		return "", nil, err
	}
	if kid, err = token.Thumbprint(&private.PublicKey); err != nil {
		return "", nil, err
	}
	publicDER, err = x509.MarshalPKIXPublicKey(&private.PublicKey)
	return kid, publicDER, err
}
