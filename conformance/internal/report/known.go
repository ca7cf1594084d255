package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// A Known failure is a case that its connector's author knows to fail. It changes no
// verdict and nothing that has one is certified; it lets a build pass until it expires.
type Known struct {
	Case    string        `yaml:"case"`
	Verdict suite.Verdict `yaml:"verdict"` // that the case comes to
	Reason  string        `yaml:"reason"`
	Owner   string        `yaml:"owner"`
	Expires string        `yaml:"expires"` // a day, as 2026-12-31
}

// KnownFailures is a file of them.
type KnownFailures []Known

// day is how a day is written.
const day = "2006-01-02"

// LoadKnown reads a file of known failures.
func LoadKnown(path string) (KnownFailures, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	var known KnownFailures
	if err := d.Decode(&known); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := known.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return known, nil
}

func (known KnownFailures) check() error {
	var wrong []error
	for i, k := range known {
		switch {
		case k.Case == "" || k.Reason == "" || k.Owner == "":
			wrong = append(wrong, fmt.Errorf("entry %d: case, reason and owner are needed", i+1))
		case !slices.Contains([]suite.Verdict{suite.Fail, suite.Flaky, suite.NotTestable, suite.Blocked}, k.Verdict):
			wrong = append(wrong, fmt.Errorf("%s: verdict is %q, must be FAIL, FLAKY, NOT_TESTABLE or BLOCKED", k.Case, k.Verdict))
		}
		if _, err := time.Parse(day, k.Expires); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: expires is %q, must be a day such as 2026-12-31", k.Case, k.Expires))
		}
	}
	return errors.Join(wrong...)
}

// Stale names what is wrong with the list after a run: entries that have expired, and
// those whose case passes now, comes to another verdict, or was not run.
func (known KnownFailures) Stale(r *Report, now time.Time) []string {
	var stale []string
	for _, k := range known {
		i := slices.IndexFunc(r.Results, func(x suite.Result) bool { return x.ID == k.Case })
		expires, err := time.Parse(day, k.Expires)
		switch {
		case err != nil || !now.Before(expires.AddDate(0, 0, 1)):
			stale = append(stale, fmt.Sprintf("%s: known until %s, which is past", k.Case, k.Expires))
		case i < 0:
			stale = append(stale, k.Case+": was not run")
		case r.Results[i].Verdict != k.Verdict:
			stale = append(stale, fmt.Sprintf("%s: is known to be %s and is %s", k.Case, k.Verdict, r.Results[i].Verdict))
		}
	}
	return stale
}

// Exit is the exit status of a run with known failures: that of all other results, unless
// the list is stale.
func (known KnownFailures) Exit(r *Report, now time.Time) int {
	if len(known.Stale(r, now)) > 0 {
		return ExitKnownFailures
	}
	var others []suite.Result
	for _, x := range r.Results {
		if !slices.ContainsFunc(known, func(k Known) bool { return k.Case == x.ID }) {
			others = append(others, x)
		}
	}
	if len(others) == 0 {
		return r.Exit()
	}
	rest := Report{}
	rest.Verdict, _ = suite.Roll(others)
	return rest.Exit()
}
