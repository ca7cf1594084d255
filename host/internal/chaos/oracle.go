package chaos

import (
	"fmt"
	"slices"
)

// A Verdict is what is wrong with the books, in sentences. Lost is what one side says
// and another denies; Doubled, what happened more often than it was asked for; Unknown,
// what has no end yet.
type Verdict struct {
	Payments               int // that merchants asked for
	Lost, Doubled, Unknown []string
}

// Clean reports whether nothing is wrong.
func (v Verdict) Clean() bool { return len(v.Lost)+len(v.Doubled)+len(v.Unknown) == 0 }

// Line is the verdict in one line. Faults is how often something was broken, and seed
// repeats the run.
func (v Verdict) Line(faults int, seed uint64) string {
	return fmt.Sprintf("payments %d faults %d lost %d doubled %d unknown %d seed %d",
		v.Payments, faults, len(v.Lost), len(v.Doubled), len(v.Unknown), seed)
}

// Judge compares the books once the dust has settled. These laws hold:
//
//   - An operation ends in exactly one way, and that is known.
//   - The provider moves money for an operation at most once, and only if asked.
//   - The host and the merchant are told of a success where the provider moved money,
//     and nowhere else, with the same amount and the same name for it.
//   - Every order of the provider is a payment of the host, and every payment that is
//     more than a failure is one order of the provider.
func Judge(b Books) Verdict {
	j := judge{
		asks: group(b.Asks, func(a Ask) string { return a.Payment }), byName: group(b.Payments, func(p Payment) string { return p.Name }),
		orders:    group(b.Orders, func(o Order) string { return o.Reference }),
		movements: group(b.Movements, func(m Movement) string { return m.Reference }),
	}
	byReference := group(b.Payments, func(p Payment) string { return p.Reference })
	j.known(byReference)
	for name, asks := range j.asks {
		j.asked(name, asks)
	}
	for _, p := range b.Payments {
		if len(j.asks[p.Name]) == 0 {
			j.doubled("payment %s: no merchant asked for it", p.ID)
		}
		j.payment(p)
	}
	j.keys(b.Movements)
	j.verdict.Payments = len(j.asks)
	return j.verdict
}

type judge struct {
	asks      map[string][]Ask      // by the merchant's name
	byName    map[string][]Payment  // likewise
	orders    map[string][]Order    // by reference
	movements map[string][]Movement // by reference
	verdict   Verdict
}

func (j *judge) lost(format string, args ...any) {
	j.verdict.Lost = append(j.verdict.Lost, fmt.Sprintf(format, args...))
}

func (j *judge) doubled(format string, args ...any) {
	j.verdict.Doubled = append(j.verdict.Doubled, fmt.Sprintf(format, args...))
}

func (j *judge) unknown(format string, args ...any) {
	j.verdict.Unknown = append(j.verdict.Unknown, fmt.Sprintf(format, args...))
}

// known complains of what only the provider knows.
func (j *judge) known(payments map[string][]Payment) {
	for reference, orders := range j.orders {
		if len(payments[reference]) == 0 {
			j.lost("order %s, %s: the provider has it and the host does not", orders[0].ID, reference)
		}
	}
	for reference, movements := range j.movements {
		if len(payments[reference]) == 0 {
			j.lost("%d %s for %s: the provider has it and the host does not", movements[0].Amount, movements[0].Motion, reference)
		}
	}
}

// asked compares what a merchant asked for with whether there is such a payment.
func (j *judge) asked(name string, asks []Ask) {
	switch n := len(j.byName[name]); {
	case n > 1:
		j.doubled("payment %s: asked for once, and the host has %d", name, n)
	case n == 0 && slices.ContainsFunc(asks, func(a Ask) bool { return a.Told != Nothing }):
		j.lost("payment %s: the merchant was told of it, and the host does not have it", name)
	}
}

// payment compares one payment with the provider's books and with its merchant's.
func (j *judge) payment(p Payment) {
	j.end(p)
	orders := j.orders[p.Reference]
	if len(orders) > 1 {
		j.doubled("payment %s: the provider has %d orders for it", p.ID, len(orders))
	}
	if len(orders) == 0 && p.Status != "authorization_failed" && p.Status != "authorization_declined" {
		j.lost("payment %s: is %s, and the provider has never heard of it", p.ID, p.Status)
	}
	for _, sum := range []struct {
		motion string
		says   int64
	}{{"authorized", p.Authorized}, {"captured", p.Captured}, {"released", p.Released}, {"refunded", p.Refunded}} {
		if moved := j.sum(p.Reference, sum.motion); moved != sum.says {
			j.lost("payment %s: the host says that %d is %s, the provider says %d", p.ID, sum.says, sum.motion, moved)
		}
	}
	j.names(p)
	for kind := range motions {
		j.effects(p, kind)
	}
}

