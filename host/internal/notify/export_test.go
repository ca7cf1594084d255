package notify

import (
	"net/netip"
	"time"
)

// SetTimeout replaces [AttemptTimeout].
func (c *Courier) SetTimeout(d time.Duration) { c.timeout = d }

// Public reports whether deliveries may go to an address.
func Public(a netip.Addr) bool { return public(a) }
