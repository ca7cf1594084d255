package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Release is one installed program and what it said of itself.
type Release struct {
	Name    string `json:"name"`
	Version string `json:"version"` // as its manifest says; two releases may share one
	// Digest is the SHA-256 of the program, in hex: the identity of the release.
	Digest      string          `json:"digest"`
	Description sdk.Description `json:"description"`
	InstalledAt time.Time       `json:"installed_at"`
	Path        string          `json:"-"` // of the program
}

// String names the release for people, as "smartpay 1.2.0 (4ab81c9d0e2f)".
func (r Release) String() string {
	return fmt.Sprintf("%s %s (%.12s)", r.Name, r.Version, r.Digest)
}

// Describes reports whether d is what the release said of itself when it was
// installed. Nil and empty lists are the same.
func (r Release) Describes(d sdk.Description) bool {
	installed, errInstalled := json.Marshal(r.Description)
	now, errNow := json.Marshal(d)
	return errInstalled == nil && errNow == nil && bytes.Equal(installed, now)
}

const (
	programFile = "connector"
	recordFile  = "release.json"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	versionPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

// check says what is wrong with the facts that a release is found by.
func (r Release) check() error {
	switch {
	case !namePattern.MatchString(r.Name):
		return fmt.Errorf("its manifest's name is %.60q, must match %s", r.Name, namePattern)
	case !versionPattern.MatchString(r.Version):
		return fmt.Errorf("its manifest's version is %.60q, must be a semantic version such as 1.2.0", r.Version)
	}
	return nil
}

// verify compares the program with what was installed.
func (r Release) verify() error {
	digest, err := digestOf(context.Background(), r.Path)
	if err != nil {
		return fmt.Errorf("release %s is %w: %w", r, ErrDamaged, err)
	}
	if digest != r.Digest {
		return fmt.Errorf("release %s is %w: the SHA-256 of %s is %s", r, ErrDamaged, r.Path, digest)
	}
	return nil
}

func writeRecord(dir string, r Release) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("recording %s: %w", r, err)
	}
	if err := writeFile(filepath.Join(dir, recordFile), 0o400, bytes.NewReader(append(text, '\n'))); err != nil {
		return err
	}
	return syncDir(dir)
}

// readRecord reads the release in dir, whose name is digest.
func readRecord(dir, digest string) (Release, error) {
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return Release{}, err
	}
	var r Release
	if err := json.Unmarshal(text, &r); err != nil {
		return Release{}, fmt.Errorf("reading %s: %w", recordFile, err)
	}
	if r.Digest != digest {
		return Release{}, fmt.Errorf("%s is about %.64q", recordFile, r.Digest)
	}
	if err := r.check(); err != nil {
		return Release{}, err
	}
	r.Path = filepath.Join(dir, programFile)
	return r, nil
}
