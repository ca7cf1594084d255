package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
)

// ErrAbsent is why there is nothing to attach to: the file is not there, or the process
// that wrote it is gone. A person may be about to start it.
var ErrAbsent = errors.New("no connector is there to attach to")

// AttachConfig says what to attach to. Only File is needed.
type AttachConfig struct {
	// File is what the connector's CONNECTOR_ATTACH names. It and the directory of the
	// socket in it must be closed to other users. A process of the superuser must not
	// trust one that another user can put there.
	File     string
	Logger   hclog.Logger // gets one warning; nil means none
	MaxReply int          // bytes of the largest answer taken; 0 means 4 MiB
}

// pidEvery is the time between two looks for the process.
const pidEvery = time.Second

// Attach connects to a connector that a person has started by hand, under a debugger,
// and reads its description. It is for development: nothing here proves who answers or
// what program that is, there is no TLS, nothing is confined, and what the connector
// logs goes to its own terminal.
//
// It has no bounds of its own but ctx, because the connector may stand at a breakpoint;
// ctx has no meaning for the result. Every error is a [*StartError].
func Attach(ctx context.Context, c AttachConfig) (*Attached, error) {
	c.MaxReply = orElse(c.MaxReply, defaultMaxReply)
	told, err := readAttachment(c.File)
	if err != nil {
		return nil, startError(c.File, ReasonHandshake, err)
	}
	raw, err := new(net.Dialer).DialContext(ctx, "unix", told.Socket)
	if err != nil && ctx.Err() != nil {
		return nil, startError(c.File, gaveUp(ctx), err)
	}
	if err != nil {
		return nil, startError(c.File, ReasonHandshake, fmt.Errorf("%w: %w", ErrAbsent, err))
	}
	a, err := newAttached(c, told.PID, raw)
	if err != nil {
		return nil, startError(c.File, ReasonHost, errors.Join(err, raw.Close()))
	}
	go a.watch()
	if a.description, err = describe(ctx, a.Remote, Config{DescribeTimeout: forever}); err != nil {
		return nil, startError(c.File, ReasonDescribe, errors.Join(err, a.Stop(context.WithoutCancel(ctx))))
	}
	if c.Logger != nil {
		c.Logger.Warn("attached to a connector that somebody else started: no TLS, no confinement, no known program; for debugging only",
			"file", c.File, "pid", told.PID, "connector", a.description.Manifest.Name)
	}
	return a, nil
}

// forever is longer than anybody stands at a breakpoint.
const forever = 365 * 24 * time.Hour

// readAttachment reads where the connector listens, and checks that nobody else could
// have said so.
func readAttachment(file string) (told link.Attachment, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return told, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	if err != nil {
		return told, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return told, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return told, fmt.Errorf("its mode is %v, must be a file that only its owner can read: -rw-------", info.Mode())
	}
	raw, err := io.ReadAll(io.LimitReader(f, link.MaxAttachment))
	if err != nil {
		return told, err
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		return told, fmt.Errorf("reading where the connector listens: %w", err)
	}
	if !slices.Contains(link.Versions(), told.Contract) {
		return told, failf(ReasonContract, "it speaks contract version %d, this host %v", told.Contract, link.Versions())
	}
	return told, private(told.Socket)
}

// private says what is wrong with the directory of a socket.
func private(socket string) error {
	if !filepath.IsAbs(socket) {
		return fmt.Errorf("socket is %q, must be an absolute path", excerpt([]byte(socket)))
	}
	info, err := os.Lstat(filepath.Dir(socket))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("the mode of %s is %v, must be a directory that only its owner can enter: drwx------",
			filepath.Dir(socket), info.Mode())
	}
	return nil
}

