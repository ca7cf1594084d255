// Package states holds connectors that are wrong about what state a payment is in, and
// about what is possible in it.
package states

import (
	"context"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists them.
func Mutants() []broken.Mutant {
	return append(append(append(told(), possible()...), failing()...), words()...)
}

// A mutation is what a mutant does to the reference connector.
type mutation = func(*reference.Connector) sdk.Connector

// calls has lookups call a state another one where a condition holds.
func calls(from, to sdk.State, where func(*sdk.Snapshot) bool) mutation {
	return wrong.Found(func(s *sdk.Snapshot) {
		if s.State == from && (where == nil || where(s)) {
			s.State = to
		}
	})
}

// told are mutants that tell a wrong state.
func told() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "partial-is-authorized", Fault: "A partly captured payment it calls a hold.",
			Killer: "state/follows-the-books", Reason: "state: expected PARTIALLY_CAPTURED, got AUTHORIZED",
			Collateral: []string{
				"capture/multiple", "capture/one-short-stays-open", "capture/keeps-the-rest", "state/legal-path",
				"state/same-word", "state/documented-statuses", "walk/*",
			},
			Connector: calls(sdk.StatePartiallyCaptured, sdk.StateAuthorized, nil),
		},
		{
			ID: "waiting-is-failed", Fault: "A payment whose buyer has not approved yet it calls failed.",
			Killer: "state/legal-path", Reason: "following the states: expected REQUIRES_ACTION to be followed by one of",
			Collateral: []string{
				"state/same-word", "state/documented-statuses", "lookup/after-lost-answer", "redirect/unapproved",
			},
			Connector: calls(sdk.StateRequiresAction, sdk.StateFailed, nil),
		},
		{
			ID: "sale-is-a-hold", Fault: "What was captured without an operation of ours it calls a hold.",
			Killer: "state/sale", Reason: "expected CAPTURED, got AUTHORIZED",
			Collateral: []string{
				"capture/automatic", "lookup/captured-outside", "hooks/agrees-with-lookup", "hooks/any-order",
				"redirect/approved",
			},
			Connector: calls(sdk.StateCaptured, sdk.StateAuthorized, func(s *sdk.Snapshot) bool {
				return len(s.Captures) == 1 && s.Captures[0].Operation == ""
			}),
		},
		{
			ID: "hold-is-captured", Fault: "A hold it calls captured.",
			Killer: "state/hold", Reason: "looking up a hold: expected AUTHORIZED, got CAPTURED",
			Collateral: []string{
				"state/follows-the-books", "state/legal-path", "state/refused-capture", "state/void-in-doubt",
				"state/documented-statuses", "state/hold-ends-in-time", "lookup/after-lost-answer",
				"lookup/server-error", "lookup/gateway-page", "lookup/foreign-404", "lookup/html", "lookup/empty",
				"lookup/null", "lookup/truncated", "lookup/truncated-chunked", "lookup/reset", "lookup/mistyped",
				"walk/*",
			},
			Connector: calls(sdk.StateAuthorized, sdk.StateCaptured, nil),
		},
		{
			ID: "two-tables", Fault: "A capture's answer it reads with another table than a lookup.",
			Killer: "state/same-word", Reason: `hearing "partly_captured" twice: expected one state`,
			Collateral: []string{"state/legal-path"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					result, err := d.Connector.Capture(ctx, req)
					if result.Payment != nil && result.Payment.State == sdk.StatePartiallyCaptured {
						result.Payment.State = sdk.StateCaptured
					}
					return result, err
				}
			}),
		},
		{
			ID: "status-regress", Fault: "A captured payment that is looked up by our reference it calls a hold.",
			Killer: "walk/captures", Reason: "find by our reference: looking up: state: expected CAPTURED, got AUTHORIZED",
			Collateral: []string{"walk/*", "redirect/approved"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
					f, err := d.Connector.FindPayment(ctx, req)
					if req.Order == "" && f.Payment != nil && f.Payment.State == sdk.StateCaptured {
						f.Payment.State = sdk.StateAuthorized
					}
					return f, err
				}
			}),
		},
		{
			ID: "refund-again-with-a-new-key", Fault: "A refund that is sent again gets a key of its own.",
			Killer: "walk/refunds", Reason: "again: sending the last write again",
			Collateral: []string{
				"keys/sent-*", "keys/answer-*", "keys/other-amount", "keys/stored-failure", "keys/busy",
				"keys/within-its-lifetime", "resilience/killed-*", "resilience/walk", "resilience/stale-connections",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
					if req.Call.Attempt > 1 {
						req.Call.Key += "-again"
					}
					return d.Connector.Refund(ctx, req)
				}
			}),
		},
		{
			ID: "third-capture-is-lost", Fault: "Of a payment with more than three captures it lists three.",
			Killer: "walk/long", Reason: "the walk: authorize 2400; ",
			Collateral: []string{"walk/*"},
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if len(s.Captures) > 3 {
					s.Captures = s.Captures[:3]
				}
			}),
		},
		{
			ID: "expired-is-voided", Fault: "A hold that has lapsed it calls voided.",
			Killer: "state/expired", Reason: "expected EXPIRED, got VOIDED",
			Collateral: []string{"state/documented-statuses", "state/hold-ends-in-time", "redirect/timed-out"},
			Connector:  calls(sdk.StateExpired, sdk.StateVoided, nil),
		},
		{
			ID: "holds-for-a-month", Fault: "It claims that holds last for thirty days.",
			Killer: "state/hold-ends-in-time", Reason: "looking up a hold just before its end: state: expected VOIDED, got EXPIRED",
			Collateral: []string{"lookup/times"},
			Connector:  wrong.Claiming(func(m *sdk.Manifest) { m.Limits.AuthorizationLifetime = sdk.Duration(30 * 24 * time.Hour) }),
		},
		{
			ID: "revision-is-now", Fault: "It numbers what it tells by its own clock.",
			Killer: "state/older-is-not-newer", Reason: "AUTHORIZED to be of revision",
			Collateral: []string{"lookup/by-reference", "lookup/read-only", "keys/reads-change-nothing"},
			Connector:  wrong.Found(func(s *sdk.Snapshot) { s.Revision = time.Now().UnixNano() }),
		},
	}
}

