package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

const (
	// attachedPrefix begins what stands for the digest of a connector that was attached
	// to: nobody knows its program. No installed release is called so.
	attachedPrefix = "attached-"
	attachRetry    = 100 * time.Millisecond
	// attachPatience is how long a person may stand at a breakpoint, or take until the
	// connector is started again.
	attachPatience = 24 * time.Hour
)

func attached(digest string) bool { return strings.HasPrefix(digest, attachedPrefix) }

// attachedRelease stands for a connector that describes itself so. Its digest is that of
// the description: one that describes itself otherwise is another release.
func attachedRelease(d sdk.Description) (fleet.Release, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return fleet.Release{}, fmt.Errorf("encoding a description: %w", err)
	}
	sum := sha256.Sum256(text)
	return fleet.Release{
		Name: d.Manifest.Name, Version: d.Manifest.Version, Description: d,
		Digest: attachedPrefix + hex.EncodeToString(sum[:6]),
	}, nil
}

// Attach waits, until ctx ends, for the connector that [Config.Attach] is about, and
// makes it serve in the place of whatever its name served before. It returns the name.
// From then on the host attaches again whenever the connector is started again and
// describes itself as it did; one that does not is rejected, and Attach is to be called
// again.
func (h *Host) Attach(ctx context.Context) (connector string, err error) {
	process, err := h.connectors.attach(ctx)
	if err != nil {
		return "", err
	}
	described := process.Description()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), trialStop)
	defer cancel()
	if err := process.Stop(bounded); err != nil {
		return "", err
	}
	release, err := attachedRelease(described)
	if err != nil {
		return "", err
	}
	_, err = h.connectors.use(ctx, release, supervise.SwapOptions{AllowLoss: true})
	return release.Name, err
}

// attach waits for the connector. What is wrong with it is logged once.
func (c *connectors) attach(ctx context.Context) (*launch.Attached, error) {
	if c.config.Attach == "" {
		return nil, errors.New("this host attaches to nothing")
	}
	tick := time.NewTicker(attachRetry)
	defer tick.Stop()
	for told := ""; ; {
		process, err := launch.Attach(ctx, launch.AttachConfig{File: c.config.Attach})
		if err == nil {
			return process, nil
		}
		if text := err.Error(); text != told && ctx.Err() == nil && !errors.Is(err, launch.ErrAbsent) {
			c.config.Slog.WarnContext(ctx, "cannot attach to the connector yet", "error", err)
			told = text
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// attachAgain is the launcher of a connector that a person starts.
func (c *connectors) attachAgain(ctx context.Context) (supervise.Process, error) {
	process, err := c.attach(ctx)
	if err != nil {
		return nil, err
	}
	c.config.Slog.WarnContext(ctx, "attached for debugging: no TLS, no confinement, no known program",
		"connector", process.Description().Manifest.Name, "pid", process.PID())
	return process, nil
}

// patient takes the bounds away that a person at a debugger would run into: what is
// stopped at a breakpoint is not unhealthy, and what is restarted often is not broken.
// There is nothing warm to go back to, for the connector is the one that is debugged.
func (c *connectors) patient(s supervise.Config) supervise.Config {
	if c.config.Attach == "" {
		return s
	}
	s.StartTimeout, s.ReadyTimeout = attachPatience, attachPatience
	s.HealthEvery, s.HealthTimeout = attachPatience, attachPatience
	s.BackoffMax = time.Second
	s.CrashLimit, s.ParkAfter = math.MaxInt, math.MaxInt
	s.Bake, s.Trial = 0, supervise.Trial{}
	return s
}
