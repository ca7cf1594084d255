package certificate

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/sdk"
)

// Claims are what a certificate says. Digests are SHA-256 in lower-case hex.
type Claims struct {
	Connector string `json:"connector"` // as its manifest says
	Version   string `json:"version"`
	Binary    string `json:"binary"` // digest of the program
	OS        string `json:"os"`     // as in GOOS, where it was tested
	Arch      string `json:"arch"`   // as in GOARCH

	Suite    Suite     `json:"suite"`
	Profiles []Profile `json:"profiles"` // that were passed, whole
	Fixtures string    `json:"fixtures"` // digest of the author's values, secrets left out
	Report   string    `json:"report"`   // digest of the report of the run
	Evidence Evidence  `json:"evidence"`
	// TestedAt is when the run ended, in whole seconds.
	TestedAt time.Time `json:"tested_at"`

	Manifest string `json:"manifest"` // see [ManifestDigest]
	// Declared are the operations that the program offered.
	Declared sdk.Operations `json:"declared"`
	// Operations are those of them that were certified, and Features the features of the
	// manifest that were, by their JSON names.
	Operations sdk.Operations `json:"operations"`
	Features   []string       `json:"features"`

	Tests Tests `json:"tests"`
}

// A Suite is the program that tested.
type Suite struct {
	Name    string `json:"name"`
	Version string `json:"version"` // semantic version, without a leading v
}

// A Profile is a frozen set of requirements.
type Profile struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
}

// String returns name@version.
func (p Profile) String() string { return fmt.Sprintf("%s@%d", p.Name, p.Version) }

// An Evidence is what stood in for the provider.
type Evidence string

// The classes, weakest first.
const (
	Simulated    Evidence = "simulated" // a program that knows the provider's habits
	Recorded     Evidence = "recorded"  // what the provider answered once
	SandboxTests Evidence = "sandbox"   // the provider's own test system
)

var evidences = []Evidence{Simulated, Recorded, SandboxTests}

// Tests are the cases of a run by verdict. A case that did not apply is in none of them.
// [Sign] refuses a run with anything but Passed and Warned.
type Tests struct {
	Passed []string `json:"passed"`
	Warned []string `json:"warned,omitempty"` // a recommendation was not followed

	Failed      []string `json:"failed,omitempty"`
	NotTestable []string `json:"not_testable,omitempty"` // it applies, and there was nothing to test it with
	Flaky       []string `json:"flaky,omitempty"`
	Blocked     []string `json:"blocked,omitempty"` // by a case before it
	Errors      []string `json:"errors,omitempty"`  // the suite, the stand-in or the machine is to blame
	// KnownFailures are cases that were allowed to fail.
	KnownFailures []string `json:"known_failures,omitempty"`
	// Filtered says that cases that apply were left out.
	Filtered bool `json:"filtered,omitempty"`
}

// lowering lists, by verdict, the cases that lower trust.
func (t Tests) lowering() []struct {
	verdict string
	cases   []string
} {
	return []struct {
		verdict string
		cases   []string
	}{
		{"failed", t.Failed}, {"not testable", t.NotTestable}, {"flaky", t.Flaky},
		{"blocked", t.Blocked}, {"ended in an error", t.Errors}, {"known to fail", t.KnownFailures},
	}
}

// ErrNotCertifiable means that claims are not those of a run that certifies. The error
// names every reason.
var ErrNotCertifiable = errors.New("not certifiable")

// Certifiable says why claims cannot be signed; nil if they can. The error is
// [ErrNotCertifiable].
func (c Claims) Certifiable() error {
	wrong := []error{c.canonical().check()}
	if c.Tests.Filtered {
		wrong = append(wrong, errors.New("the run was filtered: cases that apply were left out"))
	}
	for _, v := range c.Tests.lowering() {
		if len(v.cases) > 0 {
			wrong = append(wrong, fmt.Errorf("%d cases are %s: %s", len(v.cases), v.verdict, some(v.cases)))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCertifiable, err)
	}
	return nil
}

// some names the first few of many.
func some(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%q", names)
}

const (
	maxName  = 100 // characters of a name
	maxCases = 10_000
)

var (
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	featurePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
)

