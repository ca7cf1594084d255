package certificate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Mode says what comes of a judgement.
type Mode string

// The modes.
const (
	Off     Mode = "off"     // certificates are not looked at
	Warn    Mode = "warn"    // what would be refused is told, and serves
	Enforce Mode = "enforce" // what is not certified does not serve
)

// A Policy is what a host asks of the certificates of connectors. The zero Policy
// enforces, and trusts nobody.
type Policy struct {
	Mode Mode        // empty means Enforce
	Keys []PublicKey // that are trusted
	// MinSuite is the oldest version of the suite that counts; empty means any.
	MinSuite string
	// MaxAge is how long after the test a certificate counts; 0 means for ever.
	MaxAge time.Duration
	// Evidence is the weakest class that counts; empty means any.
	Evidence Evidence
	// RequireProfiles must have been passed: "refunds@2" is version 2 or a later one,
	// "refunds" any version.
	RequireProfiles []string
	// Revoked are SHA-256 digests, in hex, of programs and of certificates.
	Revoked []string
	// Allow are the operations that a connector may be asked for, in every mode; nil means
	// every one.
	Allow sdk.Operations
}

// Check names every setting that is wrong.
func (p Policy) Check() error {
	var wrong []error
	if !slices.Contains([]Mode{"", Off, Warn, Enforce}, p.Mode) {
		wrong = append(wrong, fmt.Errorf("certification is %q, must be off, warn or enforce", p.Mode))
	}
	if p.MinSuite != "" {
		wrong = append(wrong, semantic("certification-min-suite", p.MinSuite))
	}
	if p.MaxAge < 0 {
		wrong = append(wrong, fmt.Errorf("certification-max-age is %s, must be positive", p.MaxAge))
	}
	if p.Evidence != "" && !slices.Contains(evidences, p.Evidence) {
		wrong = append(wrong, fmt.Errorf("certification-evidence is %q, must be one of %v", p.Evidence, evidences))
	}
	for _, name := range p.RequireProfiles {
		if _, err := parseProfile(name); err != nil {
			wrong = append(wrong, fmt.Errorf("certification-profile: %w", err))
		}
	}
	for _, digest := range p.Revoked {
		wrong = append(wrong, match("certification-revoked", digest, digestPattern))
	}
	for _, op := range p.Allow {
		if !slices.Contains(sdk.AllOperations(), op) {
			wrong = append(wrong, fmt.Errorf("allow: there is no operation %q, want some of %v", op, sdk.AllOperations()))
		}
	}
	return errors.Join(wrong...)
}

// Enforces reports whether what is not certified does not serve.
func (p Policy) Enforces() bool { return p.mode() == Enforce }

func (p Policy) mode() Mode {
	if p.Mode == "" {
		return Enforce
	}
	return p.Mode
}
