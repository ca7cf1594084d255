package certificate

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// A PublicKey is a key that signatures are checked with.
type PublicKey struct {
	// Name is what people call the key. It is whoever read the key that gives it.
	Name string

	key ed25519.PublicKey
}

// ID is the SHA-256 of the key's PKIX form, in hex: the key id of its signatures.
func (k PublicKey) ID() string {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return "" // an Ed25519 key of another length, which no function here makes
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// String names the key for people.
func (k PublicKey) String() string {
	if k.Name == "" {
		return fmt.Sprintf("key %.12s", k.ID())
	}
	return fmt.Sprintf("%s (key %.12s)", k.Name, k.ID())
}

// MarshalPEM returns the key as ParsePublic reads it.
func (k PublicKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), nil
}

// A PrivateKey signs. It does not show itself when it is printed or logged.
type PrivateKey struct{ key ed25519.PrivateKey }

// GenerateKey makes a key from the system's randomness.
func GenerateKey() (PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("making a key: %w", err)
	}
	return PrivateKey{key}, nil
}

// Public returns the half that may be given away.
func (k PrivateKey) Public() PublicKey {
	public, _ := k.key.Public().(ed25519.PublicKey) // it is of no other type
	return PublicKey{key: public}
}

// MarshalPEM returns the key as ParsePrivate reads it: in the clear.
func (k PrivateKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, errors.New("encoding a private key: it is not one of GenerateKey or ParsePrivate")
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

// Format keeps the key out of logs, whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "private key (hidden)") }

// MarshalText keeps the key out of JSON and structured logs.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte("private key (hidden)"), nil }

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// ParsePrivate reads an Ed25519 key in PKCS #8, in PEM. No error tells what was read.
func ParsePrivate(text []byte) (PrivateKey, error) {
	der, err := block(text, privateBlock)
	if err != nil {
		return PrivateKey{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return PrivateKey{}, errors.New("not an Ed25519 key in PKCS #8")
	}
	return PrivateKey{key}, nil
}

// ParsePublic reads an Ed25519 key in PKIX form, in PEM.
func ParsePublic(text []byte) (PublicKey, error) {
	der, err := block(text, publicBlock)
	if err != nil {
		return PublicKey{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return PublicKey{}, errors.New("not an Ed25519 key in PKIX form")
	}
	return PublicKey{key: key}, nil
}

// maxKey is more bytes than a key in PEM has.
const maxKey = 4 << 10

// block returns what is in the only PEM block of text.
func block(text []byte, kind string) ([]byte, error) {
	if len(text) > maxKey {
		return nil, fmt.Errorf("has more than %d bytes: not a key", maxKey)
	}
	b, rest := pem.Decode(text)
	switch {
	case b == nil:
		return nil, fmt.Errorf("has no PEM block, must have one of type %s", kind)
	case b.Type != kind:
		return nil, fmt.Errorf("has a PEM block of type %.40q, must be %s", b.Type, kind)
	case len(rest) != 0:
		return nil, errors.New("has something after its PEM block")
	}
	return b.Bytes, nil
}

// WriteKeyPair writes a key to path, for its owner alone to read, and its public half to
// path.pub. It overwrites neither: a key that is lost is what that would come to.
func WriteKeyPair(path string, key PrivateKey) error {
	private, err := key.MarshalPEM()
	if err != nil {
		return err
	}
	public, err := key.Public().MarshalPEM()
	if err != nil {
		return err
	}
	if err := writeNew(path, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(path+".pub", public, 0o644); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func writeNew(path string, text []byte, mode os.FileMode) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// ReadPublic reads a key from a file and names it after the file.
func ReadPublic(path string) (PublicKey, error) {
	text, err := readBounded(path, maxKey)
	if err != nil {
		return PublicKey{}, err
	}
	key, err := ParsePublic(text)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key %s: %w", path, err)
	}
	key.Name = nameOf(path)
	return key, nil
}

// ReadPrivate reads a key from a file that others must not be able to read.
func ReadPrivate(path string) (PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return PrivateKey{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return PrivateKey{}, fmt.Errorf("private key %s can be read by others (mode %#o), must be 0600", path, info.Mode().Perm())
	}
	text, err := readBounded(path, maxKey)
	if err != nil {
		return PrivateKey{}, err
	}
	key, err := ParsePrivate(text)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("private key %s: %w", path, err)
	}
	return key, nil
}
