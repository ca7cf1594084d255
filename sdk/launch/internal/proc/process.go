package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A Spec is the world that a child finds itself in: nothing is inherited.
type Spec struct {
	Args                  []string // Args[0] is the name it goes by
	Dir                   string   // its working directory
	Env                   []string
	Stdin, Stdout, Stderr *os.File // stay the caller's to close
	Shell                 Shell    // nil leaves the child the rights of this process
}

// A Shell shuts a child in before it runs its first instruction.
type Shell interface {
	// Enter is called on the thread that is about to start the child: what the thread
	// may no longer do, the child may not. The thread does nothing else afterwards and
	// ends with the child.
	Enter()
	// CgroupFD is the descriptor of the control group to start the child in, if any.
	CgroupFD() (fd int, ok bool)
}

// A Process is a child that runs, or that has exited and been reaped.
type Process struct {
	child *os.Process
	// mu keeps signals and reaping apart: a pid may be signalled only while the
	// process is not reaped, because afterwards it may be somebody else's.
	mu     sync.Mutex
	reaped bool

	exited chan struct{}
	state  *os.ProcessState // set before exited is closed
	err    error            // set before exited is closed
}

// Start runs b. A file that somebody still has open for writing is tried again for a
// moment, because a fork elsewhere in this process can hold it open by accident. When
// the file changed after it was hashed, the child is killed and the error is
// [ErrChanged].
func (b *Binary) Start(ctx context.Context, spec Spec) (*Process, error) {
	p := &Process{exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(ctx, b, spec, started)
	if err := <-started; err != nil {
		return nil, err
	}
	if err := b.unchanged(ctx); err != nil {
		killErr := p.KillGroup()
		<-p.exited
		return nil, errors.Join(err, killErr)
	}
	return p, nil
}

// run starts the child, waits for its death and reaps it, all on one thread: Linux
// counts the thread that forked as the parent whose death kills the child, so that
// thread must live as long as the child does.
func (p *Process) run(ctx context.Context, b *Binary, spec Spec, started chan<- error) {
	runtime.LockOSThread()
	switch {
	case spec.Shell == nil:
		defer runtime.UnlockOSThread()
	case onFirstThread():
		// Its rights are what the system shows as those of the process, and it would
		// not end. While it is taken, another goroutine gets another thread.
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(taken)
			p.run(ctx, b, spec, started)
		}()
		<-taken
		runtime.UnlockOSThread()
		return
	default:
		spec.Shell.Enter() // never unlocked, the thread ends with this goroutine
	}

	child, err := b.spawn(ctx, spec)
	if err != nil {
		started <- fmt.Errorf("running %s: %w", b.path, err)
		return
	}
	p.child = child
	started <- nil

	p.state, p.err = p.reap()
	close(p.exited)
}

// Busy files are tried again for about a quarter of a second.
const (
	busyTries = 8
	busyPause = time.Millisecond
)

func (b *Binary) spawn(ctx context.Context, spec Spec) (*os.Process, error) {
	attr := &os.ProcAttr{
		Dir:   spec.Dir,
		Env:   spec.Env,
		Files: []*os.File{spec.Stdin, spec.Stdout, spec.Stderr},
		Sys:   sysProcAttr(spec.Shell),
	}
	if attr.Env == nil {
		attr.Env = []string{} // nil would inherit ours
	}
	path, err := b.executable(spec.Dir)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		child, err := os.StartProcess(path, spec.Args, attr)
		if try == busyTries || !errors.Is(err, syscall.ETXTBSY) {
			return child, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(busyPause << try):
		}
	}
}

// PID is the process id, which is also the id of its group.
func (p *Process) PID() int { return p.child.Pid }

// Exited is closed when the process is dead, what was left of its group has been
// killed, and its pid is free again.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// State is how it ended, and an error if that could not be found out. It is valid
// after Exited is closed.
func (p *Process) State() (*os.ProcessState, error) { return p.state, p.err }

// Terminate asks the process, not its group, to end. A process that has exited is
// left alone.
func (p *Process) Terminate() error { return p.signal(terminate) }

// KillGroup kills the process and everything in its group, stopped or not. A process
// that has exited is left alone.
func (p *Process) KillGroup() error { return p.signal(killGroup) }

func (p *Process) signal(send func(*os.Process) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	return send(p.child)
}
