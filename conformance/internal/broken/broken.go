// Package broken is the reference connector, wrong in exactly one way, once per rule: the
// proof that the suite bites.
//
// A mutant names the case that must fail for it, and the words in which. Everything
// else must go on passing but for the collateral that is listed: a suite in which one
// fault fails everything tells nobody what is wrong.
package broken

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Mutant is one fault. At least one of the hooks is set.
type Mutant struct {
	ID     string // lower case, with hyphens
	Fault  string // what is wrong, as a sentence about the connector
	Killer string // the case that must fail
	Reason string // words that the failure must have
	// Collateral are further cases that may fail or be blocked, as patterns of path.Match.
	Collateral []string

	// Transport wraps the connector's way to its provider.
	Transport func(http.RoundTripper) http.RoundTripper
	// Connector wraps the connector. What it returns must implement what it is to offer.
	Connector func(*reference.Connector) sdk.Connector
	// Remote wraps the connector as a host sees it, beyond the checks of the SDK: what no
	// connector in Go can do wrong, but one in another language can. It is the suite that
	// applies it, also to a process.
	Remote func(sdk.Remote) sdk.Remote
	// Process is what the process of the program plugin-broken does wrong. Such a mutant
	// is nothing in memory.
	Process string
}

// Make is the reference connector with the mutant's fault, as far as a connector can have
// it. Way leads to its provider.
func (m Mutant) Make(way http.RoundTripper) sdk.Connector {
	if m.Transport != nil {
		way = m.Transport(way)
	}
	c := reference.New(reference.Options{Outside: way})
	if m.Connector != nil {
		return m.Connector(c)
	}
	return c
}

// Check reports what is wrong with the mutant itself.
func (m Mutant) Check() error {
	switch {
	case m.ID == "" || m.Fault == "" || m.Killer == "" || m.Reason == "":
		return fmt.Errorf("mutant %q: id, fault, killer and reason are needed", m.ID)
	case m.Transport == nil && m.Connector == nil && m.Remote == nil && m.Process == "":
		return errors.New("mutant " + m.ID + " does nothing wrong")
	}
	return nil
}
