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

// alive reports whether a process runs. One that waits to be reaped does not.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
