package smartpay

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	anOrder   = "order_test_7sPq2LwEoXbN4uYk9HdRzA"
	aPayment  = "payment_test_35LxgmF5KM22XKG38BjpJa"
	orderBody = `{"id":"` + anOrder + `","object":"order","test":true,"amount":1000,"currency":"JPY","status":"requires_authorization",` +
		`"reference":"R1","createdAt":1700000000000,"updatedAt":1700000000000,"payments":[]}`
	sessionBody = `{"id":"checkout_test_1","object":"checkoutSession","test":true,"url":"https://checkout.smartpay.co/s","reference":"R1",` +
		`"order":` + orderBody + `}`
	paymentBody = `{"id":"` + aPayment + `","object":"payment","test":true,"createdAt":1,"updatedAt":1,"amount":200,"currency":"JPY",` +
		`"order":"` + anOrder + `","reference":"op-1","status":"processed","metadata":{}}`
	refundBody = `{"id":"refund_test_1","object":"refund","test":true,"createdAt":1,"updatedAt":1,"amount":100,"currency":"JPY",` +
		`"payment":"` + aPayment + `","reason":"requested_by_customer","reference":"op-1","status":"succeeded"}`
	canceledBody = `{"id":"` + anOrder + `","object":"order","test":true,"amount":1000,"currency":"JPY","status":"canceled",` +
		`"reference":"R1","createdAt":1700000000000,"updatedAt":1700000000000,"expiresAt":1700600000000,"payments":[]}`
)

// writes are the operations that move money, each with the answer that it hopes for.
var writes = map[string]struct {
	answer string
	ask    func(context.Context, *bench) (sdk.Answer, error)
}{
	"authorize": {sessionBody, func(ctx context.Context, b *bench) (sdk.Answer, error) {
		result, err := b.Authorize(ctx, b.order("R1", 1000, sdk.CaptureManual))
		return result.Answer, err
	}},
	"capture": {paymentBody, func(ctx context.Context, b *bench) (sdk.Answer, error) {
		result, err := b.Capture(ctx, sdk.CaptureRequest{Call: b.call("R1"), Order: anOrder, Amount: sdk.JPY(200), Final: true})
		return result.Answer, err
	}},
	"void": {canceledBody, func(ctx context.Context, b *bench) (sdk.Answer, error) {
		result, err := b.Void(ctx, sdk.VoidRequest{Call: b.call("R1"), Order: anOrder})
		return result.Answer, err
	}},
	"refund": {refundBody, func(ctx context.Context, b *bench) (sdk.Answer, error) {
		result, err := b.Refund(ctx, sdk.RefundRequest{
			Call: b.call("R1"), Order: anOrder, Capture: aPayment, Amount: sdk.JPY(100), Reason: sdk.RefundRequested,
		})
		return result.Answer, err
	}},
}

// lookups are the operations that change nothing.
var lookups = map[string]func(context.Context, *bench) error{
	"find payment": func(ctx context.Context, b *bench) error {
		_, err := b.FindPayment(ctx, sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
		return err
	},
	"search": func(ctx context.Context, b *bench) error {
		_, err := b.FindPayment(ctx, sdk.FindPaymentRequest{Call: b.read("R1")})
		return err
	},
	"find refund": func(ctx context.Context, b *bench) error {
		_, err := b.FindRefund(ctx, sdk.FindRefundRequest{Call: b.read("R1"), Refund: "refund_test_1"})
		return err
	},
	"check credentials": func(ctx context.Context, b *bench) error {
		_, err := b.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: b.read("")})
		return err
	},
	"cancel": func(ctx context.Context, b *bench) error {
		_, err := b.Cancel(ctx, sdk.CancelRequest{Call: b.call("R1"), Order: anOrder})
		return err
	},
}

// patience is the deadline of a call: short where waiting for it is the test, and
// else so long that a busy machine does not matter.
func patience(runsOut bool) time.Duration {
	if runsOut {
		return time.Second
	}
	return time.Minute
}

