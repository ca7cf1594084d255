// Package confine takes rights away from a process that is about to be started.
//
// Nothing is done by a helper program or in the child: the rights are taken from the
// one thread that starts the child, and what a thread lacks, its children lack from
// their first instruction on and cannot get back. That thread is of no use for
// anything else afterwards and must end with the child.
//
// What is in force depends on the system. Every wall is built on its own: one that the
// system does not offer is reported as missing and keeps no other from being built.
// Whether to go on with less is for the caller to decide.
package confine

// A Layer is one wall around a connector's process, and whether it stands.
type Layer struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	Note string `json:"note"` // what it keeps in, or why it does not stand
}

// The layers by name.
const (
	Privileges  = "privileges"   // it cannot become more than it is
	Files       = "files"        // it reads what programs need to run, and writes to its own directory alone
	Network     = "network"      // it has no socket but local ones
	Neighbours  = "neighbours"   // it cannot signal other processes
	Sockets     = "sockets"      // it cannot connect to other programs' local sockets
	SystemCalls = "system calls" // it cannot ask the kernel for what no connector needs
	Limits      = "limits"       // open files, size of files, no core dumps, first to go when memory runs out
	Memory      = "memory"       // the kernel bounds its memory and the number of its threads
	Descendants = "descendants"  // what it started ends with it, wherever it went
)

// Rules say what a process may do.
type Rules struct {
	Dir     string   // its own directory, where it may do what it likes but run programs
	Read    []string // files and directories that it may read beside what programs need to run
	Program uintptr  // descriptor of the only program that it may run
	Loader  string   // what the program needs to be loaded by; empty for a static one
	Memory  int64    // bytes; 0 is no bound
	Tasks   int      // threads and processes; 0 is no bound
	Cgroup  string   // directory of a cgroup v2 to make groups in; empty is this process's own
	Group   string   // name of the group to make
}

func held(name, note string) Layer { return Layer{Name: name, Held: true, Note: note} }

func missing(name, why string) Layer { return Layer{Name: name, Note: why} }
