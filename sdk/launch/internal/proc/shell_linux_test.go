package proc

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A recorder is a Shell that notes on which thread it was entered.
type recorder struct{ thread int }

func (r *recorder) Enter() { r.thread = unix.Gettid() }

func (*recorder) CgroupFD() (int, bool) { return 0, false }

// onFirst runs f on the first thread of the process, by keeping every other one.
func onFirst(t *testing.T, f func()) {
	t.Helper()
	var (
		keep  sync.WaitGroup
		free  = make(chan struct{})
		found bool
	)
	defer keep.Wait()
	defer close(free)
	for range 1000 {
		there := make(chan bool)
		keep.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if onFirstThread() {
				f()
				there <- true
				return
			}
			there <- false
			<-free
		})
		if found = <-there; found {
			return
		}
	}
	t.Fatal("no goroutine came to run on the first thread")
}

func TestTheFirstThreadIsNeverShutIn(t *testing.T) {
	binary, err := Open(t.Context(), self(t))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	shell := &recorder{}
	p := &Process{exited: make(chan struct{})}
	started := make(chan error, 1)
	onFirst(t, func() {
		p.run(t.Context(), binary, Spec{
			Args: []string{"tell"}, Env: []string{roleKey + "=tell"}, Dir: os.TempDir(), Stdin: null, Stdout: null, Stderr: null, Shell: shell,
		}, started)
	})
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if code := exited(t, p).ExitCode(); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if shell.thread == 0 || shell.thread == os.Getpid() {
		t.Errorf("shut in on thread %d of process %d, want another than the first", shell.thread, os.Getpid())
	}
}
