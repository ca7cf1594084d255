// Package lookup holds connectors that are wrong when they look something up: they do
// not find it, find something else, remember instead of asking, or take an answer that
// they cannot read for one that says nothing.
package lookup

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists them.
func Mutants() []broken.Mutant { return slices.Concat(finding(), telling(), reading()) }

type mutation = func(*reference.Connector) sdk.Connector

type found = func(sdk.FindPaymentRequest, sdk.PaymentFinding, error) (sdk.PaymentFinding, error)

// findAs replaces what lookups say.
func findAs(change found) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			f, err := d.Connector.FindPayment(ctx, req)
			return change(req, f, err)
		}
	})
}

// finding are mutants that do not find what is there, or find what is not.
func finding() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "sync-needs-provider-id", Fault: "It looks up by the provider's name only.",
			Killer: "lookup/by-reference", Reason: "missing_field",
			Collateral: []string{
				"lookup/not-there", "lookup/after-lost-answer", "lookup/after-lost-request", "lookup/not-yet-visible",
				"lookup/server-error", "lookup/gateway-page", "lookup/foreign-404", "lookup/html", "lookup/empty",
				"lookup/null", "lookup/truncated", "lookup/truncated-chunked", "lookup/reset", "lookup/mistyped",
				"text/references", "text/references-by-case", "schema/find_payment-valid", "process/remembers-nothing",
				"doubt/answer-*", "doubt/server-error-after-acting", "doubt/success-has-wrong-types", "doubt/lookup-*",
				"doubt/found-by-our-reference-alone", "doubt/late-success", "doubt/visible-after-its-delay",
				"doubt/advice-followed", "keys/reads-*", "load/64-lookups", "resilience/killed-*",
				"resilience/restarted-between-steps", "resilience/outage", "resilience/walk", "walk/*",
				"lookup/many-payments", "redirect/unapproved", "redirect/approved", "redirect/declined",
				"redirect/left", "redirect/timed-out", "secrets/not-logged", "secrets/buyer-not-logged",
				"secrets/not-in-*",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
					if req.Order == "" {
						return sdk.PaymentFinding{}, &sdk.Error{Op: "reference.FindPayment", Code: sdk.CodeMissingField,
							Fields: []sdk.FieldError{{Pointer: "/order", Message: "is required"}}}
					}
					return d.Connector.FindPayment(ctx, req)
				}
			}),
		},
		{
			ID: "not-found-is-an-error", Fault: "What is not there is an error to it.",
			Killer: "lookup/not-there", Reason: "expected not found, got",
			Collateral: []string{
				"lookup/not-there-by-order", "lookup/after-lost-request", "lookup/not-yet-visible",
				"doubt/visible-after-its-delay", "doubt/advice-followed", "keys/reads-use-none",
				"resilience/killed-before-the-provider", "resilience/outage",
			},
			Connector: findAs(func(_ sdk.FindPaymentRequest, f sdk.PaymentFinding, err error) (sdk.PaymentFinding, error) {
				if err == nil && !f.Found {
					return f, sdk.Errorf("reference.FindPayment", sdk.CodeUnmappedError, "no such payment")
				}
				return f, err
			}),
		},
		{
			ID: "never-sure", Fault: "It claims that not found is sure, and never says so.",
			Killer: "lookup/not-there", Reason: "authoritative: expected true, got false",
			Connector: findAs(func(_ sdk.FindPaymentRequest, f sdk.PaymentFinding, err error) (sdk.PaymentFinding, error) {
				f.Authoritative = false
				return f, err
			}),
		},
		{
			ID: "missing-is-failed", Fault: "A payment that it cannot see yet it calls failed.",
			Killer: "lookup/not-yet-visible", Reason: "found: expected false, got true",
			Collateral: []string{
				"lookup/not-there", "lookup/not-there-by-order", "lookup/after-lost-request",
				"doubt/visible-after-its-delay", "doubt/advice-followed", "resilience/killed-before-the-provider",
			},
			Connector: findAs(func(_ sdk.FindPaymentRequest, f sdk.PaymentFinding, err error) (sdk.PaymentFinding, error) {
				if err == nil && !f.Found {
					return sdk.PaymentFinding{Found: true, Payment: &sdk.Snapshot{State: sdk.StateFailed}}, nil
				}
				return f, err
			}),
		},
		{
			ID: "found-without-its-name", Fault: "Found by our reference, a payment has no name of the provider's.",
			Killer: "lookup/after-lost-answer", Reason: "expected the provider's name for the payment, got none",
			Collateral: []string{
				"lookup/by-reference", "text/references", "text/references-by-case",
				"resilience/restarted-between-steps", "process/remembers-nothing",
				"doubt/found-by-our-reference-alone",
			},
			Connector: findAs(func(req sdk.FindPaymentRequest, f sdk.PaymentFinding, err error) (sdk.PaymentFinding, error) {
				if req.Order == "" && f.Payment != nil {
					f.Payment.Order = ""
				}
				return f, err
			}),
		},
		{
			ID: "first-page-only", Fault: "It looks for our reference among the newest hundred payments.",
			Killer: "lookup/many-payments", Reason: "expected it to be found, got not found", Connector: firstPageOnly(),
		},
		{
			ID: "lookup-writes", Fault: "With each lookup it asks the provider for a change.",
			Killer: "lookup/read-only", Reason: "requests for a change: expected 0",
			Collateral: []string{"keys/reads-change-nothing", "redirect/approved"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
					f, err := d.Connector.FindPayment(ctx, req)
					if err == nil && f.Found {
						call := req.Call
						call.Key = "touched"
						// What becomes of it is of no interest: that it was asked is what is wrong.
						_, _ = d.Connector.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: call, Token: "ins_0"})
					}
					return f, err
				}
			}),
		},
		{
			ID: "sync-lies", Fault: "It remembers what a lookup has told until it writes again itself.",
			Killer: "lookup/captured-outside", Reason: "state: expected CAPTURED, got AUTHORIZED",
			Collateral: []string{
				"state/documented-statuses", "state/hold-ends-in-time", "lookup/read-only", "lookup/voided-outside",
			}, Connector: cached(),
		},
	}
}

