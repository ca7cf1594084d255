package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// Limits of the pool. The connections of one client all go to one host, so the pool
// is as large as the calls that are expected to be under way at once; HTTP/2, where
// the server speaks it, needs far fewer.
const (
	poolSize        = 512
	idleTimeout     = 30 * time.Second // below the idle time-outs usual at servers, so that we hang up first
	dialTimeout     = 10 * time.Second
	tlsTimeout      = 10 * time.Second
	keepAliveProbe  = 15 * time.Second
	pingAfter       = 15 * time.Second // HTTP/2: quiet time before the peer is asked for a sign of life
	pingTimeout     = 10 * time.Second
	maxHeaderBytes  = 64 << 10
	maxAnswerBytes  = 8 << 20
	maxRefusalBytes = 64 << 10
)

// newTransport makes the pool for one base URL. Compression is off, so that the cap
// on an answer's size is a cap on memory.
func newTransport(base *url.URL, o Options) *http.Transport {
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &http.Transport{
		DialContext:            dialFor(base, o),
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConns:           poolSize,
		MaxIdleConnsPerHost:    poolSize,
		MaxConnsPerHost:        poolSize,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// dialFor makes the connections to base. A secret key goes over plain http in clear: not
// a byte of it to another machine.
func dialFor(base *url.URL, o Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	if o.Dial != nil {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return o.Dial(ctx, network, address) // base is checked: over http it names this machine
		}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAliveProbe}
	if base.Scheme == "http" {
		dialer.ControlContext = onlyLoopback
	}
	return dialer.DialContext
}

// onlyLoopback refuses to dial an address of another machine, whatever the name
// "localhost" was resolved to.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("plain http to %s: want a loopback address", host)
	}
	return nil
}
