package api

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// DefaultBase is the base URL of the real service. One host serves test and live
// mode; the key decides.
const DefaultBase = "https://api.smartpay.co/v1"

// parseBase reads a base URL: https, or plain http to this machine only, with
// nothing beside scheme, host and path.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		// The parser's own message repeats the text, which may hold a password.
		return nil, fmt.Errorf("not a URL")
	}
	switch {
	case base.Host == "" || base.Opaque != "":
		return nil, fmt.Errorf("want an absolute URL, such as %s", DefaultBase)
	case base.User != nil, base.RawQuery != "", base.ForceQuery, base.Fragment != "":
		return nil, fmt.Errorf("want no user, query or fragment")
	case base.Scheme != "https" && (base.Scheme != "http" || !IsLoopback(base.Hostname())):
		return nil, fmt.Errorf("want https, or http to a loopback address")
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = ""
	return base, nil
}

// IsLoopback reports whether host means this machine, by its name alone.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