func firstPageOnly() mutation {
	const page = 100
	return wrong.In(func(d *wrong.Double) {
		var mu sync.Mutex
		seen := map[string][]sdk.Reference{} // by merchant, who is at an address of their own
		d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			merchant := req.Call.Account.Field("provider_url")
			mu.Lock()
			seen[merchant] = append(seen[merchant], req.Call.Reference)
			mu.Unlock()
			return d.Connector.Authorize(ctx, req)
		}
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			mu.Lock()
			all := seen[req.Call.Account.Field("provider_url")]
			at := slices.Index(all, req.Call.Reference)
			hidden := req.Order == "" && at >= 0 && len(all)-at > page
			mu.Unlock()
			if hidden {
				return sdk.PaymentFinding{Authoritative: true}, nil
			}
			return d.Connector.FindPayment(ctx, req)
		}
	})
}

// cached remembers findings of payments on which money is held.
func cached() mutation {
	return wrong.In(func(d *wrong.Double) {
		var kept sync.Map // order -> finding
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			if f, ok := kept.Load(req.Order); ok {
				finding, _ := f.(sdk.PaymentFinding)
				return finding, nil
			}
			f, err := d.Connector.FindPayment(ctx, req)
			if err == nil && req.Order != "" && f.Payment != nil && f.Payment.State == sdk.StateAuthorized {
				kept.Store(req.Order, f)
			}
			return f, err
		}
		d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
			kept.Delete(req.Order)
			return d.Connector.Capture(ctx, req)
		}
		d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
			kept.Delete(req.Order)
			return d.Connector.Void(ctx, req)
		}
	})
}

// telling are mutants that tell something else than was found.
func telling() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "captures-renamed", Fault: "In a lookup a capture has another name than in its answer.",
			Killer: "lookup/agrees-with-capture", Reason: "looking up a capture: its name",
			Collateral: []string{"lookup/equal-captures", "hooks/before-answer"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					result, err := d.Connector.Capture(ctx, req)
					if err == nil {
						result.Capture += "0"
					}
					return result, err
				}
			}),
		},
		{
			ID: "refunds-renamed", Fault: "In a lookup a full refund has another name than in its answer.",
			Killer: "lookup/agrees-with-refund", Reason: "looking up a refund: its name",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if len(s.Refunds) == 1 && *s.Refunds[0].Amount == *s.Captured {
					s.Refunds[0].Ref += "0"
				}
			}),
		},
		{
			ID: "void-tells-the-old-state", Fault: "A void's answer tells the state before it.",
			Killer: "lookup/agrees-with-void", Reason: "the state in a void's answer: expected VOIDED, got AUTHORIZED",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
					result, err := d.Connector.Void(ctx, req)
					if err == nil && result.Payment != nil {
						result.Payment.State = sdk.StateAuthorized
					}
					return result, err
				}
			}),
		},
		{
			ID: "equal-captures-listed-once", Fault: "Of captures of one amount it lists the last.",
			Killer: "lookup/equal-captures", Reason: "of which are not listed once: expected 0, got 1",
			Collateral: []string{"state/follows-the-books"},
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if n := len(s.Captures); n == 2 && *s.Captures[0].Amount == *s.Captures[1].Amount {
					s.Captures = s.Captures[1:]
				}
			}),
		},
		{
			ID: "equal-refunds-listed-once", Fault: "Of two refunds of one amount it lists the last.",
			Killer: "lookup/equal-refunds", Reason: "of which are not listed once: expected 0, got 1",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if n := len(s.Refunds); n == 2 && *s.Refunds[0].Amount == *s.Refunds[1].Amount {
					s.Refunds = s.Refunds[1:]
				}
			}),
		},
		{
			ID: "twenty-refunds", Fault: "It lists the first twenty refunds.",
			Killer: "lookup/many-refunds", Reason: "of which are not listed once: expected 0, got 4",
			Connector: wrong.Found(func(s *sdk.Snapshot) { s.Refunds = s.Refunds[:min(20, len(s.Refunds))] }),
		},
		{
			ID: "everything-is-ours", Fault: "A refund that was made outside it gives an operation of ours.",
			Killer: "lookup/refunded-outside", Reason: `looking up a refund made outside: our operation: expected , got outside`,
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				for i := range s.Refunds {
					if s.Refunds[i].Operation == "" {
						s.Refunds[i].Operation = "outside"
					}
				}
			}),
		},
		{
			ID: "clock-local", Fault: "It reads the provider's times in the zone of Tokyo.",
			Killer: "lookup/times", Reason: "looking up when a capture was made: expected a time from",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				for i := range s.Captures {
					s.Captures[i].At = s.Captures[i].At.Add(-9 * time.Hour)
				}
			}),
		},
		{
			ID: "page-ends-tonight", Fault: "It reads the end of the buyer's page in another zone.",
			Killer: "lookup/page-ends", Reason: "authorizing: when the page ends",
			Collateral: []string{"redirect/one-page"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					result, err := d.Connector.Authorize(ctx, req)
					if result.Next != nil {
						result.Next.ExpiresAt = result.Next.ExpiresAt.Add(9 * time.Hour)
					}
					return result, err
				}
			}),
		},
	}
}

