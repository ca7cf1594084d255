package ledger

import (
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Kept returns t as the host keeps time: in UTC, to the microsecond. Whatever is
// written down passes through it first, so that a time read back equals the one
// written, and a provider's finer clock never looks like news.
func Kept(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// KeepTimes trims every time in t. Folding trims what it folds in, so this changes
// nothing in a Truth that was only ever folded into, but for the buyer's next step.
func (t *Truth) KeepTimes() {
	t.ExpiresAt, t.AuthorizedAt = Kept(t.ExpiresAt), Kept(t.AuthorizedAt)
	captures, refunds := slices.Clone(t.Captures), slices.Clone(t.Refunds)
	for i := range captures {
		captures[i].At = Kept(captures[i].At)
	}
	for i := range refunds {
		refunds[i].At = Kept(refunds[i].At)
	}
	t.Captures, t.Refunds = captures, refunds
	if t.Next != nil {
		t.Next = &sdk.Next{RedirectURL: t.Next.RedirectURL, ExpiresAt: Kept(t.Next.ExpiresAt)}
	}
}
