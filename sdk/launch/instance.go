package launch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/internal/wire"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/logs"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/proc"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/rundir"
)

// drainGrace is how long output is still read after the process is dead. All that it
// wrote is in the pipe already; more can only come from a descendant that got away.
const drainGrace = 250 * time.Millisecond

// An instance is everything that belongs to one process. Two goroutines own it: run
// connects and cleans up, watch follows the process. Both end when it is gone.
type instance struct {
	config Config
	binary *proc.Binary
	dir    *rundir.Dir
	cell   *cell

	redactor  *logs.Redactor
	bridge    *logs.Bridge
	handshake *handshake
	dialer    *dialer
	process   atomic.Pointer[proc.Process] // nil until it runs
	spawnErr  error                        // why it is not to run although it was started

	ctx     context.Context // done when the start was given up
	abandon context.CancelFunc

	stopOnce sync.Once
	stopping chan struct{} // closed when Stop was called

	connected  chan struct{} // closed when go-plugin has connected, or failed to
	remote     sdk.Remote    // set before connected is closed
	connectErr error         // set before connected is closed

	done chan struct{} // closed when the process is dead and its output read
	exit Exit          // set before done is closed

	gone     chan struct{} // closed when nothing is left of it
	cleanErr error         // set before gone is closed
}

// newInstance takes over binary.
func newInstance(c Config, binary *proc.Binary) (*instance, error) {
	dir, err := rundir.New(c.RuntimeDir)
	if err != nil {
		return nil, err
	}
	cell, err := enclose(c, binary, dir.Path())
	if err != nil {
		return nil, errors.Join(err, dir.Remove())
	}
	in := &instance{
		config: c, binary: binary, dir: dir, cell: cell,
		redactor:  logs.NewRedactor(c.Redact),
		handshake: newHandshake(),
		dialer:    newDialer(),
		stopping:  make(chan struct{}),
		connected: make(chan struct{}),
		done:      make(chan struct{}),
		gone:      make(chan struct{}),
	}
	in.bridge = logs.New(c.Logger, in.redactor.Redact)
	in.ctx, in.abandon = context.WithCancel(context.Background())
	return in, nil
}

// run is the instance's life, seen from go-plugin.
func (in *instance) run() {
	client := plugin.NewClient(in.clientConfig())
	in.remote, in.connectErr = in.connect(client)
	close(in.connected)
	closeErr := in.binary.Close()
	if in.process.Load() != nil {
		if in.connectErr != nil {
			in.kill()
		}
		select {
		case <-in.done:
		case <-in.stopping:
		}
		client.Kill() // asks it to shut down if it lives, waits for Wait, and cleans up
		<-in.done
	}
	in.bridge.Close()
	in.abandon()
	in.cleanErr = errors.Join(closeErr, in.cell.close(), in.dir.Remove())
	close(in.gone)
}

// connect makes the handshake and opens the connection. It is go-plugin's code that
// waits here, without a context; killing the process ends every wait in it.
func (in *instance) connect(client *plugin.Client) (sdk.Remote, error) {
	if _, err := client.Start(); err != nil {
		return nil, in.whyNoStart(err)
	}
	protocol, err := client.Client()
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	raw, err := protocol.Dispense(link.Plugin)
	if err != nil {
		return nil, err
	}
	remote, ok := raw.(sdk.Remote)
	if !ok {
		return nil, fmt.Errorf("dispensing gave a %T", raw)
	}
	return remote, nil
}

// whyNoStart prefers what the handshake says to what go-plugin makes of it.
func (in *instance) whyNoStart(err error) error {
	if in.process.Load() == nil {
		return err
	}
	if in.spawnErr != nil {
		return in.spawnErr
	}
	if handshakeErr := in.handshake.failure(); handshakeErr != nil {
		return handshakeErr
	}
	return &failure{ReasonHandshake, err}
}

// clientConfig is new for each start: go-plugin writes to it.
func (in *instance) clientConfig() *plugin.ClientConfig {
	sets := make(map[int]plugin.PluginSet)
	for _, version := range link.Versions() {
		sets[version] = plugin.PluginSet{link.Plugin: dispenser{}}
	}
	// Ours come last and so win over go-plugin's own.
	options := append(wire.DialOptions(in.config.MaxReply),
		grpc.WithContextDialer(in.dialer.dial),
		grpc.WithChainStreamInterceptor(noBroker))
	return &plugin.ClientConfig{
		HandshakeConfig:  link.Handshake(),
		VersionedPlugins: sets,
		RunnerFunc:       in.newRunner,
		SkipHostEnv:      true,
		AutoMTLS:         true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:     in.config.StartTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: in.dir.Path()},
		GRPCDialOptions:  options,
		Logger:           in.config.Logger.Named("go-plugin"),
		// What the connector prints to os.Stdout and os.Stderr while it serves.
		SyncStdout: in.bridge.Stdout(),
		SyncStderr: in.bridge.Stderr(),
	}
}

