package token

import (
	"crypto/ecdsa"
	"testing"
	"time"
)

// A merchant's library may make a token for each request or use one for a while.
func BenchmarkVerify(b *testing.B) {
	key, err := NewKey()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := Sign(key, "bench", []string{"*.read"}, time.Hour, noon)
	if err != nil {
		b.Fatal(err)
	}
	find := func(string) (*ecdsa.PublicKey, error) { return &key.PublicKey, nil }
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := NewVerifier().Verify(raw, noon, find); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("seen", func(b *testing.B) {
		for v := NewVerifier(); b.Loop(); {
			if _, _, err := v.Verify(raw, noon, find); err != nil {
				b.Fatal(err)
			}
		}
	})
}
