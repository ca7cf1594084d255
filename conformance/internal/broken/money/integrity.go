package money

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/sdk"
)

// believing has answers to writes say the amount that was asked for, whatever the
// provider has said.
func believing(path string, of func(answer map[string]any) map[string]any) func(http.RoundTripper) http.RoundTripper {
	return wrong.On(nil, func(w *wrong.Way) {
		var asked, told map[string]any
		if !strings.HasSuffix(w.Request.URL.Path, path) || w.Request.Method == http.MethodGet ||
			json.Unmarshal(w.Asked, &asked) != nil || json.Unmarshal(w.Body, &told) != nil {
			return
		}
		if object := of(told); object != nil {
			object["amount"] = asked["amount"]
		}
		if text, err := json.Marshal(told); err == nil {
			w.Body = text
		}
	})
}

func member(name string) func(map[string]any) map[string]any {
	return func(answer map[string]any) map[string]any {
		object, _ := answer[name].(map[string]any)
		return object
	}
}

// integrity are mutants that take what was asked for, or nothing, for what is.
func integrity() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "believes-its-own-terms", Fault: "It does not compare the amount of a new payment with what it asked for.",
			Killer: "money/other-amount", Reason: "expected outcome [UNKNOWN]", Collateral: []string{"money/other-currency"},
			Transport: believing("/payments", func(answer map[string]any) map[string]any { return answer }),
		},
		{
			ID: "believes-its-own-currency", Fault: "It compares the number of a new payment, and not its currency.",
			Killer: "money/other-currency", Reason: "expected outcome [UNKNOWN]",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					result, err := d.Connector.Authorize(ctx, req)
					if wrong.Is(err, sdk.CodeCurrencyMismatch) {
						result.Outcome = sdk.OutcomePending
						return result, nil
					}
					return result, err
				}
			}),
		},
		{
			ID: "believes-its-own-capture", Fault: "It reports what it asked to capture, whatever was captured.",
			Killer: "capture/other-amount", Reason: "expected outcome [UNKNOWN]",
			Transport: believing("/captures", member("capture")),
		},
		{
			ID: "believes-its-own-refund", Fault: "It reports what it asked to refund, whatever was refunded.",
			Killer: "refund/other-amount", Reason: "expected outcome [UNKNOWN]",
			Transport: believing("/refunds", member("refund")),
		},
		{
			ID: "approved-as-asked", Fault: "Of an approval of less it tells the amount that was asked for.",
			Killer: "money/approved-less", Reason: "looking up what is authorized: expected 1200 EUR, got 2400 EUR",
			Collateral: []string{
				"doubt/answer-*", "doubt/server-error-after-acting", "doubt/success-has-wrong-types",
				"redirect/unapproved",
			},
			Connector: approvedAsAsked(),
		},
		{
			ID: "missing-is-zero", Fault: "An amount that the provider leaves out it takes for 0, and a captured payment for a hold.",
			Killer: "money/missing-amount", Reason: "no captured amount, or the true one, got 0",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if s.Captured == nil {
					s.Captured, s.State = &sdk.Money{Currency: "EUR"}, sdk.StateAuthorized
				}
			}),
		},
	}
}

// approvedAsAsked remembers what was asked for, and tells that.
func approvedAsAsked() mutation {
	return wrong.In(func(d *wrong.Double) {
		var asked sync.Map // reference -> amount
		d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			asked.Store(req.Call.Reference, req.Amount)
			return d.Connector.Authorize(ctx, req)
		}
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			f, err := d.Connector.FindPayment(ctx, req)
			if amount, ok := asked.Load(req.Call.Reference); ok && f.Payment != nil && f.Payment.Authorized != nil {
				all, _ := amount.(sdk.Money)
				f.Payment.Authorized = &all
			}
			return f, err
		}
	})
}
