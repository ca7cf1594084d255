package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
)

// keys are what a master key is used for, one key for each purpose.
type keys struct {
	id      string // names the master key without telling anything about it
	sealing cipher.AEAD
	cursors []byte
}

func (k MasterKey) derive() (*keys, error) {
	if k.bytes == nil {
		return nil, errors.New("master key is missing")
	}
	derived := func(purpose string, length int) []byte {
		// Fails only for lengths beyond 8160 bytes.
		out, _ := hkdf.Key(sha256.New, k.bytes[:], nil, "connectorhost store "+purpose, length)
		return out
	}
	block, err := aes.NewCipher(derived("sealing", 32))
	if err != nil {
		return nil, err
	}
	sealing, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &keys{id: hex.EncodeToString(derived("id", 8)), sealing: sealing, cursors: derived("cursors", 32)}, nil
}

// seal encrypts the named secret of a service, under a nonce of its own, so that it
// opens for that name and service only.
func (k *keys) seal(service, field string, secret sdk.Secret) []byte {
	return k.sealing.Seal(nil, nil, []byte(secret.Reveal()), label(service, field))
}

// open decrypts what seal returned for the same service and field.
func (k *keys) open(service, field, keyID string, sealed []byte) (sdk.Secret, error) {
	if keyID != k.id {
		return sdk.Secret{}, fmt.Errorf("secret %q of service %s: sealed with master key %s", field, service, keyID)
	}
	value, err := k.sealing.Open(nil, nil, sealed, label(service, field))
	if err != nil {
		return sdk.Secret{}, fmt.Errorf("secret %q of service %s: %w", field, service, err)
	}
	return sdk.NewSecret(string(value)), nil
}

// label binds a secret to its place. Ids hold no zero byte, so no two places share one.
func label(service, field string) []byte { return []byte(service + "\x00" + field) }

// sign returns a code that only a holder of the key can make for a cursor.
func (k *keys) sign(parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, k.cursors)
	for _, part := range parts {
		// Hash writers never fail.
		_, _ = fmt.Fprintf(mac, "%d:", len(part))
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)[:16]
}
