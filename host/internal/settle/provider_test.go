package settle_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// provider is a payment provider and its connector in one: it keeps its own books,
// counts money movements per key, and can be told to lose answers.
type provider struct {
	mu      sync.Mutex
	orders  map[sdk.OrderRef]*order
	answers map[sdk.IdempotencyKey]any // what each key was answered first
	moves   map[sdk.IdempotencyKey]int // effects per key
	sends   map[sdk.Operation]int      // calls that arrived
	fault   map[sdk.Operation]fault
	hidden  bool          // lookups find nothing
	blind   bool          // lookups fail
	endless bool          // lookups find no end in their time
	search  time.Duration // how long it takes to look a payment up
	vague   bool          // lookups that find nothing prove nothing
	flow    sdk.MethodFlow
	edit    func(*sdk.Snapshot)
	gate    chan struct{} // if set, captures wait here
	multi   bool          // several captures are taken
	slow    bool          // refunds are accepted and carried out later
	refuse  int           // refunds from this one on are refused; 0 refuses none
}

type order struct {
	ref       sdk.OrderRef
	reference sdk.Reference
	amount    sdk.Money
	mode      sdk.CaptureMode
	state     sdk.State
	captures  []sdk.CaptureSnapshot
	refunds   []sdk.RefundSnapshot
	revision  int64
}

type fault string

const (
	loseAnswer  fault = "the provider acts and the answer is lost"
	loseRequest fault = "the request is lost, and nobody can tell"
	unreachable fault = "the provider cannot be reached"
	decline     fault = "the provider refuses"
	inProgress  fault = "the provider is still busy with the first use of the key"
)

func newProvider() *provider {
	return &provider{
		orders: map[sdk.OrderRef]*order{}, answers: map[sdk.IdempotencyKey]any{}, moves: map[sdk.IdempotencyKey]int{},
		sends: map[sdk.Operation]int{}, fault: map[sdk.Operation]fault{},
	}
}

func (p *provider) Describe() sdk.Manifest {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative, KeyLifetime: sdk.Duration(6 * time.Hour)}
	return sdk.Manifest{
		Name: "fake", Version: "1.0.0", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Fake",
		Methods: []sdk.PaymentMethod{{Name: "fake", Flow: cmp.Or(p.flow, sdk.FlowRedirect)}}, Countries: []string{"JP"},
		Currencies:   []sdk.CurrencyFact{{Code: "JPY"}},
		CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
		Features:     sdk.Features{PartialCapture: true, MultipleCapture: p.multi, VoidAfterPartialCapture: p.multi, PartialRefund: true, MultipleRefund: true, NotFoundAuthoritative: true},
		Limits:       sdk.Limits{ApprovalTime: sdk.Duration(30 * time.Minute)},
		ConfigSchema: json.RawMessage(`{"type":"object","properties":{"key":{"type":"string","writeOnly":true}}}`),
		Idempotency: map[sdk.Operation]sdk.Idempotency{
			sdk.OpAuthorize: native, sdk.OpCapture: native, sdk.OpVoid: native, sdk.OpCancel: native, sdk.OpRefund: native,
		},
		RefundScope: sdk.RefundCapture,
		Egress:      []string{"provider.example:443"},
	}
}

// once runs act unless the key was used, and loses what the fault loses.
func once[R any](p *provider, op sdk.Operation, key sdk.IdempotencyKey, act func() (R, error)) (R, error) {
	var none R
	p.sends[op]++
	switch p.fault[op] {
	case unreachable:
		return none, sdk.Errorf("fake", sdk.CodeConnectRefused, "nobody listens")
	case loseRequest:
		return none, sdk.Errorf("fake", sdk.CodeReadTimeout, "no answer")
	case inProgress:
		return none, sdk.Errorf("fake", sdk.CodeKeyInProgress, "busy")
	case decline:
		return none, sdk.Errorf("fake", sdk.CodeOrderRejected, "no")
	}
	answer, known := p.answers[key].(R)
	if !known {
		var err error
		if answer, err = act(); err != nil {
			return none, err
		}
		p.answers[key] = answer
		p.moves[key]++
	}
	if p.fault[op] == loseAnswer {
		return none, sdk.Errorf("fake", sdk.CodeConnectionReset, "the line went dead")
	}
	return answer, nil
}

func (p *provider) Authorize(_ context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return once(p, sdk.OpAuthorize, req.Call.Key, func() (sdk.AuthorizeResult, error) {
		o := &order{
			ref: sdk.OrderRef("order_" + string(req.Call.Reference)), reference: req.Call.Reference, amount: req.Amount,
			mode: req.CaptureMode, state: sdk.StateRequiresAction, revision: 1,
		}
		p.orders[o.ref] = o
		return sdk.AuthorizeResult{
			Answer: sdk.Answer{Outcome: sdk.OutcomeRequiresAction}, Order: o.ref,
			Next: &sdk.Next{RedirectURL: "https://provider.example/approve/" + string(o.ref), ExpiresAt: req.ApprovalExpiresAt},
		}, nil
	})
}

