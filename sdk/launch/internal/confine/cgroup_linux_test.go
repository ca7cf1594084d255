package confine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// delegated is a folder that looks like a control group just made in a delegated one.
func delegated(t *testing.T, controllers string) (base string, g *group) {
	t.Helper()
	base = t.TempDir()
	g = &group{path: filepath.Join(base, "connectorhost-1")}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"memory.max", "pids.max", "memory.oom.group", "memory.swap.max", "cgroup.controllers"} {
		if err := os.WriteFile(filepath.Join(g.path, name), []byte(controllers), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "cgroup.subtree_control"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return base, g
}

func TestBoundsAreWrittenDown(t *testing.T) {
	base, g := delegated(t, "cpu memory pids")
	if err := g.bound(base, Rules{Memory: 512 << 20, Tasks: 256}); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(base, "cgroup.subtree_control"): "+memory +pids",
		filepath.Join(g.path, "memory.max"):           "536870912",
		filepath.Join(g.path, "pids.max"):             "256",
		filepath.Join(g.path, "memory.oom.group"):     "1",
		filepath.Join(g.path, "memory.swap.max"):      "0",
	} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", filepath.Base(file), got, err, want)
		}
	}
}

func TestNoBoundIsNotWrittenDown(t *testing.T) {
	base, g := delegated(t, "memory pids")
	if err := g.bound(base, Rules{}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(g.path, "memory.max")); err != nil || string(got) != "memory pids" {
		t.Errorf("memory.max holds %q, %v, want that it was left alone", got, err)
	}
}

func TestMissingControllersAreNamed(t *testing.T) {
	for controllers, want := range map[string]string{"cpu pids": "memory", "memory": "pids"} {
		base, g := delegated(t, controllers)
		if err := g.bound(base, Rules{Memory: 1, Tasks: 1}); err == nil || !strings.Contains(err.Error(), "the "+want+" controller") {
			t.Errorf("with %q: error %v, want that %s is missing", controllers, err, want)
		}
	}
}

func TestRightsGrowWithTheKernel(t *testing.T) {
	for abi := 1; abi < 12; abi++ {
		if older, newer := handled(abi), handled(abi+1); older&^newer != 0 {
			t.Errorf("Landlock %d handles rights %#x that %d does not", abi, older&^newer, abi+1)
		}
	}
	if first := handled(1); first != 0x1fff {
		t.Errorf("Landlock 1 handles %#x, want its thirteen rights", first)
	}
}
