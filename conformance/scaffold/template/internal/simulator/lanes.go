package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

// lanes is the simulator as the suite asks it. What it can do is what it implements.
type lanes struct{ *Simulator }

var (
	_ skeleton.Handler = lanes{}
	_ skeleton.Buyer   = lanes{}
	_ skeleton.Clock   = lanes{}
	_ skeleton.Faulter = lanes{}
	_ skeleton.Staff   = lanes{}
)

// Open implements [skeleton.Handler].
func (l lanes) Open(at string) (sim.Lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := newKey()
	l.merchants[key] = newMerchant()
	return sim.Lane{ID: key, URL: at, Values: map[string]string{"key": key}}, nil
}

// Close implements [skeleton.Handler].
func (l lanes) Close(lane string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.merchants, lane)
	return nil
}

// in calls do with the lane's merchant.
func (l lanes) in(lane string, do func(*merchant) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.merchants[lane]
	if m == nil { // closed meanwhile
		return fmt.Errorf("lane %s: %w", lane, skeleton.ErrNotFound)
	}
	return do(m)
}

// Ledger implements [skeleton.Handler]: from the books, never from what the API says.
func (l lanes) Ledger(lane string) (told sim.Ledger, err error) {
	err = l.in(lane, func(m *merchant) error {
		told.Requests, told.Writes = m.requests, m.writes
		for _, x := range m.charges {
			p := sim.Payment{
				Reference: x.Order, Order: x.ID, Currency: x.Currency, Most: x.Amount, Movements: []sim.Movement{
					{Motion: sim.Hold, Minor: x.Amount, Key: x.Key},
					{Motion: sim.Take, Minor: x.Amount, Key: x.Key, Move: x.ID},
				},
			}
			for _, r := range x.Refunds {
				p.Movements = append(p.Movements, sim.Movement{Motion: sim.Return, Minor: r.Amount, Key: r.Key, Move: r.ID})
			}
			told.Payments = append(told.Payments, p)
		}
		return nil
	})
	return told, err
}

// Buyer implements [skeleton.Buyer]. Buyers have no page here: whoever has paid has
// approved, and cannot take it back.
func (l lanes) Buyer(lane string, b sim.Buyer) error {
	return l.in(lane, func(m *merchant) error {
		if !slices.ContainsFunc(m.charges, func(x *charge) bool { return x.Order == b.Reference }) {
			return fmt.Errorf("payment %s: %w", b.Reference, skeleton.ErrNotFound)
		}
		if b.Does != sim.Approve {
			return errors.New("the buyer has paid already")
		}
		return nil
	})
}

// Advance implements [skeleton.Clock].
func (l lanes) Advance(d time.Duration) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
	return l.now(), nil
}

// A fault is armed in one lane.
type fault struct {
	sim.Fault
	left int // how often it still strikes; -1 until it is taken back
}

// Faults implements [skeleton.Faulter].
func (lanes) Faults() []sim.FaultKind {
	return []sim.FaultKind{
		sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency, sim.FaultKeyError, sim.FaultKeyBusy, sim.FaultForget,
		sim.FaultRateLimit, sim.FaultHidden, sim.FaultUnexpected,
	}
}

// Fault implements [skeleton.Faulter].
func (l lanes) Fault(lane string, f sim.Fault) error {
	return l.in(lane, func(m *merchant) error {
		armed := &fault{Fault: f, left: f.Times}
		switch {
		case f.Kind == sim.FaultForget:
			clear(m.uses)
			return nil
		case f.Times == 0 && (f.Kind == sim.FaultKeyError || f.Kind == sim.FaultKeyBusy):
			armed.left = 1 // of the next write only
		case f.Times == 0:
			armed.left = -1
		}
		m.faults = append(m.faults, armed)
		return nil
	})
}

// Behave implements [skeleton.Faulter]: it also ends what was in progress, and shows what
// was hidden.
func (l lanes) Behave(lane string) error {
	return l.in(lane, func(m *merchant) error {
		m.faults = nil
		for _, u := range m.uses {
			u.busy = time.Time{}
		}
		for _, x := range m.charges {
			x.Hidden = time.Time{}
			for _, r := range x.Refunds {
				r.Hidden = time.Time{}
			}
		}
		return nil
	})
}

// Dashboard implements [skeleton.Staff]: people can refund, and nothing else, because
// every charge is taken at once.
func (l lanes) Dashboard(lane string, d sim.Dashboard) error {
	return l.in(lane, func(m *merchant) error {
		at := slices.IndexFunc(m.charges, func(x *charge) bool { return x.Order == d.Reference })
		if at < 0 {
			return fmt.Errorf("payment %s: %w", d.Reference, skeleton.ErrNotFound)
		}
		x := m.charges[at]
		left := x.Amount - x.refunded()
		amount := cmp.Or(d.Minor, left)
		if d.Does != "refund" || amount == 0 || amount > left {
			return fmt.Errorf("a paid charge can be refunded, %d of it, and nothing else", left)
		}
		x.Refunds = append(x.Refunds, &refund{ID: l.name("re"), Amount: amount, Created: l.now()})
		return nil
	})
}

// strikes returns the fault of the kind that strikes now, if any does, and counts it.
func (m *merchant) strikes(kind sim.FaultKind) *fault {
	for _, f := range m.faults {
		if f.Kind == kind && f.left != 0 {
			if f.left > 0 {
				f.left--
			}
			return f
		}
	}
	return nil
}
