package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/connectorhost/connectorhost/conformance"
)

// TestConformance builds the connector and its simulator as they are shipped, and runs the
// whole suite. What a manifest claims must pass; a case that cannot be tested is no pass.
func TestConformance(t *testing.T) {
	bin := t.TempDir()
	plugin := filepath.Join(bin, "plugin-example-pay")
	build(t, plugin, ".")
	build(t, filepath.Join(bin, "example-pay-simulator"), "./cmd/example-pay-simulator")
	fixtures, err := conformance.LoadFixtures("conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	report, err := conformance.Run(t.Context(), conformance.Options{Plugin: plugin, Fixtures: fixtures, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if exit := report.Exit(); exit != 0 {
		t.Errorf("the suite's exit status is %d", exit)
	}
	for _, profile := range report.Profiles {
		if profile.Claimed && profile.Verdict != "PASS" {
			t.Errorf("profile %s: %s", profile.Name, profile.Verdict)
		}
	}
	for _, result := range report.Results {
		if result.Verdict != "PASS" && result.Verdict != "NOT_APPLICABLE" {
			t.Errorf("%s %s: %s\n%s", result.Verdict, result.ID, result.Rule, result.Why)
		}
	}
}

func build(t *testing.T, binary, pkg string) {
	t.Helper()
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, pkg).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, said)
	}
}
