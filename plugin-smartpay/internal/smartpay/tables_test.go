package smartpay

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// What the provider's documentation and official clients name.
var (
	documentedOrderStatuses = []string{
		"requires_authorization", "requires_capture", "succeeded", "canceled", "rejected", "failed", "pending",
	}
	documentedPaymentStatuses = []string{"processed", "refunded"}
	documentedRefundStatuses  = []string{"succeeded", "failed"}

	documentedErrors = []api.Failure{
		{HTTP: 400, Code: "token.invalid", Endpoint: "POST /orders"},
		{HTTP: 400, Code: "request.invalid", Endpoint: api.CreateSession},
		{HTTP: 400, Code: "request.malformed", Endpoint: api.CreateSession},
		{HTTP: 401, Endpoint: api.CreateSession},
		{HTTP: 401, Endpoint: api.ListOrders},
		{HTTP: 403, Code: "amount.insufficient", Endpoint: api.CreateRefund},
		{HTTP: 404, Code: "order.not-found", Endpoint: api.GetOrder},
		{HTTP: 404, Code: "order.not-found", Endpoint: api.CreatePayment},
		{HTTP: 404, Code: "payment.not-found", Endpoint: api.CreateRefund},
		{HTTP: 404, Code: "coupon.not-found", Endpoint: "GET /coupons/{id}"},
		{HTTP: 404, Code: "token.not-found", Endpoint: "GET /tokens/{id}"},
		{HTTP: 404, Code: "checkout-session.not-found", Endpoint: api.GetSession},
		{HTTP: 404, Code: "refund.not-found", Endpoint: api.GetRefund},
		{HTTP: 404, Code: "promotion-code.not-found", Endpoint: "GET /promotion-codes/{id}"},
		{HTTP: 404, Code: "webhook-endpoint.not-found", Endpoint: api.GetWebhookEndpoint},
		{HTTP: 409, Code: "order.cannot-capture", Endpoint: api.CreatePayment},
		{HTTP: 409, Code: "payment.excessive-amount", Endpoint: api.CreatePayment},
		{HTTP: 409, Code: "order.cannot-cancel", Endpoint: api.CancelOrder},
		{HTTP: 409, Code: "promotion-code.exists", Endpoint: "POST /promotion-codes"},
		{HTTP: 409, Code: "idempotency.conflict", Endpoint: api.CreatePayment},
		{HTTP: 409, Code: "idempotency.in-progress", Endpoint: api.CreatePayment},
	}
	documentedEvents = []string{
		"order.authorized", "order.rejected", "order.canceled", "payment.created", "refund.created", "token.created",
		"token.approved", "token.rejected", "token.deleted", "token.disabled", "token.enabled", "token.used",
		"payout.generated", "payout.paid", "coupon.created", "coupon.updated", "promotion_code.created",
		"promotion_code.updated", "merchant_user.created", "merchant_user.password_reset",
	}
)

func TestEveryDocumentedValueHasItsRow(t *testing.T) {
	for _, status := range documentedOrderStatuses {
		if _, ok := orderRowOf(status); !ok {
			t.Errorf("order status %q has no row", status)
		}
	}
	for table, statuses := range map[*[]moveRow][]string{
		&captureTable: documentedPaymentStatuses, &refundTable: documentedRefundStatuses,
	} {
		for _, status := range statuses {
			if moveOf(*table, status) == sdk.MoveUnknown {
				t.Errorf("status %q has no row", status)
			}
		}
	}
	for _, f := range documentedErrors {
		if code := codeOf(&f); code == sdk.CodeUnmappedError {
			t.Errorf("%s: %d %q has no row", f.Endpoint, f.HTTP, f.Code)
		}
	}
	known := append(subscribed(), elsewhere()...)
	if diff := cmp.Diff(documentedEvents, known); diff != "" {
		t.Errorf("events (-documented +known):\n%s", diff)
	}
}

