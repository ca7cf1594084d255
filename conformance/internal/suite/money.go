package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// Sums are what has moved of one payment in total, in minor units of its currency.
// Returned is less what bounced.
type Sums struct{ Held, Taken, Released, Returned int64 }

// String says the sums for people.
func (s Sums) String() string {
	return fmt.Sprintf("%d held, %d taken, %d released, %d returned", s.Held, s.Taken, s.Released, s.Returned)
}

// Open is what is held and neither taken nor released.
func (s Sums) Open() int64 { return max(0, s.Held-s.Taken-s.Released) }

// State is the state that the sums make of a payment on which money was held.
func (s Sums) State() sdk.State {
	switch {
	case s.Taken > 0 && s.Open() > 0:
		return sdk.StatePartiallyCaptured
	case s.Taken > 0:
		return sdk.StateCaptured
	case s.Open() > 0:
		return sdk.StateAuthorized
	}
	return sdk.StateVoided
}

// SumsOf adds a payment's movements up.
func SumsOf(p sim.Payment) Sums {
	return Sums{
		Held: p.Sum(sim.Hold), Taken: p.Sum(sim.Take), Released: p.Sum(sim.Release),
		Returned: p.Sum(sim.Return) - p.Sum(sim.Bounce),
	}
}

// Sums are what the provider's books say has moved.
func (p *Payment) Sums(ctx context.Context) (Sums, error) {
	books, err := p.Books(ctx)
	return SumsOf(books), err
}

// What is accepted and not done yet is waited for, so often and so long in between.
const (
	moveTries = 100
	movePause = 20 * time.Millisecond
)

// Moved checks what has moved in the provider's books. It waits only where an answer
// has said that its effect comes later.
func (p *Payment) Moved(ctx context.Context, step string, want Sums, answers ...sdk.Answer) error {
	later := false
	for _, a := range answers {
		later = later || a.Outcome == sdk.OutcomePending
	}
	for try := 1; ; try++ {
		got, err := p.Sums(ctx)
		if err != nil || got == want {
			return err
		}
		if !later || try == moveTries {
			return Brokenf(step+", in the provider's books", want.String(), "%s", got)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(movePause):
		}
	}
}

// Done checks that a write took effect, at once or later.
func Done(step string, a sdk.Answer, err error) error {
	return Outcome(step, a, err, sdk.OutcomeSucceeded, sdk.OutcomePending)
}

// Shows checks that a lookup tells the state and the totals that sums make. What was
// never released need not be told.
func Shows(step string, s *sdk.Snapshot, currency sdk.Currency, want Sums) error {
	if err := Equal(step+": state", s.State, want.State()); err != nil {
		return err
	}
	totals := []struct {
		name string
		got  *sdk.Money
		want int64
	}{
		{"authorized", s.Authorized, want.Held}, {"captured", s.Captured, want.Taken},
		{"released", s.Released, want.Released}, {"refunded", s.Refunded, want.Returned},
	}
	for _, t := range totals {
		if t.name == "released" && t.want == 0 && t.got == nil {
			continue
		}
		if err := Amount(step+": "+t.name, t.got, sdk.Money{Minor: t.want, Currency: currency}); err != nil {
			return err
		}
	}
	return listed(step, s, currency, want)
}

// listed checks that the captures and refunds that a snapshot lists come to the sums.
func listed(step string, s *sdk.Snapshot, currency sdk.Currency, want Sums) error {
	var taken, returned int64
	for _, c := range s.Captures {
		if c.Status == sdk.MoveSucceeded && c.Amount != nil {
			taken += c.Amount.Minor
		}
	}
	for _, r := range s.Refunds {
		if r.Status == sdk.MoveSucceeded && r.Amount != nil {
			returned += r.Amount.Minor
		}
	}
	if err := Equal(step+": the sum of its captures", sdk.Money{Minor: taken, Currency: currency},
		sdk.Money{Minor: want.Taken, Currency: currency}); err != nil {
		return err
	}
	return Equal(step+": the sum of its refunds", sdk.Money{Minor: returned, Currency: currency},
		sdk.Money{Minor: want.Returned, Currency: currency})
}

// Stays checks that a request was refused because of what the payment is, and that no
// money moved.
func (p *Payment) Stays(ctx context.Context, step string, err error, before Sums, codes ...sdk.Code) error {
	if wrong := Refused(step, err, codes...); wrong != nil {
		return wrong
	}
	if e := sdk.AsError(err); e.Category() != sdk.CategoryState {
		return Brokenf(step, "a refusal of category "+string(sdk.CategoryState), "%s of %s (%v)", e.Code, e.Category(), err)
	}
	return p.Moved(ctx, step, before)
}

// Blocking marks the failure of a step that other cases prove, so that it is not blamed
// twice.
func Blocking(step string, err error) error {
	if err == nil {
		return nil
	}
	return blocked(step, err)
}
