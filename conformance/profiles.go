package conformance

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/connectorhost/connectorhost/conformance/internal/catalogue"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// A profile's list of cases is frozen: a certificate names the profile, its version and
// the digest of the list. A case that joins makes a new version.

//go:embed profiles/*.yaml
var profileFiles embed.FS

// ProfileVersion is the version of every profile that this suite tests.
const ProfileVersion = 1

type profileFile struct {
	Profile suite.Profile `yaml:"profile"`
	Version int           `yaml:"version"`
	Cases   []string      `yaml:"cases"`
}

func profilePath(p suite.Profile) string {
	return fmt.Sprintf("profiles/%s@%d.yaml", p, ProfileVersion)
}

// profileText is the file of a profile as the cases have it now.
func profileText(p suite.Profile) ([]byte, error) {
	f := profileFile{Profile: p, Version: ProfileVersion}
	for _, c := range Cases() {
		if c.Profile == p {
			f.Cases = append(f.Cases, c.ID)
		}
	}
	slices.Sort(f.Cases)
	var b bytes.Buffer
	b.WriteString("# The cases of this profile, frozen. Written by make golden.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// profiles are the frozen ones, with their digests.
func profiles() ([]report.Profile, error) {
	var all []report.Profile
	for _, p := range suite.Profiles() {
		raw, err := profileFiles.ReadFile(profilePath(p))
		if err != nil {
			return nil, err
		}
		all = append(all, report.Profile{Name: p, Version: ProfileVersion, SHA256: digest(raw)})
	}
	return all, nil
}

// catalogueDigest names the requirements that this suite tests.
func catalogueDigest() (string, error) {
	all, err := catalogue.Load()
	if err != nil {
		return "", err
	}
	raw, err := yaml.Marshal(all)
	if err != nil {
		return "", err
	}
	return digest(raw), nil
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