func TestUnlistedValuesStayUnknown(t *testing.T) {
	for _, status := range []string{"", "on_hold", "SUCCEEDED", "succeeded ", "cancelled"} {
		order := &api.Order{Status: status, Payments: []api.Ref[api.Payment]{}}
		if got := stateOf(order); got != sdk.StateUnknown {
			t.Errorf("order status %q means %s", status, got)
		}
		for _, table := range [][]moveRow{captureTable, refundTable} {
			if got := moveOf(table, status); got != sdk.MoveUnknown && status != "succeeded" {
				t.Errorf("status %q means %s", status, got)
			}
		}
	}
	for name, f := range map[string]api.Failure{
		"a code nobody documented":        {HTTP: 409, Code: "order.frozen", Endpoint: api.CreatePayment, Sent: true},
		"a documented code, other status": {HTTP: 400, Code: "order.cannot-capture", Endpoint: api.CreatePayment, Sent: true},
		"overdrawn where none refunds":    {HTTP: 403, Code: "amount.insufficient", Endpoint: api.CreatePayment, Sent: true},
		"not found by a gateway":          {HTTP: 404, Endpoint: api.GetOrder, Sent: true},
		"teapot":                          {HTTP: 418, Endpoint: api.CreatePayment, Sent: true},
		"redirect":                        {HTTP: 302, Endpoint: api.CreatePayment, Sent: true},
	} {
		if got := codeOf(&f); got != sdk.CodeUnmappedError {
			t.Errorf("%s means %s", name, got)
		}
		if isNotFound(&f, f.Endpoint) {
			t.Errorf("%s counts as not found", name)
		}
	}
}

// A state that says how much is captured must never come from a status that could not
// know.
func TestStatesThatTheAnswerCannotKnowAreLeftOut(t *testing.T) {
	for status, want := range map[string]sdk.State{
		"requires_authorization": sdk.StateRequiresAction, "requires_capture": "", "succeeded": "",
		"canceled": sdk.StateVoided, "rejected": sdk.StateDeclined, "pending": sdk.StateProcessing,
	} {
		if got := stateOf(&api.Order{Status: status}); got != want {
			t.Errorf("%s with nothing said of payments means %q, want %q", status, got, want)
		}
	}
}

// Smartpay keeps a hold's word after it has run out, or calls it canceled.
func TestLapsedHoldsAreExpired(t *testing.T) {
	taken := []api.Ref[api.Payment]{{ID: "payment_test_1"}}
	for name, tt := range map[string]struct {
		order api.Order
		want  sdk.State
	}{
		"at its end":              {api.Order{Status: "requires_capture", UpdatedAt: 9, ExpiresAt: 9, Payments: taken[:0]}, sdk.StateExpired},
		"just before":             {api.Order{Status: "requires_capture", UpdatedAt: 8, ExpiresAt: 9, Payments: taken[:0]}, sdk.StateAuthorized},
		"after a partial capture": {api.Order{Status: "requires_capture", UpdatedAt: 9, ExpiresAt: 9, Payments: taken}, sdk.StateCaptured},
		"called canceled":         {api.Order{Status: "canceled", UpdatedAt: 9, ExpiresAt: 9, Payments: taken[:0]}, sdk.StateExpired},
		"let go before":           {api.Order{Status: "canceled", UpdatedAt: 8, ExpiresAt: 9, Payments: taken[:0]}, sdk.StateVoided},
		"without an end":          {api.Order{Status: "requires_capture", UpdatedAt: 8, Payments: taken[:0]}, sdk.StateAuthorized},
	} {
		if got := stateOf(&tt.order); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestTablesInMarkdown(t *testing.T) {
	golden(t, "testdata/tables.md", tables(), "TablesInMarkdown")
}

// golden compares got with a file, which -update rewrites.
func golden(t *testing.T, path, got, run string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; run go test ./plugin-smartpay/internal/smartpay -run %s -update\n%s", path, run, diff)
	}
}

func tables() string {
	var b strings.Builder
	b.WriteString("### Order statuses\n\n")
	b.WriteString("| Smartpay says | nothing captured | … and lapsed | something captured | … and lapsed | because |\n")
	b.WriteString("|---|---|---|---|---|---|\n")
	for _, r := range orderTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.status, r.none, r.noneLapsed, r.captured, r.capturedLapsed, r.because)
	}
	b.WriteString("| anything else | UNKNOWN | UNKNOWN | UNKNOWN | UNKNOWN | the word is kept |\n")
	for _, table := range []struct {
		title string
		rows  []moveRow
	}{{"Payment statuses, which are our captures", captureTable}, {"Refund statuses", refundTable}} {
		fmt.Fprintf(&b, "\n### %s\n\n| Smartpay says | means | because |\n|---|---|---|\n", table.title)
		for _, r := range table.rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.status, r.move, r.because)
		}
		b.WriteString("| anything else | UNKNOWN | the word is kept |\n")
	}
	b.WriteString("\n### Refusals\n\nThe first row that fits decides.\n\n")
	b.WriteString("| HTTP | error code | at | our code | outcome of a write | retry | because |\n|---|---|---|---|---|---|---|\n")
	for _, r := range errorTable {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", status(r.http), word(r.code), place(r.at), decided(r.means), r.because)
	}
	fmt.Fprintf(&b, "| any other | | everywhere | %s | the code is kept |\n", decided(sdk.CodeUnmappedError))
	b.WriteString("\n### Calls without a readable answer\n\nThe first row that fits decides.\n\n")
	b.WriteString("| situation | our code | outcome of a write | retry |\n|---|---|---|---|\n")
	for _, r := range breakTable {
		fmt.Fprintf(&b, "| %s | %s |\n", r.situation, decided(r.means))
	}
	return b.String()
}

