package pgserver

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// killLimit is how long killed processes may take to end.
const killLimit = 10 * time.Second

// A process is a running server.
type process struct {
	pid   int
	ended chan struct{} // closed once it has been reaped
}

// run starts a command and reaps it. Both happen on one thread, which lives as long as
// the command: Linux counts the thread as the parent whose death ends the child.
func run(command *exec.Cmd) (*process, error) {
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		if err == nil {
			p.pid = command.Process.Pid
		}
		started <- err
		if err == nil {
			_ = command.Wait() // how it ended is in its log
			close(p.ended)
		}
	}()
	return p, <-started
}

// interrupt asks the server to cut everybody off and to end.
func (p *process) interrupt() error { return p.signal(p.pid, syscall.SIGINT) }

// kill ends the server and all its processes, and waits until they have ended: until
// then the next server could not start.
func (p *process) kill() error {
	// Stopped, it starts no more children and does not see how they end. Having been told
	// to stop it may run on for a moment.
	err := p.signal(p.pid, syscall.SIGSTOP)
	if !within(killLimit, func() bool { return !moves(p.pid) }) {
		err = errors.Join(err, errors.New("a server that was told to stop goes on"))
	}
	children, more := childrenOf(p.pid)
	err = errors.Join(err, more)
	for _, pid := range append(children, p.pid) {
		err = errors.Join(err, p.signal(pid, syscall.SIGKILL))
	}
	<-p.ended
	if !within(killLimit, func() bool { return !slices.ContainsFunc(children, alive) }) {
		err = errors.Join(err, errors.New("processes of a killed server do not end"))
	}
	return err
}

// within waits until something is so, and reports whether it came to be in time.
func within(limit time.Duration, so func() bool) bool {
	for end := time.Now().Add(limit); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// signal signals a process, unless it has ended.
func (p *process) signal(pid int, signal syscall.Signal) error {
	select {
	case <-p.ended:
		return nil // the number may belong to somebody else by now
	default:
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return os.NewSyscallError("kill", err)
	}
	return nil
}

// An owner is the user that the server runs as.
type owner struct {
	other    bool // than we are
	uid, gid uint32
}

// chooseOwner returns who runs the server: we, unless we are root, whom PostgreSQL
// refuses.
func chooseOwner() (owner, error) {
	if os.Getuid() != 0 {
		return owner{}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return owner{}, err
		}
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return owner{}, err
	}
	return owner{other: true, uid: uint32(uid), gid: uint32(gid)}, nil
}

// give makes a folder the owner's.
func (o owner) give(dir string) error {
	if !o.other {
		return nil
	}
	return os.Chown(dir, int(o.uid), int(o.gid))
}

// attributes make a program run as the owner, apart from our terminal's signals.
func (o owner) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if o.other {
		attributes.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid, Groups: []uint32{o.gid}}
	}
	dieWithUs(attributes)
	return attributes
}
