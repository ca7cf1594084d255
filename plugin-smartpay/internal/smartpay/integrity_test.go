package smartpay

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// An answer that is not what was asked for is in doubt, and what it is stays known.
func TestAnswersThatDifferFromWhatWasAsked(t *testing.T) {
	other := "order_test_ZZZZZZZZZZZZZZZZZZZZZZ"
	tests := map[string]struct {
		write string
		patch string
		code  sdk.Code
		kept  bool // the answer still says what there is at the provider
	}{
		"session in dollars":           {"authorize", `{"order":` + with(orderBody, `{"currency":"USD"}`) + `}`, sdk.CodeCurrencyMismatch, false},
		"session over another amount":  {"authorize", `{"order":` + with(orderBody, `{"amount":100000}`) + `}`, sdk.CodeAmountMismatch, false},
		"session of another payment":   {"authorize", `{"reference":"R2"}`, sdk.CodeReferenceMismatch, false},
		"order of another payment":     {"authorize", `{"order":` + with(orderBody, `{"reference":"R2"}`) + `}`, sdk.CodeReferenceMismatch, false},
		"session of live mode":         {"authorize", `{"id":"checkout_live_1"}`, sdk.CodeIDMismatch, false},
		"session without an order":     {"authorize", `{"order":null}`, sdk.CodeIDMismatch, false},
		"session without a page":       {"authorize", `{"url":""}`, sdk.CodeUnparseableSuccess, true},
		"session with a page in clear": {"authorize", `{"url":"http://checkout.smartpay.co/s"}`, sdk.CodeUnparseableSuccess, true},
		"session with another's page":  {"authorize", `{"url":"https://checkout.smartpay.co.example/s"}`, sdk.CodeUnparseableSuccess, true},
		"session with a script":        {"authorize", `{"url":"javascript:alert(1)"}`, sdk.CodeUnparseableSuccess, true},
		"order of a status unheard of": {"authorize", `{"order":` + with(orderBody, `{"status":"thinking"}`) + `}`, sdk.CodeUnmappedError, true},
		"capture of less":              {"capture", `{"amount":199}`, sdk.CodeAmountMismatch, true},
		"capture a hundredfold":        {"capture", `{"amount":20000}`, sdk.CodeAmountMismatch, true},
		"capture in dollars":           {"capture", `{"currency":"USD"}`, sdk.CodeCurrencyMismatch, true},
		"capture of another order":     {"capture", `{"order":"` + other + `"}`, sdk.CodeIDMismatch, false},
		"capture of another operation": {"capture", `{"reference":"op-2"}`, sdk.CodeReferenceMismatch, false},
		"capture of a status unheard":  {"capture", `{"status":"clearing"}`, sdk.CodeUnmappedError, true},
		"capture below nothing":        {"capture", `{"amount":-200}`, sdk.CodeUnparseableSuccess, false},
		"refund of more":               {"refund", `{"amount":101}`, sdk.CodeAmountMismatch, true},
		"refund of another capture":    {"refund", `{"payment":"payment_test_2"}`, sdk.CodeIDMismatch, false},
		"refund of another operation":  {"refund", `{"reference":"op-2"}`, sdk.CodeReferenceMismatch, false},
		"refund of a status unheard":   {"refund", `{"status":"queued"}`, sdk.CodeUnmappedError, true},
		"void of another order":        {"void", `{"id":"` + other + `"}`, sdk.CodeIDMismatch, false},
		"void of another payment":      {"void", `{"reference":"R2"}`, sdk.CodeReferenceMismatch, false},
		"void that changed nothing":    {"void", `{"status":"requires_capture"}`, sdk.CodeUnmappedError, true},
		"void in dollars":              {"void", `{"currency":"USD"}`, sdk.CodeCurrencyMismatch, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _ := broken(t, badnet.Reply(200, with(writes[tt.write].answer, tt.patch)))
			got, err := writes[tt.write].ask(t.Context(), b)
			e := refused(t, err)
			if e.Code != tt.code || e.Outcome() != sdk.OutcomeUnknown || got.Outcome != sdk.OutcomeUnknown {
				t.Errorf("%v (%s), want %s and UNKNOWN", e, got.Outcome, tt.code)
			}
			if (got.Payment != nil) != tt.kept {
				t.Errorf("the answer says %+v", got.Payment)
			}
		})
	}
}

func TestRefundThatFailed(t *testing.T) {
	b, _ := broken(t, badnet.Reply(200, with(refundBody, `{"status":"failed"}`)))
	got, err := writes["refund"].ask(t.Context(), b)
	if e := refused(t, err); e.Outcome() != sdk.OutcomeDeclined || e.Provider.Status != "failed" {
		t.Errorf("%v", e)
	}
	if got.Payment == nil || got.Payment.Refunds[0].Status != sdk.MoveFailed {
		t.Errorf("the answer says %+v", got.Payment)
	}
}

