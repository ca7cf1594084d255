package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Plugin is a connector that runs as a process of its own. Its methods may be used
// concurrently. Calls to a Plugin whose process has exited fail at once, with the
// errors that [sdk.Remote] promises.
//
// A Plugin cleans up after itself when its process exits, asked or not; Stop is only
// needed to make it exit.
type Plugin struct {
	sdk.Remote
	instance    *instance
	pid         int
	description sdk.Description
}

// Description is what the connector said of itself when it was started.
func (p *Plugin) Description() sdk.Description { return p.description }

// PID is its process id, valid until Done is closed.
func (p *Plugin) PID() int { return p.pid }

// Digest is the SHA-256, in lower-case hexadecimal, of the program that was executed.
func (p *Plugin) Digest() string { return p.instance.binary.Digest() }

// Layers are the walls that stand around the process.
func (p *Plugin) Layers() []Layer { return p.instance.cell.layers() }

// Done is closed when the process has exited and its output was read. Calls that were
// under way fail by then.
func (p *Plugin) Done() <-chan struct{} { return p.instance.done }

// Exit is how the process ended. Before Done is closed it is the zero Exit.
func (p *Plugin) Exit() Exit {
	select {
	case <-p.instance.done:
		return p.instance.exit
	default:
		return Exit{}
	}
}

// Stop makes the process exit and waits until nothing is left of it: no process in
// its group, no socket, no directory, no goroutine. It cuts calls that are under way,
// whose outcome is then unknown: let them finish first.
//
// It returns within the configured StopTimeout whatever the connector does, sooner if
// ctx is done, for then the process is killed at once. An error says what is left.
// Stop may be called again, concurrently, and after a crash.
func (p *Plugin) Stop(ctx context.Context) error { return p.instance.stop(ctx) }

func (in *instance) stop(ctx context.Context) error {
	in.stopOnce.Do(func() { close(in.stopping) })
	bound := time.NewTimer(in.config.StopTimeout)
	defer bound.Stop()
	select {
	case <-in.gone:
		return in.cleanErr
	case <-ctx.Done():
		in.kill()
	case <-bound.C:
		return in.leftover()
	}
	select {
	case <-in.gone:
		return in.cleanErr
	case <-bound.C:
		return in.leftover()
	}
}

// leftover says what could not be got rid of in time. Killing it goes on.
func (in *instance) leftover() error {
	process := in.process.Load()
	if process == nil {
		return errors.New("the system has not come back from executing the program")
	}
	return fmt.Errorf("process %d is still there %v after it was asked to stop", process.PID(), in.config.StopTimeout)
}
