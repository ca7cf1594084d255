package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Promised is what Linux makes possible.
func Promised() Promises {
	return Promises{RunsHashedBytes: true, DiesWithParent: true, KillsGroup: true}
}

// executable names the descriptor that was hashed. The child resolves it before its
// descriptors are closed, so that no path is looked up twice.
func (b *Binary) executable(string) (string, error) {
	return fmt.Sprintf("/proc/self/fd/%d", b.file.Fd()), nil
}

func sysProcAttr(shell Shell) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if shell != nil {
		attr.CgroupFD, attr.UseCgroupFD = shell.CgroupFD()
	}
	return attr
}

func onFirstThread() bool { return unix.Gettid() == unix.Getpid() }

// reap waits for the process to die and kills what is left of its group before it
// gives the pid back.
func (p *Process) reap() (*os.ProcessState, error) {
	waitErr := awaitDeath(p.child.Pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	killErr := killGroup(p.child)
	state, err := p.child.Wait()
	p.reaped = true
	return state, errors.Join(waitErr, killErr, err)
}

// awaitDeath returns when the process is dead but not reaped: its pid, and so the id
// of its group, cannot have been given to anybody else yet.
func awaitDeath(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func terminate(child *os.Process) error { return gone(syscall.Kill(child.Pid, syscall.SIGTERM)) }

func killGroup(child *os.Process) error { return gone(syscall.Kill(-child.Pid, syscall.SIGKILL)) }

// gone forgives a signal that found nobody.
func gone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode = sys.Dev, sys.Ino
		s.status = time.Unix(sys.Ctim.Unix())
	}
	return s
}
