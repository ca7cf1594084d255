package token

import (
	"crypto/ecdsa"
	"testing"
	"time"
)

func BenchmarkVerify(b *testing.B) {
	key, err := NewKey()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := Sign(key, "bench", []string{"*.read"}, time.Hour, noon)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, _, err := Verify(raw, noon, func(string) (*ecdsa.PublicKey, error) { return &key.PublicKey, nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}
