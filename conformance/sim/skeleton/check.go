package skeleton

import (
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// none is the body of a request that says nothing.
type none struct{}

// maxAdvance bounds how far the clock is moved at once.
const maxAdvance = 100 * 365 * 24 * time.Hour

// wrong says what is wrong with a field, and what would be right.
func wrong(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s %s", ErrInvalid, field, fmt.Sprintf(format, args...))
}

func oneOf[T ~string](field string, got T, words ...T) error {
	if slices.Contains(words, got) {
		return nil
	}
	return wrong(field, "must be one of %v, not %q", words, got)
}

func checkBuyer(b sim.Buyer) error {
	if b.Reference == "" {
		return wrong("reference", "must be the payment's")
	}
	return oneOf("does", b.Does, sim.Approve, sim.Decline, sim.Leave)
}

func checkDashboard(d sim.Dashboard) error {
	switch {
	case d.Reference == "":
		return wrong("reference", "must be the payment's")
	case d.Minor < 0:
		return wrong("minor", "must be more than 0, or 0 for all that there is")
	}
	return oneOf("does", d.Does, "capture", "void", "refund", "expire")
}

func checkEvent(e sim.Event) error {
	if e.Type == "" {
		return wrong("type", "must be an event's")
	}
	return nil
}

func checkAdvance(a sim.Advance) error {
	if a.Milliseconds < 0 || a.Milliseconds > maxAdvance.Milliseconds() {
		return wrong("advance_ms", "must be 0 to %d", maxAdvance.Milliseconds())
	}
	return nil
}

// checkFault refuses a fault that would do nothing.
func checkFault(f sim.Fault) error {
	switch {
	case f.Times < 0:
		return wrong("times", "must be how often, or 0 for until it is taken back")
	case f.Seconds < 0:
		return wrong("seconds", "must not be negative")
	case f.Milliseconds < 0:
		return wrong("ms", "must not be negative")
	}
	switch f.Kind {
	case sim.FaultStatus, sim.FaultCurrency, sim.FaultUnexpected:
		if f.Value == "" {
			return wrong("value", "is required for %s", f.Kind)
		}
	case sim.FaultHidden, sim.FaultKeyBusy:
		if f.Milliseconds == 0 {
			return wrong("ms", "is required for %s", f.Kind)
		}
	case sim.FaultLess:
		if f.Minor <= 0 {
			return wrong("minor", "must be more than 0 for %s", f.Kind)
		}
	case sim.FaultAmount, sim.FaultKeyError, sim.FaultForget, sim.FaultRateLimit:
		// An amount may read anything, and the others need nothing.
	}
	return nil
}
