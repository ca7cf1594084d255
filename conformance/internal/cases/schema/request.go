package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A request is of one operation, and can be sent.
type request struct {
	value any
	send  func(context.Context, sdk.Remote) (sdk.Answer, error)
}

// typed reads a request's JSON. What has another type there than it can have here
// cannot travel, and is an error.
func typed[Q, A any](doc []byte, account sdk.Account, call func(*Q) *sdk.Call,
	do func(sdk.Remote, context.Context, Q) (A, error), answer func(A) sdk.Answer,
) (request, error) {
	var q Q
	if err := json.Unmarshal(doc, &q); err != nil {
		return request{}, err
	}
	call(&q).Account.Secrets = account.Secrets
	return request{q, func(ctx context.Context, r sdk.Remote) (sdk.Answer, error) {
		a, err := do(r, ctx, q)
		return answer(a), err
	}}, nil
}

// none is the answer of an operation that is no write.
func none[A any](A) sdk.Answer { return sdk.Answer{Outcome: sdk.OutcomeSucceeded} }

// decode makes a document into a request.
func decode(op sdk.Operation, document map[string]any, account sdk.Account) (request, error) {
	doc, err := json.Marshal(document)
	if err != nil {
		return request{}, err
	}
	switch op {
	case sdk.OpCheckCredentials:
		return typed(doc, account, func(q *sdk.CheckCredentialsRequest) *sdk.Call { return &q.Call }, sdk.Remote.CheckCredentials, none)
	case sdk.OpAuthorize:
		return typed(doc, account, func(q *sdk.AuthorizeRequest) *sdk.Call { return &q.Call }, sdk.Remote.Authorize,
			func(a sdk.AuthorizeResult) sdk.Answer { return a.Answer })
	case sdk.OpFindPayment:
		return typed(doc, account, func(q *sdk.FindPaymentRequest) *sdk.Call { return &q.Call }, sdk.Remote.FindPayment, none)
	case sdk.OpCapture:
		return typed(doc, account, func(q *sdk.CaptureRequest) *sdk.Call { return &q.Call }, sdk.Remote.Capture,
			func(a sdk.CaptureResult) sdk.Answer { return a.Answer })
	case sdk.OpVoid:
		return typed(doc, account, func(q *sdk.VoidRequest) *sdk.Call { return &q.Call }, sdk.Remote.Void,
			func(a sdk.VoidResult) sdk.Answer { return a.Answer })
	case sdk.OpCancel:
		return typed(doc, account, func(q *sdk.CancelRequest) *sdk.Call { return &q.Call }, sdk.Remote.Cancel,
			func(a sdk.CancelResult) sdk.Answer { return a.Answer })
	case sdk.OpRefund:
		return typed(doc, account, func(q *sdk.RefundRequest) *sdk.Call { return &q.Call }, sdk.Remote.Refund,
			func(a sdk.RefundResult) sdk.Answer { return a.Answer })
	case sdk.OpFindRefund:
		return typed(doc, account, func(q *sdk.FindRefundRequest) *sdk.Call { return &q.Call }, sdk.Remote.FindRefund, none)
	case sdk.OpReadWebhook:
		return typed(doc, account, func(q *sdk.WebhookRequest) *sdk.Call { return &q.Call }, sdk.Remote.ReadWebhook, none)
	case sdk.OpRegisterWebhook:
		return typed(doc, account, func(q *sdk.RegisterWebhookRequest) *sdk.Call { return &q.Call }, sdk.Remote.RegisterWebhook, none)
	default:
		return decodeInstrument(op, doc, account)
	}
}

func decodeInstrument(op sdk.Operation, doc []byte, account sdk.Account) (request, error) {
	switch op {
	case sdk.OpTokenize:
		return typed(doc, account, func(q *sdk.TokenizeRequest) *sdk.Call { return &q.Call }, sdk.Remote.Tokenize,
			func(a sdk.TokenizeResult) sdk.Answer { return a.Answer })
	case sdk.OpDeleteToken:
		return typed(doc, account, func(q *sdk.DeleteTokenRequest) *sdk.Call { return &q.Call }, sdk.Remote.DeleteToken,
			func(a sdk.DeleteTokenResult) sdk.Answer { return a.Answer })
	case sdk.OpZeroAuthorize:
		return typed(doc, account, func(q *sdk.ZeroAuthorizeRequest) *sdk.Call { return &q.Call }, sdk.Remote.ZeroAuthorize,
			func(a sdk.ZeroAuthorizeResult) sdk.Answer { return a.Answer })
	case sdk.OpIncrement:
		return typed(doc, account, func(q *sdk.IncrementRequest) *sdk.Call { return &q.Call }, sdk.Remote.Increment,
			func(a sdk.IncrementResult) sdk.Answer { return a.Answer })
	default:
		return request{}, fmt.Errorf("%w: no request for %s", suite.ErrSuite, op)
	}
}

// A workshop makes requests of one operation for a lane.
type workshop struct {
	lane *suite.Lane
	op   sdk.Operation
	rules
	maker
	base map[string]any // a request that is allowed, on something that does not exist
}