func decided(code sdk.Code) string {
	m := code.Meaning()
	return fmt.Sprintf("`%s` | %s | %s", code, m.Outcome, m.Retry)
}

func status(http int) string {
	if http == any5xx {
		return "5xx"
	}
	return fmt.Sprint(http)
}

func word(code string) string {
	switch code {
	case anyCode:
		return "any or none"
	case noCode:
		return "none"
	}
	return "`" + code + "`"
}

func place(at api.Endpoint) string {
	switch at {
	case "":
		return "everywhere"
	case reads:
		return "reads"
	}
	return "`" + string(at) + "`"
}

// What to do next must fit what became of the write, and a wait must fit what to do next.
func TestAdviceIsCoherent(t *testing.T) {
	codes := map[sdk.Code]bool{sdk.CodeUnmappedError: true, sdk.CodeUnmappedDecline: true, sdk.CodeOrderRejected: true}
	for _, row := range errorTable {
		codes[row.means] = true
	}
	for _, row := range breakTable {
		codes[row.means] = true
	}
	for code := range codes {
		m := code.Meaning()
		if code != sdk.CodeUnmappedError && m == sdk.CodeUnmappedError.Meaning() {
			t.Errorf("%s has no meaning of its own", code)
		}
		if (m.Retry == sdk.RetryReconcileFirst) != (m.Outcome == sdk.OutcomeUnknown) {
			t.Errorf("%s: %s after %s", code, m.Retry, m.Outcome)
		}
		if m.Retry == sdk.RetrySameKey && m.Outcome != sdk.OutcomeNotAttempted {
			t.Errorf("%s: %s after %s", code, m.Retry, m.Outcome)
		}
	}
	for _, f := range documentedErrors {
		f.Sent, f.RetryAfter = true, 7*time.Second
		e := sdk.AsError(failure("test", &f))
		waits := e.Retry() == sdk.RetrySameKey || e.Retry() == sdk.RetrySameKeyAfter
		if (e.RetryAfter != 0) != waits {
			t.Errorf("%s %d %s: %s, after %v", f.Endpoint, f.HTTP, f.Code, e.Retry(), e.RetryAfter)
		}
		if e.Network != nil {
			t.Errorf("%s %d %s: a network is said to have spoken: %+v", f.Endpoint, f.HTTP, f.Code, e.Network)
		}
	}
}
