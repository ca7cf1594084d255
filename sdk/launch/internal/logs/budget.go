package logs

import "time"

// A budget is a token bucket of bytes.
type budget struct {
	perSecond, burst int
	left             int
	at               time.Time
}

func newBudget(perSecond, burst int) budget {
	return budget{perSecond: perSecond, burst: burst, left: burst, at: time.Now()}
}

// take reports whether n bytes are in the budget, and spends them if so.
func (b *budget) take(n int) bool {
	now := time.Now()
	// Only whole bytes are added, and only their time is used up.
	if earned := int(min(now.Sub(b.at), time.Minute) * time.Duration(b.perSecond) / time.Second); earned > 0 {
		b.left = min(b.burst, b.left+earned)
		b.at = now
	}
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}
