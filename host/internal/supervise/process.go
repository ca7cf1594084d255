package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Process is one running connector. [*launch.Plugin] is one.
type Process interface {
	sdk.Remote
	// Description is what the connector said of itself when it was started.
	Description() sdk.Description
	PID() int
	// Done is closed when the process has ended, asked or not.
	Done() <-chan struct{}
	// Exit is how it ended, once Done is closed.
	Exit() launch.Exit
	// Stop ends the process and frees what it held. It must return soon after ctx ends,
	// may be called after the process ended, and says in its error what is left.
	Stop(ctx context.Context) error
}

// A Launcher starts a release. It must run the bytes of release.Digest or nothing, and
// return soon after ctx ends. An error that is a [*launch.StartError] tells whether to
// try again, and so does a [*certificate.RefusedError]: not to; any other one means that
// it is worth trying.
type Launcher func(ctx context.Context, release fleet.Release) (Process, error)

// Launch returns the launcher that runs releases as processes. What base says of path
// and digest is the release's to say.
func Launch(base launch.Config) Launcher {
	return func(ctx context.Context, release fleet.Release) (Process, error) {
		config := base
		config.Path, config.SHA256 = release.Path, release.Digest
		plugin, err := launch.Start(ctx, config)
		if err != nil {
			return nil, err
		}
		return plugin, nil
	}
}

// Trial returns the trial start of an installation: it starts the program, asks what
// it is, has admit judge the answer, and stops it within stop.
func (l Launcher) Trial(admit func(sdk.Description) (*gatekeep.Gate, error), stop time.Duration) fleet.Trial {
	return func(ctx context.Context, path, digest string) (_ sdk.Description, err error) {
		process, err := l(ctx, fleet.Release{Path: path, Digest: digest})
		if err != nil {
			return sdk.Description{}, told(err)
		}
		defer func() {
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stop)
			defer cancel()
			err = errors.Join(err, process.Stop(bounded))
		}()
		described := process.Description()
		if err := speaks(described.Manifest.Contract); err != nil {
			return sdk.Description{}, err
		}
		if _, err := admit(described); err != nil {
			return sdk.Description{}, notAdmitted(err)
		}
		return described, nil
	}
}

// speaks says what is wrong with the contract versions that a connector offers.
func speaks(r sdk.ContractRange) error {
	if r.Includes(sdk.ContractVersion) {
		return nil
	}
	return faulty(FaultContract,
		fmt.Errorf("it speaks contract versions %d to %d, this host speaks %d", r.Min, r.Max, sdk.ContractVersion))
}

// hopeless reports whether a start failed for a reason that stays.
func hopeless(err error) bool {
	if FaultOf(err) == FaultCertificate {
		return true
	}
	failed, ok := errors.AsType[*launch.StartError](err)
	if !ok {
		return false
	}
	switch failed.Reason {
	case launch.ReasonDigest, launch.ReasonContract, launch.ReasonConfinement:
		return true
	case launch.ReasonBinary, // a host that is short of files cannot open one either
		launch.ReasonExited, launch.ReasonHandshake, launch.ReasonTimeout, launch.ReasonDescribe, launch.ReasonHost, launch.ReasonCanceled:
		return false
	}
	return false
}

// told adds to the error of a start what the process said last, which is often the
// only reason that there is.
func told(err error) error {
	lines := lastLines(err)
	if len(lines) == 0 {
		return err
	}
	return fmt.Errorf("%w; its last line: %s", err, lines[len(lines)-1])
}

// lastLines returns what a process wrote before its start failed.
func lastLines(err error) []string {
	if failed, ok := errors.AsType[*launch.StartError](err); ok {
		return failed.LastLines
	}
	return nil
}