// spawn starts the process and those who follow it.
func (in *instance) spawn(handshakeEnv []string) error {
	pipes, err := openPipes()
	if err != nil {
		return &failure{ReasonHost, err}
	}
	env := append(handshakeEnv, "PATH="+searchPath, "TMPDIR="+in.dir.Path(), link.LifelineKey+"="+link.LifelineStdin)
	env = append(env, in.cell.env...)
	process, err := in.binary.Start(in.ctx, proc.Spec{
		Args:  []string{in.config.Path},
		Dir:   in.dir.Path(),
		Env:   append(env, in.config.Env...),
		Stdin: pipes.stdin.theirs, Stdout: pipes.stdout.theirs, Stderr: pipes.stderr.theirs,
		Shell: in.cell.shell(),
	})
	err = errors.Join(err, pipes.closeTheirs())
	if process == nil {
		return errors.Join(&failure{binaryReason(err), err}, pipes.closeOurs())
	}
	err = errors.Join(err, in.cell.started(process.PID()))
	in.process.Store(process)
	if in.ctx.Err() != nil || err != nil {
		in.kill() // the start was given up before there was anything to kill
	}
	go in.watch(process, pipes)
	in.spawnErr = err
	return err
}

func binaryReason(err error) Reason {
	if errors.Is(err, proc.ErrChanged) {
		return ReasonDigest
	}
	return ReasonBinary
}

// watch reads what the process writes, follows it to its death and says how it died.
func (in *instance) watch(process *proc.Process, pipes *pipes) {
	var readers sync.WaitGroup
	readers.Go(func() { in.readStdout(pipes.stdout.ours) })
	readers.Go(func() { drain(in.bridge.Stderr(), pipes.stderr.ours) })

	in.escalate(process, pipes)
	<-process.Exited()
	in.dialer.close()
	deadline := time.Now().Add(drainGrace)
	deadlineErr := errors.Join(pipes.stdout.ours.SetReadDeadline(deadline), pipes.stderr.ours.SetReadDeadline(deadline))
	readers.Wait()

	state, err := process.State()
	in.exit = exitOf(state, errors.Join(err, deadlineErr, pipes.closeOurs()))
	in.exit.LastLines = in.bridge.Tail()
	select {
	case <-in.stopping:
		in.exit.Stopped = true
	default:
	}
	close(in.done)
}

// escalate waits for the process to exit; once a stop was asked for, with growing
// insistence: a third of the time each for the shutdown call, which run makes, for the
// end of its standard input with SIGTERM, and for SIGKILL.
func (in *instance) escalate(process *proc.Process, pipes *pipes) {
	select {
	case <-process.Exited():
		return
	case <-in.stopping:
	}
	steps := []func() error{
		func() error { return errors.Join(process.Terminate(), pipes.stdin.ours.Close()) },
		process.KillGroup,
	}
	for _, step := range steps {
		timer := time.NewTimer(in.config.StopTimeout / 3)
		select {
		case <-process.Exited():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := step(); err != nil {
			in.config.Logger.Error("stopping the connector", "pid", process.PID(), "error", err)
		}
	}
}

// readStdout takes the handshake and logs the rest.
func (in *instance) readStdout(pipe *os.File) {
	out := bufio.NewReaderSize(pipe, maxHandshake)
	in.handshake.readFrom(out, in.dir.Path())
	drain(in.bridge.Stdout(), out)
}

// drain copies until the end of from, or until its deadline: both mean that there is
// nothing more to come. The bridge takes everything.
func drain(to io.WriteCloser, from io.Reader) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// kill ends the process if there is one.
func (in *instance) kill() {
	if process := in.process.Load(); process != nil {
		if err := process.KillGroup(); err != nil {
			in.config.Logger.Error("killing the connector", "pid", process.PID(), "error", err)
		}
	}
}

// dispenser makes go-plugin's connection into a connector.
type dispenser struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCClient implements plugin.GRPCPlugin.
func (dispenser) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return wire.NewClient(conn), nil
}

// GRPCServer implements plugin.GRPCPlugin; a host serves nothing.
func (dispenser) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return errors.ErrUnsupported }
