package reference

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// nextPage is where the buyer goes: the page as the provider gives it, if a browser can be
// sent there and it is on the host that its API is on.
func nextPage(op sdk.Op, api *url.URL, page string, ends time.Time) (*sdk.Next, error) {
	if !usable(page, api) || ends.IsZero() {
		return nil, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the buyer must act, and the answer has no page for that")
	}
	return &sdk.Next{RedirectURL: page, ExpiresAt: ends}, nil
}

// usable reports whether page is on the API's host, by https, or by http to this machine.
func usable(page string, api *url.URL) bool {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil || !strings.EqualFold(u.Hostname(), api.Hostname()) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
