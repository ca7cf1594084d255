//go:build !linux

package confine

// A Sandbox has no walls here.
type Sandbox struct{}

// New prepares nothing.
func New(Rules) *Sandbox { return &Sandbox{} }

// CgroupFD has none.
func (*Sandbox) CgroupFD() (int, bool) { return 0, false }

// Enter does nothing.
func (*Sandbox) Enter() {}

// Limit does nothing.
func (*Sandbox) Limit(int) {}

// Layers tells that no wall stands.
func (*Sandbox) Layers() []Layer { return none() }

// Close has nothing to remove.
func (*Sandbox) Close() error { return nil }

// Remove has nothing to remove.
func Remove(string, string) error { return nil }

// Offered tells that no wall is offered.
func Offered(Rules) []Layer { return none() }

func none() []Layer {
	var layers []Layer
	for _, name := range []string{
		Privileges, Files, Network, Neighbours, Sockets, SystemCalls, Limits, Memory, Descendants,
	} {
		layers = append(layers, missing(name, "not on this system"))
	}
	return layers
}
