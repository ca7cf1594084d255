//go:build !linux

package rundir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir writes down who holds the directory. A reused process id makes it look held
// for ever, which leaves a directory behind but removes none that is in use.
func lockDir(path string) (*os.File, error) {
	name := filepath.Join(path, "holder")
	if holder, err := readHolder(name); err == nil && alive(holder) {
		return nil, errHeld
	}
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(lock, os.Getpid()); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func readHolder(name string) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return pid, nil
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil || pid <= 0 {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
