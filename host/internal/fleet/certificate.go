package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

const (
	certificateFile = "certificate.json"
	newCertificate  = "certificate.new" // what was cut short
)

// A Judge says why a program with that SHA-256 in hex may not be installed with a
// certificate, which is nil where there is none. It is asked before the program was ever
// started, when nobody knows how it describes itself, and again when that is known.
type Judge func(digest string, described *sdk.Description, certificate []byte) error

// Certificate returns the certificate beside an installed release, as it lies on the
// disk now; nil if there is none. Nobody has looked at what it says.
func (f *Fleet) Certificate(digest string) ([]byte, error) {
	if !digestPattern.MatchString(digest) {
		return nil, fmt.Errorf("release %.64q is %w", digest, ErrNotInstalled)
	}
	raw, err := certificate.ReadFile(filepath.Join(f.dir, digest, certificateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// Certify puts a certificate beside an installed release, in the place of the one that it
// has, unless judge objects. Whenever the host dies, one of the two is there, whole.
func (f *Fleet) Certify(ctx context.Context, digest string, raw []byte, judge Judge) error {
	done, err := f.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	f.mu.RLock()
	r, known := f.releases[digest]
	f.mu.RUnlock()
	if !known {
		return fmt.Errorf("release %.64q is %w", digest, ErrNotInstalled)
	}
	if err := judge(digest, &r.Description, raw); err != nil {
		return err
	}
	return writeCertificate(filepath.Join(f.dir, digest), raw)
}

// recertify judges a release that is installed again, by the certificate that it comes
// with or else by the one that it has.
func (f *Fleet) recertify(r Release, raw []byte, judge Judge) error {
	given := raw != nil
	if !given {
		var err error
		if raw, err = f.Certificate(r.Digest); err != nil {
			return err
		}
	}
	if err := judge(r.Digest, &r.Description, raw); err != nil || !given {
		return err
	}
	return writeCertificate(filepath.Dir(r.Path), raw)
}

func writeCertificate(dir string, raw []byte) error {
	if len(raw) > certificate.MaxSize {
		return fmt.Errorf("the certificate has %d bytes, at most %d are kept", len(raw), certificate.MaxSize)
	}
	next := filepath.Join(dir, newCertificate)
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(next, 0o400, bytes.NewReader(raw)); err != nil {
		return err
	}
	if err := os.Rename(next, filepath.Join(dir, certificateFile)); err != nil {
		return err
	}
	return syncDir(dir)
}
