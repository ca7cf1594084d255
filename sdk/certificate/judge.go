package certificate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Subject is the program that a certificate should be about.
type Subject struct {
	Binary string // SHA-256 in hex
	// Description is what the program says of itself. Nil, before it was ever started,
	// leaves out what depends on it.
	Description *sdk.Description
}

// A Judgement is what a policy makes of a program and its certificate.
type Judgement struct {
	Mode     Mode `json:"mode"`
	Admitted bool `json:"admitted"` // may serve
	// Findings are all that is wrong: in [Enforce] why it is refused, in [Warn] why it
	// would be. What could not be believed was not looked at further.
	Findings []Finding `json:"findings"`
	// Withheld are the operations and features that are offered and may not be asked for;
	// in [Warn] also those that enforcing would withhold.
	Withheld []string `json:"withheld,omitempty"`
	// Claims are what the certificate says; nil if there is none that can be believed.
	Claims    *Claims   `json:"claims,omitempty"`
	Signer    string    `json:"signer,omitempty"`     // who signed, for people
	SignerKey string    `json:"signer_key,omitempty"` // its key id
	ExpiresAt time.Time `json:"expires_at,omitzero"`

	// Effective is the description but for what may not be asked for.
	Effective sdk.Description `json:"-"`
}

// Err says why the program may not serve; nil if it may. It is a [*RefusedError].
func (j Judgement) Err() error {
	if j.Admitted {
		return nil
	}
	return &RefusedError{j.Findings}
}

// Reasons are the words of the findings, each once, in their order.
func (j Judgement) Reasons() []Reason { return reasonsOf(j.Findings) }

// A RefusedError says why a program may not serve.
type RefusedError struct{ Findings []Finding }

// Error lists all findings.
func (e *RefusedError) Error() string {
	texts := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		texts[i] = f.Error()
	}
	return "not certified: " + strings.Join(texts, "; ")
}

// Reasons are the words of the findings, each once, in their order.
func (e *RefusedError) Reasons() []Reason { return reasonsOf(e.Findings) }

func reasonsOf(findings []Finding) []Reason {
	var reasons []Reason
	for _, f := range findings {
		if !slices.Contains(reasons, f.Reason) {
			reasons = append(reasons, f.Reason)
		}
	}
	return reasons
}

// Judge judges a program by its certificate; raw is nil where there is none. It does no
// I/O, and may be called concurrently.
func (p Policy) Judge(s Subject, raw []byte, now time.Time) Judgement {
	j := Judgement{Mode: p.mode(), Admitted: true, Findings: []Finding{}}
	if j.Mode != Off {
		p.examine(&j, s, raw, now)
		j.Admitted = j.Mode != Enforce || len(j.Findings) == 0
	}
	if s.Description != nil {
		p.withhold(&j, *s.Description)
	}
	return j
}

// examine gathers the findings, and the claims if they can be believed.
func (p Policy) examine(j *Judgement, s Subject, raw []byte, now time.Time) {
	found := func(f *Finding) {
		if f != nil {
			j.Findings = append(j.Findings, *f)
		}
	}
	found(p.revoked(s.Binary, raw))
	if raw == nil {
		found(finding(NoCertificate, "there is no certificate for it; conform certify makes one"))
		return
	}
	claims, signer, err := open(raw, p.Keys)
	if err != nil {
		f, ok := errors.AsType[*Finding](err)
		if !ok {
			f = finding(Malformed, "%v", err)
		}
		found(f)
		return
	}
	j.Signer, j.SignerKey = signer.String(), signer.ID()
	if f := claims.about(s.Binary); f != nil { // nothing else that it says is about this program
		found(f)
		return
	}
	j.Claims = &claims
	if p.MaxAge > 0 {
		j.ExpiresAt = claims.TestedAt.Add(p.MaxAge)
	}
	found(claims.onThis())
	found(claims.early(now))
	found(p.aged(claims, now))
	found(p.suite(claims))
	found(p.evidence(claims))
	for _, required := range p.RequireProfiles {
		found(claims.lacks(required))
	}
	if s.Description != nil {
		found(claims.describes(s.Description.Manifest))
		found(claims.covers(s.Description.Operations))
	}
}

