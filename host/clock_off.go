//go:build !failpoint

package host

import "time"

// now is the machine's clock: this is what is shipped. See clock_on.go.
func now() time.Time { return time.Now() }