// What an answer leaves out is not zero, and no reason to doubt the rest of it.
func TestAmountsThatAreLeftOut(t *testing.T) {
	b, _ := broken(t, badnet.Reply(200, with(paymentBody, `{"amount":null,"currency":null,"reference":null,"order":null}`)))
	got, err := writes["capture"].ask(t.Context(), b)
	if err != nil || got.Outcome != sdk.OutcomeSucceeded || got.Amount != nil || got.Payment.Captures[0].Amount != nil {
		t.Errorf("capture: %+v, %v", got, err)
	}
	b, _ = broken(t, badnet.Reply(200, with(orderBody, `{"amount":null,"status":"requires_capture"}`)))
	finding, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil || finding.Payment.Authorized != nil || finding.Payment.Released != nil || finding.Payment.State != sdk.StateAuthorized {
		t.Errorf("find: %+v, %v", finding.Payment, err)
	}
}

func TestLookupsThatContradictThemselves(t *testing.T) {
	payment := with(paymentBody, `{"refunds":[]}`)
	tests := map[string]struct {
		patch string
		code  sdk.Code
	}{
		"in dollars":                {`{"currency":"USD"}`, sdk.CodeCurrencyMismatch},
		"a capture in dollars":      {`{"payments":[` + with(payment, `{"currency":"USD"}`) + `]}`, sdk.CodeCurrencyMismatch},
		"another reference":         {`{"reference":"R2"}`, sdk.CodeReferenceMismatch},
		"more captured than held":   {`{"status":"succeeded","payments":[` + with(payment, `{"amount":1001}`) + `]}`, sdk.CodeAmountMismatch},
		"more refunded than taken":  {`{"status":"succeeded","payments":[` + with(paymentBody, `{"refunds":[`+with(refundBody, `{"amount":201}`)+`]}`) + `]}`, sdk.CodeAmountMismatch},
		"another order than asked":  {`{"id":"order_test_2"}`, sdk.CodeIDMismatch},
		"a capture of another":      {`{"payments":[` + with(payment, `{"order":"order_test_2"}`) + `]}`, sdk.CodeIDMismatch},
		"an order of the live mode": {`{"id":"order_live_1"}`, sdk.CodeIDMismatch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _ := broken(t, badnet.Reply(200, with(orderBody, tt.patch)))
			got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
			if e := refused(t, err); e.Code != tt.code {
				t.Errorf("%v, want %s", e, tt.code)
			}
			if got.Found {
				t.Errorf("found %+v", got.Payment)
			}
		})
	}
}

// Payments that keep quiet about their refunds may have some: the list is read.
func TestRefundsOfPaymentsThatDoNotListThem(t *testing.T) {
	order := with(orderBody, `{"status":"succeeded","payments":[`+paymentBody+`]}`)
	list := `{"object":"collection","data":[` + refundBody + `,` + with(refundBody, `{"id":"refund_test_2","payment":"payment_test_2"}`) + `]}`
	b, server := broken(t, badnet.Reply(200, order), badnet.Reply(200, list))
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil {
		t.Fatalf("FindPayment: %v", err)
	}
	if len(got.Payment.Refunds) != 1 || *got.Payment.Refunded != sdk.JPY(100) {
		t.Errorf("refunds are %+v", got.Payment.Refunds)
	}
	if seen := server.Seen(); seen[1].Path != "/refunds?maxResults=100" {
		t.Errorf("asked for %s", seen[1].Path)
	}
}

