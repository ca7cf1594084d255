package certificate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MaxSize is the largest certificate, in bytes.
const MaxSize = 1 << 20

// ReadFile reads a certificate, or what claims to be one. More than [MaxSize] bytes are
// [Malformed], and are not read.
func ReadFile(path string) ([]byte, error) { return readBounded(path, MaxSize) }

func readBounded(path string, most int64) (text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	text, err = io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		return nil, finding(Malformed, "%s has more than %d bytes", path, most)
	}
	return text, err
}

// nameOf is what a key is called after its file.
func nameOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".pub") }
