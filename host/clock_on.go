//go:build failpoint

package host

import (
	"os"
	"strings"
	"time"
)

// clockFile names the variable that says where a test writes by how much this host's clock
// is wrong, as in "-10m".
const clockFile = "HOST_CLOCK"

// now is the machine's clock, and wrong by what the file says. It is compiled only with
// the tag "failpoint", which no release is built with.
func now() time.Time {
	text, err := os.ReadFile(os.Getenv(clockFile))
	if err != nil {
		return time.Now() // no test has touched it
	}
	wrong, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return time.Now()
	}
	// Without the monotonic reading, which a clock that is set does not carry on.
	return time.Now().Add(wrong).Round(0)
}
