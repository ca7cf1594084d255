package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// provider is a connector and the provider behind it in one: it keeps orders in
// memory, counts what it was asked, and does what a test tells it to.
type provider struct {
	mu     sync.Mutex
	orders map[sdk.OrderRef]*order
	calls  map[sdk.Operation]int
	// fail makes the next calls of an operation fail, before anything happened.
	fail map[sdk.Operation]error
	hold map[sdk.Operation]*pause
	// lastAuthorize is what the last authorization asked for.
	lastAuthorize sdk.AuthorizeRequest
	registrations int
}

// A pause keeps the calls of an operation until it is over.
type pause struct {
	arrived chan struct{} // gets a value for each call
	over    chan struct{} // closed to let them go on
}

// pause makes calls of an operation wait.
func (p *provider) pause(op sdk.Operation) *pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold[op] = &pause{arrived: make(chan struct{}, 100), over: make(chan struct{})}
	return p.hold[op]
}

type order struct {
	sdk.Snapshot
	mode sdk.CaptureMode
	want sdk.Money
}

func newProvider() *provider {
	return &provider{
		orders: map[sdk.OrderRef]*order{}, calls: map[sdk.Operation]int{},
		fail: map[sdk.Operation]error{}, hold: map[sdk.Operation]*pause{},
	}
}

const authorizeSchema = `{
  "required": ["billing"],
  "properties": {"billing": {
    "required": ["first_name", "email_address", "address"],
    "properties": {"address": {"required": ["city"]}}
  }}
}`

const configSchema = `{
  "type": "object",
  "required": ["secret_key"],
  "properties": {
    "secret_key": {"type": "string", "title": "Secret key", "minLength": 4, "writeOnly": true},
    "shop_name": {"type": "string", "title": "Shop name", "maxLength": 20}
  },
  "additionalProperties": false
}`

func (p *provider) Describe() sdk.Manifest {
	native := sdk.Idempotency{Mode: sdk.IdempotencyNative}
	return sdk.Manifest{
		Name: "testpay", Version: "1.2.3", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Testpay",
		Methods:    []sdk.PaymentMethod{{Name: "testpay", Flow: sdk.FlowRedirect}},
		Countries:  []string{"JP", "KR"},
		Currencies: []sdk.CurrencyFact{{Code: "JPY"}, {Code: "KRW"}},
		CaptureModes: []sdk.CaptureMode{
			sdk.CaptureAutomatic, sdk.CaptureManual,
		},
		Features:       sdk.Features{PartialCapture: true, PartialRefund: true, MultipleRefund: true},
		Limits:         sdk.Limits{CartItems: 3, MaxAmount: 100_000, ApprovalTime: sdk.Duration(30 * time.Minute)},
		ConfigSchema:   json.RawMessage(configSchema),
		RequestSchemas: map[sdk.Operation]json.RawMessage{sdk.OpAuthorize: json.RawMessage(authorizeSchema)},
		Idempotency: map[sdk.Operation]sdk.Idempotency{
			sdk.OpAuthorize: native, sdk.OpCapture: native, sdk.OpVoid: native, sdk.OpCancel: native, sdk.OpRefund: native,
			sdk.OpRegisterWebhook: {Mode: sdk.IdempotencyLookup},
		},
		RefundScope: sdk.RefundPayment,
		Webhook:     &sdk.WebhookFact{Scheme: "test", Events: []string{"paid"}},
		Egress:      []string{"api.testpay.example:443"},
	}
}

