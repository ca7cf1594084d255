package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A MasterKey is the key that seals the secrets in a database. Every way of printing
// or encoding it shows a placeholder. The zero MasterKey is refused.
type MasterKey struct {
	// A pointer, because fmt prints the fields of a struct that holds a MasterKey in an
	// unexported field without asking it, but follows no pointer there.
	bytes *[32]byte
}

// LoadOrCreateMasterKey reads the key file at path, or creates one with a new random
// key (mode 0600) if there is none. It refuses a file that others than its owner may
// read. Whoever loses the file loses the secrets in every database sealed with it.
//
// When several processes create the file at once, all get the same key.
func LoadOrCreateMasterKey(path string) (MasterKey, error) {
	key, err := loadMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createMasterKey(path); err != nil {
		return MasterKey{}, fmt.Errorf("creating master key: %w", err)
	}
	return loadMasterKey(path)
}

func loadMasterKey(path string) (MasterKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("master key: %w", err)
	}
	key, err := readMasterKey(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return MasterKey{}, fmt.Errorf("master key %s: %w", path, err)
	}
	return key, nil
}

func readMasterKey(file *os.File) (MasterKey, error) {
	info, err := file.Stat()
	if err != nil {
		return MasterKey{}, err
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return MasterKey{}, fmt.Errorf("mode is %v: must be a file that only its owner can read, such as 0600", mode)
	}
	text, err := io.ReadAll(io.LimitReader(file, 1024))
	if err != nil {
		return MasterKey{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != 32 {
		// The decoder's error would quote a part of the key.
		return MasterKey{}, errors.New("must hold 32 bytes in base64")
	}
	return MasterKey{bytes: (*[32]byte)(raw)}, nil
}

// createMasterKey writes a new key beside path and then gives it its name, which fails
// if somebody was quicker: then the other's key stands.
func createMasterKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails, by its documentation
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(raw[:]) + "\n")
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Link(file.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(file.Name()), syncFolder(dir))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// String returns a placeholder.
func (k MasterKey) String() string { return "[master key]" }

// Format prints a placeholder for every verb.
func (k MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// MarshalText encodes a placeholder.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Derive makes a key of 32 bytes for one purpose, the same every time. It tells
// nothing about the master key.
func (k MasterKey) Derive(purpose string) ([]byte, error) {
	if k.bytes == nil {
		return nil, errors.New("master key: is empty")
	}
	return hkdf.Key(sha256.New, k.bytes[:], nil, "connectorhost "+purpose, 32)
}
