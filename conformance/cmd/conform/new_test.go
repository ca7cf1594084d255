package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/report"
)

// checkout is this module, seen from here.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func conform(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, wrong bytes.Buffer
	exit = run(t.Context(), args, &out, &wrong, false)
	return exit, out.String(), wrong.String()
}

func TestNewSaysWhatToDoNext(t *testing.T) {
	ours := checkout(t)
	t.Chdir(t.TempDir())
	exit, stdout, stderr := conform(t, "new", "zebra-pay", "--replace", ours)
	if exit != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", exit, stderr)
	}
	dir, err := filepath.Abs("zebra-pay")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cd " + dir, "make conform", "README.md"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module example.com/zebra-pay\n") {
		t.Errorf("%v\n%s", err, mod)
	}
}

func TestNewTakesTheCheckoutThatItIsIn(t *testing.T) {
	ours, dir := checkout(t), filepath.Join(t.TempDir(), "zebra") // go test runs in the checkout
	if exit, _, stderr := conform(t, "new", "zebra", "--dir", dir, "--module", "zebra.example/pay"); exit != 0 {
		t.Fatalf("exit %d: %s", exit, stderr)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(mod), "=> "+ours+"\n") || !strings.HasPrefix(string(mod), "module zebra.example/pay\n") {
		t.Errorf("%v\n%s", err, mod)
	}
}

func TestNewRefuses(t *testing.T) {
	ours := checkout(t)
	tests := map[string]struct {
		args []string
		says string
	}{
		"a name that is none":        {[]string{"new", "Zebra", "--replace", ours}, "lower-case letters"},
		"no name":                    {[]string{"new", "--replace", ours}, "<name>"},
		"no checkout":                {[]string{"new", "zebra"}, "--replace is needed"},
		"a checkout that is none":    {[]string{"new", "zebra", "--replace", "."}, "is no checkout"},
		"a folder that is not empty": {[]string{"new", "zebra", "--replace", ours, "--dir", "full"}, "is not empty"},
		"a module that is none":      {[]string{"new", "zebra", "--replace", ours, "--module", "zebra"}, "has a dot"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.MkdirAll("full/of", 0o755); err != nil {
				t.Fatal(err)
			}
			exit, stdout, stderr := conform(t, tt.args...)
			if exit != report.ExitUsage || stdout != "" || !strings.Contains(stderr, tt.says) {
				t.Errorf("exit %d, want %d about %q: %s%s", exit, report.ExitUsage, tt.says, stdout, stderr)
			}
			if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
				t.Errorf("it left %v, %v", entries, err)
			}
		})
	}
}
