// Package smartpay connects Smartpay, a Japanese redirect checkout, to the host.
//
// A payment of the host's is an order at Smartpay, a capture is a payment there, and
// a refund hangs on a capture. The buyer approves on a page of Smartpay's; what the
// browser brings back proves nothing, so money is believed only when it is read over
// the API. Voiding releases what is not captured, after a partial capture too. An
// order that the buyer has not approved cannot be withdrawn.
//
// Every status, error code and broken answer is translated by one table each
// ([orderTable], [captureTable], [refundTable], [errorTable]), whatever path it came
// by; what no table lists is reported as unknown with Smartpay's own word kept. The
// tables are printed in testdata/tables.md.
//
// The connector keeps no state between calls but pools of connections, one for each
// base URL. It sends at most one write per call, never sends one twice, and leaves
// retrying, waiting and deciding to the host. Everything it needs to find a payment
// again is at Smartpay: the host's reference on the order, and operation ids on
// captures and refunds. Calls that search a list at the same time search it together.
//
// It does not offer tokens, zero authorization or increments.
package smartpay

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// Options refine a Connector. The zero Options suits production.
type Options struct {
	// Dial makes connections to Smartpay, as http.Transport.DialContext does; nil means
	// directly. In a connector's process it is serve.Dial, the way out that hosts give.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS may name certificate authorities other than the system's.
	TLS *tls.Config
	// Now is the connector's clock; nil means time.Now.
	Now func() time.Time
}

// A Connector implements every operation that Smartpay has. It is safe for
// concurrent use.
type Connector struct {
	options Options

	mu      sync.Mutex
	clients map[string]*api.Client // by base URL
	shelves map[shelf]*lists       // of the accounts that are being read
}

var (
	_ sdk.CredentialChecker = (*Connector)(nil)
	_ sdk.Authorizer        = (*Connector)(nil)
	_ sdk.PaymentFinder     = (*Connector)(nil)
	_ sdk.Capturer          = (*Connector)(nil)
	_ sdk.Voider            = (*Connector)(nil)
	_ sdk.Canceler          = (*Connector)(nil)
	_ sdk.Refunder          = (*Connector)(nil)
	_ sdk.RefundFinder      = (*Connector)(nil)
	_ sdk.WebhookReader     = (*Connector)(nil)
	_ sdk.WebhookRegistrar  = (*Connector)(nil)
)

// New returns a connector. It does no I/O.
func New(o Options) *Connector {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Connector{options: o, clients: make(map[string]*api.Client), shelves: make(map[shelf]*lists)}
}

// Close closes the connections that are idle. The connector can still be used.
func (c *Connector) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.Close()
	}
}

// maxClients bounds how many base URLs are remembered at once. In production there
// is one.
const maxClients = 64

// client returns the client for a base URL. Accounts that share a base URL share its
// connections, and nothing else.
func (c *Connector) client(base string) (*api.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.clients[base]; client != nil {
		return client, nil
	}
	client, err := api.New(base, api.Options{
		Dial: c.options.Dial, TLS: c.options.TLS, Now: c.options.Now, UserAgent: name + "-connector/" + version,
	})
	if err != nil {
		return nil, err
	}
	if len(c.clients) >= maxClients {
		for _, old := range c.clients {
			old.Close()
		}
		clear(c.clients) // calls under way keep the client that they hold
	}
	c.clients[base] = client
	return client, nil
}