// check says what is wrong with the form of claims.
func (c Claims) check() error {
	return errors.Join(
		match("connector", c.Connector, namePattern), semantic("version", c.Version),
		match("binary", c.Binary, digestPattern),
		match("os", c.OS, namePattern), match("arch", c.Arch, namePattern),
		plain("suite name", c.Suite.Name), semantic("suite version", c.Suite.Version),
		match("fixtures", c.Fixtures, digestPattern), match("report", c.Report, digestPattern),
		match("manifest", c.Manifest, digestPattern),
		c.checkRun(), c.checkProfiles(), c.checkCapabilities(), c.Tests.check(),
	)
}

func (c Claims) checkRun() error {
	var wrong []error
	if !slices.Contains(evidences, c.Evidence) {
		wrong = append(wrong, fmt.Errorf("evidence is %.40q, must be one of %v", c.Evidence, evidences))
	}
	if y := c.TestedAt.Year(); c.TestedAt.IsZero() || y < 2000 || y > 9999 {
		wrong = append(wrong, errors.New("time of the run is missing or out of range"))
	}
	return errors.Join(wrong...)
}

func (c Claims) checkProfiles() error {
	if len(c.Profiles) == 0 {
		return errors.New("no profile was passed")
	}
	var wrong []error
	seen := map[string]bool{}
	for _, p := range c.Profiles {
		wrong = append(wrong, match("name of a profile", p.Name, namePattern), match("digest of profile "+p.String(), p.Digest, digestPattern))
		if p.Version < 1 || p.Version > 1_000_000 {
			wrong = append(wrong, fmt.Errorf("version of profile %s must be positive", p))
		}
		if seen[p.String()] {
			wrong = append(wrong, fmt.Errorf("profile %s is there twice", p))
		}
		seen[p.String()] = true
	}
	return errors.Join(wrong...)
}

func (c Claims) checkCapabilities() error {
	var wrong []error
	if len(c.Declared) == 0 {
		wrong = append(wrong, errors.New("declared operations are missing"))
	}
	for _, op := range c.Declared {
		wrong = append(wrong, match("declared operation", string(op), featurePattern))
	}
	for _, op := range c.Operations {
		if !c.Declared.Has(op) {
			wrong = append(wrong, fmt.Errorf("operation %.60q is certified, but was not declared", op))
		}
	}
	for _, f := range c.Features {
		wrong = append(wrong, match("feature", f, featurePattern))
	}
	return errors.Join(wrong...)
}

func (t Tests) check() error {
	n := len(t.Passed) + len(t.Warned)
	switch {
	case len(t.Passed) == 0:
		return errors.New("no case passed")
	case n > maxCases:
		return fmt.Errorf("%d cases, at most %d can be named", n, maxCases)
	}
	var wrong []error
	seen := map[string]bool{}
	for _, id := range slices.Concat(t.Passed, t.Warned) {
		wrong = append(wrong, plain("name of a case", id))
		if seen[id] {
			wrong = append(wrong, fmt.Errorf("case %q is there twice", id))
		}
		seen[id] = true
	}
	return errors.Join(wrong...)
}

func match(what, value string, pattern *regexp.Regexp) error {
	if pattern.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is %.80q, must match %s", what, value, pattern)
}

func semantic(what, value string) error {
	if _, ok := parseVersion(value); ok {
		return nil
	}
	return fmt.Errorf("%s is %.80q, must be a semantic version such as 1.2.0", what, value)
}

// plain says what is wrong with a word that people read.
func plain(what, value string) error {
	bad := !utf8.ValidString(value) || value == "" || utf8.RuneCountInString(value) > maxName
	for _, r := range value {
		bad = bad || !unicode.IsPrint(r)
	}
	if bad {
		return fmt.Errorf("%s is %.80q, must be 1 to %d printable characters", what, value, maxName)
	}
	return nil
}

// canonical returns the claims in the one order that they are written in. It shares
// nothing with c.
func (c Claims) canonical() Claims {
	c.TestedAt = c.TestedAt.UTC().Truncate(time.Second)
	c.Profiles = slices.SortedFunc(slices.Values(c.Profiles), func(a, b Profile) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	c.Declared, c.Operations, c.Features = sorted(c.Declared), sorted(c.Operations), sorted(c.Features)
	c.Tests.Passed, c.Tests.Warned = sorted(c.Tests.Passed), sorted(c.Tests.Warned)
	return c
}

// sorted returns a set in order; nil if it is empty.
func sorted[S ~[]T, T cmp.Ordered](set S) S {
	if len(set) == 0 {
		return nil
	}
	s := slices.Clone(set)
	slices.Sort(s)
	return s
}
