//go:build !failpoint

package store

// The moments at which a test can have the host killed. See failpoint_on.go.
const (
	beforeCommit = "before"
	afterCommit  = "after"
)

// failpoint does nothing: this is what is shipped.
func failpoint(string) {}
