package proc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// firstRole is a process that starts a child from its first thread.
const firstRole = "first thread"

// A goroutine that is locked while variables are initialised is the main one, and stays
// on the first thread.
var _ = func() bool {
	if os.Getenv(roleKey) == firstRole {
		runtime.LockOSThread()
	}
	return true
}()

// A recorder is a Shell that notes on which thread it was entered.
type recorder struct{ thread int }

func (r *recorder) Enter() { r.thread = unix.Gettid() }

func (*recorder) CgroupFD() (int, bool) { return 0, false }

// playFirst starts a child and says whether it was on the first thread, and whether the
// child was shut in on another.
func playFirst(say *bufio.Writer) int {
	path, err := os.Executable()
	if err != nil {
		return 1
	}
	binary, err := Open(context.Background(), path)
	if err != nil {
		return 2
	}
	defer binary.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 3
	}
	defer null.Close()
	shell := &recorder{}
	p := &Process{exited: make(chan struct{})}
	started := make(chan error, 1)
	p.run(context.Background(), binary, Spec{
		Args: []string{"tell"}, Env: []string{roleKey + "=tell"}, Dir: os.TempDir(), Stdin: null, Stdout: null, Stderr: null, Shell: shell,
	}, started)
	if err := <-started; err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	<-p.exited
	fmt.Fprintf(say, "first=%v other=%v exit=%d\n", onFirstThread(), shell.thread != 0 && shell.thread != os.Getpid(), p.state.ExitCode())
	if err := say.Flush(); err != nil {
		return 5
	}
	return 0
}

func TestTheFirstThreadIsNeverShutIn(t *testing.T) {
	process, out := run(t, firstRole)
	if said, want := strings.TrimSpace(line(t, out)), "first=true other=true exit=7"; said != want {
		t.Errorf("the process says %q, want %q", said, want)
	}
	if code := exited(t, process).ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
