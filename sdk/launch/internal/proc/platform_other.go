//go:build !linux

package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Promised is what every system makes possible: a private copy of the hashed bytes
// is run, which whoever has this user's rights could change. Groups are not killed
// and only the lifeline ties the child to this process.
func Promised() Promises { return Promises{} }

// executable copies the hashed descriptor into dir, which is private to the child.
func (b *Binary) executable(dir string) (string, error) {
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "connector")
	target, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o500)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(target, b.file)
	return path, errors.Join(err, target.Close())
}

func sysProcAttr(Shell) *syscall.SysProcAttr { return nil }

// onFirstThread does not matter where a thread's rights are its process's.
func onFirstThread() bool { return false }

// reap waits for the process to die.
func (p *Process) reap() (*os.ProcessState, error) {
	state, err := p.child.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	return state, err
}

func terminate(child *os.Process) error { return gone(child.Signal(syscall.SIGTERM)) }

func killGroup(child *os.Process) error { return gone(child.Kill()) }

// gone forgives a signal that found nobody.
func gone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func stampOf(info fs.FileInfo) stamp {
	return stamp{size: info.Size(), modified: info.ModTime()}
}
