package deed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Deed is a write that is ready to be asked for. It is not changed by being done.
type Deed struct {
	Op    sdk.Operation
	Call  sdk.Call // under which it is asked for
	Minor int64    // that it moves, in minor units

	kind    kind
	lane    *suite.Lane
	request sdk.AuthorizeRequest // of its payment
	payment *suite.Payment       // nil for an authorization, which makes one
	capture sdk.CaptureRef       // that a refund hangs on
	since   time.Time            // its payment is not older
	before  int                  // movements of its kind that were there before it
	remote  sdk.Remote           // that is asked; nil for the lane's
}

// A Result is what a connector made of a deed.
type Result struct {
	Answer sdk.Answer
	Err    error
	Ref    string // the provider's name for what was done; "" where it gives none
	Page   string // where the buyer goes
}

// Outcome is what became of the deed, as the connector has it.
func (r Result) Outcome() sdk.Outcome { return sdk.OutcomeOf(r.Answer, r.Err) }

// Code is why it did not succeed; "" if it did.
func (r Result) Code() sdk.Code {
	if r.Err == nil {
		return ""
	}
	return sdk.AsError(r.Err).Code
}

// String says what became of the deed.
func (r Result) String() string {
	if r.Err != nil {
		return fmt.Sprintf("%s (%v)", r.Outcome(), r.Err)
	}
	if r.Answer.Amount != nil {
		return fmt.Sprintf("%s of %s as %q", r.Outcome(), r.Answer.Amount, r.Ref)
	}
	return fmt.Sprintf("%s as %q", r.Outcome(), r.Ref)
}

// Done reports whether the connector says that the deed took effect, or will once the
// buyer has approved or the provider is ready.
func (r Result) Done() bool {
	switch r.Outcome() {
	case sdk.OutcomeSucceeded, sdk.OutcomeRequiresAction, sdk.OutcomePending:
		return true
	case sdk.OutcomeUnknown, sdk.OutcomeDeclined, sdk.OutcomeNotAttempted:
	}
	return false
}

// Do asks for the deed.
func (d *Deed) Do(ctx context.Context) Result { return d.kind.send(ctx, d) }

// Again asks for it again, as a host does: the same in everything but the attempt.
func (d *Deed) Again(ctx context.Context) Result {
	d.Call = suite.Again(d.Call)
	return d.Do(ctx)
}

// Twin is the same deed under a call of its own, with another key: another operation on
// the same payment, or another payment.
func (d *Deed) Twin() *Deed {
	twin := *d
	if d.payment != nil {
		twin.Call = d.lane.Next(d.Call)
		return &twin
	}
	twin.Call = d.lane.NewCall()
	twin.request.Call = twin.Call
	return &twin
}

// By is the same deed under the same call, asked of another process of the connector.
func (d *Deed) By(other sdk.Remote) *Deed {
	theirs := *d
	theirs.remote = other
	return &theirs
}

func (d *Deed) asked() sdk.Remote {
	if d.remote != nil {
		return d.remote
	}
	return d.lane.Remote
}

// Of is the same deed under the same call, for another amount.
func (d *Deed) Of(minor int64) *Deed {
	other := *d
	other.Minor = minor
	return &other
}

// Money is an amount in the deed's currency.
func (d *Deed) Money() sdk.Money { return d.moneyOf(d.Minor) }

func (d *Deed) moneyOf(minor int64) sdk.Money {
	return sdk.Money{Minor: minor, Currency: d.request.Amount.Currency}
}

// Reference is our name for the deed's payment.
func (d *Deed) Reference() sdk.Reference { return d.request.Call.Reference }

// Ready readies a deed of each kind that the connector offers, of the given operations
// or, if none are given, of all. A kind that cannot be readied blocks.
func Ready(ctx context.Context, l *suite.Lane, ops ...sdk.Operation) ([]*Deed, error) {
	var deeds []*Deed
	for _, k := range kinds {
		if !k.offered(l.Description) || !wanted(k.op, ops) {
			continue
		}
		d, err := k.ready(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("readying %s: %w", k.op, err)
		}
		d.Op, d.kind, d.lane = k.op, k, l
		deeds = append(deeds, d)
	}
	if len(deeds) == 0 {
		return nil, fmt.Errorf("%w: none of the operations %v is offered", suite.ErrSuite, ops)
	}
	return deeds, nil
}

// One readies one deed.
func One(ctx context.Context, l *suite.Lane, op sdk.Operation) (*Deed, error) {
	deeds, err := Ready(ctx, l, op)
	if err != nil {
		return nil, err
	}
	return deeds[0], nil
}

func wanted(op sdk.Operation, ops []sdk.Operation) bool {
	if len(ops) == 0 {
		return true
	}
	for _, o := range ops {
		if o == op {
			return true
		}
	}
	return false
}

// Each does the same to every deed at the same time, and joins what went wrong, each
// under its operation.
func Each(deeds []*Deed, do func(*Deed) error) error {
	wrong := make([]error, len(deeds))
	var all sync.WaitGroup
	for i, d := range deeds {
		all.Go(func() {
			if err := do(d); err != nil {
				wrong[i] = fmt.Errorf("%s: %w", d.Op, err)
			}
		})
	}
	all.Wait()
	return errors.Join(wrong...)
}

// DoAll asks for every deed at the same time, each until ctx ends.
func DoAll(ctx context.Context, deeds []*Deed) []Result {
	results := make([]Result, len(deeds))
	var all sync.WaitGroup
	for i, d := range deeds {
		all.Go(func() { results[i] = d.Do(ctx) })
	}
	all.Wait()
	return results
}
