package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// The modes of isolation.
const (
	IsolationOff      = "off"      // connectors have the rights of the host's user
	IsolationBest     = "best"     // what the system offers, and a warning for what it does not
	IsolationRequired = "required" // the required layers, or a connector does not run
)

// Isolation says what connectors are kept from. In every mode they get out through the
// host alone as far as they ask; only walls make them.
type Isolation struct {
	Mode string // empty is best
	// Layers are those without which nothing runs in mode required; empty means
	// DefaultLayers.
	Layers []string
	// Egress are addresses, host:port, that connectors may call beyond what their
	// manifests list.
	Egress []string
	Read   []string // what connectors may read beyond what programs need, absolute paths
	// Memory in bytes and Threads bound each connector; 0 means 512 MiB and 256, less
	// means no bound.
	Memory  int64
	Threads int
	Cgroup  string // directory of a delegated control group; empty is the host's own
}

// DefaultLayers are what required isolation requires if it is not told: what keeps a
// connector from other data than its own and from other hosts than its provider's.
func DefaultLayers() []string {
	return []string{"privileges", "files", "network", "neighbours", "system calls", "limits"}
}

const (
	defaultMemory  = 512 << 20
	defaultThreads = 256
)

func (i Isolation) withDefaults() Isolation {
	i.Mode = or(i.Mode, IsolationBest)
	i.Memory = max(or(i.Memory, defaultMemory), 0)
	i.Threads = max(or(i.Threads, defaultThreads), 0)
	if len(i.Layers) == 0 {
		i.Layers = DefaultLayers()
	}
	return i
}

// check names every setting that is wrong.
func (i Isolation) check() error {
	var wrong []error
	if !slices.Contains([]string{"", IsolationOff, IsolationBest, IsolationRequired}, i.Mode) {
		wrong = append(wrong, fmt.Errorf("isolation is %q, must be off, best or required", i.Mode))
	}
	for _, name := range i.Layers {
		if !slices.Contains(launch.LayerNames(), name) {
			wrong = append(wrong, fmt.Errorf("isolation-layers: no layer is called %q, want some of %s",
				name, strings.Join(launch.LayerNames(), ", ")))
		}
	}
	for _, address := range i.Egress {
		if err := launch.CheckAddress(address); err != nil {
			wrong = append(wrong, fmt.Errorf("egress: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// walls is what connectors are kept in; nil in mode off.
func (i Isolation) walls() *launch.Confinement {
	i = i.withDefaults()
	if i.Mode == IsolationOff {
		return nil
	}
	walls := &launch.Confinement{
		Read: append(certificates(), i.Read...), Memory: i.Memory, Threads: i.Threads, Cgroup: i.Cgroup,
	}
	if i.Mode == IsolationRequired {
		walls.Require = i.Layers
	}
	return walls
}

// offered reports which layers this system does not offer, and an error if one of them
// is required.
func (i Isolation) offered() ([]launch.Layer, error) {
	walls := i.walls()
	if walls == nil {
		return nil, nil
	}
	var (
		missing []launch.Layer
		failed  []error
	)
	for _, l := range launch.Layers(walls) {
		if l.Held {
			continue
		}
		missing = append(missing, l)
		if slices.Contains(walls.Require, l.Name) {
			failed = append(failed, fmt.Errorf("isolation is required, and this system does not offer layer %q: %s", l.Name, l.Note))
		}
	}
	return missing, errors.Join(failed...)
}

// egress is where a release may connect to: where it says that it does, and where the
// operator lets every connector.
func (c *connectors) egress(r fleet.Release) *launch.Egress {
	return &launch.Egress{
		Allow: slices.Concat(r.Description.Manifest.Egress, c.config.Connectors.Isolation.Egress),
		Refused: func(address string) {
			if times, tell := c.refusals.count(r.Name+" "+address, c.config.Now()); tell {
				c.config.Slog.Warn("a connector wants to connect to where it may not", "connector", r.Name,
					"version", r.Version, "address", address, "times", times)
			}
		},
	}
}

// refusals keep a connector that tries again and again from filling the log.
type refusals struct {
	mu   sync.Mutex
	seen map[string]*refusal
}

type refusal struct {
	told  time.Time
	times int // since then
}

const (
	tellAgain   = time.Minute
	maxRefusals = 1000 // that are told apart
)

// count reports how often what was refused since it was told of last, and whether to
// tell of it now.
func (r *refusals) count(what string, now time.Time) (times int, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil || len(r.seen) >= maxRefusals {
		r.seen = make(map[string]*refusal)
	}
	was, ok := r.seen[what]
	if !ok {
		was = new(refusal)
		r.seen[what] = was
	}
	was.times++
	if ok && now.Sub(was.told) < tellAgain {
		return was.times, false
	}
	times, was.times, was.told = was.times, 0, now
	return times, true
}
