package launch

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/sdk/internal/tunnel"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/gate"
)

// Egress says where a connector may connect to. The zero Egress is nowhere.
//
// A connector gets out through the host: it asks for a name and a port, the host
// resolves the name and connects. Where the environment of the host names a proxy
// (HTTPS_PROXY, NO_PROXY), that is the way, for connectors too.
type Egress struct {
	// Allow are the addresses, as host:port. A name is allowed as it is written, not by
	// what it resolves to.
	Allow []string
	// Any allows every address.
	Any bool
	// Refused is told of each connection that was not allowed. It must be safe for
	// concurrent use. Nil is told nothing.
	Refused func(address string)
}

// check names the first address that is none.
func (e *Egress) check() error {
	for _, address := range e.Allow {
		if err := CheckAddress(address); err != nil {
			return &failure{ReasonHost, fmt.Errorf("egress: %w", err)}
		}
	}
	return nil
}

// CheckAddress reports what is wrong with an address that is to be allowed.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" || strings.ContainsAny(host, "*/ ") {
		return fmt.Errorf("%q is not an address, want host:port such as api.example.com:443", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: no such port: want a number from 1 to 65535", address)
	}
	return nil
}

// canonical makes equal addresses the same.
func canonical(address string) string {
	return strings.ToLower(strings.Replace(address, ".:", ":", 1))
}

func (e Egress) allows(address string) bool {
	if e.Any {
		return true
	}
	for _, allowed := range e.Allow {
		if canonical(allowed) == canonical(address) {
			return true
		}
	}
	return false
}

// dial is what the gate does with a connector's wish.
func (e Egress) dial(ctx context.Context, address string) (net.Conn, error) {
	if !e.allows(address) {
		if e.Refused != nil {
			e.Refused(address)
		}
		return nil, fmt.Errorf("%s: %w: neither the manifest nor the operator lists it", address, gate.ErrForbidden)
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: address}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("the host's proxy: %w", err)
	case proxy != nil:
		return dialThrough(ctx, proxy, address)
	}
	dialer := net.Dialer{KeepAlive: keepAlive}
	if host, _, _ := net.SplitHostPort(address); host == "localhost" {
		dialer.ControlContext = onlyLoopback
	}
	return dialer.DialContext(ctx, "tcp", address)
}

const keepAlive = 15 * time.Second

// dialThrough connects by way of a proxy.
func dialThrough(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	var (
		conn net.Conn
		err  error
	)
	switch proxy.Scheme {
	case "http":
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", withPort(proxy, "80"))
	case "https":
		conn, err = new(tls.Dialer).DialContext(ctx, "tcp", withPort(proxy, "443"))
	default:
		return nil, fmt.Errorf("the host's proxy: scheme %q is not spoken, want http or https", proxy.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("reaching the host's proxy: %w", err)
	}
	header := http.Header{}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	return tunnel.Open(ctx, conn, address, header)
}

func withPort(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// onlyLoopback keeps the name localhost on this machine, whatever it resolves to.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("localhost resolves to %s, which is another machine", host)
	}
	return nil
}