// nothingFound is a list of the provider's in which there is nothing.
const nothingFound = `{"items":[]}`

// emptied has lookups of lists see an empty one where an answer is of some kind.
func emptied(where func(*wrong.Way) bool) func(http.RoundTripper) http.RoundTripper {
	return wrong.On(nil, func(w *wrong.Way) {
		if w.Request.Method == http.MethodGet && w.Request.URL.RawQuery != "" && where(w) {
			w.Status, w.Body, w.Broken = http.StatusOK, []byte(nothingFound), nil
		}
	})
}

// reading are mutants for which an answer that they cannot read says that there is
// nothing.
func reading() []broken.Mutant {
	page := func(w *wrong.Way) bool { return strings.HasPrefix(w.Type, "text/html") }
	return []broken.Mutant{
		{
			ID: "truncated-ok", Fault: "A list that is cut off it takes for an empty one.",
			Killer: "lookup/truncated", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{
				"lookup/truncated-chunked", "lookup/refund-server-error", "doubt/lookup-breaks-off",
			},
			Transport: emptied(func(w *wrong.Way) bool { return w.Broken != nil }),
		},
		{
			ID: "html-ok", Fault: "A page where a list should be it takes for an empty one.",
			Killer: "lookup/html", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/refund-server-error", "doubt/lookup-unreadable"},
			Transport:  emptied(func(w *wrong.Way) bool { return w.Status == http.StatusOK && page(w) }),
		},
		{
			ID: "gateway-ok", Fault: "A gateway's page it takes for an empty list.",
			Killer: "lookup/gateway-page", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/refund-server-error", "doubt/lookup-server-error"},
			Transport:  emptied(func(w *wrong.Way) bool { return w.Status == http.StatusBadGateway }),
		},
		{
			ID: "any-404-is-not-found", Fault: "Somebody else's 404 it takes for the provider's.",
			Killer: "lookup/foreign-404", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/refund-server-error", "doubt/foreign-not-found"},
			Transport:  emptied(func(w *wrong.Way) bool { return w.Status == http.StatusNotFound && page(w) }),
		},
		{
			ID: "unavailable-is-not-found", Fault: "A provider that is down it takes for one that has no such payment.",
			Killer: "lookup/server-error", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"doubt/lookup-server-error"},
			Transport:  emptied(func(w *wrong.Way) bool { return w.Status == http.StatusServiceUnavailable }),
		},
		{
			ID: "empty-ok", Fault: "A success without a body it takes for an empty list.",
			Killer: "lookup/empty", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"lookup/refund-server-error", "doubt/lookup-unreadable"},
			Transport:  emptied(func(w *wrong.Way) bool { return w.Status == http.StatusOK && w.Broken == nil && len(w.Body) == 0 }),
		},
		{
			ID: "null-ok", Fault: "A success that says null it takes for an empty list.",
			Killer: "lookup/null", Reason: "expected an error, got found false, authoritative true",
			Collateral: []string{"doubt/lookup-unreadable"},
			Transport:  emptied(func(w *wrong.Way) bool { return string(w.Body) == "null" }),
		},
		{
			ID: "refund-lookup-gives-up", Fault: "A refund that it cannot look up it says is not there.",
			Killer: "lookup/refund-server-error", Reason: "expected an error, got found false",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnLook = func(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
					f, err := d.Connector.FindRefund(ctx, req)
					if wrong.Is(err, sdk.CodeMaintenance) {
						return sdk.RefundFinding{Authoritative: true}, nil
					}
					return f, err
				}
			}),
		},
	}
}
