// Package proctest is what tests do to the processes that they started and to the disks
// that these write to.
package proctest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process is waited for: many times what it takes on a loaded
// machine.
const patience = 30 * time.Second

// Signal sends a signal to a process, unless it has ended. A process that is told to stop
// is waited for until every thread of it stands still: the kernel's word that the signal
// was sent is not yet that, and what still runs for a moment may answer a call in it.
// Where there is no /proc it is not waited for.
func Signal(t testing.TB, pid int, signal syscall.Signal) {
	t.Helper()
	if pid <= 1 { // to the system 0 is not none, but the whole group that the test is in
		t.Fatalf("there is no process %d to send %v to", pid, signal)
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	if signal != syscall.SIGSTOP {
		return
	}
	for end := time.Now().Add(patience); moves(t, pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d was told to stop and does not", pid)
		}
	}
}

// moves reports whether any thread of a process still runs or could.
func moves(t testing.TB, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		switch state(thread) {
		case "", "T", "t", "X", "Z":
		default:
			return true
		}
	}
	return false
}

// Runs reports whether a process is there and not only waits to be buried. It needs /proc.
func Runs(pid int) bool {
	s := state(fmt.Sprintf("/proc/%d/stat", pid))
	return s != "" && s != "Z" && s != "X"
}

// state is the letter that the kernel gives to what a process or thread does, empty if
// it has ended.
func state(stat string) string {
	text, err := os.ReadFile(stat)
	if err != nil {
		return ""
	}
	// The name before it is in brackets and may hold brackets itself.
	rest := string(text[strings.LastIndexByte(string(text), ')')+1:])
	return strings.TrimSpace(rest)[:1]
}