func (p *provider) Capture(_ context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if p.gate != nil {
		<-p.gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return once(p, sdk.OpCapture, req.Call.Key, func() (sdk.CaptureResult, error) {
		o := p.orders[req.Order]
		if o.state != sdk.StateAuthorized && o.state != sdk.StatePartiallyCaptured {
			return sdk.CaptureResult{}, sdk.Errorf("fake", sdk.CodeInvalidState, "order is %s", o.state)
		}
		ref := o.capture(req.Amount, req.Call.OperationID)
		if !req.Final && o.captured() < o.amount.Minor {
			o.state = sdk.StatePartiallyCaptured
		}
		return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Capture: ref}, nil
	})
}

func (o *order) captured() (total int64) {
	for _, c := range o.captures {
		total += c.Amount.Minor
	}
	return total
}

func (o *order) capture(amount sdk.Money, op sdk.OperationID) sdk.CaptureRef {
	ref := sdk.CaptureRef(fmt.Sprintf("cap_%s_%d", o.reference, len(o.captures)))
	o.captures = append(o.captures, sdk.CaptureSnapshot{Ref: ref, Operation: op, Amount: &amount, Status: sdk.MoveSucceeded})
	o.state = sdk.StateCaptured
	o.revision++
	return ref
}

func (p *provider) Void(_ context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return once(p, sdk.OpVoid, req.Call.Key, func() (sdk.VoidResult, error) {
		o := p.orders[req.Order]
		switch o.state {
		case sdk.StateAuthorized:
			o.state = sdk.StateVoided
		case sdk.StatePartiallyCaptured:
			o.state = sdk.StateCaptured
		default:
			return sdk.VoidResult{}, sdk.Errorf("fake", sdk.CodeInvalidState, "order is %s", o.state)
		}
		o.revision++
		return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
	})
}

func (p *provider) Cancel(_ context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return once(p, sdk.OpCancel, req.Call.Key, func() (sdk.CancelResult, error) {
		return sdk.CancelResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}, ApprovalPossible: true}, nil
	})
}

func (p *provider) Refund(_ context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return once(p, sdk.OpRefund, req.Call.Key, func() (sdk.RefundResult, error) {
		o := p.orders[req.Order]
		if p.refuse > 0 && len(o.refunds)+1 >= p.refuse {
			return sdk.RefundResult{}, sdk.Errorf("fake", sdk.CodeProviderRule, "enough")
		}
		ref := sdk.RefundRef(fmt.Sprintf("ref_%s_%d", o.reference, len(o.refunds)))
		o.refunds = append(o.refunds, sdk.RefundSnapshot{
			Ref: ref, Capture: req.Capture, Operation: req.Call.OperationID, Amount: &req.Amount, Status: sdk.MoveSucceeded,
		})
		o.revision++
		if p.slow {
			o.refunds[len(o.refunds)-1].Status = sdk.MovePending
			return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomePending, Amount: &req.Amount}, Refund: ref}, nil
		}
		return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Refund: ref}, nil
	})
}

func (p *provider) FindRefund(context.Context, sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return sdk.RefundFinding{}, nil
}

func (p *provider) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end, ok := ctx.Deadline(); ok && time.Until(end) < p.search {
		return sdk.PaymentFinding{}, sdk.Errorf("fake", sdk.CodeReadTimeout, "the list is longer than that")
	}
	if p.blind {
		return sdk.PaymentFinding{}, sdk.Errorf("fake", sdk.CodeConnectRefused, "nobody listens")
	}
	if p.endless {
		return sdk.PaymentFinding{}, sdk.Errorf("fake", sdk.CodeReadTimeout, "the list has no end")
	}
	if !p.hidden {
		for _, o := range p.orders {
			if o.ref == req.Order || o.reference == req.Call.Reference {
				s := o.snapshot()
				if p.edit != nil {
					p.edit(&s)
				}
				return sdk.PaymentFinding{Found: true, Payment: &s}, nil
			}
		}
	}
	return sdk.PaymentFinding{Authoritative: !p.vague}, nil
}

func (o *order) snapshot() sdk.Snapshot {
	s := sdk.Snapshot{
		Order: o.ref, Reference: o.reference, State: o.state, Revision: o.revision,
		Captures: append([]sdk.CaptureSnapshot(nil), o.captures...), Refunds: append([]sdk.RefundSnapshot(nil), o.refunds...),
	}
	if o.state != sdk.StateRequiresAction && o.state != sdk.StateDeclined && o.state != sdk.StateExpired {
		s.Authorized = &o.amount
	}
	captured, refunded := sdk.JPY(0), sdk.JPY(0)
	for _, c := range o.captures {
		captured.Minor += c.Amount.Minor
	}
	for _, r := range o.refunds {
		if r.Status == sdk.MoveSucceeded {
			refunded.Minor += r.Amount.Minor
		}
	}
	s.Captured, s.Refunded = &captured, &refunded
	return s
}

// buyer is what the buyer does on the provider's page.
func (p *provider) buyer(do func(*order)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		do(o)
		o.revision++
	}
}

func approve(o *order) {
	o.state = sdk.StateAuthorized
	if o.mode == sdk.CaptureAutomatic {
		o.capture(o.amount, "")
	}
}

func rejected(o *order) { o.state = sdk.StateDeclined }

// effects is how often money moved, and the most that it moved for one key.
func (p *provider) effects() (total, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.moves {
		total += n
		most = max(most, n)
	}
	return total, most
}

func (p *provider) sent(op sdk.Operation) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sends[op]
}

func (p *provider) set(op sdk.Operation, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault[op] = f
}
