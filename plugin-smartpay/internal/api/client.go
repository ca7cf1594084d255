package api

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options refine a Client. The zero Options suits production: direct connections,
// the system's certificate authorities, the system's clock.
type Options struct {
	// Dial makes connections, as http.Transport.DialContext does; nil means directly.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS may name certificate authorities. TLS 1.2 is the least that is spoken.
	TLS *tls.Config
	// UserAgent is sent with each request; "" sends Go's own.
	UserAgent string
	// Now is used to read Retry-After dates; nil means time.Now.
	Now func() time.Time
}

// A Client speaks to one base URL over one pool of connections. It holds no
// credentials and is safe for concurrent use.
type Client struct {
	base      *url.URL
	transport *http.Transport
	agent     string
	now       func() time.Time
}

// New returns a client for base, which must be https, or http to a loopback
// address. Nothing is dialled before the first call.
func New(base string, o Options) (*Client, error) {
	parsed, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{base: parsed, transport: newTransport(parsed, o), agent: o.UserAgent, now: o.Now}, nil
}

// Close closes the connections that are idle. Calls under way are not disturbed,
// and the client can still be used.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// As returns the API as the merchant who owns key sees it. It is cheap: make one
// for each call.
func (c *Client) As(key SecretKey) Merchant { return Merchant{client: c, key: key} }

// A Merchant is the API with one merchant's key. Every method sends one request,
// returns a [*Failure] if it does not end in a readable success, and is safe for
// concurrent use. The context bounds the whole call, reading the answer included.
//
// Methods that write take an idempotency key. Smartpay keeps the result of a key
// for six hours and then forgets it.
type Merchant struct {
	client  *Client
	key     SecretKey
	private []string
}

// Hiding returns the same merchant, whose refusals do not show the given words: a
// server that repeats in an error what it was sent may repeat who the shopper is. They
// are found as they are, and as JSON and as a URL would have them. Words of less than
// four bytes are let pass: they tell nobody apart, and are found in words about
// something else.
func (m Merchant) Hiding(words ...string) Merchant {
	m.private = words
	return m
}
