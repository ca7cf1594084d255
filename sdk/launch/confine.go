package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/confine"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/gate"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/proc"
)

// Confinement says what a connector may do beside computing and answering. Everything
// else is kept from it as far as the system can: [Plugin.Layers] tells how far that was.
//
// A confined connector reads what programs need to run (libraries, certificates, time
// zones), reads and writes its own directory, which is gone when it is, runs no other
// program, and connects to nothing but the gate of [Config] Egress.
type Confinement struct {
	// Require names layers without which the connector is not to run: a start fails with
	// [ReasonConfinement] where one of them cannot be had.
	Require []string
	// Read are files and directories that the connector may read beside that, as
	// absolute paths. What does not exist is left out.
	Read []string
	// Memory in bytes is what the kernel bounds the connector to, where control groups
	// can be had, and what Go's runtime is asked to stay below; 0 is no bound.
	Memory int64
	// Threads bounds its threads and processes, where control groups can be had; 0 is
	// no bound.
	Threads int
	// Cgroup is the directory of a delegated control group of version 2 in which the
	// connector's is made; empty is the host's own.
	Cgroup string
}

// A Layer is one wall between a connector and the rest of the machine.
type Layer struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	Note string `json:"note"` // how it is built, or why it is missing
}

// Layers lists the walls that this system offers for connectors so confined, as far as
// can be told without starting one; for nil those around any connector.
func Layers(c *Confinement) []Layer {
	layers := mechanism()
	if c == nil {
		return append(layers, Layer{Name: "confined", Note: "it has all the rights of the host's user"})
	}
	return append(layers, exported(confine.Offered(c.rules(fmt.Sprint("probe ", os.Getpid(), probes.Add(1)))))...)
}

// probes keeps those who ask at the same time apart: each makes a group of its own.
var probes atomic.Int64

// mechanism are the layers that every start has, as far as the system offers them.
func mechanism() []Layer {
	promised := proc.Promised()
	return []Layer{
		layer("hashed bytes run", promised.RunsHashedBytes,
			"the descriptor that was hashed is executed",
			"a private copy of the hashed bytes is executed, which this user's other processes could change"),
		layer("dies with the host", promised.DiesWithParent,
			"the kernel kills it; its standard input closes too",
			"its standard input closes, which a connector that hangs does not notice"),
		layer("leaves no children", promised.KillsGroup,
			"its process group is killed with it; what leaves the group only as far as descendants are held",
			"only the process itself is killed"),
	}
}

func layer(name string, held bool, how, instead string) Layer {
	if held {
		return Layer{name, true, how}
	}
	return Layer{name, false, instead}
}

func exported(walls []confine.Layer) []Layer {
	layers := make([]Layer, len(walls))
	for i, w := range walls {
		layers[i] = Layer(w)
	}
	return layers
}

// check names what is wrong with c.
func (c *Confinement) check() error {
	for _, name := range c.Require {
		if !slices.Contains(LayerNames(), name) {
			return failf(ReasonHost, "no layer is called %q, want some of %s", name, strings.Join(LayerNames(), ", "))
		}
	}
	for _, path := range c.Read {
		if !filepath.IsAbs(path) {
			return failf(ReasonHost, "a connector may read %q: want an absolute path", path)
		}
	}
	if c.Memory < 0 || c.Threads < 0 {
		return failf(ReasonHost, "memory and threads are %d and %d, must not be negative", c.Memory, c.Threads)
	}
	return nil
}

func (c *Confinement) rules(dir string) confine.Rules {
	return confine.Rules{
		Dir: dir, Read: c.Read, Memory: c.Memory, Tasks: c.Threads, Cgroup: c.Cgroup, Group: groupName(dir),
	}
}

// groupName is the control group that belongs to a runtime directory: who finds the
// directory of a host that was killed finds the group too.
func groupName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "connectorhost-" + hex.EncodeToString(sum[:8])
}

// A cell is what a process is kept in: its walls and its gate, or neither.
type cell struct {
	config  *Confinement
	sandbox *confine.Sandbox // nil without walls
	gate    *gate.Gate       // nil without a way out
	env     []string
}

// gateName is the name of the gate's socket, no longer than go-plugin's own.
const gateName = "egress.sock"

// enclose prepares what the process that binary will be is kept in.
func enclose(c Config, binary *proc.Binary, dir string) (*cell, error) {
	in := &cell{config: c.Confine}
	if c.Egress != nil {
		path := filepath.Join(dir, gateName)
		var err error
		if in.gate, err = gate.Open(path, c.Egress.dial); err != nil {
			return nil, fmt.Errorf("opening the connector's way out: %w", err)
		}
		in.env = append(in.env, link.EgressKey+"="+path)
	}
	if c.Confine == nil {
		return in, nil
	}
	if c.Confine.Memory > 0 {
		in.env = append(in.env, fmt.Sprintf("GOMEMLIMIT=%d", c.Confine.Memory/10*9))
	}
	rules := c.Confine.rules(dir)
	rules.Program = binary.FD()
	var err error
	if rules.Loader, err = binary.Loader(); err != nil {
		return nil, errors.Join(err, in.close())
	}
	in.sandbox = confine.New(rules)
	return in, nil
}

// shell is what the process is started in; nil for an open cell.
func (c *cell) shell() proc.Shell {
	if c.sandbox == nil {
		return nil
	}
	return c.sandbox
}

// started bounds a process that has begun to run, and says which wall that is required
// does not stand.
func (c *cell) started(pid int) error {
	if c.sandbox == nil {
		return nil
	}
	c.sandbox.Limit(pid)
	return lacking(c.config.Require, c.layers())
}

// lacking names the first layer that is required and does not stand.
func lacking(required []string, layers []Layer) error {
	for _, l := range layers {
		if !l.Held && slices.Contains(required, l.Name) {
			return failf(ReasonConfinement, "%s cannot be kept in: %s", l.Name, l.Note)
		}
	}
	return nil
}

// LayerNames are the names of all layers that a [Confinement] can require.
func LayerNames() []string {
	return []string{
		confine.Privileges, confine.Files, confine.Network, confine.Neighbours, confine.Sockets,
		confine.SystemCalls, confine.Limits, confine.Memory, confine.Descendants,
	}
}

// layers are the walls that stand, once the process was started.
func (c *cell) layers() []Layer {
	if c.sandbox == nil {
		return Layers(nil)
	}
	return append(mechanism(), exported(c.sandbox.Layers())...)
}

// close ends what is left of the process and shuts the gate.
func (c *cell) close() error {
	var all error
	if c.sandbox != nil {
		all = c.sandbox.Close()
	}
	if c.gate != nil {
		all = errors.Join(all, c.gate.Close())
	}
	return all
}
