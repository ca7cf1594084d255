package smartpay

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// mishaps are faults of the stand-in's script language, each for one request, and what a
// write must say that meets one.
var mishaps = map[string]struct {
	rule    string
	acted   bool
	outcome sdk.Outcome
	code    sdk.Code // "" where it depends on the kind of write
	waits   bool     // the caller's deadline passes
}{
	"never answered":              {`"do":"hang"`, false, sdk.OutcomeUnknown, sdk.CodeReadTimeout, true},
	"done and never answered":     {`"do":"hang","act":true`, true, sdk.OutcomeUnknown, sdk.CodeReadTimeout, true},
	"answered drop by drop":       {`"do":"slow_drip","bytes_per_second":1`, true, sdk.OutcomeUnknown, sdk.CodeReadTimeout, true},
	"reset":                       {`"do":"reset_before_headers"`, false, sdk.OutcomeUnknown, sdk.CodeConnectionReset, false},
	"done and reset":              {`"do":"reset_before_headers","act":true`, true, sdk.OutcomeUnknown, sdk.CodeConnectionReset, false},
	"done, answer dropped":        {`"do":"act_then_drop_response"`, true, sdk.OutcomeUnknown, sdk.CodeConnectionReset, false},
	"answer cut off":              {`"do":"reset_mid_body"`, true, sdk.OutcomeUnknown, sdk.CodeTruncatedBody, false},
	"500":                         {`"do":"status","status":500`, false, sdk.OutcomeUnknown, sdk.CodeHTTP5xx, false},
	"done and 500":                {`"do":"status","status":500,"act":true`, true, sdk.OutcomeUnknown, sdk.CodeHTTP5xx, false},
	"502 in HTML":                 {`"do":"status","status":502,"body":"<html>"`, false, sdk.OutcomeUnknown, sdk.CodeHTTP5xx, false},
	"done and 502 in HTML":        {`"do":"status","status":502,"body":"<html>","act":true`, true, sdk.OutcomeUnknown, sdk.CodeHTTP5xx, false},
	"503":                         {`"do":"status","status":503`, false, sdk.OutcomeUnknown, sdk.CodeHTTP5xx, false},
	"504":                         {`"do":"status","status":504`, false, sdk.OutcomeUnknown, sdk.CodeGatewayTimeout, false},
	"done and 504":                {`"do":"status","status":504,"act":true`, true, sdk.OutcomeUnknown, sdk.CodeGatewayTimeout, false},
	"done, an empty success":      {`"do":"status","status":200,"body":"","act":true`, true, sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess, false},
	"done, null":                  {`"do":"status","status":200,"body":null,"act":true`, true, sdk.OutcomeUnknown, sdk.CodeIDMismatch, false},
	"done, HTML":                  {`"do":"status","status":200,"body":"<html>","act":true`, true, sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess, false},
	"done, of the wrong types":    {`"do":"status","status":200,"body":{"id":5},"act":true`, true, sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess, false},
	"empty success, not done":     {`"do":"status","status":200,"body":""`, false, sdk.OutcomeUnknown, sdk.CodeUnparseableSuccess, false},
	"another status":              {`"do":"override_status","value":"on_hold"`, true, sdk.OutcomeUnknown, sdk.CodeUnmappedError, false},
	"another currency":            {`"do":"override_currency","value":"USD"`, true, sdk.OutcomeUnknown, sdk.CodeCurrencyMismatch, false},
	"an error of another shape":   {`"do":"status","status":400,"body":["request.invalid"]`, false, sdk.OutcomeUnknown, sdk.CodeUnmappedError, false},
	"too many calls":              {`"do":"status","status":429,"headers":{"Retry-After":"1"}`, false, sdk.OutcomeNotAttempted, sdk.CodeRateLimited, false},
	"refused for good":            {`"do":"status","status":401,"body":{"statusCode":401}`, false, sdk.OutcomeNotAttempted, sdk.CodeCredentialsInvalid, false},
	"everything sent is repeated": {`"do":"echo_request_in_error"`, false, sdk.OutcomeNotAttempted, sdk.CodeInvalidField, false},
}

// A host that does literally what it is advised, after every fault, ends with the write
// done once: a lookup by our reference alone tells the truth, and the same key never
// doubles.
func TestAdviceFollowedAfterEveryFault(t *testing.T) {
	for name, m := range mishaps {
		for kind, prepare := range deeds {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				if m.waits {
					b.unguarded()
				}
				start := time.Now()
				d := prepare(b, "Rfault")
				b.arm(`{"on":"` + d.endpoint + `","nth":1,` + m.rule + `}`)
				ctx, cancel := context.WithTimeout(t.Context(), patience(m.waits))
				defer cancel()
				_, answer, err := d.do(ctx, b)
				e := refused(t, err)
				if e.Code != m.code || sdk.OutcomeOf(answer, err) != m.outcome {
					t.Errorf("%v (%s), want %s %s", e, e.Outcome(), m.code, m.outcome)
				}
				done := 0
				if m.acted {
					done = 1
				}
				if n := d.effects(); n != done {
					t.Fatalf("the stand-in has done it %d times, want %d", n, done)
				}
				b.follow(d, e, done, start)
			})
		}
	}
}