// enter counts a call, waits if it is to, and fails if it is to.
func (p *provider) enter(ctx context.Context, op sdk.Operation) error {
	p.mu.Lock()
	p.calls[op]++
	hold, err := p.hold[op], p.fail[op]
	p.mu.Unlock()
	if hold != nil {
		hold.arrived <- struct{}{}
		select {
		case <-hold.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (p *provider) asked(op sdk.Operation) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[op]
}

func (p *provider) set(op sdk.Operation, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[op] = err
}

func (p *provider) CheckCredentials(
	ctx context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	if err := p.enter(ctx, sdk.OpCheckCredentials); err != nil {
		return sdk.CredentialCheck{}, err
	}
	if req.Call.Account.Secrets["secret_key"].Reveal() != "good key" {
		return sdk.CredentialCheck{Reason: "no such key"}, nil
	}
	return sdk.CredentialCheck{Valid: true}, nil
}

func (p *provider) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	if err := p.enter(ctx, sdk.OpAuthorize); err != nil {
		return sdk.AuthorizeResult{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastAuthorize = req
	ref := sdk.OrderRef("order-" + string(req.Call.Reference))
	p.orders[ref] = &order{
		Snapshot: sdk.Snapshot{Order: ref, Reference: req.Call.Reference, State: sdk.StateRequiresAction},
		mode:     req.CaptureMode, want: req.Amount,
	}
	return sdk.AuthorizeResult{
		Answer: sdk.Answer{Outcome: sdk.OutcomeRequiresAction},
		Order:  ref,
		Next: &sdk.Next{
			RedirectURL: "https://testpay.example/approve/" + string(ref), ExpiresAt: req.ApprovalExpiresAt,
		},
	}, nil
}

// decide is the buyer's answer to every order that waits for one.
func (p *provider) decide(state sdk.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		if o.State != sdk.StateRequiresAction {
			continue
		}
		o.State = state
		o.Revision++
		if state != sdk.StateAuthorized {
			o.Provider = sdk.Provider{Code: "refused.by.shop", Message: "not today"}
			continue
		}
		o.Authorized = &o.want
		if o.mode == sdk.CaptureAutomatic {
			o.State = sdk.StateCaptured
			o.Captures = []sdk.CaptureSnapshot{{
				Ref: "auto-" + sdk.CaptureRef(o.Reference), Amount: &o.want, Status: sdk.MoveSucceeded,
			}}
		}
	}
}

func (p *provider) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	if err := p.enter(ctx, sdk.OpFindPayment); err != nil {
		return sdk.PaymentFinding{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		if o.Order == req.Order || o.Reference == req.Call.Reference {
			seen := o.Snapshot
			return sdk.PaymentFinding{Found: true, Payment: &seen}, nil
		}
	}
	return sdk.PaymentFinding{Authoritative: true}, nil
}

func (p *provider) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	if err := p.enter(ctx, sdk.OpCapture); err != nil {
		return sdk.CaptureResult{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.orders[req.Order]
	ref := sdk.CaptureRef("capture-" + string(req.Call.Key))
	o.State, o.Revision = sdk.StateCaptured, o.Revision+1
	o.Captures = append(o.Captures, sdk.CaptureSnapshot{
		Ref: ref, Operation: req.Call.OperationID, Amount: &req.Amount, Status: sdk.MoveSucceeded,
	})
	return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Capture: ref}, nil
}

func (p *provider) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	if err := p.enter(ctx, sdk.OpVoid); err != nil {
		return sdk.VoidResult{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.orders[req.Order]
	o.State, o.Revision = sdk.StateVoided, o.Revision+1
	return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
}

func (p *provider) Cancel(ctx context.Context, _ sdk.CancelRequest) (sdk.CancelResult, error) {
	if err := p.enter(ctx, sdk.OpCancel); err != nil {
		return sdk.CancelResult{}, err
	}
	return sdk.CancelResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
}

func (p *provider) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	if err := p.enter(ctx, sdk.OpRefund); err != nil {
		return sdk.RefundResult{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.orders[req.Order]
	ref := sdk.RefundRef(fmt.Sprintf("refund-%d", len(o.Refunds)+1))
	o.Refunds = append(o.Refunds, sdk.RefundSnapshot{
		Ref: ref, Operation: req.Call.OperationID, Amount: &req.Amount, Status: sdk.MoveSucceeded,
	})
	return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Refund: ref}, nil
}

// foreignRefund is a refund that somebody made on the provider's own pages.
func (p *provider) foreignRefund(minor int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		amount := sdk.Money{Minor: minor, Currency: o.want.Currency}
		o.Refunds = append(o.Refunds, sdk.RefundSnapshot{Ref: "by-hand", Amount: &amount, Status: sdk.MoveSucceeded})
	}
}

func (p *provider) RegisterWebhook(
	ctx context.Context, _ sdk.RegisterWebhookRequest,
) (sdk.WebhookRegistration, error) {
	if err := p.enter(ctx, sdk.OpRegisterWebhook); err != nil {
		return sdk.WebhookRegistration{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.registrations++
	return sdk.WebhookRegistration{ID: "hook-1", Secret: sdk.NewSecret("signing secret")}, nil
}

func (p *provider) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	if err := p.enter(ctx, sdk.OpFindRefund); err != nil {
		return sdk.RefundFinding{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.orders {
		for _, r := range o.Refunds {
			if r.Ref == req.Refund || r.Operation == req.Call.OperationID {
				return sdk.RefundFinding{Found: true, Refund: &r}, nil
			}
		}
	}
	return sdk.RefundFinding{Authoritative: true}, nil
}

// ReadWebhook refuses every delivery: these tests send none.
func (p *provider) ReadWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return sdk.WebhookReading{
		Refused: sdk.Errorf("testpay", sdk.CodeSignatureMissing, "not signed"), Respond: sdk.Respond{Status: 401},
	}, nil
}
