//go:build unix

package supervise_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// Nothing is left of processes that came and went, by swaps, rollbacks, trials, restarts,
// bad candidates and crashes: no goroutine, descriptor, socket, process, directory or file.
func TestChaosLeavesNothing(t *testing.T) {
	cycles, random := chaos(t, 30, 1000)
	tmp := ownTemp(t)
	h := newHost(t, func(c *supervise.Config) {
		c.CrashLimit, c.BackoffMin, c.BackoffMax, c.Bake = 1<<30, 1, 1, patience
	})
	releases := []fleet.Release{h.install("1.0.0"), h.install("1.1.0"), h.install("1.2.0")}
	h.activate(releases[0])
	ends := []func() error{
		func() error { return syscall.Kill(h.Status().PID, syscall.SIGKILL) },
		func() error { _, err := h.Restart(t.Context()); return err },
		func() error { _, _ = h.Rollback(t.Context()); return nil }, // if there is something warm
		func() error {
			h.vice.Store([]string{viceDies, viceLies, vicePrints, viceCollapses}[random.IntN(4)])
			defer h.vice.Store("")
			if _, err := h.Restart(t.Context()); err == nil {
				return errors.New("a bad candidate was taken")
			}
			return nil
		},
	}
	swap := func() error {
		_, err := h.Swap(t.Context(), releases[random.IntN(3)], supervise.SwapOptions{})
		return err
	}
	for _, do := range append(ends[1:], swap) { // what the runtime keeps for ever, it has now
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	h.settle(releases)
	before := belongings(t, tmp)
	for n := range cycles {
		do := swap
		if random.IntN(3) == 0 {
			do = ends[random.IntN(len(ends))]
		}
		if err := do(); err != nil {
			t.Fatalf("cycle %d: %v", n, err)
		}
		await(t, "calls", func() bool { return h.call() == nil })
	}
	h.settle(releases)
	var now count
	defer func() { t.Logf("before %+v, after %d cycles %+v", before, cycles, now) }()
	await(t, "everything to be as before", func() bool {
		now = belongings(t, tmp)
		return now == before
	})
}

// ownTemp gives the test a directory of its own for everything that is temporary.
func ownTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sv") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", dir)
	return dir
}

// settle brings about that one release serves, another one is warm, and nothing else is
// there.
func (h *host) settle(releases []fleet.Release) {
	h.t.Helper()
	alone := func(warm int) func() bool {
		return func() bool {
			others := h.Status().Others
			return len(others) <= warm && (len(others) == 0 || others[0].Warm) && h.call() == nil
		}
	}
	await(h.t, "what ended to be gone", alone(1))
	taken := map[string]bool{h.Status().Digest: true}
	for _, in := range h.Status().Others {
		taken[in.Digest] = true
	}
	for _, r := range releases {
		if !taken[r.Digest] {
			if _, err := h.Swap(h.t.Context(), r, supervise.SwapOptions{}); err != nil {
				h.t.Fatal(err)
			}
			break
		}
	}
	await(h.t, "what was replaced to be gone", alone(1))
	if n := len(h.Status().Others); n != 1 {
		h.t.Fatalf("%d others, want the warm one", n)
	}
}

// A count is what a leak would make grow.
type count struct{ goroutines, descriptors, sockets, children, directories, files int }

// belongings counts what this process has, and what there is below dir.
func belongings(t *testing.T, dir string) (c count) {
	t.Helper()
	c.goroutines = runtime.NumGoroutine()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		to, err := os.Readlink("/proc/self/fd/" + entry.Name())
		switch {
		case err != nil: // it was the descriptor of that very directory
		case strings.HasPrefix(to, "socket:"):
			c.sockets++
		default:
			c.descriptors++
		}
	}
	c.children = children(t)
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has gone meanwhile
		case err != nil:
			return err
		case entry.IsDir():
			c.directories++
		default:
			c.files++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// children counts the processes whose parent this one is, those that nobody waited for
// included.
func children(t *testing.T) (n int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := bytes.Cut(text, []byte(") "))
		if columns := bytes.Fields(after); len(columns) > 1 && string(columns[1]) == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}
