// Package connector is the Example Pay connector: the contract on one side, package api
// on the other. One file for an operation, each of which asks, fails, and translates.
//
// It promises at most one write a call, requests that depend on the call alone, an
// answer a little before the caller stops listening, and NOT_ATTEMPTED only where
// nothing was sent or the provider says in its own words that it did nothing. It keeps
// nothing between calls.
package connector

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Options say how the provider is reached.
type Options struct {
	// Dial connects to the provider; nil means directly. A process passes serve.Dial:
	// a host may leave its connectors no other way out.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Connector is safe for concurrent use.
type Connector struct{ transport *http.Transport }

// What the connector can do is what it implements. These lines are for the reader, and
// for the compiler to say which method's signature is wrong.
var (
	_ sdk.Connector         = (*Connector)(nil)
	_ sdk.CredentialChecker = (*Connector)(nil)
	_ sdk.Authorizer        = (*Connector)(nil)
	_ sdk.PaymentFinder     = (*Connector)(nil)
	_ sdk.Refunder          = (*Connector)(nil)
	_ sdk.RefundFinder      = (*Connector)(nil)
)

// Limits of the connections that are kept.
const (
	poolSize    = 256
	idleTimeout = 30 * time.Second
	dialTimeout = 5 * time.Second
)

// New returns a connector. It does no I/O.
func New(o Options) *Connector {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &Connector{transport: &http.Transport{
		DialContext: o.Dial, TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idleTimeout,
		MaxIdleConns: poolSize, MaxIdleConnsPerHost: poolSize, MaxConnsPerHost: poolSize, DisableCompression: true,
	}}
}

// Close closes the connections that are idle. The connector can still be used.
func (c *Connector) Close() { c.transport.CloseIdleConnections() }
