package independent

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// claimed are the profiles that this connector is here to pass.
var claimed = []suite.Profile{suite.Core, suite.AutomaticCapture, suite.Refunds}

// The connector, in a language that none of our code is in, passes what it claims.
// Mutations: to answer an unsupported operation with a gRPC status; to call every
// failure without an answer "not sent"; to leave the idempotency key out.
func TestItPassesWhatItClaims(t *testing.T) {
	requireTools(t)
	dir := t.TempDir()
	plugin := build(t, dir)
	command(t, ".", "go", "build", "-o", filepath.Join(dir, "reference-provider"),
		"github.com/connectorhost/connectorhost/conformance/reference/cmd/reference-provider")
	fixtures, err := conformance.LoadFixtures("conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	report, err := conformance.Run(t.Context(), conformance.Options{
		Plugin: plugin, Fixtures: fixtures, Profiles: claimed, Seed: 1, Parallel: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	passed := map[suite.Profile]int{}
	for _, r := range report.Results {
		switch r.Verdict {
		case suite.Pass:
			passed[r.Profile]++
		case suite.NotApplicable:
		default:
			t.Errorf("%s %s: %s\n  step: %s\n  expected: %s\n  actual: %s", r.Verdict, r.ID, r.Why, r.Step, r.Expected, r.Actual)
		}
	}
	for _, p := range claimed {
		if passed[p] == 0 {
			t.Errorf("no case of the profile %s was passed", p)
		}
	}
	t.Logf("passed: %v", passed)
}

// requireTools fails in CI, where nothing may be left out, and elsewhere says what is
// missing.
func requireTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed, without which a connector in TypeScript cannot be built", tool)
		}
	}
	if text, err := exec.CommandContext(t.Context(), "npm", "ping", "--fetch-retries=0", "--fetch-timeout=10000").CombinedOutput(); err != nil {
		missing(t, "npm's registry cannot be reached, from which a connector in TypeScript is built: %s", text)
	}
}

func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// build makes the program in a copy of what it is made of, so that nothing is left in
// the tree.
func build(t *testing.T, dir string) string {
	t.Helper()
	here := filepath.Join(dir, "tree", "conformance", "independent")
	for from, to := range map[string]string{
		".": here, "../../schemas/v1": filepath.Join(dir, "tree", "schemas", "v1"),
		"../../sdk/proto": filepath.Join(dir, "tree", "sdk", "proto"),
	} {
		copyTree(t, from, to)
	}
	program := filepath.Join(dir, "plugin-independent")
	command(t, here, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command(t, here, "npm", "test")
	command(t, here, "npm", "run", "build", "--", program)
	return program
}

// copyTree copies files, but for what a build leaves behind.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "gen" || d.Name() == "out"):
			return fs.SkipDir
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rest), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rest), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
}

// What a connector is made of is named exactly, so that it is made of the same tomorrow.
func TestEveryDependencyIsExact(t *testing.T) {
	text, err := os.ReadFile("package.json")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Dependencies         map[string]string `json:"dependencies"`
		DevDependencies      map[string]string `json:"devDependencies"`
		OptionalDependencies map[string]string `json:"optionalDependencies"`
	}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?$`)
	named := 0
	for _, kind := range []map[string]string{made.Dependencies, made.DevDependencies, made.OptionalDependencies} {
		for name, version := range kind {
			named++
			if !exact.MatchString(version) {
				t.Errorf("%s is %q, want one version", name, version)
			}
		}
	}
	if named == 0 {
		t.Error("no dependency was read")
	}
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if count := strings.Count(string(lock), `"integrity"`); count < named {
		t.Errorf("the lock file has the digests of %d packages, want at least those of the %d that are named", count, named)
	}
}
