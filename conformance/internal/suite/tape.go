package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// An Exchange is one call of the connector, as it was made and answered. Secrets are
// not in it: they have no JSON form.
type Exchange struct {
	At        time.Time       `json:"at"`
	Took      time.Duration   `json:"took_ns"`
	Operation string          `json:"operation"`
	Request   json.RawMessage `json:"request,omitempty"`
	Answer    json.RawMessage `json:"answer,omitempty"`
	Error     string          `json:"error,omitempty"`
	Code      sdk.Code        `json:"code,omitempty"`
}

// A tape keeps what was said and which laws were broken.
type tape struct {
	mu     sync.Mutex
	calls  []Exchange
	broken []error
}

func (t *tape) add(e Exchange, broken []error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, e)
	t.broken = append(t.broken, broken...)
}

// Calls are the calls of the connector so far.
func (l *Lane) Calls() []Exchange {
	l.tape.mu.Lock()
	defer l.tape.mu.Unlock()
	return append([]Exchange(nil), l.tape.calls...)
}

// A recorder is the connector under test with every call put on tape and held to the
// laws of every answer.
type recorder struct {
	remote sdk.Remote
	lane   *Lane
}

func record[Q, A any](r *recorder, op sdk.Operation, req Q, answer A, err error, begun time.Time) (A, error) {
	e := Exchange{At: begun, Took: time.Since(begun), Operation: string(op)}
	var own []error
	var encodeErr error
	if e.Request, encodeErr = json.Marshal(req); encodeErr != nil {
		own = append(own, fmt.Errorf("%w: %w", ErrSuite, encodeErr))
	}
	if err != nil {
		e.Error, e.Code = err.Error(), sdk.AsError(err).Code
	} else if e.Answer, encodeErr = json.Marshal(answer); encodeErr != nil {
		own = append(own, fmt.Errorf("%w: %w", ErrSuite, encodeErr))
	}
	own = append(own, r.lane.laws(op, e, answer, err)...)
	r.lane.tape.add(e, own)
	return answer, err
}

// Lawful reports the laws that were broken by any call so far.
func (l *Lane) Lawful() error {
	l.tape.mu.Lock()
	defer l.tape.mu.Unlock()
	return errors.Join(l.tape.broken...)
}

// Describe implements [sdk.Remote].
func (r *recorder) Describe(ctx context.Context) (sdk.Description, error) {
	return r.remote.Describe(ctx)
}

// Health implements [sdk.HealthReporter].
func (r *recorder) Health(ctx context.Context) (sdk.Health, error) { return r.remote.Health(ctx) }

// CheckCredentials implements [sdk.CredentialChecker].
func (r *recorder) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	begun := time.Now()
	a, err := r.remote.CheckCredentials(ctx, req)
	return record(r, sdk.OpCheckCredentials, req, a, err, begun)
}

// Authorize implements [sdk.Authorizer].
func (r *recorder) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	begun := time.Now()
	a, err := r.remote.Authorize(ctx, req)
	return record(r, sdk.OpAuthorize, req, a, err, begun)
}

// FindPayment implements [sdk.PaymentFinder].
func (r *recorder) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	begun := time.Now()
	a, err := r.remote.FindPayment(ctx, req)
	return record(r, sdk.OpFindPayment, req, a, err, begun)
}

// Capture implements [sdk.Capturer].
func (r *recorder) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	begun := time.Now()
	a, err := r.remote.Capture(ctx, req)
	return record(r, sdk.OpCapture, req, a, err, begun)
}

// Void implements [sdk.Voider].
func (r *recorder) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	begun := time.Now()
	a, err := r.remote.Void(ctx, req)
	return record(r, sdk.OpVoid, req, a, err, begun)
}

// Cancel implements [sdk.Canceler].
func (r *recorder) Cancel(ctx context.Context, req sdk.CancelRequest) (sdk.CancelResult, error) {
	begun := time.Now()
	a, err := r.remote.Cancel(ctx, req)
	return record(r, sdk.OpCancel, req, a, err, begun)
}

// Refund implements [sdk.Refunder].
func (r *recorder) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	begun := time.Now()
	a, err := r.remote.Refund(ctx, req)
	return record(r, sdk.OpRefund, req, a, err, begun)
}

// FindRefund implements [sdk.RefundFinder].
func (r *recorder) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	begun := time.Now()
	a, err := r.remote.FindRefund(ctx, req)
	return record(r, sdk.OpFindRefund, req, a, err, begun)
}

// ReadWebhook implements [sdk.WebhookReader].
func (r *recorder) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	begun := time.Now()
	a, err := r.remote.ReadWebhook(ctx, req)
	return record(r, sdk.OpReadWebhook, req, a, err, begun)
}

// RegisterWebhook implements [sdk.WebhookRegistrar].
func (r *recorder) RegisterWebhook(ctx context.Context, req sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	begun := time.Now()
	a, err := r.remote.RegisterWebhook(ctx, req)
	return record(r, sdk.OpRegisterWebhook, req, a, err, begun)
}

// Tokenize implements [sdk.Tokenizer].
func (r *recorder) Tokenize(ctx context.Context, req sdk.TokenizeRequest) (sdk.TokenizeResult, error) {
	begun := time.Now()
	a, err := r.remote.Tokenize(ctx, req)
	return record(r, sdk.OpTokenize, req, a, err, begun)
}

// DeleteToken implements [sdk.TokenDeleter].
func (r *recorder) DeleteToken(ctx context.Context, req sdk.DeleteTokenRequest) (sdk.DeleteTokenResult, error) {
	begun := time.Now()
	a, err := r.remote.DeleteToken(ctx, req)
	return record(r, sdk.OpDeleteToken, req, a, err, begun)
}

// ZeroAuthorize implements [sdk.ZeroAuthorizer].
func (r *recorder) ZeroAuthorize(ctx context.Context, req sdk.ZeroAuthorizeRequest) (sdk.ZeroAuthorizeResult, error) {
	begun := time.Now()
	a, err := r.remote.ZeroAuthorize(ctx, req)
	return record(r, sdk.OpZeroAuthorize, req, a, err, begun)
}

// Increment implements [sdk.Incrementer].
func (r *recorder) Increment(ctx context.Context, req sdk.IncrementRequest) (sdk.IncrementResult, error) {
	begun := time.Now()
	a, err := r.remote.Increment(ctx, req)
	return record(r, sdk.OpIncrement, req, a, err, begun)
}
