package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk/certificate"
)

func TestKeyPairOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release")
	key := newKey(t)
	if err := certificate.WriteKeyPair(path, key); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private key: mode %v, %v, want 0600", info.Mode(), err)
	}
	private, err := certificate.ReadPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	public, err := certificate.ReadPublic(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if public.Name != "release" || !strings.HasPrefix(public.String(), "release (key ") {
		t.Errorf("the key is called %q: %s", public.Name, public)
	}
	if public.ID() != key.Public().ID() || private.Public().ID() != public.ID() || len(public.ID()) != 64 {
		t.Errorf("ids: %s written, %s and %s read", key.Public().ID(), private.Public().ID(), public.ID())
	}
	if _, err := certificate.Verify(sign(t, claims(t), private), []certificate.PublicKey{public}, digest("binary"), now); err != nil {
		t.Errorf("what the key signed is refused: %v", err)
	}
	if err := certificate.WriteKeyPair(path, newKey(t)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwriting a key: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.ReadPrivate(path); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("reading a key that others can read: %v", err)
	}
}

// A key pair is there whole, or not at all.
func TestKeyPairIsNotLeftInHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release")
	if err := os.WriteFile(path+".pub", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := certificate.WriteKeyPair(path, newKey(t)); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("WriteKeyPair = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a pair is left: %v", err)
	}
}

func TestNoKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecPrivate, errPrivate := x509.MarshalPKCS8PrivateKey(ec)
	ecPublic, errPublic := x509.MarshalPKIXPublicKey(ec.Public())
	if err := errors.Join(errPrivate, errPublic); err != nil {
		t.Fatal(err)
	}
	whole, err := newKey(t).Public().MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		text []byte
		says string
	}{
		"nothing":               {nil, "no PEM block"},
		"no PEM":                {[]byte("key"), "no PEM block"},
		"another kind of block": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"}), "must be"},
		"another private key":   {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ecPrivate}), ""},
		"another public key":    {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: ecPublic}), ""},
		"two keys":              {append(whole, whole...), ""},
		"a very large file":     {make([]byte, 1<<20), "more than"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, errPublic := certificate.ParsePublic(tt.text)
			_, errPrivate := certificate.ParsePrivate(tt.text)
			for _, err := range []error{errPublic, errPrivate} {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
			}
		})
	}
}

func TestPrivateKeyDoesNotShowItself(t *testing.T) {
	key := newKey(t)
	text, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %x %s %d", key, key, key, key, key, &key), string(text)} {
		if strings.Contains(strings.ReplaceAll(shown, "private key (hidden)", ""), "0x") || len(shown) > 200 {
			t.Errorf("shown as %s", shown)
		}
	}
}
