package supervise

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// Bounds say by how much a new release may do worse than the one that it replaced, in
// the same hour and for the same merchants, before it is taken back. What is zero has
// the default given beside it; a negative bound is not looked at.
//
// Shares are compared in thousandths of the calls. Whatever the bounds, a share counts
// as worse only if it is so by more than chance explains: at least five calls, and five
// standard deviations above what the old release's share would have given. That many,
// because it is looked at again and again.
type Bounds struct {
	// MinCalls is how many calls the new release must have had before its calls are
	// judged, and how many of one operation before its times are; 0 means 50.
	MinCalls int
	// Unknown is how much larger the share of writes may be of which nobody knows
	// whether they took effect; 0 means 20.
	Unknown int
	// Faults is the same of calls that the connector or the way to the provider broke:
	// PLUGIN, PROVIDER_AMBIGUOUS, INTEGRITY and UNMAPPED errors; 0 means 50.
	Faults int
	// Mix is the same of any other kind of error, each on its own: a release that
	// declines what the old one did not; 0 means 300.
	Mix int
	// Slower is how long, in percent of the old release's time, nine of ten calls of an
	// operation may take; 0 means 300. SlowerBy is how much longer it must be in any
	// case to count; 0 means 250ms.
	Slower   int
	SlowerBy time.Duration
}

func (b Bounds) withDefaults() Bounds {
	b.MinCalls = cmp.Or(b.MinCalls, 50)
	b.Unknown = cmp.Or(b.Unknown, 20)
	b.Faults = cmp.Or(b.Faults, 50)
	b.Mix = cmp.Or(b.Mix, 300)
	b.Slower = cmp.Or(b.Slower, 300)
	b.SlowerBy = cmp.Or(b.SlowerBy, 250*time.Millisecond)
	return b
}

// faults are the errors that are nobody's business but the connector's.
var faults = []sdk.Category{
	sdk.CategoryPlugin, sdk.CategoryProviderAmbiguous, sdk.CategoryIntegrity, sdk.CategoryUnmapped,
}

// blind is the least bound on a share, in thousandths, where the old release had too
// few calls to be compared with.
const blind = 500

// breach says in what the new release does worse than the bounds allow; empty if in
// nothing.
func (b Bounds) breach(now, before slot.Figures) string {
	n, o := now.Total(), before.Total()
	if n.Calls < int64(b.MinCalls) {
		return ""
	}
	known := o.Calls >= int64(b.MinCalls)
	var causes []string
	judge := func(what string, bad, was int64, margin int) {
		if worse(share{bad, n.Calls}, share{was, o.Calls}, int64(margin), known) {
			causes = append(causes, fmt.Sprintf("%s in %d of %d calls, before it was %d of %d", what, bad, n.Calls, was, o.Calls))
		}
	}
	if b.Unknown > 0 {
		judge("unknown outcomes", n.Unknown, o.Unknown, b.Unknown)
	}
	if b.Faults > 0 {
		judge("faults", n.Of(faults...), o.Of(faults...), b.Faults)
	}
	if b.Mix > 0 && known {
		n.EachError(func(c sdk.Category, bad int64) { judge(string(c)+" errors", bad, o.Of(c), b.Mix) })
	}
	if b.Slower > 0 && known {
		causes = append(causes, b.slower(now, before)...)
	}
	return strings.Join(causes, "; ")
}

// A share is so many of so many calls.
type share struct{ part, whole int64 }

// scaled is about the same share of few enough calls to reckon with.
func (s share) scaled() share {
	for s.whole > 1<<20 {
		s.part, s.whole = s.part/2, s.whole/2
	}
	return s
}

// least is how many calls must have gone wrong for their share to mean anything.
const least = 5

// worse reports whether a share is more than margin thousandths above what it was, and
// more than chance explains. If what it was is not known, it counts as nothing.
func worse(now, was share, margin int64, known bool) bool {
	now, was = now.scaled(), was.scaled()
	if now.part < least {
		return false
	}
	if !known {
		return now.part*1000 > max(margin, blind)*now.whole
	}
	// One more than there were, so that what has never failed is not taken for what
	// never fails.
	expected := max((was.part+1)*now.whole/was.whole, 1)
	over := now.part - expected
	return (now.part*was.whole-was.part*now.whole)*1000 > margin*now.whole*was.whole &&
		over > 0 && over*over*was.whole > 25*expected*(now.whole+was.whole)
}

func (b Bounds) slower(now, before slot.Figures) []string {
	times := map[sdk.Operation]time.Duration{}
	before.Each(func(op sdk.Operation, c slot.Count) {
		if c.Calls >= int64(b.MinCalls) {
			times[op] = c.Within(90)
		}
	})
	var causes []string
	now.Each(func(op sdk.Operation, c slot.Count) {
		was, is := times[op], c.Within(90)
		if was > 0 && c.Calls >= int64(b.MinCalls) && is > was*time.Duration(b.Slower)/100 && is-was > b.SlowerBy {
			causes = append(causes, fmt.Sprintf("%s takes %s, before it took %s", op, is.Round(time.Millisecond), was.Round(time.Millisecond)))
		}
	})
	return causes
}
