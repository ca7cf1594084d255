package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startTied starts cmd such that the kernel kills it when this process dies, however
// it dies. The signal is tied to the thread that started the child, so a goroutine
// keeps that thread until the child has ended. The returned channel gives the result
// of waiting.
func startTied(cmd *exec.Cmd) (<-chan error, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		ended <- cmd.Wait()
	}()
	return ended, <-started
}
