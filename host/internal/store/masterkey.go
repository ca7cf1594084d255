package store

import (
	"errors"
	"fmt"
)

// A MasterKey is the key that seals the secrets in a database. Every way of printing
// or encoding it shows a placeholder. The zero MasterKey is refused.
type MasterKey struct {
	bytes [32]byte
}

// LoadOrCreateMasterKey reads the key file at path, or creates one with a new random
// key (mode 0600) if there is none. It refuses a file that others than its owner may
// read. Whoever loses the file loses the secrets in every database sealed with it.
func LoadOrCreateMasterKey(path string) (MasterKey, error) {
	return MasterKey{}, errors.ErrUnsupported
}

// String returns a placeholder.
func (k MasterKey) String() string { return "[master key]" }

// Format prints a placeholder for every verb.
func (k MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// MarshalText encodes a placeholder.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
