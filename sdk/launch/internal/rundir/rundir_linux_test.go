package rundir

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A holder is another process that makes a directory and is killed.
const holderKey = "RUNDIR_TEST_BASE"

func TestMain(m *testing.M) {
	if base := os.Getenv(holderKey); base != "" {
		dir, err := New(base)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, dir.Path())
		for {
			_ = unix.Pause() // Go would end a process in which everybody waits for a channel
		}
	}
	os.Exit(m.Run())
}

// hold starts a holder and returns the path it holds and how to kill it.
func hold(t *testing.T, base string) (string, func()) {
	t.Helper()
	holder := exec.CommandContext(t.Context(), "/proc/self/exe")
	holder.Env = append(os.Environ(), holderKey+"="+base)
	said, err := holder.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	path, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(path), func() {
		holder.Process.Kill()
		holder.Wait()
	}
}

func TestDirectoryIsPrivateAndGoesAway(t *testing.T) {
	base := filepath.Join(t.TempDir(), "run")
	dir, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{base, dir.Path()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("%s has mode %v, want 0700", path, got)
		}
	}
	if err := os.WriteFile(filepath.Join(dir.Path(), "plugin1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dir.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.Path()); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v, want not exist", err)
	}
}

func TestCleanRemovesWhatTheDeadLeft(t *testing.T) {
	base := t.TempDir()
	mine, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Remove()
	living, kill := hold(t, base)
	defer kill()
	dead, killNow := hold(t, base)
	killNow()
	stranger, namesake := filepath.Join(base, "something-else"), filepath.Join(base, prefix+"backup")
	for _, path := range []string{stranger, namesake} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}

	removed, err := Clean(base, nil)
	if err != nil || removed != 1 {
		t.Errorf("Clean = %d, %v, want 1, nil", removed, err)
	}
	for path, want := range map[string]bool{mine.Path(): true, living: true, stranger: true, namesake: true, dead: false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
}

func TestCleanOfNothing(t *testing.T) {
	if removed, err := Clean(filepath.Join(t.TempDir(), "none"), nil); removed != 0 || err != nil {
		t.Errorf("Clean = %d, %v, want 0, nil", removed, err)
	}
}

func TestUnfitBase(t *testing.T) {
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ base, want string }{
		"writable by everybody": {open, "writable by others"},
		"too long for a socket": {"/tmp/" + strings.Repeat("d", MaxBase), fmt.Sprintf("at most %d", MaxBase)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, err := New(tt.base)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New(%s) = %v, %v, want an error with %q", tt.base, dir, err, tt.want)
			}
		})
	}
}

func TestLongestBaseStillFits(t *testing.T) {
	parent := t.TempDir()
	base := filepath.Join(parent, strings.Repeat("d", MaxBase-len(parent)-1))
	dir, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Remove()
	if got := len(dir.Path()) + len("/plugin4294967295"); got > maxSocketPath {
		t.Errorf("a socket's path has %d bytes, more than %d", got, maxSocketPath)
	}
}

// Whoever makes a directory while others clean up gets one that stays.
func TestMakingWhileOthersClean(t *testing.T) {
	base := t.TempDir()
	stop := make(chan struct{})
	var cleaning sync.WaitGroup
	for range 4 {
		cleaning.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := Clean(base, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 300 {
		dir, err := New(base)
		if err != nil {
			t.Error(err)
			break
		}
		if _, err := os.Stat(dir.Path()); err != nil {
			t.Error(err)
		}
		if err := dir.Remove(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	cleaning.Wait()
}
