package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/broken/all"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/process"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// What a process does wrong shows only in one. The program plugin-broken is built once
// and becomes each mutant by the name that is appended to it.

// representatives are the mutants that there is always time for; MUTANTS=1 runs all of
// them, and against every case.
var representatives = []string{process.WrongCookie, process.StdoutNoise, process.GhostChild, process.PhonesHome, process.FileLeak}

// processCases are those that run against real processes when not all cases do.
var processCases = []string{"process/*", "handshake/*"}

func TestProcessMutants(t *testing.T) {
	world := buildWorld(t)
	whole := os.Getenv("MUTANTS") != ""
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		for _, r := range world.examine(t, "none", whole) {
			t.Errorf("%s %s: %s", r.Verdict, r.ID, r.Why)
		}
	})
	for _, m := range all.Mutants() {
		if m.Process == "" || !whole && !slices.Contains(representatives, m.ID) {
			continue
		}
		t.Run(m.ID, func(t *testing.T) {
			t.Parallel()
			for _, wrong := range judgeMutant(m, world.examine(t, m.Process, whole)) {
				t.Error(wrong)
			}
		})
	}
}

// A world is what real processes are made from.
type world struct {
	broken    []byte // the program plugin-broken
	simulator string // where the reference provider is
}

func buildWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", dir+string(filepath.Separator),
		"./internal/broken/cmd/plugin-broken", "./reference/cmd/reference-provider")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "plugin-broken"))
	if err != nil {
		t.Fatal(err)
	}
	return world{text, filepath.Join(dir, "reference-provider")}
}

// examine runs the suite against a mutant's process, and returns the results of those
// cases that did not pass or do not apply.
func (w world) examine(t *testing.T, name string, whole bool) []suite.Result {
	t.Helper()
	plugin := filepath.Join(t.TempDir(), "plugin-broken")
	if err := os.WriteFile(plugin, process.Named(w.broken, name), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	fixtures, err := LoadFixtures(filepath.Join("reference", "conformance.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fixtures.Simulator = &suite.Simulator{Program: w.simulator}
	o := Options{Plugin: plugin, Fixtures: fixtures, Seed: 1}
	if !whole {
		o.Cases = append(slices.Clone(processCases), suite.ProbeID)
	}
	report, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(report.Results, func(r suite.Result) bool {
		return r.Verdict == suite.Pass || r.Verdict == suite.NotApplicable
	})
}
