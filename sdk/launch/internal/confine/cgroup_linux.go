package confine

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A group is a cgroup of version 2 that holds one process and all that it ever starts.
type group struct {
	path    string
	dir     *os.File
	bounded error // why memory and tasks are not bounded; nil if they are
}

// newGroup makes a group. Where groups cannot be made the error says why.
func newGroup(r Rules) (*group, error) {
	base, err := groupBase(r.Cgroup)
	if err != nil {
		return nil, err
	}
	g := &group{path: filepath.Join(base, r.Group)}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, fmt.Errorf("making a control group: %w", err)
	}
	g.bounded = g.bound(base, r)
	if g.dir, err = os.Open(g.path); err != nil {
		return nil, errors.Join(err, os.Remove(g.path))
	}
	return g, nil
}

// groupBase finds where groups may be made: as told, or below this process's own.
func groupBase(told string) (string, error) {
	if told != "" {
		return told, nil
	}
	mount, err := groupMount()
	if err != nil {
		return "", err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(own)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join(mount, path), nil
		}
	}
	return "", errors.New("this process is in no control group of version 2")
}

// groupMount finds the file system of control groups.
func groupMount() (string, error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer mounts.Close()
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		mount, kind, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(mount); len(fields) > 4 && strings.HasPrefix(kind, "cgroup2 ") {
			return fields[4], nil
		}
	}
	return "", errors.Join(lines.Err(), errors.New("control groups of version 2 are not mounted"))
}

// bound sets the limits, if the controllers can be had.
func (g *group) bound(base string, r Rules) error {
	enable := os.WriteFile(filepath.Join(base, "cgroup.subtree_control"), []byte("+memory +pids"), 0)
	has, err := os.ReadFile(filepath.Join(g.path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range []string{"memory", "pids"} {
		if !contains(string(has), controller) {
			return errors.Join(fmt.Errorf("the %s controller is not delegated to %s", controller, base), enable)
		}
	}
	limits := []struct {
		file  string
		value int64
	}{{"memory.max", r.Memory}, {"pids.max", int64(r.Tasks)}}
	for _, l := range limits {
		if l.value == 0 {
			continue
		}
		if err := g.write(l.file, strconv.FormatInt(l.value, 10)); err != nil {
			return err
		}
	}
	return errors.Join(g.write("memory.oom.group", "1"), optional(g.write("memory.swap.max", "0")))
}

// optional forgives a file that some kernels do not have.
func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (g *group) write(file, value string) error {
	return os.WriteFile(filepath.Join(g.path, file), []byte(value), 0)
}

func contains(list, word string) bool {
	for _, field := range strings.Fields(list) {
		if field == word {
			return true
		}
	}
	return false
}

// removeGroup kills whatever is in a group and removes it.
func removeGroup(path string) error {
	err := os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		if _, gone := os.Stat(path); errors.Is(gone, fs.ErrNotExist) {
			return nil
		}
		err = nil // kernels before 5.14 cannot; what is empty can be removed all the same
	}
	if err != nil {
		return fmt.Errorf("killing what is in %s: %w", path, err)
	}
	return removeEmptied(path)
}

// What was killed is gone within moments.
const (
	emptyTries = 9
	emptyPause = time.Millisecond
)

func removeEmptied(path string) error {
	for try := range emptyTries {
		err := os.Remove(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(emptyPause << try)
	}
	return fmt.Errorf("removing %s: something in it does not die", path)
}