// An order whose refunds cannot be searched in time is told without them, while there is
// still somebody to tell.
func TestRefundsThatTakeTooLongAreNotSaid(t *testing.T) {
	order := with(orderBody, `{"status":"succeeded","payments":[`+paymentBody+`]}`)
	b, _ := broken(t, badnet.Reply(200, order), badnet.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	got, err := b.FindPayment(ctx, sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil || ctx.Err() != nil {
		t.Fatalf("%v, %v", err, ctx.Err())
	}
	if p := got.Payment; len(p.Captures) != 1 || p.Captured == nil || p.Refunded != nil || len(p.Refunds) != 0 {
		t.Errorf("found %+v, want its capture and nothing of refunds", p)
	}
}

// The list is read back to the capture, and by as much further as Smartpay's clocks may
// differ.
func TestRefundsAreLookedForBackToTheCapture(t *testing.T) {
	const captured = 1700000300000
	order := with(orderBody, `{"status":"succeeded","payments":[`+with(paymentBody, fmt.Sprintf(`{"createdAt":%d}`, captured))+`]}`)
	// page is two refunds, the older one so many seconds after the capture.
	page := func(payment string, after int) badnet.Deed {
		row := func(id string, at int) string {
			return with(refundBody, fmt.Sprintf(`{"id":"refund_test_%s%d","payment":%q,"createdAt":%d}`, id, at, payment, at))
		}
		at := captured + 1000*after
		return badnet.Reply(200, `{"object":"collection","nextPageToken":"more","data":[`+row("a", at+1)+`,`+row("b", at)+`]}`)
	}
	b, server := broken(t, badnet.Reply(200, order),
		page("payment_test_2", 60), page("payment_test_2", 1), page(aPayment, -29), page("payment_test_2", -31), page(aPayment, -60))
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Payment.Refunds) != 2 || len(server.Seen()) != 5 {
		t.Errorf("%d refunds in %d requests, want the 2 of the third page and no look at the fifth", len(got.Payment.Refunds), len(server.Seen()))
	}
}

// A 404 about something else than what was asked for is not an answer to the question.
func TestNotFoundOfSomethingElse(t *testing.T) {
	order := with(orderBody, `{"status":"succeeded","payments":[`+paymentBody+`]}`)
	for _, code := range []string{"order.not-found", "refund.not-found"} {
		b, _ := broken(t, badnet.Reply(200, order), badnet.Reply(404, `{"statusCode":404,"errorCode":"`+code+`","message":"no"}`))
		got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
		if err == nil {
			t.Errorf("found %+v", got)
		}
	}
}

func TestRevisionGrowsWithARefund(t *testing.T) {
	refund := with(refundBody, `{"updatedAt":1700000009000}`)
	order := with(orderBody, `{"status":"succeeded","payments":[`+with(paymentBody, `{"refunds":[`+refund+`]}`)+`]}`)
	b, _ := broken(t, badnet.Reply(200, order))
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil || got.Payment.Revision != 1700000009000 {
		t.Errorf("found %+v, %v", got.Payment, err)
	}
}

// The release is certain; how much it was is said only if it can be read.
func TestVoidWhoseAmountCannotBeRead(t *testing.T) {
	closed := with(orderBody, `{"status":"succeeded","payments":["`+aPayment+`"]}`)
	for name, next := range map[string]badnet.Deed{
		"the order cannot be read":         badnet.Reply(500, ""),
		"the order reads as another thing": badnet.Reply(200, with(closed, `{"status":"requires_capture","payments":[`+paymentBody+`]}`)),
	} {
		b, _ := broken(t, badnet.Reply(200, closed), next)
		got, err := b.Void(t.Context(), sdk.VoidRequest{Call: b.call("R1"), Order: anOrder})
		if err != nil || got.Outcome != sdk.OutcomeSucceeded || got.Released != nil || got.Payment.State != sdk.StateCaptured {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReasonsInSmartpaysWords(t *testing.T) {
	for reason, want := range map[sdk.RefundReason]string{
		sdk.RefundRequested: "requested_by_customer", sdk.RefundFraudulent: "fraudulent", sdk.RefundDuplicate: "requested_by_customer",
	} {
		b, server := broken(t, badnet.Reply(200, refundBody))
		_, err := b.Refund(t.Context(), sdk.RefundRequest{
			Call: b.call("R1"), Order: anOrder, Capture: aPayment, Amount: sdk.JPY(100), Reason: reason, Description: "返品",
		})
		body := `{"payment":"` + aPayment + `","amount":100,"currency":"JPY","reason":"` + want + `","reference":"op-1","description":"返品"}`
		if got := server.Seen()[0].Body; err != nil || got != body {
			t.Errorf("%s is sent as %s, %v; want %s", reason, got, err, body)
		}
	}
}

// An answer that gives ids although all was asked for is completed.
func TestOrderThatIsNotExpanded(t *testing.T) {
	order := with(orderBody, `{"status":"succeeded","payments":["`+aPayment+`"]}`)
	payment := with(paymentBody, `{"refunds":["refund_test_1"]}`)
	b, server := broken(t, badnet.Reply(200, order), badnet.Reply(200, payment), badnet.Reply(200, refundBody))
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil || *got.Payment.Captured != sdk.JPY(200) || *got.Payment.Refunded != sdk.JPY(100) {
		t.Errorf("found %+v, %v", got.Payment, err)
	}
	if n := len(server.Seen()); n != 3 {
		t.Errorf("asked %d times, want for the order, the payment and the refund", n)
	}
}

// A refund that is named and cannot be read yet leaves the total unsaid.
func TestRefundThatCannotBeReadYet(t *testing.T) {
	order := with(orderBody, `{"status":"succeeded","payments":[`+with(paymentBody, `{"refunds":["refund_test_1"]}`)+`]}`)
	b, _ := broken(t, badnet.Reply(200, order), badnet.Reply(404, `{"statusCode":404,"errorCode":"refund.not-found","message":"no"}`))
	got, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
	if err != nil || !got.Found || got.Payment.Refunded != nil || *got.Payment.Captured != sdk.JPY(200) {
		t.Errorf("found %+v, %v", got.Payment, err)
	}
}
