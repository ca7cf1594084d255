package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
)

// A pluginRunner is how go-plugin sees an instance: enough to make the handshake, and
// nothing by which it could wait for the process, kill it or read its output.
type pluginRunner struct {
	*instance
	env []string
}

var _ runner.Runner = (*pluginRunner)(nil)

// newRunner implements the RunnerFunc of go-plugin. It takes the variables that
// go-plugin has put into cmd, and nothing else of it.
func (in *instance) newRunner(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
	var env []string
	for _, variable := range cmd.Env {
		if !strings.HasPrefix(variable, plugin.EnvUnixSocketDir+"=") {
			env = append(env, variable)
		}
	}
	// go-plugin's own directory is one level deeper, and a socket's path must be short.
	env = append(env, plugin.EnvUnixSocketDir+"="+in.dir.Path())
	return &pluginRunner{in, env}, nil
}

// Start starts the process.
func (r *pluginRunner) Start(context.Context) error { return r.spawn(r.env) }

// Stdout is the handshake line alone.
func (r *pluginRunner) Stdout() io.ReadCloser { return r.handshake }

// Stderr is at its end: go-plugin's parser of log lines can be made to panic.
func (r *pluginRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the program's path.
func (r *pluginRunner) Name() string { return r.config.Path }

// Diagnose has nothing to add: the handshake's own error says more.
func (r *pluginRunner) Diagnose(context.Context) string { return "" }

// Wait returns when the process is gone, but not before go-plugin has connected or
// failed to: told of the exit while it connects, it would leak the connection.
func (r *pluginRunner) Wait(context.Context) error {
	<-r.connected
	<-r.done
	return nil
}

// Kill does nothing, because when to escalate is decided by Stop and by Start.
func (r *pluginRunner) Kill(context.Context) error { return nil }

// ID is the process id, empty before there is one.
func (r *pluginRunner) ID() string {
	process := r.process.Load()
	if process == nil {
		return ""
	}
	return strconv.Itoa(process.PID())
}

// PluginToHost takes the address from a handshake that has been judged.
func (r *pluginRunner) PluginToHost(network, address string) (string, string, error) {
	r.dialer.aim(address)
	return network, address, nil
}

// HostToPlugin is for the broker, which is not used.
func (r *pluginRunner) HostToPlugin(network, address string) (string, string, error) {
	return "", "", fmt.Errorf("offering %s %s to a connector: %w", network, address, errors.ErrUnsupported)
}
