package confine

import (
	"errors"
	"fmt"
	"path/filepath"
)

// A Sandbox is the walls for one process, prepared: all that needs files or takes time
// was done, so that a thread can shut itself in within microseconds.
type Sandbox struct {
	rules  Rules
	abi    int
	rights *ruleset // nil if there is no Landlock
	group  *group   // nil if there is no group
	layers []Layer
}

// New prepares the walls. What cannot be had is among the layers as missing. The caller
// closes the Sandbox when the process is gone.
func New(r Rules) *Sandbox {
	s := &Sandbox{rules: r, abi: landlockABI()}
	s.prepareFiles()
	s.prepareGroup()
	return s
}

func (s *Sandbox) add(l ...Layer) { s.layers = append(s.layers, l...) }

func (s *Sandbox) prepareFiles() {
	if s.abi == 0 {
		return
	}
	var err error
	if s.rights, err = newRuleset(s.abi, s.rules); err != nil {
		s.add(missing(Files, err.Error()))
	}
}

func (s *Sandbox) prepareGroup() {
	var err error
	if s.group, err = newGroup(s.rules); err != nil {
		s.add(missing(Memory, err.Error()), missing(Descendants, err.Error()))
		return
	}
	s.add(s.memory(), held(Descendants, "they are killed with its control group"))
}

func (s *Sandbox) memory() Layer {
	if s.group.bounded != nil {
		return missing(Memory, s.group.bounded.Error())
	}
	return held(Memory, fmt.Sprintf("%d MiB and %d threads", s.rules.Memory>>20, s.rules.Tasks))
}

// CgroupFD is the descriptor of the group to start the process in, and whether there
// is one.
func (s *Sandbox) CgroupFD() (int, bool) {
	if s.group == nil {
		return 0, false
	}
	return int(s.group.dir.Fd()), true
}

// Enter shuts the calling thread in, for good. The caller has locked its goroutine to
// the thread, starts the process from it, and never unlocks it.
func (s *Sandbox) Enter() {
	if err := dropPrivileges(); err != nil {
		why := "without no_new_privs: " + err.Error()
		s.add(missing(Privileges, err.Error()), missing(Files, why), missing(Network, why),
			missing(Neighbours, why), missing(Sockets, why), missing(SystemCalls, why))
		return
	}
	s.add(held(Privileges, "no_new_privs, no capabilities"))
	s.enterFiles()
	s.enterFilter()
}

func (s *Sandbox) enterFiles() {
	if s.rights == nil {
		why := "this kernel has no Landlock, or it is not enabled"
		if s.abi == 0 {
			s.add(missing(Files, why))
		} else {
			why = "without Landlock's rules"
		}
		s.add(missing(Neighbours, why), missing(Sockets, why))
		return
	}
	if err := s.rights.enforce(); err != nil {
		s.add(missing(Files, err.Error()), missing(Neighbours, err.Error()), missing(Sockets, err.Error()))
		return
	}
	s.add(heldFiles(s.abi), heldNeighbours(s.abi), heldSockets(s.abi))
}

func heldFiles(abi int) Layer {
	return held(Files, fmt.Sprintf("Landlock %d: reads what programs need to run, writes to its own directory, runs nothing", abi))
}

func heldNeighbours(abi int) Layer {
	if abi < abiScopes {
		return missing(Neighbours, fmt.Sprintf("Landlock %d cannot, %d can", abi, abiScopes))
	}
	return held(Neighbours, "Landlock: signals and abstract sockets end at its own processes")
}

func heldSockets(abi int) Layer {
	if abi < abiUnixSocket {
		return missing(Sockets, fmt.Sprintf("Landlock %d cannot, %d can; run the host as a user who may use none", abi, abiUnixSocket))
	}
	return held(Sockets, "Landlock: no sockets outside its own directory")
}

func (s *Sandbox) enterFilter() {
	if err := enforceFilter(); err != nil {
		s.add(missing(Network, err.Error()), missing(SystemCalls, err.Error()))
		return
	}
	s.add(heldNetwork(), heldCalls())
}

func heldNetwork() Layer { return held(Network, "seccomp: none but through the host's gate") }

func heldCalls() Layer { return held(SystemCalls, "seccomp") }

// Limit bounds the process that was started.
func (s *Sandbox) Limit(pid int) {
	if err := limit(pid, s.rules); err != nil {
		s.add(missing(Limits, err.Error()))
		return
	}
	s.add(heldLimits())
}

func heldLimits() Layer {
	return held(Limits, fmt.Sprintf("%d files of at most %d MiB, no core dumps", maxOpenFiles, maxFileSize>>20))
}

// Layers tells which walls stand, once the process was started.
func (s *Sandbox) Layers() []Layer { return s.layers }

// Close kills what the process has left behind and removes its group.
func (s *Sandbox) Close() error {
	var err error
	if s.rights != nil {
		err = s.rights.close()
		s.rights = nil
	}
	if s.group != nil {
		err = errors.Join(err, s.group.dir.Close(), removeGroup(s.group.path))
		s.group = nil
	}
	return err
}

// Remove removes the named group, which a host that was killed left behind, and kills
// what is in it.
func Remove(cgroup, name string) error {
	base, err := groupBase(cgroup)
	if err != nil {
		return nil //nolint:nilerr // without groups nothing was left in one
	}
	return removeGroup(filepath.Join(base, name))
}

// Offered tells which walls this system offers, as far as can be told without starting
// anything. It makes a group and removes it.
func Offered(r Rules) []Layer {
	s := &Sandbox{rules: r, abi: landlockABI()}
	s.prepareGroup()
	s.add(held(Privileges, "no_new_privs, no capabilities"))
	if s.abi == 0 {
		s.enterFiles()
	} else {
		s.add(heldFiles(s.abi), heldNeighbours(s.abi), heldSockets(s.abi))
	}
	if err := offersFilter(); err != nil {
		s.add(missing(Network, err.Error()), missing(SystemCalls, err.Error()))
	} else {
		s.add(heldNetwork(), heldCalls())
	}
	s.add(heldLimits())
	if err := s.Close(); err != nil {
		s.add(missing(Descendants, err.Error()))
	}
	return s.layers
}