// possible are mutants that take for done what the provider refuses.
func possible() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "capture-once-approved", Fault: "A capture of what nobody has approved it says is pending.",
			Killer: "state/capture-before-approval", Reason: "expected a refusal, got accepted",
			Collateral: []string{"state/capture-after-decline"},
			Connector:  captureOn(sdk.OutcomePending, sdk.CodeInvalidState),
		},
		{
			ID: "already-captured-is-captured", Fault: "A capture of what is captured it says has succeeded.",
			Killer: "state/capture-after-capture", Reason: "expected a refusal, got accepted",
			Collateral: []string{
				"capture/remainder-closes", "capture/final-releases", "state/capture-after-refund",
				"load/captures-beyond-the-hold", "walk/*",
			},
			Connector: captureOn(sdk.OutcomeSucceeded, sdk.CodeAlreadyCaptured),
		},
		{
			ID: "capture-of-what-was-voided", Fault: "A capture of what was voided it says has succeeded.",
			Killer: "state/capture-after-void", Reason: "expected a refusal, got accepted",
			Collateral: []string{"load/capture-against-void", "walk/*"},
			Connector:  captureOn(sdk.OutcomeSucceeded, sdk.CodeAlreadyVoided),
		},
		{
			ID: "void-is-always-well", Fault: "A void of what nobody has approved it says has succeeded.",
			Killer: "state/void-before-approval", Reason: "expected a refusal, got accepted",
			Connector: voidOn(sdk.CodeInvalidState),
		},
		{
			ID: "nothing-to-void", Fault: "A void of what the provider does not have it says has succeeded.",
			Killer: "state/void-not-found", Reason: "expected a refusal with [not_found], got accepted",
			Connector: voidOn(sdk.CodeNotFound),
		},
		{
			ID: "refund-once-captured", Fault: "A refund of what was not captured it says is pending.",
			Killer: "state/refund-before-capture", Reason: "expected a refusal, got accepted",
			Collateral: []string{"state/refund-before-approval", "state/refund-after-void", "walk/*"},
			Connector:  refundOn(sdk.CodeInvalidState),
		},
		{
			ID: "nothing-to-refund", Fault: "A refund of what the provider does not have it says is pending.",
			Killer: "state/refund-not-found", Reason: "expected a refusal with [not_found], got accepted",
			Connector: refundOn(sdk.CodeNotFound),
		},
		{
			ID: "refusal-as-decline", Fault: "A void that is refused because of the state it calls a decline by the buyer's bank.",
			Killer: "state/void-after-capture", Reason: "expected outcome NOT_ATTEMPTED, got DECLINED",
			Collateral: []string{
				"void/captured-outside", "state/void-after-refund", "load/capture-against-void", "walk/*",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
					result, err := d.Connector.Void(ctx, req)
					if wrong.Is(err, sdk.CodeAlreadyCaptured) {
						return result, sdk.Errorf("reference.Void", sdk.CodeDoNotHonor, "already captured")
					}
					return result, err
				}
			}),
		},
	}
}

