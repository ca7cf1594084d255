//go:build !race

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gr4vyClient is Gr4vy's official client for Node, by name and version.
const gr4vyClient = "@gr4vy/sdk@1.10.18"

// TestOfficialClient lets a client that nobody here wrote judge the merchants' API.
func TestOfficialClient(t *testing.T) {
	dir := t.TempDir()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			skipUnlessCI(t, "%s is missing: Gr4vy's official client is not tried", tool)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, gr4vyClient)
	if out, err := install.CombinedOutput(); err != nil {
		skipUnlessCI(t, "%s cannot be installed: %v\n%s", gr4vyClient, err, out)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "gr4vy.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "gr4vy.mjs") // beside node_modules, where imports look
	if err := os.WriteFile(file, script, 0o600); err != nil {
		t.Fatal(err)
	}
	r := startDev(t, t.TempDir())
	out, err := exec.CommandContext(t.Context(), "node", file, r.APIURL, r.APIKeyFile).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v\n%s", err, out)
	}
}

// skipUnlessCI skips a test for want of something that CI must have.
func skipUnlessCI(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
