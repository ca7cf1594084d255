//go:build !failpoint

package serve

// The moments at which a test can have the connector killed. See failpoint_on.go.
const (
	received  = "received"
	answering = "answering"
)

// failpoint does nothing: this is what is shipped.
func failpoint(string, string, any) {}
