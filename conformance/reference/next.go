package reference

import (
	"net"
	"net/url"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// nextPage is where the buyer goes: the provider's page as it gives it, if a browser
// can be sent there.
func nextPage(op sdk.Op, page string, ends time.Time) (*sdk.Next, error) {
	if !usable(page) || ends.IsZero() {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the buyer must act, and the answer has no page for that")
	}
	return &sdk.Next{RedirectURL: page, ExpiresAt: ends}, nil
}

// usable reports whether page is https, or http to this machine.
func usable(page string) bool {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
