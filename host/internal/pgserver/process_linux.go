package pgserver

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dieWithUs has the process told to end at once when we end, however that happens. A
// server told so leaves nothing running and recovers at its next start.
func dieWithUs(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }

// childrenOf returns the children of a process, none if it has ended.
func childrenOf(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if os.IsNotExist(err) {
		return nil, nil
	}
	var pids []int
	for word := range strings.FieldsSeq(string(text)) {
		child, bad := strconv.Atoi(word)
		if bad != nil {
			return nil, bad
		}
		pids = append(pids, child)
	}
	return pids, err
}

// alive reports whether a process is there. One that waits to be reaped is not.
func alive(pid int) bool { return !strings.Contains(" ZX", state(pid)) }

// moves reports whether a process is there and does not stand still.
func moves(pid int) bool { return alive(pid) && state(pid) != "T" }

// state is the letter that the kernel gives to what a process does, a space if it has
// ended.
func state(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := strings.Cut(string(text), ") ")
	if err != nil || !found {
		return " "
	}
	return rest[:1]
}