// follow does what an error advises, and checks that the write is done once if it is done.
func (b *bench) follow(d deed, e *sdk.Error, done int, start time.Time) {
	b.t.Helper()
	switch e.Retry() {
	case sdk.RetryReconcileFirst:
		got, err := b.FindPayment(b.t.Context(), sdk.FindPaymentRequest{Call: b.read(d.call.Reference), CreatedAt: start})
		if err != nil {
			b.t.Fatalf("looking it up: %v", err)
		}
		seen := 0
		if got.Found {
			seen = d.seen(got.Payment)
		}
		if seen != done {
			b.t.Errorf("a lookup by our reference sees it %d times, want %d: %+v", seen, done, got)
		}
	case sdk.RetrySameKey, sdk.RetrySameKeyAfter:
	default:
		return
	}
	d.call.Attempt++
	_, answer, err := d.do(b.t.Context(), b)
	if outcome := sdk.OutcomeOf(answer, err); outcome != sdk.OutcomeSucceeded && outcome != sdk.OutcomeRequiresAction {
		b.t.Errorf("sent again: %+v, %v", answer, err)
	}
	if n := d.effects(); n != 1 {
		b.t.Errorf("in the end it was done %d times", n)
	}
}

// An amount that is not what was asked for is never passed on as a success, whether
// Smartpay did less or only says so.
func TestAmountThatSmartpayTellsWrongly(t *testing.T) {
	for kind, prepare := range deeds {
		if kind == "void" {
			continue // asks for no amount
		}
		for name, amount := range map[string]string{"less": "1", "a hundredfold": "100000"} {
			b := newBench(t)
			d := prepare(b, "Rwrong")
			b.arm(`{"on":"` + d.endpoint + `","nth":1,"do":"override_amount","value":` + amount + `}`)
			_, answer, err := d.do(t.Context(), b)
			if e := refused(t, err); e.Code != sdk.CodeAmountMismatch || answer.Outcome != sdk.OutcomeUnknown {
				t.Errorf("%s of %s: %v", name, kind, e)
			}
		}
	}
}

// A write may not be seen at once. Until the manifest's delay has passed not finding it
// proves nothing; the connector itself never claims that it is gone.
func TestWhatCannotBeSeenYetIsFoundLater(t *testing.T) {
	delay := time.Duration(New(Options{}).Describe().VisibilityDelay)
	if delay <= 0 {
		t.Fatal("the manifest names no delay")
	}
	for name, only := range map[string]string{"anywhere": ``, "in lists": `,"only":"lists"`} {
		b := newBench(t)
		ms := strconv.FormatInt(delay.Milliseconds(), 10)
		b.arm(`{"on":"POST /checkout-sessions","nth":1,"do":"visibility_delay","ms":` + ms + only + `}`)
		made := b.authorize("Rlater", 1000, sdk.CaptureManual)
		lookup := sdk.FindPaymentRequest{Call: b.read("Rlater")}
		if got, err := b.FindPayment(t.Context(), lookup); err != nil || got.Found {
			t.Errorf("not to be seen %s: %+v, %v", name, got, err)
		}
		b.advance(delay)
		if got, err := b.FindPayment(t.Context(), lookup); err != nil || !got.Found || got.Payment.Order != made.Order {
			t.Errorf("not seen %s, later: %+v, %v", name, got, err)
		}
	}
}

// A buyer who approves after the host has given up shows in the next lookup.
func TestLateApprovalShows(t *testing.T) {
	b := newBench(t)
	b.unguarded()
	req := b.order("Rslow", 1000, sdk.CaptureAutomatic)
	b.arm(`{"on":"POST /checkout-sessions","nth":1,"do":"hang","act":true}`)
	ctx, cancel := context.WithTimeout(t.Context(), patience(true))
	defer cancel()
	if _, err := b.Authorize(ctx, req); refused(t, err).Outcome() != sdk.OutcomeUnknown {
		t.Fatalf("Authorize: %v", err)
	}
	b.decide("Rslow", "approve", "")
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("Rslow")})
	if err != nil || !got.Found || got.Payment.State != sdk.StateCaptured || *got.Payment.Captured != sdk.JPY(1000) {
		t.Errorf("found %+v, %v", got, err)
	}
	if n := b.ordersOf("Rslow"); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// An answer from a server that lags behind must not look newer than what was seen.
func TestLaggingAnswerIsNotNewer(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rlag", 1000, sdk.CaptureManual)
	held := b.find(order)
	b.advance(time.Second)
	b.captured(order, 1000, true)
	taken := b.find(order)
	if taken.Revision <= held.Revision {
		t.Fatalf("revision went from %d to %d", held.Revision, taken.Revision)
	}
	b.arm(`{"on":"GET /orders/{id}","do":"override_status","value":"requires_capture"}`)
	if back := b.find(order); back.Revision > taken.Revision {
		t.Errorf("%s with revision %d, after %s with %d", back.State, back.Revision, taken.State, taken.Revision)
	}
}

func TestWaitGivenAsADate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	server := badnet.Start(t, badnet.Reply(429, "", "Retry-After: Fri, 02 Jan 2026 03:04:47 GMT"))
	b := &bench{Remote: connect(t, Options{Now: func() time.Time { return now }}), t: t, account: account(server.URL())}
	_, err := writes["capture"].ask(t.Context(), b)
	if e := refused(t, err); e.RetryAfter != 42*time.Second || e.Retry() != sdk.RetrySameKeyAfter {
		t.Errorf("%v: %s after %v", e, e.Retry(), e.RetryAfter)
	}
}