func captureOn(becomes sdk.Outcome, code sdk.Code) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
			result, err := d.Connector.Capture(ctx, req)
			if wrong.Is(err, code) {
				return sdk.CaptureResult{Answer: sdk.Answer{Outcome: becomes}, Capture: "cap_0"}, nil
			}
			return result, err
		}
	})
}

func voidOn(code sdk.Code) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
			result, err := d.Connector.Void(ctx, req)
			if wrong.Is(err, code) {
				return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
			}
			return result, err
		}
	})
}

func refundOn(code sdk.Code) mutation {
	return wrong.In(func(d *wrong.Double) {
		d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
			result, err := d.Connector.Refund(ctx, req)
			if wrong.Is(err, code) {
				return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomePending}}, nil
			}
			return result, err
		}
	})
}

// A memory keeps which orders something went wrong with.
type memory struct{ orders sync.Map }

func (m *memory) keep(order sdk.OrderRef, err error, when func(sdk.Outcome) bool) {
	if err != nil && when(sdk.AsError(err).Outcome()) {
		m.orders.Store(order, true)
	}
}

// remembering has lookups give a state to the orders that the memory has.
func (m *memory) remembering(d *wrong.Double, state sdk.State) {
	d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
		f, err := d.Connector.FindPayment(ctx, req)
		if f.Payment == nil {
			return f, err
		}
		if _, bad := m.orders.Load(f.Payment.Order); bad {
			f.Payment.State = state
		}
		return f, err
	}
}

func refused(o sdk.Outcome) bool { return o == sdk.OutcomeNotAttempted }
func doubted(o sdk.Outcome) bool { return o == sdk.OutcomeUnknown }

// failing are mutants for which a failed operation is a failed payment.
func failing() []broken.Mutant {
	voids := func(when func(sdk.Outcome) bool, state sdk.State) mutation {
		return wrong.In(func(d *wrong.Double) {
			var m memory
			m.remembering(d, state)
			d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
				result, err := d.Connector.Void(ctx, req)
				m.keep(req.Order, err, when)
				return result, err
			}
		})
	}
	return []broken.Mutant{
		{
			ID: "void-failure-fails-the-payment", Fault: "A payment whose void was refused it calls failed.",
			Killer: "state/refused-void", Reason: "state: expected CAPTURED, got FAILED",
			Collateral: []string{
				"void/twice", "state/void-before-approval", "state/void-after-capture", "state/void-after-refund",
				"walk/*",
			}, Connector: voids(refused, sdk.StateFailed),
		},
		{
			ID: "void-in-doubt-is-voided", Fault: "A payment whose void is in doubt it calls voided.",
			Killer: "state/void-in-doubt", Reason: "state: expected AUTHORIZED, got VOIDED",
			Collateral: []string{"doubt/advice-followed"},
			Connector:  voids(doubted, sdk.StateVoided),
		},
		{
			ID: "capture-failure-fails-the-payment", Fault: "A payment whose capture was refused it calls failed.",
			Killer: "state/refused-capture", Reason: "state: expected AUTHORIZED, got FAILED",
			Collateral: []string{
				"state/capture-before-approval", "state/capture-after-decline", "state/capture-after-void",
				"state/capture-after-capture", "state/capture-after-refund", "walk/*",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				var m memory
				m.remembering(d, sdk.StateFailed)
				d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					result, err := d.Connector.Capture(ctx, req)
					m.keep(req.Order, err, refused)
					return result, err
				}
			}),
		},
		{
			ID: "refund-failure-fails-the-payment", Fault: "A payment whose refund was refused it calls failed.",
			Killer: "state/refused-refund", Reason: "state: expected CAPTURED, got FAILED",
			Collateral: []string{
				"state/refund-before-approval", "state/refund-before-capture", "state/refund-after-void", "walk/*",
			},
			Connector: wrong.In(func(d *wrong.Double) {
				var m memory
				m.remembering(d, sdk.StateFailed)
				d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
					result, err := d.Connector.Refund(ctx, req)
					m.keep(req.Order, err, refused)
					return result, err
				}
			}),
		},
	}
}

