package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

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
// program, and connects to nothing but what Egress lets through the host's gate.
type Confinement struct {
	Egress Egress
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
	return append(layers, exported(confine.Offered(c.rules("probe")))...)
}

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
	for _, path := range c.Read {
		if !filepath.IsAbs(path) {
			return failf(ReasonHost, "a connector may read %q: want an absolute path", path)
		}
	}
	for _, address := range c.Egress.Allow {
		if err := CheckAddress(address); err != nil {
			return &failure{ReasonHost, fmt.Errorf("egress: %w", err)}
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

// A cell is the confinement of one process. The zero cell confines nothing.
type cell struct {
	sandbox *confine.Sandbox
	gate    *gate.Gate
	env     []string
}

// gateName is the name of the gate's socket, no longer than go-plugin's own.
const gateName = "egress.sock"

// enclose prepares the confinement of the process that binary will be.
func enclose(c *Confinement, binary *proc.Binary, dir string) (*cell, error) {
	if c == nil {
		return &cell{}, nil
	}
	rules := c.rules(dir)
	var err error
	if rules.Loader, err = binary.Loader(); err != nil {
		return nil, err
	}
	rules.Program = binary.FD()
	way := &cell{env: []string{link.EgressKey + "=" + filepath.Join(dir, gateName)}}
	if c.Memory > 0 {
		way.env = append(way.env, fmt.Sprintf("GOMEMLIMIT=%d", c.Memory/10*9))
	}
	if way.gate, err = gate.Open(filepath.Join(dir, gateName), c.Egress.dial); err != nil {
		return nil, fmt.Errorf("opening the connector's way out: %w", err)
	}
	way.sandbox = confine.New(rules)
	return way, nil
}

// shell is what the process is started in; nil for an open cell.
func (c *cell) shell() proc.Shell {
	if c.sandbox == nil {
		return nil
	}
	return c.sandbox
}

// started bounds a process that has begun to run.
func (c *cell) started(pid int) {
	if c.sandbox != nil {
		c.sandbox.Limit(pid)
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
