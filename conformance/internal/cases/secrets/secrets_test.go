package secrets

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpokenIsInEveryText(t *testing.T) {
	tree := map[string]any{"code": "x", "details": []any{"y", map[string]any{"z": "w"}}, "status": 4.0}
	want := map[string]any{"code": "key x", "details": []any{"key y", map[string]any{"z": "key w"}}, "status": 4.0}
	if diff := cmp.Diff(want, spoken(tree, "key")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesOfThisProcess(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "open")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := file.WriteString("canary"); err != nil {
		t.Fatal(err)
	}
	paths, err := filesOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(paths, func(path string) bool {
		text, err := os.ReadFile(path)
		return err == nil && string(text) == "canary"
	}) {
		t.Errorf("a file that is open is not among %d", len(paths))
	}
}

func TestImpostorEnds(t *testing.T) {
	s, err := newImpostor()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil || s.heard.Load() != 0 {
		t.Errorf("%v after %d bytes", err, s.heard.Load())
	}
}
