package ledger

import "time"

// Kept returns t as the host keeps time: in UTC, to the microsecond. Whatever is
// written down passes through it first, so that a time read back equals the one
// written, and a provider's finer clock never looks like news.
func Kept(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