// end complains of what has no end, or more than one.
func (j *judge) end(p Payment) {
	switch {
	case p.Unsettled > 0:
		j.unknown("payment %s: %d operations are unsettled", p.ID, p.Unsettled)
	case p.Status == "processing" || p.Status == "capture_pending" || p.Status == "authorization_void_pending":
		j.unknown("payment %s: is still %s", p.ID, p.Status)
	}
	for _, m := range p.Moves {
		if m.Status != "succeeded" && m.Status != "failed" && m.Status != "declined" {
			j.unknown("payment %s: %s of %d is still %s", p.ID, m.Kind, m.Amount, m.Status)
		}
	}
	for _, op := range p.Operations {
		if len(op.Ends) > 1 {
			j.lost("payment %s: %s of %d ended as %q", p.ID, op.Kind, op.Amount, op.Ends)
		}
		moves := 0
		for _, m := range p.Moves {
			if m.Operation == op.ID {
				moves++
			}
		}
		if moves != 1 && (op.Kind == Capture || op.Kind == Refund) {
			j.lost("payment %s: merchants see %s of %d %d times", p.ID, op.Kind, op.Amount, moves)
		}
	}
}

// motions says what a kind of operation does at the provider.
var motions = map[Kind]string{Capture: "captured", Refund: "refunded", Void: "released"}

// names compares what succeeded with the provider's names for it.
func (j *judge) names(p Payment) {
	for _, m := range p.Moves {
		same := func(x Movement) bool {
			return x.Motion == motions[m.Kind] && x.Ref == m.Ref && x.Amount == m.Amount
		}
		if m.Status == "succeeded" && !slices.ContainsFunc(j.movements[p.Reference], same) {
			j.lost("payment %s: %s %s of %d succeeded, and the provider has none of that name and amount", p.ID, m.Kind, m.Ref, m.Amount)
		}
	}
}

// effects compares, amount by amount, how often operations of a kind were asked for,
// succeeded and took effect.
func (j *judge) effects(p Payment, kind Kind) {
	asked, told, denied := map[int64]int{}, map[int64]int{}, map[int64]int{}
	for _, a := range j.asks[p.Name] {
		if a.Kind != kind {
			continue
		}
		asked[a.Amount]++
		switch a.Told {
		case Succeeded:
			told[a.Amount]++
		case Failed:
			denied[a.Amount]++
		case Nothing:
		}
	}
	moved, succeeded := j.moved(p.Reference, kind), p.succeeded(kind)
	for amount := range union(asked, moved, succeeded) {
		m := moved[amount]
		if m > asked[amount] {
			j.doubled("payment %s: %s of %d took effect %d times, and was asked for %d times", p.ID, kind, amount, m, asked[amount])
		}
		if m != succeeded[amount] {
			j.lost("payment %s: %s of %d took effect %d times, the host says %d", p.ID, kind, amount, m, succeeded[amount])
		}
		if told[amount] > m || m > 0 && denied[amount] == asked[amount] {
			j.lost("payment %s: %s of %d took effect %d times, the merchant was told of %d successes and %d failures",
				p.ID, kind, amount, m, told[amount], denied[amount])
		}
	}
}

// succeeded counts the operations of a kind that the host says have succeeded.
func (p Payment) succeeded(kind Kind) map[int64]int {
	count := map[int64]int{}
	for _, m := range p.Moves {
		if m.Kind == kind && m.Status == "succeeded" {
			count[m.Amount]++
		}
	}
	for _, op := range p.Operations {
		// Without an answer, and settled: the provider was seen to have done it.
		seen := (op.Outcome == "UNKNOWN" || op.Outcome == "") && p.Unsettled == 0
		if kind == Void && op.Kind == Void && (op.Outcome == "SUCCEEDED" || seen) {
			count[op.Amount]++
		}
	}
	return count
}

// moved counts what took effect. What a last capture lets go of is part of the capture.
func (j *judge) moved(reference string, kind Kind) map[int64]int {
	captures := map[string]bool{}
	for _, m := range j.movements[reference] {
		captures[m.Key] = captures[m.Key] || m.Motion == motions[Capture]
	}
	count := map[int64]int{}
	for _, m := range j.movements[reference] {
		if m.Motion == motions[kind] && (kind == Capture || !captures[m.Key]) {
			count[m.Amount]++
		}
	}
	return count
}

func (j *judge) sum(reference, motion string) (sum int64) {
	for _, m := range j.movements[reference] {
		if m.Motion == motion {
			sum += m.Amount
		}
	}
	return sum
}

// keys complains of a key under which the provider did the same twice.
func (j *judge) keys(movements []Movement) {
	type use struct{ key, motion string }
	uses := map[use]int{}
	for _, m := range movements {
		if m.Key != "" {
			uses[use{m.Key, m.Motion}]++
		}
	}
	for u, n := range uses {
		if n > 1 {
			j.doubled("key %s: %s %d times", u.key, u.motion, n)
		}
	}
}

func group[T any](list []T, name func(T) string) map[string][]T {
	groups := map[string][]T{}
	for _, x := range list {
		groups[name(x)] = append(groups[name(x)], x)
	}
	return groups
}

// union is the amounts in any of several counts.
func union(counts ...map[int64]int) map[int64]bool {
	all := map[int64]bool{}
	for _, count := range counts {
		for amount := range count {
			all[amount] = true
		}
	}
	return all
}