func open(l *suite.Lane, op sdk.Operation) (*workshop, error) {
	r, err := rulesOf(l.Description.Manifest, op)
	if err != nil {
		return nil, err
	}
	w := &workshop{lane: l, op: op, rules: r, maker: maker{l.IntN, l.Now()}}
	value, err := w.sample()
	if err != nil {
		return nil, err
	}
	if w.base, err = document(value); err != nil {
		return nil, err
	}
	if op == sdk.OpDeleteToken {
		w.base["token"] = w.value(field(expand(w.nodes), "token"))
	}
	q, err := decode(op, w.base, l.Account)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	if found := w.compiled.ValidateValue(q.value); len(found) > 0 {
		return nil, fmt.Errorf("%w: the fixtures make no %s request that the schemas allow: %s %s",
			suite.ErrNotTestable, op, found[0].Pointer, found[0].Message)
	}
	return w, nil
}

// sample is a request of the fixtures.
func (w *workshop) sample() (any, error) {
	l, f, m, call := w.lane, w.lane.Fixtures(), w.lane.Description.Manifest, w.lane.NewCall()
	read := suite.Reading(call)
	money := sdk.Money{Minor: l.Amount(), Currency: m.Currencies[0].Code}
	const returnURL, cancelURL = "https://host.example/r", "https://host.example/c"
	switch w.op {
	case sdk.OpCheckCredentials:
		return sdk.CheckCredentialsRequest{Call: read}, nil
	case sdk.OpAuthorize:
		cell, err := l.Cell(m.CaptureModes[0])
		if err != nil {
			return nil, err
		}
		return l.Authorization(cell, l.Amount())
	case sdk.OpFindPayment:
		return sdk.FindPaymentRequest{Call: read, Order: f.Order}, nil
	case sdk.OpCapture:
		return sdk.CaptureRequest{Call: call, Order: f.Order, Amount: money, Final: true}, nil
	case sdk.OpVoid:
		return sdk.VoidRequest{Call: call, Order: f.Order}, nil
	case sdk.OpCancel:
		return sdk.CancelRequest{Call: call, Order: f.Order}, nil
	case sdk.OpRefund:
		return sdk.RefundRequest{Call: call, Order: f.Order, Capture: f.Capture, Amount: money, Reason: sdk.RefundRequested}, nil
	case sdk.OpFindRefund:
		return sdk.FindRefundRequest{Call: read, Order: f.Order, Capture: f.Capture, Refund: f.Refund}, nil
	case sdk.OpReadWebhook:
		return sdk.WebhookRequest{
			Call: read, Method: "POST", URL: "https://host.example/webhooks/x", Headers: map[string][]string{}, Body: []byte(`{}`),
			Now: l.Now(), Tolerance: time.Minute,
		}, nil
	case sdk.OpRegisterWebhook:
		return sdk.RegisterWebhookRequest{Call: call, URL: "https://host.example/webhooks/x"}, nil
	case sdk.OpTokenize:
		return sdk.TokenizeRequest{Call: call, Method: m.Methods[0].Name, ReturnURL: returnURL, CancelURL: cancelURL}, nil
	case sdk.OpDeleteToken:
		return sdk.DeleteTokenRequest{Call: call}, nil
	case sdk.OpZeroAuthorize:
		return sdk.ZeroAuthorizeRequest{Call: call, Currency: money.Currency, Country: m.Countries[0], Method: m.Methods[0].Name}, nil
	case sdk.OpIncrement:
		return sdk.IncrementRequest{Call: call, Order: f.Order, Amount: money}, nil
	default:
		return nil, fmt.Errorf("%w: no request for %s", suite.ErrSuite, w.op)
	}
}

// document is the JSON form of a request.
func document(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	return doc, nil
}

// fresh is the base under a call of its own, so that nothing happens twice.
func (w *workshop) fresh() (map[string]any, error) {
	doc := maps.Clone(w.base)
	call := w.lane.NewCall()
	if _, writes := w.base["call"].(map[string]any)["idempotency_key"]; !writes {
		call = suite.Reading(call)
	}
	var err error
	doc["call"], err = document(call)
	return doc, err
}

// judge makes a document into a request that the rules allow; ok is false for others.
func (w *workshop) judge(doc map[string]any) (q request, ok bool) {
	q, err := decode(w.op, doc, w.lane.Account)
	if err != nil {
		return q, false
	}
	if r, is := q.value.(sdk.AuthorizeRequest); is && w.lane.Description.Manifest.Features.CartMatchesAmount && len(r.Cart) > 0 {
		if !adds(r.Cart, r.Amount.Minor) {
			return q, false
		}
	}
	return q, len(w.compiled.ValidateValue(q.value)) == 0
}

// adds reports whether a cart is one, which no schema can say: it comes to the amount, and
// no line of it comes to less than nothing.
func adds(cart []sdk.CartItem, minor int64) bool {
	for _, item := range cart {
		if net, err := sdk.CartTotal([]sdk.CartItem{item}); err != nil || item.Kind != sdk.CartDiscount && net < 0 || item.Kind == sdk.CartDiscount && net > 0 {
			return false
		}
	}
	total, err := sdk.CartTotal(cart)
	return err == nil && total == minor
}
