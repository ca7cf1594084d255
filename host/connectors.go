package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

const (
	trialStop     = 4 * time.Second
	activateBound = 20 * time.Second
	orderTimeout  = 5 * time.Second
	// journalDepth is how far back the record of what served last is looked for.
	journalDepth = 2000
)

// connectors are the connectors of this host: for each, the slot that calls go
// through and the supervisor that fills it.
type connectors struct {
	config    Config
	store     *store.Store
	fleet     *fleet.Fleet
	host      string // id of this one
	decisions *decisions

	refusals refusals

	mu    sync.RWMutex
	all   map[string]*connector
	gates map[string]*supervise.Admission // by digest, of releases that do not serve at the moment
	run   func(func(context.Context))     // runs work that the host waits for when it stops
}

type connector struct {
	slot       *slot.Slot
	supervisor *supervise.Supervisor
	suspects   *suspects
	release    fleet.Release // what was activated or swapped to last
}

func newConnectors(c Config, d *decisions) *connectors {
	return &connectors{
		config: c, store: d.store, host: d.host, decisions: d,
		all: map[string]*connector{}, gates: map[string]*supervise.Admission{},
	}
}

// start lets supervisors run, now and as they are added, until ctx ends. The group
// waits for them.
func (c *connectors) start(ctx context.Context, group *sync.WaitGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = func(work func(context.Context)) { group.Go(func() { work(ctx) }) }
}

// launch starts a release's process, if its certificate lets it. What it says of itself
// is judged when it has said it.
func (c *connectors) launch(ctx context.Context, r fleet.Release) (supervise.Process, error) {
	if err := c.judge(r.Digest, nil, c.certificate(r.Digest)).Err(); err != nil {
		return nil, err
	}
	return c.launchAnyhow(ctx, r)
}

func (c *connectors) launchAnyhow(ctx context.Context, r fleet.Release) (supervise.Process, error) {
	if attached(r.Digest) {
		return c.attachAgain(ctx)
	}
	log := c.config.Log
	if r.Name != "" {
		log = log.Named(r.Name)
	}
	return launch.Start(ctx, launch.Config{
		Path: r.Path, SHA256: r.Digest, Logger: log, Env: outward(),
		Egress: c.egress(r), Confine: c.config.Connectors.Isolation.walls(),
	})
}

// trial starts a program that is being installed, and was judged, to ask what it is.
func (c *connectors) trial() fleet.Trial {
	return supervise.Launcher(c.launchAnyhow).Trial(gatekeep.New, trialStop)
}

// get returns the named connector, with a supervisor that runs.
func (c *connectors) get(ctx context.Context, name string) (*connector, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x, ok := c.all[name]; ok {
		return x, nil
	}
	if c.run == nil {
		return nil, errNotRunning
	}
	_, generation, err := c.lastServed(ctx, name)
	if err != nil {
		return nil, err
	}
	policy := c.config.Connectors
	x := &connector{slot: slot.NewLimited(name, policy.Limits), suspects: &suspects{store: c.store, connector: name}}
	known, err := x.suspects.read(ctx)
	if err != nil {
		return nil, err
	}
	x.supervisor = supervise.New(c.patient(supervise.Config{
		Slot: x.slot, Launcher: c.launch, Admit: c.admit, Journal: c.decisions, Logger: c.config.Slog,
		LastGeneration: generation, DrainTimeout: c.config.DrainTimeout,
		Bake: policy.Bake, Bounds: policy.Bounds, Trial: policy.Trial,
		Suspects: known, Remember: x.suspects.remember,
	}))
	c.all[name] = x
	c.run(func(ctx context.Context) {
		if err := x.supervisor.Run(ctx); err != nil {
			c.config.Slog.Error("connector not stopped cleanly", "connector", name, "error", err)
		}
	})
	return x, nil
}

// use makes a release the one that serves.
func (c *connectors) use(ctx context.Context, r fleet.Release, o supervise.SwapOptions) (supervise.SwapReport, error) {
	x, err := c.get(ctx, r.Name)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	report := supervise.SwapReport{}
	if state := x.supervisor.Status().State; state == supervise.Stopped || state == supervise.Rejected {
		err = x.supervisor.Activate(ctx, r)
	} else {
		report, err = x.supervisor.Swap(ctx, r, o)
	}
	if err == nil {
		c.uses(x, r)
	}
	return report, err
}

// uses notes which release a connector was made to use.
func (c *connectors) uses(x *connector, r fleet.Release) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.release = r
}

// work runs something that outlives the request that asked for it, and that the host
// waits for when it stops.
func (c *connectors) work(do func(context.Context)) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.run == nil {
		return errNotRunning
	}
	c.run(do)
	return nil
}

var errNotRunning = errors.New("the host does not run yet")

// useOf says what a release is in use for; empty if for nothing. Names are the
// connectors that it may be a release of.
func (c *connectors) useOf(ctx context.Context, digest string, names ...string) (string, error) {
	for _, status := range c.status() {
		for _, in := range append(status.Others, status.Instance) {
			if in.Digest == digest && in.State != supervise.Stopped && in.State != supervise.Rejected {
				return "is " + string(in.State), nil
			}
		}
		names = append(names, status.Connector)
	}
	desired, err := c.decisions.read(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		last := desired[name].Digest
		if last == "" { // nothing was decided since before there were decisions
			if last, _, err = c.lastServed(ctx, name); err != nil {
				return "", err
			}
		}
		if last == digest {
			return "is to serve and would be started with the host", nil
		}
	}
	return "", nil
}