// Attached is a connector that somebody else started. It stands where a [Plugin] stands
// and has the same promises about its calls, but what it does not own it does not end:
// Stop only closes the connection. Its methods may be used concurrently.
type Attached struct {
	sdk.Remote
	pid         int
	description sdk.Description
	conn        *grpc.ClientConn
	line        *onlyLine
	stopOnce    sync.Once
	stopping    chan struct{}
	done        chan struct{} // closed when the connection is
	exit        Exit          // set before done is closed
}

func newAttached(c AttachConfig, pid int, raw net.Conn) (*Attached, error) {
	line := &onlyLine{Conn: raw, cut: make(chan struct{})}
	conn, err := grpc.NewClient("passthrough:///attached", append(wire.DialOptions(c.MaxReply),
		grpc.WithContextDialer(line.dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, err
	}
	return &Attached{
		Remote: wire.NewClient(conn), pid: pid, conn: conn, line: line,
		stopping: make(chan struct{}), done: make(chan struct{}),
	}, nil
}

// watch owns the connection: it waits for its end and says how it came.
func (a *Attached) watch() {
	process, err := os.FindProcess(a.pid)
	visible := err == nil && process.Signal(syscall.Signal(0)) == nil // else it is in another container
	tick := time.NewTicker(pidEvery)
	defer tick.Stop()
	for a.exit.Err == nil && !a.exit.Stopped {
		select {
		case <-a.stopping:
			a.exit.Stopped = true
		case <-a.line.cut:
			a.exit.Err = fmt.Errorf("process %d, which was attached to, has closed the connection or ended", a.pid)
		case <-tick.C:
			if visible && errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
				a.exit.Err = fmt.Errorf("process %d, which was attached to, has ended", a.pid)
			}
		}
	}
	a.exit.Code = -1
	closeErr := errors.Join(a.conn.Close(), a.line.Close())
	if process != nil {
		closeErr = errors.Join(closeErr, process.Release())
	}
	a.exit.Err = errors.Join(a.exit.Err, closeErr)
	close(a.done)
}

// Description is what the connector said of itself when it was attached to.
func (a *Attached) Description() sdk.Description { return a.description }

// PID is the process id that the connector has told.
func (a *Attached) PID() int { return a.pid }

// Layers are those of a [Plugin], none of which holds here.
func (a *Attached) Layers() []Layer {
	layers := Layers(nil)
	for i := range layers {
		layers[i].Held, layers[i].Note = false, "it was started by somebody else, to be debugged"
	}
	return layers
}

// Done is closed when the connection is. Calls that were under way fail by then.
func (a *Attached) Done() <-chan struct{} { return a.done }

// Exit is how the connection ended: Err says why, where Stop was not. Nothing is known
// about the process. Before Done is closed it is the zero Exit.
func (a *Attached) Exit() Exit {
	select {
	case <-a.done:
		return a.exit
	default:
		return Exit{}
	}
}

// Stop closes the connection, which cuts calls that are under way, and leaves the
// process as it is. It may be called again, and after the process has ended.
func (a *Attached) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() { close(a.stopping) })
	select {
	case <-a.done:
	case <-ctx.Done():
		return fmt.Errorf("disconnecting from process %d: %w", a.pid, ctx.Err())
	}
	if a.exit.Stopped {
		return a.exit.Err
	}
	return nil
}

// An onlyLine is a connection that gRPC gets once, so that it never talks to another
// process than the one that described itself, and that tells when it is cut.
type onlyLine struct {
	net.Conn
	given atomic.Bool
	ended sync.Once
	cut   chan struct{} // closed when the connection is, by either side
}

func (l *onlyLine) dial(context.Context, string) (net.Conn, error) {
	if l.given.Swap(true) {
		return nil, errExited
	}
	return l, nil
}

// Read notices the other side's end: gRPC always reads.
func (l *onlyLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err != nil {
		l.ended.Do(func() { close(l.cut) })
	}
	return n, err
}

// Close may be called again.
func (l *onlyLine) Close() error {
	l.ended.Do(func() { close(l.cut) })
	if err := l.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
