package reference

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Options say how the provider is reached. A test may wrap either way.
type Options struct {
	// Inside reaches a provider in the same process, for accounts that name no
	// provider_url. Nil means that there is none, and such accounts are refused.
	Inside http.RoundTripper
	// Outside reaches the provider that an account names. Nil means over the network.
	// It must send a request at most once and follow no redirects.
	Outside http.RoundTripper
	// Dial makes the connections of Outside when that is nil, as http.Transport.DialContext
	// does; nil means directly.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the connector's clock; nil means time.Now.
	Now func() time.Time
}

// A Connector implements every operation of the contract. It is safe for concurrent
// use.
type Connector struct{ options Options }

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
	_ sdk.Tokenizer         = (*Connector)(nil)
	_ sdk.TokenDeleter      = (*Connector)(nil)
	_ sdk.ZeroAuthorizer    = (*Connector)(nil)
	_ sdk.Incrementer       = (*Connector)(nil)
)

// New returns a connector. It does no I/O.
func New(o Options) *Connector {
	if o.Outside == nil {
		o.Outside = Network(o.Dial)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Connector{options: o}
}

// Close closes the connections that are idle. The connector can still be used.
func (c *Connector) Close() {
	if pool, ok := c.options.Outside.(interface{ CloseIdleConnections() }); ok {
		pool.CloseIdleConnections()
	}
}

// Limits of a pool of connections.
const (
	poolSize    = 256
	idleTimeout = 30 * time.Second
	dialTimeout = 5 * time.Second
)

// network reaches a provider over TLS; or in clear, but only on this machine.
type network struct{ secure, plain *http.Transport }

// Network reaches providers as a connector does whose Options say nothing about Outside,
// for who wraps it. Dial is that of [Options].
func Network(dial func(ctx context.Context, network, address string) (net.Conn, error)) http.RoundTripper {
	pool := func(dialer net.Dialer) *http.Transport {
		dialer.Timeout = dialTimeout
		connect := dialer.DialContext
		if dial != nil {
			connect = dial // an account that names plain http names this machine
		}
		return &http.Transport{
			DialContext: connect, TLSHandshakeTimeout: dialTimeout,
			MaxIdleConns: poolSize, MaxIdleConnsPerHost: poolSize, MaxConnsPerHost: poolSize,
			IdleConnTimeout: idleTimeout, DisableCompression: true,
		}
	}
	n := network{secure: pool(net.Dialer{}), plain: pool(net.Dialer{ControlContext: onlyLoopback})}
	n.secure.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return n
}

func (n network) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "https" {
		return n.secure.RoundTrip(req)
	}
	return n.plain.RoundTrip(req)
}

func (n network) CloseIdleConnections() {
	n.secure.CloseIdleConnections()
	n.plain.CloseIdleConnections()
}

// onlyLoopback refuses to dial another machine, whatever a name was resolved to.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("plain http to %s: want an address of this machine", host)
	}
	return nil
}
