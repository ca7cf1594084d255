package confine

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	maxOpenFiles = 4096
	maxFileSize  = 64 << 20
	// dataSlack is what a runtime maps beyond the memory that it uses.
	dataSlack = 256 << 20
	// oomScore makes the kernel end the connector before its host.
	oomScore = 900
)

// limit bounds what a running process may take. It comes into force a moment after the
// process was started, and before anybody talks to it.
func limit(pid int, r Rules) error {
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: maxOpenFiles, unix.RLIMIT_FSIZE: maxFileSize}
	if r.Memory > 0 {
		limits[unix.RLIMIT_DATA] = 2*uint64(r.Memory) + dataSlack
	}
	var all error
	for resource, most := range limits {
		err := lower(pid, resource, most)
		all = errors.Join(all, gone(err))
	}
	score := fmt.Sprintf("/proc/%d/oom_score_adj", pid)
	if err := os.WriteFile(score, []byte(strconv.Itoa(oomScore)), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		all = errors.Join(all, gone(err))
	}
	return all
}

// lower sets a limit that the process cannot raise, and never above what it has.
func lower(pid, resource int, most uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, resource, nil, &now); err != nil {
		return err
	}
	most = min(most, now.Max)
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
}

// gone forgives a process that has ended meanwhile.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}