// words are mutants that guess what a word means.
func words() []broken.Mutant {
	accepted := sdk.Answer{Outcome: sdk.OutcomePending}
	return []broken.Mutant{
		{
			ID: "unmapped-is-pending", Fault: "A status that it does not know it calls processing, for ever.",
			Killer: "state/unknown-status", Reason: "state: expected UNKNOWN, got PROCESSING",
			Connector: calls(sdk.StateUnknown, sdk.StateProcessing, nil),
		},
		{
			ID: "unmapped-word-is-lost", Fault: "Of a status that it does not know it keeps no word.",
			Killer: "state/unknown-status", Reason: "the provider's word: expected conformance_unheard_of, got ",
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if s.State == sdk.StateUnknown {
					s.Provider.Status = ""
				}
			}),
		},
		{
			ID: "review-is-unknown", Fault: "It has no state for a documented status.",
			Killer: "state/documented-statuses", Reason: `that is "in_review": expected PROCESSING, got UNKNOWN`,
			Connector: wrong.Found(func(s *sdk.Snapshot) {
				if s.Provider.Status == "in_review" {
					s.State = sdk.StateUnknown
				}
			}),
		},
		{
			ID: "unmapped-authorization-is-pending", Fault: "An authorization of an unknown status it calls pending.",
			Killer: "state/unknown-status-of-authorization", Reason: "expected outcome [UNKNOWN], got PENDING",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					result, err := d.Connector.Authorize(ctx, req)
					if known(err) {
						return result, err
					}
					return sdk.AuthorizeResult{Answer: accepted}, nil
				}
			}),
		},
		{
			ID: "unmapped-capture-is-pending", Fault: "A capture of an unknown status it calls pending.",
			Killer: "state/unknown-status-of-capture", Reason: "expected outcome [UNKNOWN], got PENDING",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnCapture = func(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
					result, err := d.Connector.Capture(ctx, req)
					if known(err) {
						return result, err
					}
					return sdk.CaptureResult{Answer: accepted}, nil
				}
			}),
		},
		{
			ID: "unmapped-void-is-voided", Fault: "A void of an unknown status it calls a success.",
			Killer: "state/unknown-status-of-void", Reason: "expected outcome [UNKNOWN], got SUCCEEDED",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnVoid = func(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
					result, err := d.Connector.Void(ctx, req)
					if known(err) {
						return result, err
					}
					return sdk.VoidResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
				}
			}),
		},
		{
			ID: "unmapped-refund-is-a-decline", Fault: "A refund of an unknown status it calls declined.",
			Killer: "state/unknown-status-of-refund", Reason: "expected outcome [UNKNOWN], got DECLINED",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnRefund = func(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
					result, err := d.Connector.Refund(ctx, req)
					if known(err) {
						return result, err
					}
					return result, sdk.Errorf("reference.Refund", sdk.CodeUnmappedDecline, "%s", sdk.AsError(err).Provider.Status)
				}
			}),
		},
	}
}

// known reports whether an answer's status was a known one.
func known(err error) bool {
	return !wrong.Is(err, sdk.CodeUnmappedError) || sdk.AsError(err).Provider.Status == ""
}
