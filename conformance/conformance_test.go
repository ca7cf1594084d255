package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheWorstVerdictDecides(t *testing.T) {
	tests := map[string]struct {
		verdicts []Verdict
		want     Verdict
		exit     int
	}{
		"all pass":                         {[]Verdict{Pass, Pass}, Pass, ExitConforms},
		"a warning conforms":               {[]Verdict{Pass, Warn}, Warn, ExitConforms},
		"one fails":                        {[]Verdict{Pass, Fail, NotTestable}, Fail, ExitFails},
		"what cannot be tested is no pass": {[]Verdict{Pass, NotTestable}, NotTestable, ExitInconclusive},
		"a suite that broke says nothing":  {[]Verdict{Fail, Error}, Error, ExitInternal},
		"nothing applies":                  {[]Verdict{NotApplicable}, NotApplicable, ExitConforms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var r Report
			for _, v := range tt.verdicts {
				r.Results = append(r.Results, Result{Verdict: v})
			}
			r.rollUp()
			if r.Verdict != tt.want || r.Exit() != tt.exit {
				t.Errorf("verdict %s, exit %d; want %s, %d", r.Verdict, r.Exit(), tt.want, tt.exit)
			}
		})
	}
}

func TestWhatACaseReturnsBecomesAVerdict(t *testing.T) {
	for want, err := range map[Verdict]error{
		Pass:        nil,
		Fail:        errors.New("not so"),
		NotTestable: fmt.Errorf("%w: authorize is missing", errNoFixture),
		Error:       fmt.Errorf("%w: no disk", errSuite),
	} {
		if got, _ := judge(err); got != want {
			t.Errorf("judge(%v) = %s, want %s", err, got, want)
		}
	}
}

func TestACaseThatPanicsIsTheSuitesError(t *testing.T) {
	b := &Bench{witness: &witness{}}
	r := b.run(t.Context(), Case{ID: "x", Run: func(context.Context, *Bench) error { panic("oh") }})
	if r.Verdict != Error || !strings.Contains(r.Why, "oh") {
		t.Errorf("verdict %s (%s), want ERROR", r.Verdict, r.Why)
	}
}

func TestCasesHaveIdsOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c.ID] || c.ID == "" || c.Rule == "" || c.Why == "" || c.Level == "" || c.Run == nil {
			t.Errorf("case %q is named twice or incomplete", c.ID)
		}
		seen[c.ID] = true
	}
	if _, err := selectCases([]string{"no/such-case"}); err == nil {
		t.Error("a case that does not exist was selected")
	}
}

func TestFixturesThatAreWrongAreRefused(t *testing.T) {
	tests := map[string]struct{ text, says string }{
		"no schema":     {"plugin: x\naccount: {fields: {a: b}}", "schema is"},
		"no plugin":     {"schema: conformance.fixtures/v1\naccount: {fields: {a: b}}", "plugin is missing"},
		"no account":    {"schema: conformance.fixtures/v1\nplugin: x", "account.fields is missing"},
		"a skip list":   {"schema: conformance.fixtures/v1\nplugin: x\nskip: [all]", "unknown field"},
		"no YAML":       {"{", "yaml"},
		"a wrong type":  {"schema: conformance.fixtures/v1\nplugin: [1]", "plugin"},
		"not a request": {"schema: conformance.fixtures/v1\nplugin: x\nauthorize: {amuont: 1}", "unknown field"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "fixtures.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadFixtures(file); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
		})
	}
}

// TestTheSuiteTellsRightFromWrong runs it on the reference connector, as it is and with
// fixtures that make it look wrong: an account that it must not be able to use.
func TestTheSuiteTellsRightFromWrong(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "plugin-reference")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, "./reference/cmd/plugin-reference")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fixtures, err := LoadFixtures("reference/conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), Options{Plugin: plugin, Fixtures: fixtures})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Verdict != Pass && r.Verdict != NotApplicable {
			t.Errorf("%s: %s: %s", r.Verdict, r.ID, r.Why)
		}
	}
	if !report.Complete || len(report.Results) != len(Cases()) {
		t.Errorf("%d results, complete %v; want all %d", len(report.Results), report.Complete, len(Cases()))
	}
	fixtures.Authorize = nil
	if report, err = Run(t.Context(), Options{Plugin: plugin, Fixtures: fixtures}); err != nil {
		t.Fatal(err)
	}
	if report.Verdict != NotTestable || report.Exit() != ExitInconclusive {
		t.Errorf("without a request to send the verdict is %s, want NOT_TESTABLE", report.Verdict)
	}
}

func TestWhatIsNoConnectorIsNotTested(t *testing.T) {
	if _, err := Run(t.Context(), Options{Plugin: "conformance.go"}); err == nil {
		t.Error("a source file was tested")
	}
}