func TestWritesAnswerWhatIsHopedFor(t *testing.T) {
	for name, write := range writes {
		b, server := broken(t, badnet.Reply(200, write.answer))
		got, err := write.ask(t.Context(), b)
		if err != nil || got.Outcome != sdk.OutcomeSucceeded && got.Outcome != sdk.OutcomeRequiresAction {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if seen := server.Seen(); len(seen) != 1 || seen[0].Header.Get("Idempotency-Key") != "key-1" {
			t.Errorf("%s: sent %+v", name, seen)
		}
	}
}

func TestWritesTellTheTruthWhateverComesBack(t *testing.T) {
	refusal := func(status int, code string, headers ...string) badnet.Deed {
		return badnet.Reply(status, `{"statusCode":`+strconv.Itoa(status)+`,"errorCode":"`+code+`","message":"いいえ","details":[]}`, headers...)
	}
	tests := map[string]struct {
		deed    badnet.Deed // nil for the answer that is hoped for, cut in half
		outcome sdk.Outcome
		code    sdk.Code
	}{
		"no answer":              {badnet.Hang, sdk.OutcomeUnknown, sdk.CodeReadTimeout},
		"reset before headers":   {badnet.Reset, sdk.OutcomeUnknown, sdk.CodeConnectionReset},
		"hung up":                {badnet.HangUp, sdk.OutcomeUnknown, sdk.CodeConnectionReset},
		"half an answer":         {nil, sdk.OutcomeUnknown, sdk.CodeTruncatedBody},
		"slow drip":              {badnet.Drip(200, sessionBody, 100*time.Millisecond), sdk.OutcomeUnknown, sdk.CodeReadTimeout},
		"empty success":          {badnet.Reply(200, ""), sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess},
		"null":                   {badnet.Reply(200, "null"), sdk.OutcomeUnknown, sdk.CodeIDMismatch},
		"HTML success":           {badnet.Reply(200, "<html>"), sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess},
		"an array":               {badnet.Reply(200, "[]"), sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess},
		"somebody else's object": {badnet.Reply(200, `{"id":"coupon_test_1","object":"coupon"}`), sdk.OutcomeUnknown, sdk.CodeIDMismatch},
		"500":                    {badnet.Reply(500, "oops"), sdk.OutcomeUnknown, sdk.CodeHTTP5xx},
		"502 in HTML":            {badnet.Reply(502, "<html>"), sdk.OutcomeUnknown, sdk.CodeHTTP5xx},
		"503":                    {badnet.Reply(503, "", "Retry-After: 1"), sdk.OutcomeUnknown, sdk.CodeHTTP5xx},
		"504":                    {badnet.Reply(504, ""), sdk.OutcomeUnknown, sdk.CodeGatewayTimeout},
		"599":                    {badnet.Reply(599, ""), sdk.OutcomeUnknown, sdk.CodeHTTP5xx},
		"a 5xx with a code of 4xx": {
			refusal(500, "order.cannot-capture"), sdk.OutcomeUnknown, sdk.CodeHTTP5xx,
		},
		"redirect":                {badnet.Reply(307, "", "Location: http://127.0.0.1:1/"), sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"a refusal nobody knows":  {refusal(409, "order.frozen"), sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"401":                     {badnet.Reply(401, `{"statusCode":401,"scheme":"Basic","realm":"x"}`), sdk.OutcomeNotAttempted, sdk.CodeCredentialsInvalid},
		"403 without a code":      {badnet.Reply(403, "no"), sdk.OutcomeNotAttempted, sdk.CodePermissionDenied},
		"invalid":                 {refusal(400, "request.invalid"), sdk.OutcomeNotAttempted, sdk.CodeInvalidField},
		"one key, two bodies":     {refusal(409, "idempotency.conflict"), sdk.OutcomeNotAttempted, sdk.CodeKeyConflict},
		"key still in use":        {refusal(409, "idempotency.in-progress"), sdk.OutcomePending, sdk.CodeKeyInProgress},
		"too many calls":          {refusal(429, "", "Retry-After: 7"), sdk.OutcomeNotAttempted, sdk.CodeRateLimited},
		"404 by somebody between": {badnet.Reply(404, "<html>"), sdk.OutcomeUnknown, sdk.CodeUnmappedError},
	}
	for name, tt := range tests {
		for kind, write := range writes {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				deed := tt.deed
				if deed == nil {
					deed = badnet.Cut(200, write.answer, len(write.answer)/2)
				}
				b, server := broken(t, deed)
				runsOut := tt.code == sdk.CodeReadTimeout
				if runsOut {
					b.unguarded()
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience(runsOut))
				defer cancel()
				got, err := write.ask(ctx, b)
				e := refused(t, err)
				if e.Code != tt.code || sdk.OutcomeOf(got, err) != tt.outcome {
					t.Errorf("%v (%s), want %s %s", e, e.Outcome(), tt.code, tt.outcome)
				}
				if tt.code == sdk.CodeRateLimited && e.RetryAfter != 7*time.Second {
					t.Errorf("wait is %v", e.RetryAfter)
				}
				if n := len(server.Seen()); n != 1 {
					t.Errorf("sent %d times", n)
				}
			})
		}
	}
}

func TestProvidersWordsAreKept(t *testing.T) {
	b, _ := broken(t, badnet.Reply(409, `{"statusCode":409,"errorCode":"payment.excessive-amount","message":"残りは 100 円です"}`, "X-Request-Id: req-9"))
	_, err := writes["capture"].ask(t.Context(), b)
	e := refused(t, err)
	want := sdk.Provider{Code: "payment.excessive-amount", Message: "残りは 100 円です", HTTPStatus: 409, RequestID: "req-9"}
	if e.Provider != want {
		t.Errorf("provider is %+v, want %+v", e.Provider, want)
	}
	if got := e.Error(); !strings.Contains(got, "amount_exceeds_capturable (payment.excessive-amount)") {
		t.Errorf("reads %q", got)
	}
}

func TestNobodyListens(t *testing.T) {
	for kind, write := range writes {
		b := &bench{Remote: connect(t, Options{}), t: t, account: account("http://" + badnet.Refused(t))}
		_, err := write.ask(t.Context(), b)
		if e := refused(t, err); e.Code != sdk.CodeConnectRefused || e.Outcome() != sdk.OutcomeNotAttempted {
			t.Errorf("%s: %v", kind, e)
		}
	}
}

func TestReadsThatFailAreErrorsAndNotFindings(t *testing.T) {
	tests := map[string]struct {
		deed     badnet.Deed
		category sdk.Category // "" if any will do
	}{
		"500":                     {badnet.Reply(500, ""), sdk.CategoryProviderUnavailable},
		"502 in HTML":             {badnet.Reply(502, "<html>"), sdk.CategoryProviderUnavailable},
		"503":                     {badnet.Reply(503, ""), sdk.CategoryProviderUnavailable},
		"504":                     {badnet.Reply(504, ""), sdk.CategoryProviderUnavailable},
		"404 by somebody between": {badnet.Reply(404, "<html>"), ""},
		"429":                     {badnet.Reply(429, "", "Retry-After: 7"), sdk.CategoryRateLimit},
		"empty":                   {badnet.Reply(200, ""), ""},
		"HTML":                    {badnet.Reply(200, "<html>"), ""},
		"wrong types":             {badnet.Reply(200, `{"id":7,"object":"collection","data":{}}`), ""},
		"reset":                   {badnet.Reset, ""},
		"no answer":               {badnet.Hang, ""},
	}
	for name, tt := range tests {
		for kind, read := range lookups {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				b, _ := broken(t, tt.deed)
				runsOut := name == "no answer"
				if runsOut {
					b.unguarded()
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience(runsOut))
				defer cancel()
				err := read(ctx, b)
				e := refused(t, err)
				if tt.category != "" && e.Category() != tt.category {
					t.Errorf("%v is %s, want %s", e, e.Category(), tt.category)
				}
				if kind == "cancel" && e.Outcome() == sdk.OutcomeUnknown {
					t.Errorf("a read leaves in doubt what became of the payment: %v", e)
				}
			})
		}
	}
}

