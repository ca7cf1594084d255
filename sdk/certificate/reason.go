package certificate

import (
	"errors"
	"fmt"
)

// A Reason says in one word, for programs, what is wrong with a certificate. The text of
// an error is for people and may change; these words do not.
type Reason string

// The reasons.
const (
	NoCertificate       Reason = "NO_CERT"           // there is none
	Malformed           Reason = "MALFORMED"         // it is none, or too large, or not in the form that Sign writes
	UnknownKey          Reason = "UNKNOWN_KEY"       // signed with a key that is not trusted
	BadSignature        Reason = "BAD_SIG"           // the signature is not that of what it says
	NotPassed           Reason = "NOT_PASSED"        // it says that tests failed
	DigestMismatch      Reason = "DIGEST_MISMATCH"   // it is about another program
	Platform            Reason = "PLATFORM"          // the program was tested on another system
	ManifestMismatch    Reason = "MANIFEST_MISMATCH" // the program does not describe itself as it did then
	CapabilityUncovered Reason = "CAP_NOT_CERTIFIED" // it offers what it did not offer then
	ProfileMissing      Reason = "PROFILE_MISSING"   // a required profile was not passed
	SuiteTooOld         Reason = "SUITE_TOO_OLD"     // the suite is older than the oldest that counts
	WeakEvidence        Reason = "EVIDENCE"          // the evidence is of a weaker class than required
	NotYet              Reason = "NOT_YET_VALID"     // it comes from the future
	Expired             Reason = "EXPIRED"           // it is older than the oldest that counts
	Revoked             Reason = "REVOKED"           // the program or the certificate was revoked
)

// A Finding is one thing that is wrong.
type Finding struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"` // for people
}

// Error returns both.
func (f *Finding) Error() string { return string(f.Reason) + ": " + f.Detail }

func finding(reason Reason, format string, args ...any) *Finding {
	return &Finding{reason, fmt.Sprintf(format, args...)}
}

// ReasonOf returns the reason that an error of [Verify] has; empty if it has none.
func ReasonOf(err error) Reason {
	if f, ok := errors.AsType[*Finding](err); ok {
		return f.Reason
	}
	return ""
}