// lastServed reads the journal of this host: the digest of the release that was made to
// serve here last, empty if there was none, and the highest generation there has been.
// Generations of other hosts are other processes.
func (c *connectors) lastServed(ctx context.Context, name string) (digest string, generation uint64, err error) {
	entries, err := c.store.JournalOf(ctx, c.host, name, journalDepth)
	if err != nil {
		return "", 0, fmt.Errorf("reading the journal of %s: %w", name, err)
	}
	for _, entry := range entries { // newest first
		var e supervise.Event
		if err := json.Unmarshal(entry.Context, &e); err != nil {
			return "", 0, fmt.Errorf("reading the journal of %s: entry %d: %w", name, entry.ID, err)
		}
		generation = max(generation, e.Generation)
		if digest == "" && e.To == supervise.Serving && !attached(e.Digest) {
			digest = e.Digest
		}
	}
	if digest == "" && len(entries) == journalDepth { // it served before the oldest entry that was read
		digest, err = c.store.Meta(ctx, servedKey(name))
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
	}
	return digest, generation, err
}

// servedKey names the fact which release of a connector served last, kept until there
// were decisions.
func servedKey(connector string) string { return "served last: " + connector }

// Acquire leases a live process.
func (c *connectors) Acquire(ctx context.Context, name string) (*settle.Lease, error) {
	c.mu.RLock()
	x, ok := c.all[name]
	c.mu.RUnlock()
	if !ok {
		return nil, sdk.Errorf("host", sdk.CodePluginUnavailable, "connector %s is not running on this host", name)
	}
	lease, err := x.slot.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	target := lease.Route().Target
	return &settle.Lease{
		Remote: lease.Remote(), Gate: target.Gate, Description: target.Description,
		Digest: target.Digest, Release: lease.Release,
	}, nil
}

// List describes every connector: as it serves, or as its release was installed.
func (c *connectors) List() []api.Connector {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []api.Connector
	for _, x := range c.all {
		if route := x.slot.Current(); route != nil {
			list = append(list, api.Connector{Description: route.Description, Gate: route.Gate})
		} else if as := c.offer(x.release); as != nil {
			list = append(list, api.Connector{Description: as.Description, Gate: as.Gate})
		}
	}
	slices.SortFunc(list, func(a, b api.Connector) int {
		return compare(a.Description.Manifest.Name, b.Description.Manifest.Name)
	})
	return list
}

// offer says, once, as what a release would serve; nil if it cannot. The caller holds the
// lock.
func (c *connectors) offer(r fleet.Release) *supervise.Admission {
	if r.Digest == "" {
		return nil
	}
	if as, ok := c.gates[r.Digest]; ok {
		return as
	}
	var as *supervise.Admission
	effective := c.judge(r.Digest, &r.Description, c.certificate(r.Digest)).Effective
	if gate, err := gatekeep.New(effective); err != nil {
		c.config.Slog.Error("release has no usable manifest", "release", r.String(), "error", err)
	} else {
		as = &supervise.Admission{Description: effective, Gate: gate}
	}
	c.gates[r.Digest] = as
	return as
}

// known returns a connector that runs on this host.
func (c *connectors) known(name string) (*connector, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if x, ok := c.all[name]; ok {
		return x, nil
	}
	return nil, fmt.Errorf("connector %q: %w", name, store.ErrNotFound)
}

func (c *connectors) status() []supervise.Status {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []supervise.Status
	for _, x := range c.all {
		list = append(list, x.supervisor.Status())
	}
	slices.SortFunc(list, func(a, b supervise.Status) int { return compare(a.Connector, b.Connector) })
	return list
}

// servedBefore reads the journal for the releases that were to serve before the current
// one, on whichever host that was decided, the last of them first. One that was taken back
// is not among them: going back from what was gone back to must not lead forward again.
func (c *connectors) servedBefore(ctx context.Context, name, current string) ([]string, error) {
	entries, err := c.store.Decisions(ctx, name, journalDepth)
	if err != nil {
		return nil, fmt.Errorf("reading the journal of %s: %w", name, err)
	}
	var served []string // oldest first
	for _, entry := range slices.Backward(entries) {
		var e supervise.Event
		if err := json.Unmarshal(entry.Context, &e); err != nil {
			return nil, fmt.Errorf("reading the journal of %s: entry %d: %w", name, entry.ID, err)
		}
		if e.To != supervise.Serving && entry.Revision == 0 {
			continue
		}
		served = slices.DeleteFunc(served, func(digest string) bool { return digest == e.Digest || digest == e.Undoes })
		served = append(served, e.Digest)
	}
	served = slices.DeleteFunc(served, func(digest string) bool { return digest == current })
	if len(served) == 0 {
		return nil, fmt.Errorf("no other release of %s has served here, or was left in use: %w", name, store.ErrNotFound)
	}
	slices.Reverse(served)
	return served, nil
}