func (p Policy) revoked(binary string, raw []byte) *Finding {
	if slices.Contains(p.Revoked, binary) {
		return finding(Revoked, "the program %.12s was revoked", binary)
	}
	sum := sha256.Sum256(raw)
	if digest := hex.EncodeToString(sum[:]); raw != nil && slices.Contains(p.Revoked, digest) {
		return finding(Revoked, "the certificate %.12s was revoked", digest)
	}
	return nil
}

func (c Claims) onThis() *Finding {
	if c.OS == runtime.GOOS && c.Arch == runtime.GOARCH {
		return nil
	}
	return finding(Platform, "it was tested on %s/%s, and this is %s/%s", c.OS, c.Arch, runtime.GOOS, runtime.GOARCH)
}

func (p Policy) aged(c Claims, now time.Time) *Finding {
	if p.MaxAge == 0 || now.Sub(c.TestedAt) <= p.MaxAge {
		return nil
	}
	return finding(Expired, "it was tested on %s, and %s is the longest that counts", stamp(c.TestedAt), p.MaxAge)
}

func (p Policy) suite(c Claims) *Finding {
	if p.MinSuite == "" {
		return nil
	}
	least, okLeast := parseVersion(p.MinSuite)
	has, okHas := parseVersion(c.Suite.Version)
	if okLeast && okHas && has.compare(least) >= 0 {
		return nil
	}
	return finding(SuiteTooOld, "it was tested with %s %s, and %s is the oldest that counts", c.Suite.Name, c.Suite.Version, p.MinSuite)
}

func (p Policy) evidence(c Claims) *Finding {
	if slices.Index(evidences, c.Evidence) >= slices.Index(evidences, p.Evidence) {
		return nil
	}
	return finding(WeakEvidence, "its evidence is %s, must be %s", c.Evidence, p.Evidence)
}

func (c Claims) lacks(required string) *Finding {
	want, err := parseProfile(required)
	if err == nil && slices.ContainsFunc(c.Profiles, func(p Profile) bool { return p.Name == want.Name && p.Version >= want.Version }) {
		return nil
	}
	return finding(ProfileMissing, "profile %s was not passed, but %v", required, c.Profiles)
}

func (c Claims) describes(m sdk.Manifest) *Finding {
	digest, err := ManifestDigest(m)
	if err == nil && digest == c.Manifest && m.Name == c.Connector && m.Version == c.Version {
		return nil
	}
	return finding(ManifestMismatch, "the manifest of %.60s %.60s is another than that of %s %s, which was tested",
		m.Name, m.Version, c.Connector, c.Version)
}

func (c Claims) covers(offered sdk.Operations) *Finding {
	var more []string
	for _, op := range offered {
		if !c.Declared.Has(op) {
			more = append(more, string(op))
		}
	}
	if more == nil {
		return nil
	}
	return finding(CapabilityUncovered, "it offers %s, which it did not when it was tested", some(more))
}

// withhold leaves what is implemented, certified and allowed.
func (p Policy) withhold(j *Judgement, d sdk.Description) {
	operation := func(op sdk.Operation) bool { return p.Allow == nil || p.Allow.Has(op) }
	feature := func(string) bool { return true }
	j.Effective, j.Withheld = clamp(d, operation, feature)
	if j.Claims == nil {
		return
	}
	certified, withheld := clamp(d,
		func(op sdk.Operation) bool { return operation(op) && j.Claims.Operations.Has(op) },
		func(name string) bool { return slices.Contains(j.Claims.Features, name) })
	if j.Withheld = withheld; j.Mode == Enforce {
		j.Effective = certified
	}
}

// Summary says in a line how the program stands.
func (j Judgement) Summary() string {
	switch {
	case j.Mode == Off:
		return "certification is off"
	case len(j.Findings) > 0 && j.Admitted:
		return "serves although it is " + (&RefusedError{j.Findings}).Error()
	case len(j.Findings) > 0:
		return (&RefusedError{j.Findings}).Error()
	case j.Claims == nil:
		return "not judged"
	}
	return fmt.Sprintf("certified for %s by %s on %s with %s evidence",
		profiles(j.Claims.Profiles), j.Signer, j.Claims.TestedAt.Format(time.DateOnly), j.Claims.Evidence)
}

func profiles(list []Profile) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}
