// Package launch runs a connector's program as a process and gives it to the host as
// an [sdk.Remote]. It is mechanism without policy: it starts once, says how it ended,
// and never restarts, retries or decides which program to trust.
//
// # What it promises
//
//   - The program that was hashed is the program that runs.
//   - Nothing that a connector prints, answers or fails to do can crash the host or
//     hold it: start, description and stop have bounds, output is drained, cut and
//     limited, answers have a largest size.
//   - A connector ends when its host does, even if the host is killed.
//   - A connector sees none of the host's environment, and nothing but its own socket
//     and directory is made for it. Both are removed with it.
//   - The two ends know each other by mutual TLS with certificates made for this start.
//   - The exit of the process is known at once and not by asking.
//
// With a [Confinement] a connector also reaches no file but its own, no network but
// through the host's gate, no other process, and takes no more than its share.
//
// [Layers] says which of these hold on the system at hand, and [Plugin.Layers] which
// do for a process.
//
// # What it does not do
//
// Without a [Confinement] a connector has the rights of the host's user. Secrets in log
// lines are masked where they can be recognised, which stops accidents and not malice.
package launch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/confine"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/proc"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/rundir"
)

// Start starts the program that c names, shakes hands with it and reads its
// description. It returns within StartTimeout and DescribeTimeout, and soon after ctx
// is done; ctx has no meaning for the Plugin afterwards. Every error is a
// [*StartError]. The caller stops the Plugin.
func Start(ctx context.Context, c Config) (*Plugin, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, startError(c.Path, ReasonHost, err)
	}
	bounded, cancel := context.WithTimeout(ctx, c.StartTimeout)
	defer cancel()

	binary, err := open(bounded, c)
	if err != nil {
		return nil, startError(c.Path, ReasonBinary, err)
	}
	in, err := newInstance(c, binary)
	if err != nil {
		return nil, startError(c.Path, ReasonHost, errors.Join(err, binary.Close()))
	}
	go in.run()
	if err := in.await(bounded); err != nil {
		return nil, in.giveUp(err)
	}
	p := &Plugin{
		Remote:   attentive{Remote: in.remote, redactor: in.redactor},
		instance: in,
		pid:      in.process.Load().PID(),
	}
	if p.description, err = describe(ctx, p.Remote, c); err != nil {
		return nil, in.giveUp(err)
	}
	return p, nil
}

// open hashes the program and compares it with what was asked for.
func open(ctx context.Context, c Config) (*proc.Binary, error) {
	binary, err := proc.Open(ctx, c.Path)
	if err != nil && ctx.Err() != nil {
		return nil, &failure{gaveUp(ctx), err}
	}
	if err != nil {
		return nil, err
	}
	if want := strings.ToLower(c.SHA256); want != "" && want != binary.Digest() {
		return nil, errors.Join(failf(ReasonDigest, "its SHA-256 is %s, want %s", binary.Digest(), want), binary.Close())
	}
	return binary, nil
}

// await waits until the instance is connected.
func (in *instance) await(ctx context.Context) error {
	select {
	case <-in.connected:
		return in.connectErr
	case <-ctx.Done():
		return &failure{gaveUp(ctx), fmt.Errorf("waiting for the handshake: %w", ctx.Err())}
	}
}

// giveUp ends a start that came to nothing.
func (in *instance) giveUp(err error) error {
	in.abandon()
	in.kill()
	endErr := in.stop(in.ctx)
	failed := startError(in.config.Path, ReasonHandshake, err)
	select {
	case <-in.done:
		failed.LastLines = in.exit.LastLines
		if errors.Is(failed.Err, errNoLine) {
			if in.exit.Signal != syscall.SIGKILL { // which would be ours
				failed.Reason = ReasonExited
			}
			failed.Err = fmt.Errorf("%w: %v", failed.Err, in.exit)
		}
	default:
	}
	if endErr != nil {
		failed.Err = errors.Join(failed.Err, endErr)
	}
	return failed
}

// describe asks the connector who it is and checks what a host relies on to tell
// connectors apart and to talk to them at all.
func describe(ctx context.Context, remote sdk.Remote, c Config) (sdk.Description, error) {
	bounded, cancel := context.WithTimeout(ctx, c.DescribeTimeout)
	defer cancel()
	d, err := remote.Describe(bounded)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return d, &failure{ReasonCanceled, ctx.Err()}
	case err != nil:
		return d, &failure{ReasonDescribe, err}
	case !d.Manifest.Contract.Includes(sdk.ContractVersion):
		return d, failf(ReasonContract, "%s %s speaks contract versions %d to %d, this host %d",
			d.Manifest.Name, d.Manifest.Version, d.Manifest.Contract.Min, d.Manifest.Contract.Max, sdk.ContractVersion)
	case !connectorName.MatchString(d.Manifest.Name):
		return d, failf(ReasonDescribe, "its name is %q, want %s", excerpt([]byte(d.Manifest.Name)), connectorName)
	case d.Manifest.Version == "":
		return d, failf(ReasonDescribe, "%s gives no version", d.Manifest.Name)
	case len(d.Operations) == 0:
		return d, failf(ReasonDescribe, "%s offers no operation", d.Manifest.Name)
	}
	return d, nil
}

var connectorName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// CleanRuntimeDir removes what killed hosts left below dir, and reports how many
// directories that were; what their connectors had started in control groups made in
// cgroup is killed. Directories of hosts that are alive are left alone, so it may be
// called at any time. Empty means the same as in [Config] and [Confinement].
func CleanRuntimeDir(dir, cgroup string) (int, error) {
	return rundir.Clean(dir, func(path string) error { return confine.Remove(cgroup, groupName(path)) })
}
