package notify

import (
	"net/netip"
	"syscall"
)

// A forbiddenError says that an address is not one that a merchant may have us connect to.
type forbiddenError struct{ address string }

// Error names the address.
func (e *forbiddenError) Error() string { return e.address + " is not a public address" }

// publicOnly refuses to connect to addresses that are not of the public internet: this
// machine, its network, and what is reserved. It is asked with the very address that is
// connected to, so that a name which means something else a moment later does not help.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr().Unmap()) {
		return &forbiddenError{address}
	}
	return nil
}

// special are networks that are not of the public internet, beside those that package
// netip knows.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // behind carriers' translators
	netip.MustParsePrefix("192.0.0.0/24"),    // protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),    // IPv4 through a translator, private ones too
	netip.MustParsePrefix("64:ff9b:1::/48"),  // the same, local
	netip.MustParsePrefix("100::/64"),        // discarded
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // IPv4 in IPv6, private ones too
	netip.MustParsePrefix("fec0::/10"),       // sites, as they once were
}

func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, network := range special {
		if network.Contains(a) {
			return false
		}
	}
	return true
}