func TestPastDeadlineSendsNothing(t *testing.T) {
	server := badnet.Start(t, badnet.Reply(200, orderBody))
	connector := New(Options{}) // as it is, without the guard in front of it
	t.Cleanup(connector.Close)
	b := &bench{t: t, account: account(server.URL())}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := connector.Capture(ctx, sdk.CaptureRequest{Call: b.call("R1"), Order: anOrder, Amount: sdk.JPY(1)})
	if e := refused(t, err); e.Code != sdk.CodeExpiredInQueue {
		t.Errorf("refused with %v", e)
	}
	if n := len(server.Seen()); n != 0 {
		t.Errorf("sent %d requests", n)
	}
}

func TestCallerWhoGivesUpHearsAtOnce(t *testing.T) {
	b, server := broken(t, badnet.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	connector := New(Options{})
	t.Cleanup(connector.Close)
	done := make(chan error, 1)
	go func() {
		_, err := connector.Capture(ctx, sdk.CaptureRequest{Call: b.call("R1"), Order: anOrder, Amount: sdk.JPY(1)})
		done <- err
	}()
	waiting, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	server.Await(waiting, t)
	cancel()
	select {
	case err := <-done:
		if e := refused(t, err); e.Outcome() != sdk.OutcomeUnknown || !errors.Is(e, context.Canceled) {
			t.Errorf("answered %v", e)
		}
	case <-waiting.Done():
		t.Error("the call has not returned")
	}
}

// A connector answers before its caller stops listening.
func TestConnectorAnswersFirst(t *testing.T) {
	t.Parallel()
	b, _ := broken(t, badnet.Hang)
	deadline := time.Now().Add(6 * time.Second) // of which half a second is kept back
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	_, err := writes["capture"].ask(ctx, b)
	if e := refused(t, err); e.Code != sdk.CodeReadTimeout {
		t.Errorf("the caller's deadline came first: %v", e)
	}
	if !time.Now().Before(deadline) {
		t.Errorf("answered %v after the caller's deadline", time.Since(deadline))
	}
}

func TestReserve(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		left, least, most time.Duration
	}{
		"a second":   {time.Second, 890 * time.Millisecond, 900 * time.Millisecond},
		"ten":        {10 * time.Second, 9490 * time.Millisecond, 9500 * time.Millisecond},
		"none given": {0, 29 * time.Second, 31 * time.Second},
	} {
		ctx := t.Context()
		if tt.left > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, now.Add(tt.left))
			defer cancel()
		}
		got, cancel := answerFirst(ctx)
		defer cancel()
		deadline, _ := got.Deadline()
		if d := deadline.Sub(now); d < tt.least || d > tt.most+100*time.Millisecond {
			t.Errorf("%s: deadline in %v, want %v to %v", name, d, tt.least, tt.most)
		}
	}
}

// with returns body with the members of patch put over its own.
func with(body, patch string) string {
	members := map[string]json.RawMessage{}
	for _, text := range []string{body, patch} {
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			return "unusable: " + err.Error()
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return "unusable: " + err.Error()
	}
	return string(out)
}
