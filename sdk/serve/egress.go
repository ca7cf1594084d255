package serve

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/internal/tunnel"
)

// Dial connects to a provider, the way out that the host gives its connectors: a
// confined process has no other. It is made for the DialContext of an
// [net/http.Transport], whose Proxy must be nil; TLS goes on top of it, from here to
// the provider.
//
// The host lets through what the manifest lists as egress and what its operator
// allows. Anything else fails before a byte has left the machine, and so do addresses
// that cannot be reached. In a process that no host confines, Dial connects directly.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	gate := os.Getenv(link.EgressKey)
	if gate == "" {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", gate)
	if err != nil {
		return nil, fmt.Errorf("reaching the host's gate: %w", err)
	}
	return tunnel.Open(ctx, conn, address, nil)
}
