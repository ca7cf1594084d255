package fault

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
)

// Engine holds the rules that are armed. The zero Engine has none. It is safe
// for concurrent use; rules count matches in the order in which they are asked.
type Engine struct {
	mu    sync.Mutex
	seed  uint64
	last  int
	rules []*Rule
}

// Arm adds the rules of a script, behind those already armed, and gives them
// back with their identifiers. A script's seed, if it says one, holds from then on.
func (e *Engine) Arm(script Script) ([]Rule, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.rules) + len(script.Rules); n > MaxRules {
		return nil, fmt.Errorf("faults: %d would be armed, and %d is the most", n, MaxRules)
	}
	if script.Seed != nil {
		e.seed = *script.Seed
	}
	for _, rule := range script.Rules {
		e.last++
		rule.ID, rule.Matched, rule.Fired = e.last, 0, 0
		e.rules = append(e.rules, &rule)
	}
	return e.list(), nil
}

// Rules gives what is armed, with how often each has matched and fired.
func (e *Engine) Rules() []Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list()
}

func (e *Engine) list() []Rule {
	all := make([]Rule, len(e.rules))
	for i, rule := range e.rules {
		all[i] = *rule
	}
	return all
}

// Disarm removes one rule; it reports false when there is none of that identifier.
func (e *Engine) Disarm(id int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.rules, func(r *Rule) bool { return r.ID == id })
	if i < 0 {
		return false
	}
	e.rules = slices.Delete(e.rules, i, i+1)
	return true
}

// Clear removes every rule.
func (e *Engine) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules = nil
}

// ClearOf removes every rule that is about one merchant alone.
func (e *Engine) ClearOf(merchant string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules = slices.DeleteFunc(e.rules, func(r *Rule) bool { return r.Merchant == merchant })
}

// Occasion is what rules are matched against: a request, or a delivery, of
// which On is [Webhook].
type Occasion struct {
	On, Event, Reference, Merchant, Key string
}

// Fire gives the rules that apply now, in the order in which they were armed.
func (e *Engine) Fire(o Occasion) []Rule {
	e.mu.Lock()
	defer e.mu.Unlock()
	var fired []Rule
	for _, rule := range e.rules {
		if !rule.applies(o) {
			continue
		}
		rule.Matched++
		if rule.due() && e.drawn(rule) {
			rule.Fired++
			fired = append(fired, *rule)
		}
	}
	return fired
}

func (r *Rule) applies(o Occasion) bool {
	here := r.On == o.On || r.On == Any && o.On != Webhook && o.On != ""
	among := len(r.Among) == 0 || slices.Contains(r.Among, o.On)
	return here && among && (r.Merchant == "" || r.Merchant == o.Merchant) && (r.Event == "" || r.Event == o.Event) &&
		(r.Reference == "" || r.Reference == o.Reference) && (r.Key == "" || r.Key == o.Key)
}

// due reports whether a match, already counted, is one of those that fire.
func (r *Rule) due() bool {
	times := r.Times
	if times == 0 && r.Nth > 0 {
		times = 1
	}
	return r.Matched >= r.Nth && (times == 0 || r.Fired < times)
}

// drawn decides by chance, the same for the same seed, rule and match.
func (e *Engine) drawn(r *Rule) bool {
	if r.Chance == 0 {
		return true
	}
	h := fnv.New64a()
	var text [24]byte
	binary.BigEndian.PutUint64(text[:], e.seed)
	binary.BigEndian.PutUint64(text[8:], uint64(r.ID))
	binary.BigEndian.PutUint64(text[16:], uint64(r.Matched))
	_, _ = h.Write(text[:]) // a hash never fails to take bytes
	mixed := h.Sum64()
	mixed ^= mixed >> 32
	return mixed%100 < uint64(r.Chance)
}
