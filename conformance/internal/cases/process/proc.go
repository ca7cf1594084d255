package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// processes are all that this user can see, nil where the system has no /proc.
func processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A weight is what a process holds.
type weight struct {
	files, threads int
	memory         int64 // resident, in bytes
}

// weigh reads what a process holds.
func weigh(pid int) (weight, error) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return weight{}, notHere(err)
	}
	w := weight{files: len(files)}
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return weight{}, notHere(err)
	}
	defer status.Close()
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue // other lines hold other things
		}
		switch name {
		case "Threads":
			w.threads = int(n)
		case "VmRSS":
			w.memory = n << 10
		}
	}
	return w, lines.Err()
}

// notHere marks what cannot be seen on this system.
func notHere(err error) error {
	return fmt.Errorf("%w: what a process holds cannot be read here: %w", suite.ErrNotTestable, err)
}

// connections are the remote ends of a process's own connections over IP.
func connections(pid int) ([]string, error) {
	held := map[string]bool{}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 {
		return nil, notHere(err)
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:[") {
			held[strings.Trim(target, "socket:[]")] = true
		}
	}
	var remote []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue // no such family here
		}
		for _, line := range strings.Split(string(text), "\n")[1:] {
			const remoteAt, inodeAt = 2, 9
			if columns := strings.Fields(line); len(columns) > inodeAt && held[columns[inodeAt]] {
				remote = append(remote, table+" "+columns[remoteAt])
			}
		}
	}
	return remote, nil
}
