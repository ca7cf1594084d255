package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestKnownFailuresRotLoudly(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := &Report{}
	r.Add([]suite.Result{
		{ID: "a/fails", Profile: suite.Core, Verdict: suite.Fail}, {ID: "a/passes", Profile: suite.Core, Verdict: suite.Pass},
	}, sdk.Description{}, nil)
	entry := func(id string, v suite.Verdict, expires string) Known {
		return Known{Case: id, Verdict: v, Reason: "soon", Owner: "us", Expires: expires}
	}
	tests := map[string]struct {
		known KnownFailures
		exit  int
		says  string
	}{
		"the one that fails, until tonight": {KnownFailures{entry("a/fails", suite.Fail, "2026-11-23")}, ExitConforms, ""},
		"none":                              {nil, ExitFails, ""},
		"it has expired":                    {KnownFailures{entry("a/fails", suite.Fail, "2026-11-22")}, ExitKnownFailures, "is past"},
		"it passes now":                     {KnownFailures{entry("a/fails", suite.Fail, "2027-01-01"), entry("a/passes", suite.Fail, "2027-01-01")}, ExitKnownFailures, "is PASS"},
		"it is wrong in other ways":         {KnownFailures{entry("a/fails", suite.Flaky, "2027-01-01")}, ExitKnownFailures, "is FAIL"},
		"there is no such case":             {KnownFailures{entry("a/none", suite.Fail, "2027-01-01")}, ExitKnownFailures, "was not run"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.known.Exit(r, now); got != tt.exit {
				t.Errorf("exit %d, want %d", got, tt.exit)
			}
			if said := strings.Join(tt.known.Stale(r, now), "\n"); !strings.Contains(said, tt.says) {
				t.Errorf("says %q, want %q", said, tt.says)
			}
		})
	}
	if len(r.Certifiable()) == 0 {
		t.Error("a known failure is certified")
	}
}

func TestKnownFailuresAreWhole(t *testing.T) {
	for name, tt := range map[string]struct{ text, says string }{
		"no owner":           {"- {case: a/b, verdict: FAIL, reason: x, expires: 2026-12-31}", "owner"},
		"no day":             {"- {case: a/b, verdict: FAIL, reason: x, owner: y, expires: soon}", "must be a day"},
		"a verdict of error": {"- {case: a/b, verdict: ERROR, reason: x, owner: y, expires: 2026-12-31}", "must be FAIL"},
		"a field too many":   {"- {case: a/b, skip: true}", "skip"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "known.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadKnown(path); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}
